"""QuixBugs (Lin et al., SPLASH 2017) from the user's own clone: one small buggy program a case, with its tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from reknit.bench.case import Case
from reknit.config import Options
from reknit.errors import UsageError

_BUGGY, _RIGHT, _TESTS, _DATA = "python_programs", "correct_python_programs", "python_testcases", "json_testcases"


def quixbugs_cases(repository: Path, only: Iterable[str], options: Options) -> list[Case]:
    """A case for each program that has a pytest file, in alphabetical order; `UsageError` where this is no clone."""
    if not (repository / _TESTS).is_dir() or not (repository / _BUGGY).is_dir():
        raise UsageError(
            f"{repository} has no {_BUGGY}/ and {_TESTS}/; nothing was run",
            slug="bench-quixbugs",
            hint="git clone https://github.com/jkoppel/QuixBugs, and give that folder",
        )
    tests = sorted((repository / _TESTS).glob("test_*.py"))
    names = [n for t in tests if (repository / _BUGGY / f"{(n := t.stem.removeprefix('test_'))}.py").is_file()]
    wanted = set(only)
    if wanted - set(names):
        raise UsageError(f"no program {', '.join(sorted(wanted - set(names)))}; nothing was run", slug="bench-case")
    return [_case(repository, name, options) for name in names if not wanted or name in wanted]


def _case(repository: Path, name: str, options: Options) -> Case:
    def lay_out(project: Path) -> Options:
        _lay_out(repository, name, project)
        return options

    def answer() -> Mapping[str, bytes]:
        right = repository / _RIGHT / f"{name}.py"
        return {f"{_BUGGY}/{name}.py": right.read_bytes()} if right.is_file() else {}

    return Case(id=name, lay_out=lay_out, answer=answer)


def _lay_out(repository: Path, name: str, project: Path) -> None:
    """The buggy program, its test and data, and what the tests share; neither other programs nor right ones."""
    support = [p for p in (repository / _TESTS).glob("*.py") if not p.name.startswith("test_")]
    files = [
        repository / "conftest.py",
        repository / _BUGGY / f"{name}.py",
        repository / _TESTS / f"test_{name}.py",
        repository / _DATA / f"{name}.json",
        *support,
    ]
    for file in files:
        if file.is_file():
            to = project / file.relative_to(repository)
            to.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, to)
