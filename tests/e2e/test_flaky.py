"""Tests whose result changes by itself are told and never healed; what fails each time beside them is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.machine import make

CALC = b"""\
def add(a, b):
    return a - b


CACHE = []


def remember(item):
    CACHE.append(item)
    return CACHE
"""
FIXED = CALC.replace(b"a - b", b"a + b")
TESTS = b"""\
from calc import add, remember


def test_add():
    assert (add(2, 3), add(7, 1), add(-1, 5)) == (5, 8, 4)


def test_warm():
    assert "warm" in remember("warm")
"""


def test_one_that_leans_on_tests_of_another_file_is_told_and_the_other_healed(tmp_path: Path) -> None:
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS})
    project.write(
        {"test_else.py": b'from calc import remember\n\n\ndef test_alone():\n    assert remember("x") == ["x"]\n'}
    )
    done = project.heal("--apply", "--unsafe", "--yes")
    assert done.status == 1, done.out + done.err
    assert project.read("calc.py") == FIXED
    assert "healed  test_calc.py::test_add" in done.out
    assert "not healed  test_else.py::test_alone" in done.out
    assert "it passes by itself and fails in the suite" in done.out


def test_one_that_leans_on_those_before_it_is_healed_with_them(tmp_path: Path) -> None:
    """The default that all calls share, a classic."""
    basket = b"""\
def add(item, basket=[]):
    basket.append(item)
    return basket


def count(basket):
    return len(basket)
"""
    tests = b"""\
from basket import add, count


def test_first():
    assert add("egg") == ["egg"]


def test_given():
    assert count(add("egg", ["ham"])) == 2


def test_second():
    assert add("ham") == ["ham"]
"""
    project = make(tmp_path, {"basket.py": basket, "test_basket.py": tests})
    done = project.heal("--apply", "--unsafe", "--yes")
    assert done.status == 0, done.out + done.err
    assert "healed  test_basket.py::test_second" in done.out


def test_one_that_changes_by_itself_is_quarantined(tmp_path: Path) -> None:
    """It fails in the suite, and in every other of the processes that are forked to run it again."""
    flicker = b"""\
import os

COLLECTED_BY = os.getpid()


def test_flickers():
    assert os.getpid() != COLLECTED_BY and os.getpid() % 2
"""
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS})
    project.write({"test_flicker.py": flicker})
    done = project.heal()
    assert done.status == 1
    assert "quarantined  test_flicker.py::test_flickers" in done.out, done.out + done.err
    assert "changes by itself: it failed in " in done.out
    assert "proposed  test_calc.py::test_add" in done.out


def test_one_that_depends_on_the_order_of_a_set_is_quarantined(tmp_path: Path) -> None:
    """Every process that is forked from one has the same order, and the suite's run has it too."""
    order = b"""\
from calc import add

ORDER = " ".join({"sand", "gravel", "clay", "loam", "silt", "peat", "marl"})


def test_order():
    assert add(0, 0) == 0 and ORDER != "%s"
"""
    words = 'print(" ".join({"sand", "gravel", "clay", "loam", "silt", "peat", "marl"}))'
    env = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0"}
    seen = subprocess.run([sys.executable, "-c", words], env=env, check=True, capture_output=True).stdout.strip()
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS})
    project.write({"test_order.py": order.replace(b"%s", seen)})
    done = project.heal()
    assert "quarantined  test_order.py::test_order" in done.out, done.out + done.err
    assert "proposed  test_calc.py::test_add" in done.out
