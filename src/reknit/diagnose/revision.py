"""The git revision of a project, read from git's own files: nothing that a repository configures is run."""

from __future__ import annotations

import re
from pathlib import Path

_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"refs(/(?!\.)[^/\0]+)+")
#: More of a small file is not read.
_SMALL = 4096
#: A symbolic ref that names a symbolic ref is rare; a circle of them must end.
_HOPS = 5


def git_revision(root: Path) -> str | None:
    """The commit that is checked out at or above `root`; None where git, or a commit, is missing."""
    for folder in (root, *root.parents):
        git = _git_folder(folder)
        if git is not None:
            return _resolve(git)
    return None


def _git_folder(folder: Path) -> Path | None:
    """`.git`, or where the file of that name leads, as in linked worktrees and submodules."""
    dot = folder / ".git"
    if dot.is_dir():
        return dot if (dot / "HEAD").is_file() else None
    word, _, target = _read(dot).partition(": ")
    return folder / target if word == "gitdir" and target else None


def _resolve(git: Path) -> str | None:
    shared = git / (_read(git / "commondir") or ".")
    value = _read(git / "HEAD")
    for _ in range(_HOPS):
        if not value.startswith("ref: "):
            return value if _OBJECT.fullmatch(value) else None
        name = value.removeprefix("ref: ")
        if not _REF.fullmatch(name):
            return None
        value = _read(git / name) or _read(shared / name) or _packed(shared, name)
    return None


def _packed(shared: Path, name: str) -> str:
    path = shared / "packed-refs"
    if not path.is_file():
        return ""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                value, _, ref = line.rstrip("\n").partition(" ")
                if ref == name:
                    return value
    except OSError:
        return ""
    return ""


def _read(path: Path) -> str:
    """A small file's text, stripped; "" for what is no readable regular file (a pipe would never end)."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_SMALL).strip()
    except (OSError, ValueError):  # ValueError: a null byte in a path
        return ""
