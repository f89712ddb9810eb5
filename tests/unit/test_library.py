"""The public names: cheap to import, all there in whatever order, and typed for those who use them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import reknit

HERE = Path(__file__).resolve().parent
SRC = HERE.parents[1] / "src"


def python(program: str, *arguments: str) -> str:
    """What a fresh interpreter prints that finds the package."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SRC)!r})\n{program}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_import_loads_nothing() -> None:
    loaded = python("import types; before = set(sys.modules); import reknit; print(*sorted(set(sys.modules) - before))")
    assert loaded.split() == ["reknit"]


def test_every_public_name_is_there_and_shown() -> None:
    out = python(
        "import reknit\nprint(*(n for n in reknit.__all__ if getattr(reknit, n) is None or n not in dir(reknit)))"
    )
    assert out.split() == []
    assert reknit.__all__ == sorted(reknit.__all__)


def test_what_checkers_see_is_what_is_imported() -> None:
    """The names under TYPE_CHECKING, from the same modules."""
    text = (SRC / "reknit" / "__init__.py").read_text().partition("if TYPE_CHECKING:")[2].partition("__all__")[0]
    seen = {
        name: place
        for place, names in re.findall(r"from (\S+) import (\([^)]*\)|.*)", text)
        for name in re.findall(r"\w+", names)
    }
    assert sorted({*seen, "__version__"}) == reknit.__all__
    wrong = [n for n, place in seen.items() if getattr(reknit, n) is not getattr(sys.modules[place], n, None)]
    assert wrong == []


@pytest.mark.parametrize("first", ["reknit.apply.journal", "reknit.loop", "reknit.changes", "reknit.cli.history"])
def test_apply_is_the_function_whatever_was_imported_first(first: str) -> None:
    """The room of that name is imported by most of the others."""
    program = f"import {first}, reknit\nfrom reknit import apply\nfrom reknit.apply.journal import Journal\n"
    assert python(program + "print(reknit.apply is apply is sys.modules['reknit.changes'].apply)").strip() == "True"


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        reknit.nothing  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError):
        from reknit import nothing  # type: ignore[attr-defined]  # noqa: F401


def checked(folder: Path, path: Path) -> str:
    """What mypy --strict says to a user of the package."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={folder}", str(path)]
    env = {"MYPYPATH": str(SRC), "PATH": ""}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_types_for_those_who_use_it(tmp_path: Path) -> None:
    """A program as documented is accepted; each misuse is refused where it stands."""
    assert checked(tmp_path, HERE / "data" / "consumer.py").startswith("Success")
    misuse = HERE / "data" / "misuse.py"
    wanted = {
        (number, code)
        for number, line in enumerate(misuse.read_text().splitlines(), 1)
        for code in line.partition("# E: ")[2].split()
    }
    said = re.findall(r"misuse\.py:(\d+): error: .*\[([a-z-]+)\]$", checked(tmp_path, misuse), re.MULTILINE)
    assert {(int(number), code) for number, code in said} == wanted
