"""What is no longer needed of a project's state, and the state of projects that are no longer there.

Bounds hold by themselves while reknit writes; here they are held again, for bounds that became smaller, and what only time
makes useless goes. Nothing that `undo` needs is touched here: that is the journal's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reknit.errors import StoreError
from reknit.store.db import Store
from reknit.store.place import noted_project

#: Of what was set aside, and of backups.
KEPT_DAYS = 30
#: Free pages of the database are given back from so many bytes on, and from such a share of it on.
_WORTH_BYTES, _WORTH_SHARE = 1 << 20, 4
_FORGOTTEN = ".forgotten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What went, or would go, of one kind."""

    kind: str
    count: int
    #: As it was kept; of rows, the file shrinks only by what "unused space in the store" says.
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """State of a project whose folder is not there."""

    project: str
    bytes: int
    #: Why it stays, "" where it went or would go.
    kept: str


def clean_store(path: Path, *, now: dt.datetime, dry_run: bool) -> tuple[list[Freed], list[str]]:
    """Hold the bounds of the store in the file `path` and look at all of it; with what a person should know."""
    freed = list(_old_files(path, now, dry_run=dry_run))
    if not os.path.lexists(path):
        return freed, []
    try:
        with Store.look(path) if dry_run else Store.open(path) as store:
            if not dry_run:
                store.database.check()
            excess = store.database.attempt(store.excess)
            if not dry_run:
                store.database.write(store.trim)
            freed += (Freed(kind=kind, count=count, bytes=size) for kind, (count, size) in excess.items())
            freed.append(_unused(store, path, dry_run=dry_run))
            return freed, list(store.notes)
    except StoreError as exc:
        return freed, [exc.message]


def clean_missing(base: Path, *, forget: bool, dry_run: bool) -> list[Missing]:
    """The state under `base` of projects that are not there; it goes only where `forget` says so.

    Their folders may only be out of reach for now, on a disk that is not mounted. What was cut short there stays in any
    case: the versions of its files are nowhere else.
    """
    found = []
    for state in sorted(path for path in _listed(base / "projects") if path.is_dir() and not path.is_symlink()):
        if state.name.endswith(_FORGOTTEN):  # of a process that was ended while it removed it
            if not dry_run:
                shutil.rmtree(state, ignore_errors=True)
            continue
        project = noted_project(state)
        if project is None or not _is_gone(project):
            continue
        kept = _why_kept(state, forget=forget)
        found.append(Missing(project=str(project), bytes=_size(state), kept=kept))
        if not kept and not dry_run:
            forgotten = state.with_name(state.name + _FORGOTTEN)
            state.rename(forgotten)
            shutil.rmtree(forgotten, ignore_errors=True)
    return found


def _why_kept(state: Path, *, forget: bool) -> str:
    if any(path.suffix in {".intent", ".aside"} for path in _listed(state / "journal")):
        return "a change of its files was cut short there, and only this has them"
    return "" if forget else "it may be on a disk that is not there now"


def _is_gone(project: Path) -> bool:
    """Whether there is certainly nothing; what cannot be looked at may be there."""
    try:
        project.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _old_files(path: Path, now: dt.datetime, *, dry_run: bool) -> Iterator[Freed]:
    """Damaged databases that were moved aside, and backups of earlier schemas, that are old by now."""
    kinds = {"damaged stores": f"{path.name}.damaged-", "backups of the store": f"{path.name}.v"}
    for kind, start in kinds.items():
        old = [each for each in _listed(path.parent) if each.name.startswith(start) and _is_old(each, now)]
        freed = Freed(kind=kind, count=len(old), bytes=sum(map(_size, old)))
        for each in old if not dry_run else ():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    each.unlink()
        yield freed


def _is_old(path: Path, now: dt.datetime) -> bool:
    """By the time of its last change of any kind: it may have been old when it got its name."""
    try:
        changed = path.lstat().st_ctime
    except FileNotFoundError:
        return False
    return now.timestamp() - changed > KEPT_DAYS * 86400


def _unused(store: Store, path: Path, *, dry_run: bool) -> Freed:
    """Free pages of the file, given back where that pays."""
    (pages,), (size,) = (store.database.rows(f"PRAGMA {name}")[0] for name in ("freelist_count", "page_size"))
    before, free = path.stat().st_size, pages * size
    if free < _WORTH_BYTES and free * _WORTH_SHARE < before:
        return Freed(kind="unused space in the store", count=0, bytes=0)
    if not dry_run:
        store.database.vacuum()
        free = before - path.stat().st_size
    return Freed(kind="unused space in the store", count=pages, bytes=max(free, 0))


def _size(path: Path) -> int:
    """Bytes of a file, or of all in a folder."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            return sum(map(_size, _listed(path)))
        return path.lstat().st_size
    return 0


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
