"""A candidate that changes files of its own view while they are read, and puts them back, is seen from outside."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.model.verdict import CheckResult, CheckStatus
from reknit.sandbox import ViewKind
from reknit.verify.suite import SuiteCheck
from tests import projects
from tests.escape.jail import open_jail

TESTS = "tests/test_lib.py"
#: What imports the program before a test module is read.
PROJECT = {
    "pytest.ini": "[pytest]\npythonpath = src\n",
    "src/lib.py": "def add(a, b):\n    return a - b\n",
    "src/second.py": "def add(a, b):\n    return a - b\n",
    "tests/conftest.py": "import lib\n",
    "tests/expected.py": "THREE = 3\n",
    TESTS: """
        import expected, lib, second

        def test_first():
            assert lib.add(0, 0) == 0

        def test_lib():
            assert lib.add(1, 2) == expected.THREE

        def test_second():
            assert second.add(1, 2) == expected.THREE
        """,
}
BOTH = (f"{TESTS}::test_lib", f"{TESTS}::test_second")

#: What is done at import and undone when the first test runs; the times too.
_CANDIDATE = """
import os, pathlib, shutil
root = pathlib.Path(__file__).resolve().parents[1]
def write(name, old, new):
    path = root / name
    was, text = path.stat(), path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, (1, 1))  # no bytecode is taken for it
    def back():
        path.write_text(text)
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    return back
{}
def add(a, b):
    global back
    back()
    back = lambda: None
    return {}
"""
SWAPS = {
    "the tests": (f"back = write('{TESTS}', '== expected.THREE', '== -1')", "a - b", TESTS),
    "what the tests import": ("back = write('tests/expected.py', '3', '-1')", "a - b", "tests/expected.py"),
    "another source": ("back = write('src/second.py', 'a - b', 'a + b')", "a + b", "src/second.py"),
}
#: An overlay refuses to move a folder of the layer below.
MOVED = (
    "old = root / '.old'\nos.rename(root / 'tests', old)\nshutil.copytree(old, root / 'tests')\n"
    "write('tests/expected.py', '3', '-1')\n"
    "def back():\n    shutil.rmtree(root / 'tests')\n    os.rename(old, root / 'tests')"
)


@pytest.fixture(scope="module", params=[pytest.param("bubblewrap", marks=pytest.mark.needs_tool("bwrap")), "landlock"])
def check(request: pytest.FixtureRequest) -> Iterator[SuiteCheck]:
    # Not pytest's own: inside, a folder of that name is the tests' to make.
    with tempfile.TemporaryDirectory(prefix="reknit-test-") as folder:
        runner = projects.runner(projects.project(Path(folder), PROJECT), sandbox=open_jail(request.param))
        baseline = projects.suite(runner)
        assert set(baseline.bad) == set(BOTH), baseline
        yield SuiteCheck(runner=runner, baseline=baseline, must_pass=BOTH, whole=True, selected=False, hang_seconds=1.0)


def judged(check: SuiteCheck, swap: str, body: str) -> CheckResult:
    source = _CANDIDATE.format(swap, body)
    return check.judge({"src/lib.py": source.encode()}, deadline=time.monotonic() + 60).word


@pytest.mark.parametrize("name", SWAPS)
def test_it_is_refused(check: SuiteCheck, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the look from outside alone: what the process says of itself can be forged."""
    monkeypatch.setattr("reknit.verify.suite._Hearing._meddled", lambda _self, _run: [])
    swap, body, changed = SWAPS[name]
    word = judged(check, swap, body)
    assert (word.status, word.details) == (CheckStatus.FAILED, (changed,)), word
    monkeypatch.setattr("reknit.verify.suite._Hearing._rewrites", lambda _self, _run, whole: [])
    assert judged(check, swap, body).status is CheckStatus.PASSED, "the control: it is a forgery, not a failure"


def test_a_folder_moved_away_and_back_is_refused(check: SuiteCheck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reknit.verify.suite._Hearing._meddled", lambda _self, _run: [])
    word = judged(check, MOVED, "a - b")
    assert word.status is CheckStatus.FAILED, word
    if check.baseline.view == ViewKind.OVERLAY:
        return
    assert TESTS in word.details, word
    monkeypatch.setattr("reknit.verify.suite._Hearing._rewrites", lambda _self, _run, whole: [])
    assert judged(check, MOVED, "a - b").status is CheckStatus.PASSED, "the control: it is a forgery, not a failure"
