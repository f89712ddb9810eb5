"""Which Python runs the project's tests: found by looking, nothing of the project or of a manager is run for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from reknit.errors import UsageError
from reknit.runner import places
from reknit.runner.environments import Environment, Interpreter, PassedOver, Place, look
from reknit.runner.exposure import editable, find_repository
from reknit.runner.remedy import remake

#: Passed on to the tests where the user has them set; nothing else of the environment is.
ALLOWED = ("PATH", "LANG", "LANGUAGE", "TZ", "TERM", "PYTHONPATH", "VIRTUAL_ENV")
#: By which version managers find their own files, and what the user has chosen for all folders.
_OF_SHIMS = (
    *("HOME", "LANG", "LC_ALL", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
    *("PYENV_ROOT", "PYENV_VERSION", "ASDF_DIR", "ASDF_DATA_DIR", "ASDF_PYTHON_VERSION", "MISE_DATA_DIR", "RYE_HOME"),
)


def find(project: Path, wanted: Path | None, environ: Mapping[str, str]) -> Interpreter:
    """The interpreter: the one asked for, the active environment's, the project's own, else reknit's.

    What nobody asked for must look as if it could run the tests; where none does, the first that lacks no more than
    pytest is taken, since its packages are the project's. `UsageError` where the one asked for cannot be run.
    """
    if wanted is not None:
        return asked_for(wanted, project)
    passed: list[PassedOver] = []
    spare: Environment | None = None
    for found in _found(project, environ):
        if isinstance(found, PassedOver):
            passed.append(found)
        elif found.unfit is None:
            return _taken(found, passed)
        else:
            passed.append(PassedOver(origin=found.place.origin, path=found.python, why=found.unfit))
            if spare is None and not (found.broken or found.too_old or found.place.special):
                spare = found
    if spare is not None:
        return _taken(spare, [p for p in passed if p.path != spare.python])
    origin = "reknit's own, as the project has no environment that can be used"
    return Interpreter(python=Path(sys.executable), origin=origin, passed_over=tuple(passed), own=True)


def _taken(found: Environment, passed: list[PassedOver]) -> Interpreter:
    place = found.place
    return Interpreter(
        python=found.python,
        origin=place.origin,
        kind=place.kind,
        passed_over=tuple(passed),
        believed=not place.by_name,
    )


def _found(project: Path, environ: Mapping[str, str]) -> Iterator[Environment | PassedOver]:
    """Every environment that the user or the project may mean, in the order in which they count, each once."""
    repository = find_repository(project)
    folders = tuple(f for f in (project, *project.parents) if f.is_relative_to(repository))
    seen: set[Path] = set()
    for group in _groups(folders, environ):
        there = [e for p in group if (e := look(p)) is not None and e.python not in seen]
        there.sort(key=lambda e: (e.unfit is None, e.version), reverse=True)
        for environment in there:
            seen.add(environment.python)
            yield _if_not_ours(environment, repository)
    for folder in folders:
        for named in places.named_by(folder):
            if named.target is None:
                yield PassedOver(origin=named.file.name, path=named.file, why="names no path")
            elif not {named.target, named.target / "bin" / "python"} & seen:
                why = f"is only named by the project's {named.file.name}: take it with --python, if you trust it"
                yield PassedOver(origin=named.file.name, path=named.target, why=why)


def _groups(folders: tuple[Path, ...], environ: Mapping[str, str]) -> Iterator[places.Group]:
    yield from places.of_the_user(environ, folders)
    for folder in folders:
        shown = "" if folder == folders[0] else f"{os.path.relpath(folder, folders[0])}/"
        yield from places.of_the_project(folder, shown, environ)
    base = places.conda_base(environ)
    yield [base] if base else []


def _if_not_ours(found: Environment, repository: Path) -> Environment | PassedOver:
    """Where reknit is installed is where the user works only if the project is installed there, or it lies there."""
    folder = found.place.folder.resolve()
    if folder != Path(sys.prefix).resolve() or folder.is_relative_to(repository):
        return found
    sites = (folder / "lib").glob("python*/site-packages")
    if any(link.is_relative_to(repository) for site in sites for link in editable(site)):
        return found
    why = "is where reknit itself is installed, and the project is not"
    return PassedOver(origin=found.place.origin, path=found.python, why=why)


def asked_for(wanted: Path, project: Path) -> Interpreter:
    """The interpreter that the user named, or that of the environment they named; `UsageError` if it cannot be run."""
    python = wanted
    place = Place(folder=wanted, origin="asked for")
    if wanted.is_dir():
        python = next(
            (p for n in ("python", "python3") if (p := wanted / "bin" / n).exists()), wanted / "bin" / "python"
        )
    elif wanted.parent.name == "bin":
        place = replace(place, folder=wanted.parent.parent)
    place = places.recognised(place)
    environment = look(place)
    found = shutil.which(python)
    if environment is not None and (found is None or environment.broken):
        raise UsageError(
            f"{wanted} {environment.broken or 'cannot be run'}; nothing was started",
            slug="broken-environment",
            hint=remake(place.kind, place.folder),
        )
    if found is None:
        raise UsageError(
            f"{wanted} is no interpreter that can be run; nothing was started",
            slug="no-interpreter",
            hint="give --python the path of a Python 3.9 or newer, or of a virtual environment",
        )
    path = Path(found).parent.resolve() / Path(found).name  # the last link is what makes it an environment's
    with path.open("rb") as file:
        script = file.read(2) == b"#!"
    return Interpreter(python=_behind_script(path, project) if script else path, origin=place.origin, kind=place.kind)


def _behind_script(script: Path, project: Path) -> Path:
    """The interpreter that a version manager's shim starts; the user named it, so it may run, unless it is the project's."""
    if script.is_relative_to(repository := find_repository(project)) or script.resolve().is_relative_to(repository):
        raise UsageError(
            f"{script} is a script of the project's, which would run outside of the sandbox; nothing was started",
            slug="no-interpreter",
            hint="name the interpreter itself",
        )
    command: list[str | Path] = [script, "-I", "-c", "import sys; print(sys.executable)"]
    try:
        # Neither the settings of a version manager that the project holds, nor programs of it, have a say.
        env = _for_a_shim(os.environ, repository)
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, cwd="/", env=env)
    except (OSError, subprocess.SubprocessError) as exc:
        raise UsageError(
            f"{script} did not say which interpreter it starts: {exc}; nothing was started", slug="no-interpreter"
        ) from exc
    said = Path(done.stdout.strip())
    if not said.is_absolute() or not said.is_file():
        raise UsageError(
            f"{script} did not say which interpreter it starts; nothing was started", slug="no-interpreter"
        )
    return said


def _for_a_shim(environ: Mapping[str, str], repository: Path) -> dict[str, str]:
    """What a version manager needs of the user's variables; no folder of the repository among those of programs."""
    env = {name: value for name, value in environ.items() if name in _OF_SHIMS}
    folders = (Path(part) for part in environ.get("PATH", os.defpath).split(os.pathsep))
    kept = [f for f in folders if f.is_absolute() and not any(p.is_relative_to(repository) for p in (f, f.resolve()))]
    return {**env, "PATH": os.pathsep.join(map(str, kept))}


def variables_for_tests(environ: Mapping[str, str], extra: Mapping[str, str], python: Path) -> dict[str, str]:
    """The tests' whole environment: an allow-list of the user's, what reknit sets, and `extra`.

    As if the environment of `python`, if it is one, were active: tests start programs that are installed there.
    """
    env: dict[str, str] = {n: v for n, v in environ.items() if n in ALLOWED or n.startswith("LC_")}
    folder = python.parent.parent
    if (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir():
        env |= {"PATH": os.pathsep.join((str(python.parent), env.get("PATH", os.defpath))), "VIRTUAL_ENV": str(folder)}
    env |= {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}
    return {**env, **extra}
