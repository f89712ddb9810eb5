"""Why an interpreter cannot run the tests, and the one command that mends it for that kind of environment."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from reknit import bounded
from reknit.errors import CannotJudgeError
from reknit.runner.environments import OLDEST_PYTEST, OLDEST_PYTHON, Interpreter, Kind, dotted, too_old

_WITH_MANAGER: Mapping[Kind, str] = {
    Kind.POETRY: "poetry add --group dev {}",
    Kind.PDM: "pdm add --dev {}",
    Kind.PIPENV: "pipenv install --dev {}",
    Kind.PIXI: "pixi add {}",
}
_WHOLE: Mapping[Kind, str] = {
    Kind.POETRY: "poetry install",
    Kind.PDM: "pdm install",
    Kind.PIPENV: "pipenv install --editable .",
    Kind.PIXI: "pixi install",
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

_MISSING = re.compile(r"No module named '([\w.]+)'")
#: Files of a project that name distributions; a lock may be long.
_NAMING = ("pyproject.toml", "setup.cfg", "Pipfile", "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock")
_REQUIREMENTS = "requirements.txt"
_LOCK_BYTES, _MANY = 4 << 20, 20
_SET_UP: Mapping[str, str] = {
    "uv.lock": "uv sync",
    "poetry.lock": "poetry install",
    "pdm.lock": "pdm install",
    "pixi.lock": "pixi install",
    "Pipfile": "pipenv install --dev",
}


def install(kind: Kind, python: Path, root: Path, requirement: str = "pytest") -> str:
    """The command that puts `requirement` into the interpreter's environment; run in the project at `root`."""
    what = shlex.quote(requirement)
    if kind in _WITH_MANAGER:
        return _WITH_MANAGER[kind].format(what)
    if kind is Kind.UV and _locked_by_uv(root):
        return f"uv add --dev {what}"
    if kind is Kind.CONDA:
        return f"conda install --prefix {shlex.quote(str(python.parent.parent))} {what}"
    return _pip(kind, python, what)


def install_project(kind: Kind, python: Path, root: Path) -> str:
    """The command that installs the project at `root` as editable, so that the tests import the files in it."""
    if kind is Kind.UV and _locked_by_uv(root):
        return "uv sync"
    return _WHOLE.get(kind) or _pip(kind, python, "--editable .")


def _locked_by_uv(root: Path) -> bool:
    return any((folder / "uv.lock").is_file() for folder in (root, *root.parents))


def _pip(kind: Kind, python: Path, what: str) -> str:
    here, prefix = shlex.quote(str(python)), python.parent.parent
    if kind is Kind.UV:
        return f"uv pip install --python {here} {what}"
    if not (prefix / "pyvenv.cfg").is_file() and any(prefix.glob("lib/python3*/EXTERNALLY-MANAGED")):
        return f"{here} -m venv .venv && .venv/bin/python -m pip install {what}"
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


def broken_pytest(interpreter: Interpreter, *, python: str, pytest: str | None, said: str) -> CannotJudgeError:
    """For an interpreter whose pytest cannot be imported, or has not what the plug-in needs; `said` is its error."""
    version = f" {pytest}" if pytest else ""
    return CannotJudgeError(
        f"{_named(interpreter, python)} has pytest{version}, which cannot be used: {said}; "
        "no test was run and nothing was changed",
        slug="broken-pytest",
        hint=f"`{_pip(interpreter.kind, interpreter.python, '--force-reinstall pytest')}`; where that pytest is "
        "newer than this reknit, update reknit",
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
    return f"{bounded.escaped(str(interpreter.python))} ({version}{interpreter.origin})"


def set_up(root: Path) -> str:
    """The command that makes an environment for the project."""
    for folder in (root, *root.parents):
        for name, command in _SET_UP.items():
            if (folder / name).is_file():
                return command
    installs = any((root / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg"))
    return f"python3 -m venv .venv && .venv/bin/python -m pip install pytest{' -e .' if installs else ''}"


def missing_module(said: str, interpreter: Interpreter, root: Path, *, own: Sequence[str]) -> str | None:
    """The command for what tests could not import, by what Python said; `own` are the project's packages.

    What is missing was said by the project's code: only a distribution that the project itself names is installed by its
    name, else all that it names. None where no module is missing, or the project names nothing.
    """
    found = _MISSING.search(said)
    if found is None:
        return None
    if interpreter.python == Path(sys.executable):
        return set_up(root)
    name = found[1].partition(".")[0]
    if name not in own and _is_named(name, root):
        return install(interpreter.kind, interpreter.python, root, name)
    if any((root / file).is_file() for file in ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile")):
        return install_project(interpreter.kind, interpreter.python, root)
    if (root / _REQUIREMENTS).is_file():
        return _pip(interpreter.kind, interpreter.python, f"-r {_REQUIREMENTS}")
    return None


def _is_named(name: str, root: Path) -> bool:
    """Whether the project's own files name a distribution so, in whichever spelling."""
    parts = [re.escape(part) for part in re.split(r"[-_.]+", name)]
    word = re.compile(rf"(?<![\w.-]){'[-_.]+'.join(parts)}(?![\w.-])", re.IGNORECASE)
    files = [root / file for file in _NAMING] + sorted(root.glob("requirements*.txt"))[:_MANY]
    return any(word.search(bounded.text(file, below=root, most=_LOCK_BYTES) or "") for file in files)
