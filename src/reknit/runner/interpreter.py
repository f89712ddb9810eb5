"""Which Python runs the project's tests, and what of the file system it needs to see."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from reknit.errors import UsageError

#: Passed on to the tests where the user has them set; nothing else of the environment is.
ALLOWED = ("PATH", "LANG", "LANGUAGE", "TZ", "TERM", "PYTHONPATH", "VIRTUAL_ENV")
_MANY_LINKS = 20
_ENVIRONMENTS = (".venv", "venv", "env")
#: Of the system, and no place for modules.
_CLOSED = frozenset({"etc", "proc", "sys", "dev", "run", "boot"})
_PYTHON = re.compile(r"site-packages|dist-packages|python3?[\d.]*t?(\.zip)?|python\d+\.zip|pypy[\d.]*")
_QUOTED_PATH = re.compile(r"""['"](/[^'"\n]+)['"]""")


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
    return _narrow(places)


def linked(python: Path, root: Path, path: Iterable[str]) -> tuple[Path, ...]:
    """What the interpreter imports from elsewhere: its `path`, and what it has installed as editable.

    Nothing of the sort is believed of an environment inside the project at `root`: its files may name any folder.
    """
    if python.is_relative_to(root):
        return ()
    found = [Path(p) for p in path]
    for folder in (python.parent.parent / "lib").glob("python*/site-packages"):
        for file in folder.glob("*.pth"):
            lines = file.read_text("utf-8", "replace").splitlines()
            found += [Path(line.strip()) for line in lines if line.startswith("/")]
        for file in folder.glob("__editable__*_finder.py"):
            found += [Path(text) for text in _QUOTED_PATH.findall(file.read_text("utf-8", "replace"))]
    return _narrow(p for p in found if not p.is_relative_to(root))


def _narrow(places: Iterable[Path]) -> tuple[Path, ...]:
    """What exists, once each; never the whole system nor a home folder."""
    return tuple(dict.fromkeys(p for p in places if may_be_shown(p)))


def may_be_shown(path: Path) -> bool:
    """Whether it exists and may be read because an interpreter says that it needs it.

    That interpreter may be the repository's own, and its `pyvenv.cfg` and .pth files can name the user's keys: neither
    a home folder, nor what lies in hidden folders there and is no Python, is ever shown.
    """
    try:
        real, home = path.resolve(strict=True), Path.home().resolve()
    except (OSError, RuntimeError, ValueError):  # not there, a circle of links, no home, a zero byte
        return False
    if real in {Path("/"), Path("/usr"), home, *home.parents} or real.parts[1] in _CLOSED:
        return False
    if not real.is_relative_to(home):
        return True
    top, *below = real.relative_to(home).parts
    if not top.startswith(".") or (real / "pyvenv.cfg").is_file():
        return True
    return bool(below) and (any(map(_PYTHON.fullmatch, below)) or (real / "bin" / "python3").exists())


def _homes(config: Path) -> list[Path]:
    """Folders of the programs that an environment was made with."""
    for line in config.read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip():
            return [Path(value.strip())]
    return []
