"""Cases from a clone of QuixBugs, by a clone made up here."""

from __future__ import annotations

from pathlib import Path

import pytest

from reknit.bench.case import run_case
from reknit.bench.quixbugs import quixbugs_cases
from reknit.config import Options
from reknit.errors import UsageError
from reknit.model.outcome import Report

from .reports import patch, proposed, report

FILES = {
    "conftest.py": "",
    "python_programs/double.py": "def double(x):\n    return x * 3\n",
    "python_programs/halve.py": "def halve(x):\n    return x\n",
    "python_programs/halve_test.py": "",
    "python_programs/untested.py": "",
    "correct_python_programs/double.py": '"""Twice."""\n\ndef double(x):\n    return x * 2\n',
    "correct_python_programs/halve.py": "",
    "python_testcases/test_double.py": "",
    "python_testcases/test_halve.py": "",
    "python_testcases/node.py": "",
    "json_testcases/double.json": "",
    "json_testcases/halve.json": "",
    "java_programs/DOUBLE.java": "",
}
SHOWN = {"conftest.py", "python_programs/double.py", "python_testcases/test_double.py", "python_testcases/node.py"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_each_program_with_tests_is_a_case(clone: Path) -> None:
    options = Options(project=clone)
    assert [c.id for c in quixbugs_cases(clone, (), options)] == ["double", "halve"]
    assert [c.id for c in quixbugs_cases(clone, ["halve"], options)] == ["halve"]


def test_only_the_buggy_program_is_shown(clone: Path) -> None:
    (case,) = quixbugs_cases(clone, ["double"], Options(project=clone, max_time=60))

    def heal(options: Options) -> Report:
        shown = {p.relative_to(options.project).as_posix() for p in options.project.rglob("*") if p.is_file()}
        assert shown == SHOWN | {"json_testcases/double.json"}
        assert options.max_time == 60
        broken = (options.project / "python_programs/double.py").read_bytes()
        at = broken.index(b"3")
        return report({"t": proposed(patch("python_programs/double.py", broken, at, at + 1, b"2"))})

    row = run_case(case, heal=heal)
    assert (row.outcome, row.exact, row.same_code, row.why) == ("plausible", False, True, "")


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing was run"):
        quixbugs_cases(tmp_path, (), Options(project=tmp_path))


def test_an_unknown_program_is_refused(clone: Path) -> None:
    with pytest.raises(UsageError, match="untested"):
        quixbugs_cases(clone, ["untested"], Options(project=clone))
