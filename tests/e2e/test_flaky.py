"""Tests whose result changes by itself are told and never healed; what fails each time beside them is."""

from __future__ import annotations

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


def test_alone():
    assert remember("x") == ["x"]
"""


def test_one_that_depends_on_its_neighbours_is_quarantined_and_the_other_healed(tmp_path: Path) -> None:
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS})
    done = project.heal("--apply", "--unsafe", "--yes")
    assert done.status == 1, done.out + done.err
    assert project.read("calc.py") == FIXED
    assert "healed  test_calc.py::test_add" in done.out
    assert "quarantined  test_calc.py::test_alone" in done.out
    assert "depends on the tests that run before it" in done.out


def test_one_that_changes_by_itself_is_quarantined(tmp_path: Path) -> None:
    """It fails in the suite, and in every other of the processes that are forked to run it again."""
    flicker = b"""\
import os

COLLECTED_BY = os.getpid()


def test_flickers():
    assert os.getpid() != COLLECTED_BY and os.getpid() % 2
"""
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS[: TESTS.index(b"def test_alone")]})
    project.write({"test_flicker.py": flicker})
    done = project.heal()
    assert done.status == 1
    assert "quarantined  test_flicker.py::test_flickers" in done.out, done.out + done.err
    assert "changes by itself: it failed in " in done.out
    assert "proposed  test_calc.py::test_add" in done.out
