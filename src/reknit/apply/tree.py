"""The project's files, read and written without leaving it.

Every path is walked from a descriptor of the root, one component at a time and never through a symbolic link, so a
folder that is swapped for a link cannot send a write elsewhere. Files are replaced, never written in place: a reader
sees the old file or the new one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from reknit.apply import exchange
from reknit.apply.base import Images, same
from reknit.apply.entries import created, opened, read_at, sync_folder, write_all
from reknit.apply.losses import losses
from reknit.errors import ConflictError, JournalError
from reknit.model.patch import Entry, check_path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def read(root: Path, paths: Iterable[str]) -> dict[str, Entry]:
    """The files and links among `paths` that exist; `JournalError` for one that is neither, or cannot be read."""
    with explained("read"), Root(root) as held:
        entries = {path: held.read(path) for path in paths}
    return {path: entry for path, entry in entries.items() if entry is not None}


@contextlib.contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn the system's refusal to do something into a `JournalError`."""
    try:
        yield
    except OSError as exc:
        slug, hint = _REASONS.get(exc.errno or 0, ("io-error", "see what the system says about the disk"))
        where = os.fsdecode(exc.filename) if isinstance(exc.filename, str | bytes) else "a file"
        message = f"cannot {doing} {where}: {exc.strerror or exc}; nothing was changed"
        raise JournalError(message, slug=slug, hint=hint) from exc


_READ_ONLY = ("read-only", "make the folder writable for you, then run the command again")
_FULL = ("disk-full", "free some space, then run the command again")
_REASONS = {
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EROFS: _READ_ONLY,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}


class _Way:
    """A folder below the root, walked to and open while the `with` block runs; None where there is none."""

    __slots__ = ("_at", "_path", "_root")

    def __init__(self, root: int, path: str) -> None:
        self._root = self._at = root
        self._path = path

    def __enter__(self) -> int | None:
        for folder in (*_above(self._path), self._path) if self._path else ():
            try:
                below = _enter(self._at, _name(folder), folder)
            finally:
                self._leave()
            if below is None:
                return None
            self._at = below
        return self._at

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._at != self._root:
            os.close(self._at)
            self._at = self._root


class Root:
    """A project's folder, held open while the `with` block runs."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        #: Folders whose entries have changed since the last `sync`, in order.
        self._touched: dict[str, None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def read(self, path: str) -> Entry | None:
        """What is at `path`, or None."""
        check_path(path)
        with self._parent(path) as folder:
            return None if folder is None else read_at(folder, _name(path), path)

    def missing_folders(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Folders above `paths` that do not exist, outermost first."""
        above = {folder for path in paths for folder in _above(path)}
        return tuple(sorted(folder for folder in above if not self._is_folder(folder)))

    def stage(self, path: str, entry: Entry, *, temporary: str, like: str) -> None:
        """Write `entry` to `temporary` beside `path`, synced, with the owner and attributes of the file `like`."""
        self._make_folders(path)
        with self._changed(path) as folder:
            if folder is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            if entry.is_link:
                if not entry.content or b"\0" in entry.content:
                    message = (
                        f"{path} would be a link to {entry.content!r}, which no link can hold; nothing was written"
                    )
                    raise JournalError(message, slug="link-target")
                os.symlink(os.fsdecode(entry.content), temporary, dir_fd=folder)
            else:
                with created(temporary, folder) as fd:
                    write_all(fd, entry.content)
                    self._inherit(fd, like)
                    os.fchmod(fd, stat.S_IMODE(entry.mode))
                    os.fsync(fd)

    def put(self, path: str, temporary: str, *, old: Entry | None, new: Entry | None) -> None:
        """As `exchange.put`."""
        with self._changed(path) as folder:
            if folder is None:
                raise ConflictError(path)
            exchange.put(folder, path, temporary, old=old, new=new)

    def restore(self, path: str, temporary: str, *, old: Entry | None, new: Entry | None) -> None:
        """As `exchange.restore`."""
        with self._changed(path) as folder:
            if folder is not None:
                exchange.restore(folder, path, temporary, old=old, new=new)

    def holds(self, path: str, temporary: str, new: Entry | None) -> bool:
        """As `exchange.holds`."""
        with self._parent(path) as folder:
            return folder is not None and exchange.holds(folder, temporary, new)

    def discard(self, path: str, temporary: str, *, old: Entry | None, new: Entry | None) -> None:
        """As `exchange.discard`."""
        with self._changed(path) as folder:
            if folder is not None:
                exchange.discard(folder, temporary, old=old, new=new)

    def sync(self) -> None:
        """Make every change of a folder so far outlive a power cut."""
        for path in tuple(self._touched):
            with contextlib.suppress(JournalError), _Way(self._fd, path) as folder:
                if folder is not None:  # else it is gone, and the one above it is synced too
                    sync_folder(folder)
            del self._touched[path]

    def losses(self, path: str, *, removed: bool) -> list[str]:
        """As `losses.losses`; none where no file is."""
        with self._parent(path) as folder:
            if folder is None or not stat.S_ISREG(_mode(folder, _name(path))):
                return []
            with opened(_name(path), folder) as fd:
                names = os.listxattr(fd) if hasattr(os, "listxattr") else []
                return [f"{path}: {loss}" for loss in losses(os.fstat(fd), names, removed=removed)]

    def drop_folders(self, folders: Sequence[str]) -> None:
        """Remove those of `folders` that are empty; they are given outermost first."""
        for path in reversed(folders):
            with contextlib.suppress(JournalError), self._changed(path) as folder:  # behind a link: not ours
                if folder is None:
                    continue
                try:
                    os.rmdir(_name(path), dir_fd=folder)
                except OSError as exc:
                    if exc.errno not in {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
                        raise

    def _parent(self, path: str) -> _Way:
        """The folder that `path` lies in."""
        return _Way(self._fd, path.rpartition("/")[0])

    def _changed(self, path: str) -> _Way:
        """As `_parent`, of a folder whose entries are changed now."""
        self._touched[path.rpartition("/")[0]] = None
        return self._parent(path)

    def _is_folder(self, path: str) -> bool:
        with _Way(self._fd, path) as folder:
            return folder is not None

    def _make_folders(self, path: str) -> None:
        for missing in self.missing_folders([path]):
            with self._changed(missing) as folder:
                if folder is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), missing)
                os.mkdir(_name(missing), dir_fd=folder)

    def _inherit(self, fd: int, like: str) -> None:
        """Owner, extended attributes and a later second of change, from the file `like` where it exists."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(self._parent(like))
            if folder is None:
                return
            try:
                source = stack.enter_context(opened(_name(like), folder))
            except OSError:  # gone, or a link: there is nothing to inherit
                return
            was, now = os.fstat(source), os.fstat(fd)
            if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
                with contextlib.suppress(PermissionError):  # only root may give files away
                    os.fchown(fd, was.st_uid, was.st_gid)
            _copy_attributes(source, fd)
            # A .pyc is taken for current if size and whole second of change agree.
            if int(now.st_mtime) <= int(was.st_mtime):
                os.utime(fd, (now.st_atime, int(was.st_mtime) + 1))


def stage(root: Root, start: Images, goal: Images, names: Mapping[str, str], *, origins: Mapping[str, str]) -> None:
    """Write what `goal` needs under the temporary `names`, then check that every file is still as in `start`.

    `origins` gives for a new file the one whose owner and attributes it takes. `ConflictError` where a file differs.
    """
    changed = _changed(start, goal)
    for path in changed:
        entry = goal[path]
        if entry is not None:
            root.stage(path, entry, temporary=names[path], like=origins.get(path, path))
    for path in changed:
        if not same(root.read(path), start[path]):
            raise ConflictError(path)


def swap(root: Root, start: Images, goal: Images, names: Mapping[str, str]) -> None:
    """Bring the staged files into place, removals last: at no moment is a renamed file's content nowhere."""
    for path in sorted(_changed(start, goal), key=lambda path: goal[path] is None):
        root.put(path, names[path], old=start[path], new=goal[path])


def _changed(start: Images, goal: Images) -> list[str]:
    return [path for path in goal if not same(start[path], goal[path])]


def temporaries(images: Images, token: str, direction: Literal["on", "back"]) -> dict[str, str]:
    """The name of each path's temporary file, which lies beside it."""
    return {path: f".reknit-{token}-{at}.{direction}" for at, path in enumerate(sorted(images))}


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in, outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _enter(folder: int, name: str, path: str) -> int | None:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as exc:
        if exc.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise JournalError(
            f"{path} is a symbolic link to a folder and is not followed; nothing was written",
            slug="behind-link",
            hint="name the files by the folder that the link points to",
        )
    return None


def _mode(folder: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0


def _copy_attributes(source: int, target: int) -> None:
    if not hasattr(os, "listxattr"):  # Linux only
        return
    with contextlib.suppress(OSError):  # a file system without them, or one that keeps its own
        for name in os.listxattr(source):
            with contextlib.suppress(OSError):  # such as security labels, which the system sets itself
                os.setxattr(target, name, os.getxattr(source, name))
