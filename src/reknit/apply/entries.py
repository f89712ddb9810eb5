"""Single files and links in a folder that is held open."""

from __future__ import annotations

import errno
import os
import stat
from types import TracebackType

from reknit.errors import JournalError
from reknit.model.patch import Entry

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20


class Descriptor:
    """A file that is open while the `with` block runs; a class, as each act enters dozens of them."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> int:
        return self._fd

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)


def opened(name: str, folder: int) -> Descriptor:
    """A file to be read; links are not followed."""
    return Descriptor(os.open(name, _FILE, dir_fd=folder))


def created(name: str, folder: int) -> Descriptor:
    """A new file to be written, for its owner only."""
    return Descriptor(os.open(name, _NEW, 0o600, dir_fd=folder))


def read_at(folder: int, name: str, path: str = "") -> Entry | None:
    """What is there, or None; `JournalError` for what is neither file nor link, called `path` for people."""
    try:
        kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(kind):
        return Entry(content=os.fsencode(os.readlink(name, dir_fd=folder)), is_link=True)
    if not stat.S_ISREG(kind):
        raise _special(path or name)
    with opened(name, folder) as fd:
        return read_open(fd, path or name)


def read_open(fd: int, path: str) -> Entry:
    """What an open file is; `JournalError` for what is no regular one, called `path` for people."""
    state = os.fstat(fd)
    if not stat.S_ISREG(state.st_mode):
        raise _special(path)
    return Entry(content=_contents(fd, state.st_size), mode=stat.S_IMODE(state.st_mode))


def _special(path: str) -> JournalError:
    return JournalError(f"{path} is no regular file; nothing was read or written", slug="special-file")


def _contents(fd: int, size: int) -> bytes:
    chunks = [os.read(fd, min(size + 1, _CHUNK))]
    while chunks[-1]:
        chunks.append(os.read(fd, _CHUNK))
    return b"".join(chunks)


def sync_folder(fd: int) -> None:
    """Make the entries of a folder outlive a power cut, on file systems that know how (some of FUSE and SMB do not)."""
    try:
        os.fsync(fd)
    except OSError as exc:
        if exc.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise


def write_all(fd: int, data: bytes) -> None:
    """Write every byte: the system may take fewer at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest[:_CHUNK]) :]
