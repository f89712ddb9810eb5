"""Putting a file in the place of another as one compare-and-swap.

A look before a rename leaves a gap in which somebody else may save. So the two names are exchanged in one step, which
loses nothing, and only then is looked at what has come out: if it is not what was expected, or somebody still has it
open to write, the names are exchanged back. Linux: renameat2(2), leases of fcntl(2); macOS: renameatx_np(2). Where the
system or the file system (NFS, some of FUSE) has none of that, a look and a plain rename are all there is.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import sys
from collections.abc import Callable

from reknit.apply.base import same
from reknit.apply.entries import opened, read_at, read_open
from reknit.errors import ConflictError, JournalError
from reknit.model.patch import Entry

#: <linux/fs.h>, and <sys/stdio.h> of macOS.
_NOREPLACE, _EXCHANGE = (4, 2) if sys.platform == "darwin" else (1, 2)
_FUNCTION = "renameatx_np" if sys.platform == "darwin" else "renameat2"
_NOT_HERE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})

_Function = Callable[[int, bytes, int, bytes, int], int]


class _UnsupportedError(Exception):
    """The system, or this file system, has no such rename."""


def put(folder: int, path: str, temporary: str, *, old: Entry | None, new: Entry | None) -> None:
    """Put `temporary`, which holds `new`, in the place of `old`; both lie in the open `folder` of `path`.

    `ConflictError`, and all as it was, `temporary` too, where `old` is not what is there.
    """
    name = path.rpartition("/")[2]
    try:
        _put(folder, name, temporary, old=old, new=new, path=path)
    except _UnsupportedError:
        _look_and_put(folder, name, temporary, old=old, new=new, path=path)
    except (FileExistsError, FileNotFoundError) as exc:
        raise ConflictError(path) from exc


def restore(folder: int, path: str, temporary: str, *, old: Entry | None, new: Entry | None) -> None:
    """After a crash in `put`: what it has displaced goes back unless it is `old`."""
    name = path.rpartition("/")[2]
    if old is None or not _exists(folder, temporary) or not _holds(folder, name, new):
        return
    if not _holds(folder, temporary, old):
        _bring_back(folder, name, temporary, new)


def holds(folder: int, temporary: str, new: Entry | None) -> bool:
    """Whether `new` is still in `temporary`: then `put` has not changed anything, or has taken that back."""
    return new is not None and _holds(folder, temporary, new)


def discard(folder: int, temporary: str, *, old: Entry | None, new: Entry | None) -> None:
    """Remove `temporary` if it holds one of the two, or as much of `new` as was written; else it is somebody's, and stays."""
    if _exists(folder, temporary) and (_is_staged(folder, temporary, new) or _holds(folder, temporary, old)):
        os.unlink(temporary, dir_fd=folder)


def _put(folder: int, name: str, temporary: str, *, old: Entry | None, new: Entry | None, path: str) -> None:
    if old is None:
        _rename(temporary, name, folder, _NOREPLACE)
        return
    if new is None:
        _rename(name, temporary, folder, _NOREPLACE)
    else:
        _rename(name, temporary, folder, _EXCHANGE)
    if not _is_settled(folder, temporary, old):
        _bring_back(folder, name, temporary, new)
        raise ConflictError(path)
    os.unlink(temporary, dir_fd=folder)


def _bring_back(folder: int, name: str, temporary: str, new: Entry | None) -> None:
    """Take `put`'s step back; what was saved over it in between is newer and stays, and the older save beside it."""
    if new is None:
        with contextlib.suppress(FileExistsError):
            _rename(temporary, name, folder, _NOREPLACE)
        return
    _rename(name, temporary, folder, _EXCHANGE)
    if not _holds(folder, temporary, new):
        _rename(name, temporary, folder, _EXCHANGE)


def _look_and_put(folder: int, name: str, temporary: str, *, old: Entry | None, new: Entry | None, path: str) -> None:
    if not _holds(folder, name, old):
        raise ConflictError(path)
    if new is None:
        os.unlink(name, dir_fd=folder)
    else:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def _holds(folder: int, name: str, entry: Entry | None) -> bool:
    try:
        return same(read_at(folder, name), entry)
    except JournalError:  # a folder, a pipe: not ours
        return False


def _is_staged(folder: int, name: str, new: Entry | None) -> bool:
    """Whether the file is `new`, or as much of it as was written."""
    try:
        found = read_at(folder, name)
    except JournalError:
        return False
    if found is None or new is None:
        return False
    return found.is_link == new.is_link and new.content.startswith(found.content)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_settled(folder: int, name: str, entry: Entry) -> bool:
    """Whether a file that was displaced is `entry`, and nobody has it open to write: what they write would go with it."""
    if entry.is_link:
        return _holds(folder, name, entry)
    try:
        with opened(name, folder) as fd:
            return not _is_written(fd) and same(read_open(fd, name), entry)
    except JournalError:
        return False
    except OSError as exc:
        if exc.errno in {errno.ELOOP, errno.ENXIO}:  # a link, a socket
            return False
        raise


def _is_written(fd: int) -> bool:
    """Whether somebody has the file open to write; where leases are unknown, or it is another's, nobody can tell."""
    take = getattr(fcntl, "F_SETLEASE", None)
    if take is None:
        return False
    try:
        fcntl.fcntl(fd, take, fcntl.F_RDLCK)  # granted only where nobody has
        fcntl.fcntl(fd, take, fcntl.F_UNLCK)  # of no use from here on: the name is ours by now
    except OSError as exc:
        return exc.errno == errno.EAGAIN
    return False


def _rename(source: str, target: str, folder: int, flag: int) -> None:
    function = _found()
    if function is None:
        raise _UnsupportedError
    while function(folder, os.fsencode(source), folder, os.fsencode(target), flag):
        number = ctypes.get_errno()
        if number in _NOT_HERE:
            raise _UnsupportedError
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number), target)


@functools.cache
def _found() -> _Function | None:
    function: _Function | None = getattr(ctypes.CDLL(None, use_errno=True), _FUNCTION, None)
    return function
