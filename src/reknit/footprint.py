"""A mark of a project's files that changes with any of them that its tests may depend on, whatever the project's size.

A change is seen by name, size and time. Of a project of at most `MOST` files and folders all count. Of a larger one
those count that are near to what the tests use: in the same folders and below them, as far as these hold no more than
`MOST` together, and beside each folder above.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

#: Files and folders that are looked at.
MOST = 10_000
_TOOLS = frozenset(
    {"__pycache__", "node_modules", ".git", ".hg", ".svn", ".tox", ".nox", ".hypothesis"}
    | {f".{tool}_cache" for tool in ("pytest", "mypy", "ruff")}
)
_OF_TOOLS = re.compile(r".*\.pyc|\.coverage(\..+)?")
#: Of an environment, which changes by itself.
_ENVIRONMENT = "pyvenv.cfg"

#: Path relative to the project → the file itself, not looked at yet.
_Files = dict[str, os.DirEntry[str]]


def footprint(root: Path, used: Collection[str]) -> tuple[str, str] | None:
    """Two marks, of all files that count and of those that are not `used`; None where a folder has too many.

    `used` are the files that tests are known to depend on, relative to the project. Left out are files of tools and
    environments.
    """
    found = _below(root, "", MOST)
    if found is None:
        found = _near(root, used)
    if found is None:
        return None
    of_all, of_others = hashlib.sha256(), hashlib.sha256()
    for path, entry in sorted(found.items()):
        with contextlib.suppress(OSError):
            seen = entry.stat(follow_symlinks=False)
            line = os.fsencode(f"{path}\0{seen.st_size}\0{seen.st_mtime_ns}\0")
            of_all.update(line)
            if path not in used:
                of_others.update(line)
    return of_all.hexdigest(), of_others.hexdigest()


def _near(root: Path, used: Collection[str]) -> _Files | None:
    """The files near to those that are used."""
    own = {path.parent for path in map(PurePosixPath, used) if ".." not in path.parts and not path.is_absolute()}
    found: _Files = {}
    for folder in sorted(own, key=lambda f: (-len(f.parts), f)):
        below = _below(root, _prefix(folder), MOST - len(found))
        if below is None:  # and so it is with those above it
            break
        found |= below
    for folder in own.union(*(f.parents for f in own)):
        listed = _listed(root, _prefix(folder))
        if listed is None:
            return None
        found |= _files(_prefix(folder), listed)
    return found


def _prefix(folder: PurePosixPath) -> str:
    return "" if folder == PurePosixPath() else f"{folder}/"


def _below(root: Path, prefix: str, most: int) -> _Files | None:
    """All files below a folder; None where there are more than `most`, folders counted too."""
    found: _Files = {}
    waiting, seen = [prefix], 1
    while waiting:
        inside = waiting.pop()
        listed = _listed(root, inside)
        if listed is None or (seen := seen + len(listed)) > most:
            return None
        found |= _files(inside, listed)
        waiting += [f"{inside}{e.name}/" for e in listed if e.name not in _TOOLS and e.is_dir(follow_symlinks=False)]
    return found


def _listed(root: Path, prefix: str) -> list[os.DirEntry[str]] | None:
    """What lies in a folder: nothing of what cannot be read or is an environment; None where that is too much."""
    try:
        with os.scandir(root / prefix) as entries:
            listed = list(islice(entries, MOST + 1))
    except OSError:
        return []
    if len(listed) > MOST:
        return None
    return [] if prefix and any(e.name == _ENVIRONMENT for e in listed) else listed


def _files(prefix: str, listed: list[os.DirEntry[str]]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    for entry in listed:
        if not entry.is_dir(follow_symlinks=False) and not _OF_TOOLS.fullmatch(entry.name):
            yield f"{prefix}{entry.name}", entry
