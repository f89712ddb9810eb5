"""What of the file system an interpreter needs to see, and what it may not."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from reknit import bounded
from reknit.runner.environments import settings

_MANY_LINKS = 20
#: Of the system, and no place for modules.
_CLOSED = frozenset({"etc", "proc", "sys", "dev", "run", "boot"})
_PYTHON = re.compile(r"site-packages|dist-packages|python3?[\d.]*t?(\.zip)?|python\d+\.zip|pypy[\d.]*")
_QUOTED_PATH = re.compile(r"""['"](/[^'"\n]+)['"]""")


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
            bases = (home / name for home in homes(folder / "pyvenv.cfg") for name in (here.name, "python3"))
            todo += [base for base in bases if os.path.lexists(base)]  # a folder without a Python is named for no good
        if here.is_symlink() and len(todo) < _MANY_LINKS:
            places.append(here)
            todo.append((here.parent / here.readlink()).absolute())
        else:
            places.append(folder)
    return _narrow(places)


def linked(python: Path, root: Path, path: Iterable[str], *, believed: bool = True) -> tuple[Path, ...]:
    """What the interpreter imports from elsewhere: its `path`, and what it has installed as editable.

    The files of an environment inside the repository that holds `root` may name any folder, and one that is not
    `believed` was chosen by the repository: of those, folders of that repository only.
    """
    found = [Path(p) for p in path]
    for folder in (python.parent.parent / "lib").glob("python*/site-packages"):
        found += editable(folder)
    repository = find_repository(root)
    if not believed or python.is_relative_to(repository) or python.parent.resolve().is_relative_to(repository):
        found = [part for p in found for part in _parts(p, repository)]
    return _narrow(p for p in found if not p.is_relative_to(root))


def editable(site: Path) -> Iterator[Path]:
    """Folders and files elsewhere that the packages of `site` are imported from."""
    for file in site.glob("*.pth"):
        lines = (bounded.text(file, below=site) or "").splitlines()
        yield from (Path(line.strip()) for line in lines if line.startswith("/"))
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


def _parts(path: Path, repository: Path) -> Iterator[Path]:
    """`path` where it lies in the repository and not in its `.git`; of the repository itself, all that is not hidden."""
    try:
        real = path.resolve()
        if not real.is_relative_to(repository) or ".git" in real.relative_to(repository).parts:
            return
        if real != repository:
            yield path
            return
        for entry in sorted(repository.iterdir()):
            if not entry.name.startswith(".") and entry.resolve().is_relative_to(repository):
                yield entry
    except (OSError, RuntimeError, ValueError):  # gone, a circle of links, a zero byte
        return


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


def homes(config: Path) -> list[Path]:
    """Folders of the programs that an environment was made with."""
    home = settings(config).get("home")
    return [Path(home)] if home else []
