"""Why an interpreter cannot run the tests, and the one command that mends it for that kind of environment."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from reknit.errors import CannotJudgeError
from reknit.runner.environments import OLDEST_PYTEST, OLDEST_PYTHON, Interpreter, Kind, dotted, too_old

_WITH_MANAGER: Mapping[Kind, str] = {
    Kind.POETRY: "poetry add --group dev {}",
    Kind.PDM: "pdm add --dev {}",
    Kind.PIPENV: "pipenv install --dev {}",
    Kind.PIXI: "pixi add {}",
}
_REMAKE: Mapping[Kind, str] = {
    Kind.POETRY: "poetry env remove --all && poetry install",
    Kind.PDM: "pdm venv create --force && pdm install",
    Kind.HATCH: "hatch env prune && hatch env create",
    Kind.PIPENV: "pipenv --rm && pipenv install --dev",
    Kind.TOX: "tox --recreate --notest",
    Kind.NOX: "nox --install-only",
    Kind.PIXI: "pixi reinstall",
}


def install(kind: Kind, python: Path, root: Path, requirement: str = "pytest") -> str:
    """The command that puts `requirement` into the interpreter's environment; run in the project at `root`."""
    what = shlex.quote(requirement)
    if kind in _WITH_MANAGER:
        return _WITH_MANAGER[kind].format(what)
    here, prefix = shlex.quote(str(python)), python.parent.parent
    if kind is Kind.UV:
        locked = any((folder / "uv.lock").is_file() for folder in (root, *root.parents))
        return f"uv add --dev {what}" if locked else f"uv pip install --python {here} {what}"
    if kind is Kind.CONDA:
        return f"conda install --prefix {shlex.quote(str(prefix))} {what}"
    if not (prefix / "pyvenv.cfg").is_file() and any(prefix.glob("lib/python3*/EXTERNALLY-MANAGED")):
        return f"{here} -m venv .venv && .venv/bin/python -m pip install {what} -e ."
    if any(prefix.glob("lib/python3*/site-packages/pip")) or not (prefix / "pyvenv.cfg").is_file():
        return f"{here} -m pip install {what}"
    if shutil.which("uv"):
        return f"uv pip install --python {here} {what}"
    return f"{here} -m ensurepip && {here} -m pip install {what}"


def remake(kind: Kind, folder: Path) -> str:
    """The command that makes a broken environment anew."""
    if kind is Kind.CONDA:
        return f"conda env create --prefix {shlex.quote(str(folder))} --file environment.yml"
    if kind in _REMAKE:
        return _REMAKE[kind]
    made = "uv venv --clear" if kind is Kind.UV else "python3 -m venv --clear"
    return f"{made} {shlex.quote(str(folder))}, and install the project there again"


def no_pytest(interpreter: Interpreter, root: Path, python: str) -> CannotJudgeError:
    """For an interpreter without pytest, whose version is `python`."""
    command = install(interpreter.kind, interpreter.python, root)
    return CannotJudgeError(
        f"{_named(interpreter, python)} has no pytest, so no test was run and nothing was changed",
        slug="no-pytest",
        hint=f"`{command}`; or name another interpreter with --python",
    )


def unusable(interpreter: Interpreter, root: Path, *, python: str, pytest: str | None) -> CannotJudgeError | None:
    """Why an interpreter that has started is of no use; None where it is."""
    if too_old(python, OLDEST_PYTHON):
        return CannotJudgeError(
            f"{_named(interpreter, python)} is older than {dotted(OLDEST_PYTHON)}; no test was run, nothing was changed",
            slug="old-python",
            hint=f"name a Python {dotted(OLDEST_PYTHON)} or newer with --python, or its environment",
        )
    if pytest is not None and too_old(pytest, OLDEST_PYTEST):
        newer = f"pytest>={dotted(OLDEST_PYTEST)}"
        return CannotJudgeError(
            f"{_named(interpreter, python)} has pytest {pytest}, and reknit needs {dotted(OLDEST_PYTEST)} or newer; "
            "no test was run, nothing was changed",
            slug="old-pytest",
            hint=f"`{install(interpreter.kind, interpreter.python, root, newer)}`",
        )
    return None


def broken(interpreter: Interpreter, said: str) -> CannotJudgeError:
    """For an interpreter that does not even start; `said` is what it printed."""
    tail = said.strip()[-1500:]
    return CannotJudgeError(
        f"{_named(interpreter)} does not start, so no test was run and nothing was changed{tail and chr(10)}{tail}",
        slug="broken-environment",
        hint=f"make its environment anew: {remake(interpreter.kind, interpreter.python.parent.parent)}",
    )


def _named(interpreter: Interpreter, python: str = "") -> str:
    version = f"Python {python}, " if python else ""
    return f"{interpreter.python} ({version}{interpreter.origin})"
