"""Which Python runs the project's tests, and what of the file system it needs to see."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from reknit.errors import UsageError

#: Passed on to the tests where the user has them set; nothing else of the environment is.
ALLOWED = ("PATH", "LANG", "LANGUAGE", "TZ", "TERM", "PYTHONPATH", "VIRTUAL_ENV")
_MANY_LINKS = 20
_ENVIRONMENTS = (".venv", "venv", "env")


def find(project: Path, wanted: Path | None, environ: Mapping[str, str]) -> Path:
    """The interpreter: the one asked for, the active environment's, the project's own, else reknit's.

    `UsageError` where the one asked for cannot be run.
    """
    if wanted is not None:
        return _given(wanted)
    places = [Path(environ["VIRTUAL_ENV"])] if environ.get("VIRTUAL_ENV") else []
    places += [project / name for name in _ENVIRONMENTS]
    for place in places:
        python = place / "bin" / "python"
        if (place / "pyvenv.cfg").is_file() and os.access(python, os.X_OK):
            return python
    return Path(sys.executable)


def _given(wanted: Path) -> Path:
    if wanted.is_dir():
        wanted = wanted / "bin" / "python"
    found = shutil.which(wanted)
    if found is None:
        raise UsageError(
            f"{wanted} is no interpreter that can be run; nothing was started",
            slug="no-interpreter",
            hint="give --python the path of a Python 3.9 or newer, or of a virtual environment",
        )
    path = Path(found).absolute()
    with path.open("rb") as file:
        script = file.read(2) == b"#!"
    return _behind_script(path) if script else path


def _behind_script(script: Path) -> Path:
    """The interpreter that a version manager's shim starts; the user named it, so it may run."""
    command: list[str | Path] = [script, "-I", "-c", "import sys; print(sys.executable)"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as exc:
        raise UsageError(
            f"{script} did not say which interpreter it starts: {exc}; nothing was started", slug="no-interpreter"
        ) from exc
    return Path(done.stdout.strip())


def environment(environ: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """The tests' whole environment: an allow-list of the user's, what reknit sets, and `extra`."""
    env: dict[str, str] = {n: v for n, v in environ.items() if n in ALLOWED or n.startswith("LC_")}
    env |= {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}
    return {**env, **extra}


def readable(python: Path) -> tuple[Path, ...]:
    """Paths that an interpreter needs, found by following its links and its `pyvenv.cfg`.

    Of a link only the link: it may lie in a folder of the user's, such as ~/bin.
    """
    places: list[Path] = []
    todo = [python]
    for here in todo:
        folder = here.parent.parent
        if (folder / "pyvenv.cfg").is_file():
            places.append(folder)
            todo += [home / name for home in _homes(folder / "pyvenv.cfg") for name in (here.name, "python3")]
        if here.is_symlink() and len(todo) < _MANY_LINKS:
            places.append(here)
            todo.append((here.parent / here.readlink()).absolute())
        else:
            places.append(folder)
    whole = (Path("/"), Path("/usr"), Path.home(), *Path.home().parents)
    return tuple(dict.fromkeys(p for p in places if p not in whole and p.exists()))


def _homes(config: Path) -> list[Path]:
    """Folders of the programs that an environment was made with."""
    for line in config.read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip():
            return [Path(value.strip())]
    return []
