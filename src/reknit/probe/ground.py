"""What candidates leave behind in their sandbox is taken back, so that those after them start where they did.

The children of one worker share its folders: a file that one of them changes (a test, its data, bytecode) would be read
by all that come after, and decide over them. A whole new view for each would be dear; here what has changed is looked
for, and put back.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from .facts import bytecode_folder

#: Entries of a folder that can be looked through after each candidate, and bytes of it that are kept in memory.
_ENTRIES, _BYTES = 3000, 16 << 20
#: Marks a folder of an overlay that shows nothing of what lies below it.
_OPAQUE = "user.overlay.opaque"

#: What tells one state of an entry from another; of a folder only what is not about its entries.
Mark = tuple[int, ...]


class Original(NamedTuple):
    """What an entry was: its content, or where a link leads."""

    mode: int
    time: int
    data: bytes


class Ground:
    """Folders that are the sandbox's own: [where it is, where its changes show, what was there before or ""]."""

    def __init__(self, folders: list[list[str]]) -> None:
        self._folders = [Folder(*folder) for folder in folders]

    def restore(self, *, learn: bool) -> bool:
        """Put all back as it was at the start, whether that succeeds; `learn`: bytecode that was made is kept."""
        try:
            for folder in self._folders:
                folder.restore(learn=learn)
        except OSError:
            return False  # a candidate can make what cannot be removed, such as folders without end
        return True


class Folder:
    """One folder, and what it was like at the start; of an overlay, what lies below it (`before`) is not looked at."""

    def __init__(self, shown: str, changes: str, before: str) -> None:
        self._shown = os.path.join(shown, "")
        self._changes = os.path.join(changes, "")
        self._before = os.path.join(before, "") if before else ""
        self._bytecode = os.path.join(os.path.relpath(bytecode_folder(), shown), "")
        self._top = os.lstat(changes)
        self._device = os.lstat(shown).st_dev
        self._marks: dict[str, Mark] = {}
        self._memory: dict[str, Original] = {}
        self._seen: set[str] = set()
        #: Where there is too much in it, nothing is looked at.
        self.watched = self._remember()

    def _remember(self) -> bool:
        left = _BYTES
        pending = [""]
        while pending:
            for path, state in self._entries(pending.pop()):
                self._marks[path] = _mark(state)
                if stat.S_ISDIR(state.st_mode):
                    pending.append(f"{path}/")
                if self._is_bytecode(path):
                    continue
                left -= state.st_size
                if left < 0 or len(self._marks) > _ENTRIES:
                    return False
                original = _read(self._changes + path)
                if original is not None:
                    self._memory[path] = original
        return True

    def restore(self, *, learn: bool) -> None:
        """As `Ground.restore`; `OSError` where it does not succeed."""
        if not self.watched:
            return
        if _mark(os.lstat(self._changes)) != _mark(self._top):
            os.chmod(self._shown, stat.S_IMODE(self._top.st_mode))
        self._seen = set()
        pending = [""]
        while pending:
            for path, state in self._entries(pending.pop()):
                mark, folder = _mark(state), stat.S_ISDIR(state.st_mode)
                if self._marks.get(path) == mark or (learn and self._is_bytecode(path)):
                    self._marks[path] = mark
                    self._seen.add(path)
                else:
                    self._reset(path)
                    folder = path in self._seen and _is_folder(self._changes + path)
                if folder:
                    pending.append(f"{path}/")
        for path in sorted(self._marks.keys() - self._seen):
            self._reset(path)

    def _reset(self, path: str) -> None:
        """Make an entry what it was, with all that is in it where it is no longer there."""
        pending = [path]
        while pending:
            path = pending.pop()
            original = self._original(path)
            if original is None:
                _remove(self._shown + path, self._device)
                self._marks.pop(path, None)
                continue
            shown = self._shown + path
            stays = stat.S_ISDIR(original.mode) and _is_folder(shown)
            if not stays:
                _remove(shown, self._device)
                _make(shown, original)
            if stat.S_ISDIR(original.mode):
                os.chmod(shown, stat.S_IMODE(original.mode))
                if self._before and (not stays or _is_opaque(self._changes + path)):
                    with contextlib.suppress(FileNotFoundError):
                        pending += [f"{path}/{name}" for name in os.listdir(self._before + path)]
            self._marks[path] = _mark(os.lstat(self._changes + path))
            self._seen.add(path)

    def _original(self, path: str) -> Original | None:
        known = self._memory.get(path)
        return known if known or not self._before else _read(self._before + path)

    def _is_bytecode(self, path: str) -> bool:
        return f"{path}/".startswith(self._bytecode)

    def _entries(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        """What is in a folder, other file systems aside."""
        try:
            found = os.scandir(self._changes + folder)
        except PermissionError:
            os.chmod(self._shown + folder, stat.S_IRWXU)
            found = os.scandir(self._changes + folder)
        with found:
            entries = list(found)
        for entry in entries:
            state = entry.stat(follow_symlinks=False)
            if state.st_dev == self._top.st_dev:
                yield folder + entry.name, state


def _mark(state: os.stat_result) -> Mark:
    mark: Mark = (state.st_mode, state.st_uid, state.st_gid)
    if stat.S_ISDIR(state.st_mode):
        return mark
    return (*mark, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


def _read(path: str) -> Original | None:
    """None where there is nothing that could be made again."""
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        return None
    data = b""
    if stat.S_ISREG(state.st_mode):
        with open(path, "rb") as file:
            data = file.read()
    elif stat.S_ISLNK(state.st_mode):
        data = os.fsencode(os.readlink(path))
    elif not stat.S_ISDIR(state.st_mode):
        return None
    return Original(state.st_mode, state.st_mtime_ns, data)


def _make(path: str, original: Original) -> None:
    if stat.S_ISDIR(original.mode):
        os.mkdir(path)
    elif stat.S_ISLNK(original.mode):
        os.symlink(original.data, os.fsencode(path))
    else:
        with open(path, "xb") as file:
            file.write(original.data)
        os.chmod(path, stat.S_IMODE(original.mode))
        os.utime(path, ns=(original.time, original.time))


def _remove(path: str, device: int) -> None:
    """Whatever is there, with all that is in it; `OSError` where another file system is."""
    pending = [path]
    while pending:
        last = pending[-1]
        try:
            if _is_folder(last):
                os.rmdir(last)
            else:
                os.unlink(last)
        except FileNotFoundError:
            pass
        except OSError:
            if not _is_folder(last) or os.lstat(last).st_dev != device:
                raise
            os.chmod(last, stat.S_IRWXU)
            inside = [os.path.join(last, name) for name in os.listdir(last)]
            if not inside:
                raise
            pending += inside
            continue
        pending.pop()


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _is_opaque(path: str) -> bool:
    try:
        return os.getxattr(path, _OPAQUE) == b"y"
    except OSError:  # it is not marked, or the file system knows no marks
        return False
