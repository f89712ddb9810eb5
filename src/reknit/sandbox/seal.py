"""Whether files are still what they were, seen from outside of the job: standard library only, for the launcher.

Two things tell. Identities, before and after: who rewrites a file and puts it back can set its times back too, but not
the time of its last change of state. And what the kernel has seen meanwhile (inotify(7)): a folder that was moved away
and back, or something that was made and removed again, leaves no trace in any identity.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from reknit.sandbox import kernel
else:
    import kernel

#: None where nothing is, or nothing can be seen.
Identity = tuple[int, ...] | None
#: All that is passed on the way to a file, its own folders, links and what these lead to included.
Way = list[tuple[str, Identity]]

#: linux/inotify.h
_CLOSED_WRITE, _MOVED_TO, _CREATED, _MOVED_SELF, _OVERFLOW, _MASK_ADD = 0x8, 0x80, 0x100, 0x800, 0x4000, 0x20000000
_EVENT = struct.Struct("iIII")
_CHUNK = 1 << 16
#: Links on one way that are followed, as by the kernel.
_LINKS = 40


class Seals:
    """Files below `root` that a job shall leave as they are; made before it starts, asked when all of it has ended."""

    def __init__(self, root: str, paths: Sequence[str], *, linux: bool) -> None:
        self._root, self._paths = root, paths
        self._before = _ways(root, paths)
        self._events = -1
        #: (watch, name in it, "" for itself) → the files that it tells of, by number.
        self._told: dict[tuple[int, str], set[int]] = {}
        if paths and linux:
            try:
                self._events = kernel.open_events()
                self._watch()
            except OSError:  # the user has as many watches as the system allows: identities must do
                pass

    def broken(self) -> list[int]:
        """Numbers of the files that were not left as they were."""
        found = self._seen_meanwhile()
        after = _ways(self._root, self._paths)
        return sorted(found | {n for n, way in enumerate(after) if way != self._before[n]})

    def _watch(self) -> None:
        """Have the kernel tell; folders first, since identities say the least of them."""
        wanted: dict[tuple[str, Identity], set[int]] = {}
        for number, way in enumerate(self._before):
            for step in way:
                wanted.setdefault(step, set()).add(number)
        found = [(*_watched(*step), numbers) for step, numbers in wanted.items()]
        for path, mask, name, numbers in sorted(found, key=lambda f: f[1] == _CLOSED_WRITE):
            if mask:
                watch = kernel.watch(self._events, path, mask | _MASK_ADD)
                self._told.setdefault((watch, name), set()).update(numbers)

    def _seen_meanwhile(self) -> set[int]:
        found: set[int] = set()
        if self._events < 0:
            return found
        for watch, mask, name in _events(self._events):
            if mask & _OVERFLOW:
                return set(range(len(self._paths)))
            found |= self._told.get((watch, name), set())
        return found


def _watched(path: str, identity: Identity) -> tuple[str, int, str]:
    """What to watch, for what, and the name that it must happen to: "" is the watched one itself."""
    if identity is None:
        folder, name = os.path.split(path)
        return folder, _CREATED | _MOVED_TO, name
    if stat.S_ISDIR(identity[0]):
        return path, _MOVED_SELF, ""
    # Times need not tell of a write through memory, nor of one within their grain.
    return path, _CLOSED_WRITE if stat.S_ISREG(identity[0]) else 0, ""


def _events(source: int) -> Iterator[tuple[int, int, str]]:
    """(watch, mask, name) of each event that waits."""
    while True:
        try:
            data = os.read(source, _CHUNK)
        except BlockingIOError:
            return
        while data:
            watch, mask, _, length = _EVENT.unpack_from(data)
            end = _EVENT.size + length
            yield watch, mask, os.fsdecode(data[_EVENT.size : end].rstrip(b"\0"))
            data = data[end:]


def _ways(root: str, paths: Sequence[str]) -> list[Way]:
    seen: dict[str, Identity] = {}
    return [_way(root, path, seen) for path in paths]


def _way(root: str, path: str, seen: dict[str, Identity]) -> Way:
    """The way from `root`; it ends where nothing is, and where it leads out, since nothing can be changed there."""
    here, left, links = root, path.split("/")[::-1], _LINKS
    way: Way = [(root, _identity(root, seen))]
    while left:
        name = left.pop()
        if name in {"", "."}:
            continue
        above, here = here, os.path.dirname(here) if name == ".." else f"{here}/{name}"
        if f"{root}/".startswith(f"{here}/"):
            continue
        if not here.startswith(f"{root}/"):
            return way
        identity = _identity(here, seen)
        way.append((here, identity))
        if identity is None:
            return way
        if stat.S_ISLNK(identity[0]) and links:
            links -= 1
            target = os.readlink(here)
            here = "" if target.startswith("/") else above
            left += target.split("/")[::-1]
    return way


def _identity(path: str, seen: dict[str, Identity]) -> Identity:
    """What tells a file or link from any other, and from itself after a change; a folder from another only."""
    if path not in seen:
        try:
            found = os.lstat(path)
        except OSError:
            seen[path] = None
            return None
        identity: tuple[int, ...] = (found.st_mode, found.st_dev, found.st_ino)
        if not stat.S_ISDIR(found.st_mode):
            identity += (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        seen[path] = identity
    return seen[path]
