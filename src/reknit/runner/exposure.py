"""What of the file system the tests' process may see: decided by looking, before anything of the project has run.

An environment may come with the repository, and every file, link and name in it may be made to open a folder of the
user's. So `opened` alone decides, and what an interpreter says of itself, which the project's code may have said, counts
for nothing. It does the same bounded work whatever it finds: no link of a link and no setting of a setting is followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from reknit import bounded
from reknit.runner.environments import Interpreter, settings
from reknit.runner.installations import Installation, find_home, installation, is_pythons_place
from reknit.runner.pythonpath import named_by_pytest

_MANY_LINKS, _MANY_PATHS = 20, 1000
#: Of the system, and no place for modules.
_CLOSED = frozenset({"etc", "proc", "sys", "dev", "run", "boot"})
_PYTHON = re.compile(r"site-packages|dist-packages|python3?[\d.]*t?(\.zip)?|python\d+\.zip|pypy[\d.]*")
_OF_ENVIRONMENT = ("pyvenv.cfg", "bin", "lib/python*", "lib64/python*")
_SITES = ("lib/python*/site-packages", "lib/python3/dist-packages", "local/lib/python*/dist-packages")
_QUOTED_PATH = re.compile(r"""['"](/[^'"\n]+)['"]""")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Who says what is to be opened."""

    root: Path
    repository: Path
    #: Whether the environment is the user's own; else it may have been made, or chosen, by the repository.
    believed: bool


def opened(interpreter: Interpreter, root: Path, *, pythonpath: str = "") -> tuple[Path, ...]:
    """All that the interpreter needs besides the system's folders and the project at `root`; of a link only the link.

    Of an environment that lies in the repository, or was chosen by it: itself, the Python that it was made with if it
    really is one, and folders of the repository. Of one of the user's: what it has installed as editable, too.
    `pythonpath` is the user's own.
    """
    python, repository = interpreter.python, find_repository(root)
    inside = any(_lies_in(p, repository) for p in (python, python.parent, python.parent.parent))
    case = _Case(root=root, repository=repository, believed=interpreter.believed and not inside)
    bases = list(_bases(python))
    found = [*_environment(case, python.parent.parent)]
    for program, base in bases:
        found += [*_links(program), *_installation(case, base)]
    for path in islice(_imported(python, bases), _MANY_PATHS):
        found += _named(case, path)
    for part in filter(None, pythonpath.split(os.pathsep)):
        found += _named(replace(case, believed=True), root / part)
    for name in islice(named_by_pytest(root), _MANY_PATHS):
        found += [p for p in _parts(root / name, repository) if not _is_hidden(p, repository)]
    return tuple(dict.fromkeys(p for p in found if not p.is_relative_to(root)))


def editable(site: Path) -> Iterator[Path]:
    """Folders and files elsewhere that the packages of `site` are imported from."""
    for file in site.glob("*.pth"):
        lines = (bounded.text(file, below=site) or "").splitlines()
        yield from (site / line.strip() for line in lines if line.strip() and not line.startswith(("import ", "#")))
    for file in site.glob("__editable__*_finder.py"):
        yield from (Path(text) for text in _QUOTED_PATH.findall(bounded.text(file, below=site) or ""))


def find_repository(root: Path) -> Path:
    """The nearest folder at or above the project that has a `.git` of the project's owner; else the project itself.

    Neither a home folder nor one above it, which a `.git` makes a place for settings and no repository.
    """
    try:
        homes_up = {Path.home().resolve(), *Path.home().resolve().parents}
        owner = root.stat().st_uid
        for folder in (root, *root.parents):
            git = folder / ".git"
            if git.exists() and git.stat().st_uid == owner and (folder == root or folder not in homes_up):
                return folder
    except (OSError, RuntimeError):  # no home, or a folder above that is closed to us
        pass
    return root


def _environment(case: _Case, folder: Path) -> Iterator[Path]:
    """The environment's own folder: of one that a link of the repository leads to only what makes it an environment."""
    real = _real(folder)
    if real is None or bounded.text(real / "pyvenv.cfg", below=real) is None:
        return
    if real.is_relative_to(case.repository):
        yield from _parts(folder, case.repository)
    elif case.believed and may_be_shown(folder) and not case.root.is_relative_to(real):
        yield folder
    elif case.believed or not case.root.is_relative_to(real):
        yield from (p for pattern in _OF_ENVIRONMENT for p in real.glob(pattern))


def _bases(python: Path) -> Iterator[tuple[Path, Installation]]:
    """The installations that an interpreter or its environment is of, each with the program that led to it."""
    home = settings(python.parent.parent / "pyvenv.cfg").get("home", "")
    programs = [python]
    if home.startswith("/") and ".." not in Path(home).parts and Path(home, "_").parts[1] not in _CLOSED:
        programs += [Path(home, name) for name in dict.fromkeys((python.name, "python3", "python"))]
    for program in programs:
        real = _real(program)
        base = installation(real) if real else None
        if base is not None:
            yield program, base


def _links(program: Path) -> Iterator[Path]:
    """The links on the way to a program, which may lie in a folder of the user's, such as ~/bin."""
    real = _real(program)
    for _ in range(_MANY_LINKS):
        if not program.is_symlink() or _real(program) != real:
            return
        yield program
        program = Path(os.path.normpath(program.parent / program.readlink()))


def _installation(case: _Case, base: Installation) -> Iterator[Path]:
    """The installation's folder where that holds nothing else, or is the user's choice; else Python's files in it."""
    folder = base.folder
    if folder.is_relative_to(case.repository):
        yield from _parts(folder, case.repository)
    elif not case.root.is_relative_to(folder) and (
        is_pythons_place(folder) or (case.believed and may_be_shown(folder))
    ):
        yield folder
    else:
        yield from base.own


def _imported(python: Path, bases: Iterable[tuple[Path, Installation]]) -> Iterator[Path]:
    """What packages are imported from elsewhere, by what stands where the interpreter looks for packages."""
    folders = [python.parent.parent]
    config = folders[0] / "pyvenv.cfg"
    if not config.is_file() or settings(config).get("include-system-site-packages", "").lower() == "true":
        folders += [base.folder for _, base in bases]
    sites = (site for folder in folders for pattern in _SITES for site in folder.glob(pattern))
    return (path for site in sites for path in editable(site))


def _named(case: _Case, path: Path) -> Iterator[Path]:
    """A folder or file that is imported from: what the repository names, or a path leads through, only inside of it."""
    path = Path(os.path.normpath(path))
    if not case.believed or any(_lies_in(p, case.repository) for p in (path, *path.parents)):
        yield from _parts(path, case.repository)
    elif may_be_shown(path):
        yield path


def _parts(path: Path, repository: Path) -> Iterator[Path]:
    """`path` where it lies in the repository and not in its `.git`; of the repository itself, all that is not hidden."""
    path = Path(os.path.normpath(path))
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(repository) or ".git" in real.relative_to(repository).parts:
            return
        if real != repository:
            yield from (path, real)
            return
        for entry in sorted(repository.iterdir()):
            if not entry.name.startswith(".") and entry.resolve().is_relative_to(repository):
                yield entry
    except (OSError, RuntimeError, ValueError):  # gone, a circle of links, a zero byte
        return


def _is_hidden(path: Path, repository: Path) -> bool:
    return not path.is_relative_to(repository) or any(p.startswith(".") for p in path.relative_to(repository).parts)


def _lies_in(path: Path, folder: Path) -> bool:
    real = _real(path)
    return path.is_relative_to(folder) or (real is not None and real.is_relative_to(folder))


def _real(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # not there, a circle of links, a zero byte
        return None


def may_be_shown(path: Path) -> bool:
    """Whether it exists and may be read because the user's own environment or PYTHONPATH names it.

    Neither a home folder, nor what lies in hidden folders there and is no Python, is ever shown.
    """
    real, home = _real(path), find_home()
    if real is None or home is None:
        return False
    if real in {Path("/"), Path("/usr"), home, *home.parents} or real.parts[1] in _CLOSED:
        return False
    if not real.is_relative_to(home):
        return True
    top, *below = real.relative_to(home).parts
    if not top.startswith(".") or (real / "pyvenv.cfg").is_file():
        return True
    return bool(below) and (any(map(_PYTHON.fullmatch, below)) or (real / "bin" / "python3").exists())
