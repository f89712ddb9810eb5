"""Installations of Python, told from what only looks like one by their own files, links not among them."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reknit import bounded

#: How programs begin: ELF; Mach-O of one or several architectures.
_PROGRAMS = frozenset(
    {b"\x7fELF"} | {bytes.fromhex(m) for m in ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe")}
)
_NAME = re.compile(r"((?:python|pypy)\d{1,2}\.\d{1,3}t?)d?")
_CONDA = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".conda", "opt/miniconda3")
#: Below a home folder: each holds an installation and nothing else.
_PLACES = (
    ".pyenv/versions/*",
    ".local/share/uv/python/*",
    ".local/share/mise/installs/python/*",
    ".asdf/installs/python/*",
    ".rye/py/*",
    ".rye/py/*/install",
    ".local/share/pdm/python/*",
    ".local/share/pypoetry/python/*",
    ".local/share/hatch/pythons/*/python",
    *_CONDA,
    *(f"{root}/envs/*" for root in _CONDA),
)
#: Where the user has moved one of them.
_MOVED = {
    "PYENV_ROOT": "versions/*",
    "UV_PYTHON_INSTALL_DIR": "*",
    "MISE_DATA_DIR": "installs/python/*",
    "ASDF_DATA_DIR": "installs/python/*",
    "MAMBA_ROOT_PREFIX": "envs/*",
}
_MANY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A folder in which Python is installed, perhaps among other things."""

    folder: Path
    #: What is Python's own in it: its program, its library, the files that the program is linked with.
    own: tuple[Path, ...]


def installation(program: Path) -> Installation | None:
    """The installation of a program, whose path has no links; None where it is none."""
    named, folder = _NAME.fullmatch(program.name), program.parent.parent
    if named is None or program.parent.name != "bin" or not _is_program(program):
        return None
    library = folder / "lib" / named[1]
    if library.resolve() != library or not _is_file(library / "os.py"):
        return None
    shared = sorted((folder / "lib").glob("libpython*"))[:_MANY]
    return Installation(folder=folder, own=(program, library, *shared))


def is_pythons_place(folder: Path) -> bool:
    """Whether an installation in `folder` has it to itself: outside of the home folder, or where managers put them."""
    home = find_home()
    if home is None or not folder.is_relative_to(home):
        return len(folder.parts) > 2 and not (home and home.is_relative_to(folder))  # /opt may hold more
    return any(_fits(folder, top, pattern) for top, pattern in _places(home)) or str(folder) in _of_conda(home)


def find_home() -> Path | None:
    """The home folder, without links; None where there is none."""
    try:
        return Path.home().resolve()
    except (OSError, RuntimeError):
        return None


def _places(home: Path) -> Iterator[tuple[Path, str]]:
    yield from ((home, pattern) for pattern in _PLACES)
    yield from ((Path(os.environ[name]), pattern) for name, pattern in _MOVED.items() if os.environ.get(name))


def _fits(folder: Path, top: Path, pattern: str) -> bool:
    if not folder.is_relative_to(top):
        return False
    parts, wanted = folder.relative_to(top).parts, pattern.split("/")
    return len(parts) == len(wanted) and all(w in {"*", p} for p, w in zip(parts, wanted, strict=True))


def _of_conda(home: Path) -> list[str]:
    return (bounded.text(home / ".conda" / "environments.txt", below=None) or "").splitlines()


def _is_program(path: Path) -> bool:
    try:
        if not _is_file(path) or not os.access(path, os.X_OK):
            return False
        with path.open("rb") as file:
            return file.read(4) in _PROGRAMS
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
