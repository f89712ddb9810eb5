"""Two verdicts on one candidate, and what is counted of them."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import agreement
import pytest
from agreement import Row, chosen, clean_verdict, identity, read, summary
from drawn import Broken, Library

from reknit.runner.base import Attempt, Trial
from reknit.runner.environments import Interpreter
from tests import projects

ROW = Row(id="1", project="a", path="a.py", tests=1, step="collected", fast=False, clean=False)
TESTS = """
    import pytest
    from lib import value


    def test_value():
        if value == 3:
            pytest.skip("three")
        assert value == 1
"""


def test_only_two_verdicts_count() -> None:
    rows = [
        ROW,
        replace(ROW, fast=True, clean=True, step="fresh", project="b"),
        replace(ROW, fast=True, clean=False),
        replace(ROW, fast=False, clean=True, step="process"),
        replace(ROW, fast=None, clean=None),
    ]
    assert summary(rows) == {
        "candidates": 4,
        "passing": 2,
        "agreed": 2,
        "contradicted": 2,
        "wrong_passes": 1,
        "wrong_failures": 1,
        "fast_share": 0.75,
        "steps": {"collected": 2, "fresh": 1, "process": 1},
        "projects": 2,
        "no_verdict": 1,
    }


def test_no_rows_are_no_shares() -> None:
    assert summary([])["fast_share"] is None


def test_rows_are_read_back_and_a_line_cut_off_is_not(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(asdict(ROW)) + "\n" + '{"id": "2", "proj', "utf-8")
    assert read(path) == [ROW]
    assert read(tmp_path / "none") == []


def test_another_question_has_another_name() -> None:
    trial = Trial(path="a.py", content=b"1", swap=None, must=("t",), keep=())
    names = {
        identity("a", trial),
        identity("b", trial),
        identity("a", replace(trial, content=b"2")),
        identity("a", replace(trial, keep=("u",))),
    }
    assert len(names) == 4
    assert identity("a", replace(trial, patience=2)) in names


@pytest.mark.parametrize(("passing", "failing", "expected"), [(0, 20, (0, 9)), (2, 20, (2, 7)), (9, 20, (6, 3))])
def test_all_that_pass_are_chosen_up_to_some(passing: int, failing: int, expected: tuple[int, int]) -> None:
    trial = Trial(path="a.py", content=b"1", swap=None, must=("t",), keep=())
    attempt = Attempt(step="direct", results=(), passed=False, ticks=0, hung=False)
    answers = [(trial, replace(attempt, passed=n < passing)) for n in range(passing + failing)]
    found = chosen(answers, random.Random(1))
    passed = sum(a.passed for _, a in found)
    assert (passed, len(found) - passed) == expected


@pytest.mark.parametrize(
    ("content", "passes", "why"),
    [
        (b"value = 1\n", True, ""),
        (b"value = 2\n", False, "assert 2 == 1"),
        (b"value = 3\n", False, "skipped"),  # a test that starts to skip has not passed
        (b"value =\n", False, "SyntaxError"),
    ],
)
def test_the_clean_verdict(content: bytes, passes: bool, why: str, tmp_path: Path) -> None:
    root = projects.project(tmp_path, {"lib.py": "value = 1\n", "test_lib.py": TESTS})
    runner = projects.runner(root)
    library = Library(root=root, python=Interpreter(python=Path(), origin=""), arguments=(), env={})
    mistake = Broken(library=library, runner=runner, name="", run=projects.suite(runner), trials=())
    trial = Trial(path="lib.py", content=content, swap=None, must=("test_lib.py::test_value",), keep=())
    verdict, said = clean_verdict(mistake, trial)
    assert verdict is passes
    assert why in said


@pytest.mark.slow
def test_from_end_to_end(tmp_path: Path) -> None:
    """Rows are appended and not made again; clean verdicts can be taken from them."""
    code = "def ship(weight, limit=3):\n    if weight < limit:\n        return True\n    return False\n"
    tests = "from lib import ship\n\ndef test_ship():\n    assert ship(2)\n    assert not ship(3)\n"
    root = projects.project(tmp_path, {"lib.py": code, "test_lib.py": tests})

    def run(*options: str) -> dict[str, object]:
        argv = [sys.executable, agreement.__file__, str(root), "--count", "4", *options, "--", "test_lib.py"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return found

    rows, kept = tmp_path / "rows.jsonl", tmp_path / "kept.jsonl"
    found = run("--out", str(rows))
    assert (found["candidates"], found["agreed"]) == (4, 4)
    lines = rows.read_text("utf-8").splitlines(keepends=True)
    kept.write_text("".join(lines), "utf-8")
    rows.write_text("".join(lines[1:]), "utf-8")
    assert run("--out", str(rows), "--known", str(kept)) == found
    assert rows.read_text("utf-8").splitlines(keepends=True)[:3] == lines[1:]
    assert read(rows)[3].clean_seconds == read(kept)[0].clean_seconds
