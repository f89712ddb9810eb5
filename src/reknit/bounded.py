"""Small files that may be hostile, read so that none shows another file, keeps anybody waiting or has no end.

A repository can hold a link to the user's keys, a pipe, or a file of any length in the place of each file that is looked
at. What may lie in a repository is read with `below`: from there on no link is followed.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: Bytes of a file of settings; more is none.
SETTINGS = 256 * 1024
_LINE = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def read(path: Path, *, most: int, below: Path | None) -> bytes:
    """The content of a regular file of at most `most` bytes; `OSError`, with the reason, where it is anything else.

    `below`: a folder that holds the file; links from there on are refused, where None they are followed.
    """
    fd = os.open(path, _FILE) if below is None else _walk(below, path.relative_to(below).parts)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is no regular file")
    with os.fdopen(fd, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most // 1024} KiB")
    return content


def text(path: Path, *, below: Path | None, most: int = SETTINGS) -> str | None:
    """The content as text, without zero bytes; None where it cannot be read."""
    try:
        return read(path, most=most, below=below).decode("utf-8", "replace").replace("\0", "")
    except (OSError, ValueError):  # a zero byte in its name, no file below the folder
        return None


def line(path: Path, *, below: Path) -> str | None:
    """The only line of the file; None where it has more, has none, or holds what nobody can see."""
    found = (text(path, below=below, most=_LINE) or "").strip()
    return found if found.isprintable() and found else None


def escaped(words: str) -> str:
    """`words` on one line that a terminal prints and does not obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in words)


def _walk(folder: Path, parts: tuple[str, ...]) -> int:
    """A descriptor of the file that `parts` lead to from the folder."""
    if not parts or ".." in parts:
        raise OSError(errno.EINVAL, "it is no file below the folder")
    at = os.open(folder, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            below = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        return os.open(parts[-1], _FILE | os.O_NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)
