"""Projects on other Pythons than reknit's own, each in an environment of that Python with a pytest that runs there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import reknit
from tests.conftest import find_python
from tests.e2e.machine import COST, OLD_PYTEST, Project, build_environment, make

#: Syntax or modules that are new in that version; reknit may run on one that does not know them.
NEWS = {
    "3.9": b"def merged(a, b):\n    return a | b\n",
    "3.10": b"def merged(a, b):\n    match a, b:\n        case {**left}, {**right}:\n            return {**left, **right}\n",
    "3.12": b"type Table[K, V] = dict[K, V]\n\n\ndef merged[K, V](a: Table[K, V], b: Table[K, V]) -> Table[K, V]:\n    return a | b\n",
    "3.13": b"def merged[K = str](a: dict[K, int], b: dict[K, int]) -> dict[K, int]:\n    return a | b\n",
}
SHIFTS = b"""\
from datetime import datetime, timedelta

from plan.news import merged

BREAK = timedelta(minutes=30)


def length(start, end):
    \"\"\"Working time; a shift that ends before it starts goes over midnight.\"\"\"
    if end < start:
        end += timedelta(days=1)
    whole = end - start
    return whole - BREAK if whole >= timedelta(hours=6) else whole


def parse(text):
    start, _, end = text.partition("-")
    return tuple(datetime.strptime(part.strip(), "%H:%M") for part in (start, end))


def hours(*weeks):
    total = {}
    for week in weeks:
        for name, text in week.items():
            worked = length(*parse(text)) / timedelta(hours=1)
            total = merged(total, {name: total.get(name, 0) + worked})
    return total
"""
TESTS = b"""\
import sys
from datetime import timedelta

import pytest

from plan.shifts import hours, length, parse


def test_python():
    assert sys.version_info[:2] == VERSION


@pytest.mark.parametrize(
    ("text", "minutes"), [("8:00 - 12:00", 240), ("8:00-14:00", 330), ("22:00-2:00", 240), ("22:00-6:00", 450)]
)
def test_length(text, minutes):
    assert length(*parse(text)) == timedelta(minutes=minutes)


def test_hours():
    assert hours({"ada": "8:00-12:00"}, {"ada": "8:00-14:00", "bob": "9:00-10:00"}) == {"ada": 9.5, "bob": 1}


def test_nonsense():
    with pytest.raises(ValueError):
        parse("noon")
"""
RIGHT, WRONG = b"whole >= timedelta", b"whole > timedelta"


def project_on(version: str, folder: Path) -> Project:
    """A project with a mistake, and an environment of that Python in it; skips, naming it, where one is missing."""
    python = find_python(version)
    if python is None:
        pytest.skip(f"needs python{version}")
    old = version in {"3.9", "3.10"}
    if old and not OLD_PYTEST.is_dir():
        pytest.skip("needs a pytest for old Pythons in py39 of our environment; scripts/setup.sh puts it there")
    tests = TESTS.replace(b"VERSION", repr(tuple(map(int, version.split(".")))).encode())
    files = {"plan/__init__.py": b"", "plan/news.py": NEWS[version], "tests/test_shifts.py": tests}
    project = make(folder, {**files, "plan/shifts.py": SHIFTS.replace(RIGHT, WRONG)})
    build_environment(project.root / ".venv", python, OLD_PYTEST if old else None)
    return replace(project, env={})


def check_healed(project: Project) -> None:
    done = project.heal("--apply", "--unsafe", "--yes")
    assert done.status == 0, done.out + done.err
    assert "and 1 more\n" in done.out
    assert "7 of 7 tests pass in a clean process" in done.out
    assert project.read("plan/shifts.py") == SHIFTS
    assert COST.fullmatch(done.last)


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_a_project_on_another_python(version: str, tmp_path: Path) -> None:
    """One of its modules is written in what is new there: reknit need not read it, only run it."""
    check_healed(project_on(version, tmp_path))


#: An interpreter with reknit's dependencies, since ours are built for the one that runs these tests.
ON_313 = "REKNIT_TEST_PYTHON313"


def test_reknit_on_the_newest_heals_a_project_on_the_oldest(tmp_path: Path) -> None:
    python = sys.executable if sys.version_info[:2] == (3, 13) else os.environ.get(ON_313)
    if python is None:
        pytest.skip(f"needs python3.13 with reknit's dependencies, named by {ON_313}")
    show = "import sys, pydantic, typer; print(sys.version_info[:2] == (3, 13))"
    assert subprocess.run([python, "-c", show], capture_output=True, check=True).stdout == b"True\n"
    source = str(Path(reknit.__file__).parent.parent)
    start = f"import sys; sys.path.insert(0, {source!r}); from reknit.cli.main import run; run()"
    check_healed(replace(project_on("3.9", tmp_path), command=(python, "-c", start)))
