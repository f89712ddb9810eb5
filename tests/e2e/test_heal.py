"""`reknit heal` from a red test to a written patch and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.machine import CALC, COST, TESTS, Done, Project, make, patches, receipts

FIXED = CALC.replace(b"high:\n        return low", b"high:\n        return high")
TWO_BUGS = CALC.replace(b"items[0]", b"items[1]")
BOTH_FIXED = FIXED


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make(tmp_path, {"calc.py": CALC, "tests/test_calc.py": TESTS})


def check_report(done: Done, status: int) -> None:
    """Nothing for a terminal in a pipe, and the cost in the last line."""
    assert done.status == status, done.out + done.err
    assert COST.fullmatch(done.last), done.out
    assert "\x1b" not in done.out + done.err
    assert all(line == line.rstrip() for line in done.out.splitlines() if not line.startswith(" "))


def test_a_dry_run_finds_a_patch_and_changes_nothing(project: Project) -> None:
    before = project.fingerprint()
    done = project.heal()
    check_report(done, 3)
    assert project.fingerprint() == before
    assert "proposed  tests/test_calc.py::test_above\n" in done.out
    assert "+        return high\n" in done.out
    assert "\n  ✓ tests: 1 failing now pass, 4 of 4 tests pass in a clean process\n" in done.out
    assert "\n  why this one: the most probable of " in done.out
    assert "detect: running the tests" in done.err
    assert "detect:" not in done.out

    # What was proposed can be shown and written later, by its id or as the only one.
    (patch,) = patches(done)
    shown = project.run("show")
    assert shown.status == 0
    assert "+        return high\n" in shown.out
    assert project.run("show", patch[:4]).out == shown.out
    assert project.fingerprint() == before
    written = project.run("apply", patch)
    assert (written.status, project.read("calc.py")) == (0, FIXED)
    assert written.out.startswith("--- a/calc.py\n+++ b/calc.py\n")
    again = project.run("apply", patch)
    assert (again.status, project.read("calc.py")) == (2, FIXED)
    assert "is applied already; nothing was written" in again.err
    assert project.run("undo").status == 0
    assert project.read("calc.py") == CALC
    assert (project.run("apply").status, project.read("calc.py")) == (0, FIXED)


def test_apply_alone_writes_no_plausible_patch(project: Project) -> None:
    before = project.fingerprint()
    done = project.heal("--apply", "--yes")
    check_report(done, 3)
    assert project.fingerprint() == before
    assert "not written: plausible patches need --apply --unsafe" in done.err


def test_two_bugs_of_one_file_are_written_in_one_run_and_undone_apart(tmp_path: Path) -> None:
    project = make(tmp_path, {"calc.py": TWO_BUGS, "tests/test_calc.py": TESTS})
    done = project.heal("--apply", "--unsafe", "--yes")
    check_report(done, 0)
    assert project.read("calc.py") == BOTH_FIXED
    assert done.out.count("healed  ") == 2
    assert "+        return high\n" in done.out
    assert "+    return items[0]\n" in done.out
    assert "2 failing now pass, 4 of 4 tests pass" in done.out, "the second is judged together with the first"

    first, second = receipts(project)
    assert project.run("undo", first).status == 0
    one_left = project.read("calc.py")
    assert one_left in {FIXED.replace(b"items[0]", b"items[1]"), CALC}
    assert project.run("undo", second).status == 0
    assert project.read("calc.py") == TWO_BUGS
    nothing = project.run("undo")
    assert (nothing.status, "nothing to undo" in nothing.err) == (2, True)
    assert project.run("redo", first[:6]).status == 0
    assert project.read("calc.py") not in {TWO_BUGS, one_left}
    assert project.run("redo").status == 0
    assert project.read("calc.py") == BOTH_FIXED
    lines = project.run("log").out.splitlines()[1:]
    verbs = [line.split()[2] for line in lines if not line.lstrip().startswith("because: ")]
    assert verbs == ["apply", "apply", "undo", "undo", "redo", "redo"]


def test_one_patch_serves_every_test_that_it_heals(tmp_path: Path) -> None:
    """Tests that seem to have causes of their own are not searched for again when one patch heals them all."""
    lib = b"def base(x):\n    return x - 1\n\n\ndef twice(x):\n    return base(x) * 2\n\n\ndef text(x):\n    return str(base(x))\n"
    tests = b"""
import lib

def test_base():
    assert lib.base(3) == 4

def test_twice():
    assert lib.twice(5) == 12
    assert lib.twice(1) == 4

def test_text():
    assert lib.text(8) == "9"
"""
    done = make(tmp_path, {"lib.py": lib, "tests/test_lib.py": tests}).heal()
    check_report(done, 3)
    assert done.out.count("proposed  ") == 1
    assert "and 2 more\n" in done.out
    assert done.err.count("propose: searching") == 1


def test_why_not(tmp_path: Path) -> None:
    program = b"def area(w, h):\n    return w * h\n\n\ndef volume(w, h, d):\n    return 0\n"
    tests = b"""\
from calc import area, volume


def test_area():
    assert area(2, 3) == 6


def test_volume():
    assert volume(0, 1, 1) == 0
    assert sorted(map(str, [volume(2, 3, 4), volume(5, 6, 7), volume(8, 9, 10)])) == ["210", "24", "720"]
"""
    project = make(tmp_path, {"calc.py": program, "tests/test_calc.py": tests})
    before = project.fingerprint()
    done = project.heal("--apply", "--unsafe", "--yes", seconds=40)
    check_report(done, 1)
    assert project.fingerprint() == before
    assert "not healed  tests/test_calc.py::test_volume\n" in done.out
    assert "suspect  calc.py:6 in volume" in done.out
    assert "to go on: " in done.out
    assert int(COST.fullmatch(done.last)[1]) > 5  # type: ignore[index]


def test_near_misses_are_shown(tmp_path: Path) -> None:
    program = b"def sign(x):\n    return 1\n"
    tests = b"""\
import pytest
from calc import sign


@pytest.mark.parametrize(("x", "wanted"), [(5, 1), (-5, -1), (0, 0), (7, 1), (-9, -1)])
def test_sign(x, wanted):
    assert sign(x) == wanted
"""
    project = make(tmp_path, {"calc.py": program, "tests/test_calc.py": tests})
    done = project.heal(seconds=25)
    check_report(done, 1)
    assert "not healed  tests/test_calc.py::test_sign[-5--1] and 2 more\n" in done.out
    assert "  near     calc.py:2 " in done.out
    assert " of 3 failing tests; still fails tests/test_calc.py::test_sign" in done.out


def test_nothing_fails(tmp_path: Path) -> None:
    project = make(tmp_path, {"calc.py": FIXED, "tests/test_calc.py": TESTS})
    before = project.fingerprint()
    done = project.heal("--apply", "--unsafe", "--yes")
    check_report(done, 0)
    assert done.out.startswith("healthy: no test fails\n")
    assert project.fingerprint() == before


def test_a_flaky_test_is_quarantined_and_no_patch_is_made_for_it(tmp_path: Path) -> None:
    tests = (
        TESTS
        + b"""

def test_luck(request):
    import os
    assert os.path.exists("/proc/self/fdinfo") and os.times().user < 0 or not _first(request)


def _first(request):
    # Fails in the process that nobody traces, passes in the one that is traced.
    import sys
    monitoring = getattr(sys, "monitoring", None)
    traced = sys.gettrace() is not None or (monitoring and any(monitoring.get_tool(n) for n in range(6)))
    return not traced
"""
    )
    project = make(tmp_path, {"calc.py": FIXED, "tests/test_calc.py": tests})
    done = project.heal()
    check_report(done, 1)
    assert "quarantined  tests/test_calc.py::test_luck\n" in done.out
    assert "did not fail when it was run again" in done.out
    assert patches(done) == []


def test_arguments_for_pytest(tmp_path: Path) -> None:
    """They choose what is healed; accepting is for the whole suite."""
    project = make(tmp_path, {"calc.py": TWO_BUGS, "tests/test_calc.py": TESTS})
    done = project.heal("--", "tests/test_calc.py", "-k", "first or inside")
    check_report(done, 3)
    assert "proposed  tests/test_calc.py::test_first\n" in done.out
    assert "test_above" not in done.out.partition("\n")[0]
    assert "3 of 4 tests pass in a clean process" in done.out


@pytest.mark.parametrize("words", [["-m", "slow"], ["sub"]], ids=["a mark", "a folder with a root of its own"])
def test_tests_that_pytest_leaves_out_without_the_arguments(tmp_path: Path, words: list[str]) -> None:
    slow = b"import pytest\n\npytestmark = pytest.mark.slow\n" + TESTS
    settings = b"[pytest]\naddopts = -m 'not slow'\nmarkers = slow\n"
    inner = b"[pytest]\npythonpath = ..\n"
    files = {"calc.py": CALC, "pytest.ini": settings, "tests/test_calc.py": slow}
    project = make(tmp_path, {**files, "sub/pytest.ini": inner, "sub/test_inner.py": TESTS})
    done = project.heal("--", *words)
    check_report(done, 3)
    assert "+        return high\n" in done.out


def test_a_patch_that_breaks_a_test_outside_the_selection_is_refused(tmp_path: Path) -> None:
    program = b"def size(x):\n    return len(x) + 1\n"
    contradiction = (
        b"from calc import size\n\n\ndef test_pinned():\n    assert size([]) == 1\n    assert size([1]) == 2\n"
    )
    tests = b"from calc import size\n\n\ndef test_size():\n    assert size([]) == 0\n    assert size([1, 2]) == 2\n"
    project = make(tmp_path, {"calc.py": program, "tests/test_a.py": tests, "tests/test_b.py": contradiction})
    done = project.heal("--apply", "--unsafe", "--yes", "--", "tests/test_a.py")
    check_report(done, 1)
    assert "validation failed  tests/test_a.py::test_size\n" in done.out
    assert "breaks 1 tests that pass without it\n    tests/test_b.py::test_pinned" in done.out
    assert project.read("calc.py") == program


def test_no_test_is_edited_to_pass(tmp_path: Path) -> None:
    """The one token that is wrong stands in the tests and in their fixtures, so there is no patch."""
    conftest = b"import pytest\n\n\n@pytest.fixture\ndef high():\n    return 11\n"
    tests = b"from calc import clamp\n\n\ndef test_above(high):\n    assert clamp(99, 0, high) == 10\n"
    project = make(tmp_path, {"calc.py": FIXED, "tests/conftest.py": conftest, "tests/test_calc.py": tests})
    done = project.heal("--apply", "--unsafe", "--yes", seconds=30)
    assert done.status in {0, 1}, done.err
    assert project.read("tests/conftest.py") == conftest
    assert project.read("tests/test_calc.py") == tests
    assert "b/tests/" not in done.out
