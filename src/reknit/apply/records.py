"""The journal's own files: what is about to be done, and what was done.

A record is one file, `<number>-<verb>-<target>.intent` until its act is complete and `….done` from then on: the rename is
the commit. It holds the SHA-256 of the rest on its first line, then JSON. It appears by a rename after a sync, so a record
is either whole or not there; one that fails its checksum was damaged on disk and counts as not there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from reknit.apply.base import Act, Head
from reknit.apply.entries import sync_folder, write_all
from reknit.apply.tree import explained
from reknit.errors import JournalError, UsageError
from reknit.model import codec

_NAME = re.compile(r"(?P<number>\d+)-(?P<verb>[a-z]+)-(?P<target>[0-9a-f]+)\.[a-z]+")
#: Seconds between two looks at a lock that somebody holds, and how many looks before giving up.
_PAUSE, _LOOKS = 0.05, 200


class Records:
    """The records of one project, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out; the system frees the lock of one that dies. `JournalError` after ten seconds."""
        with explained("keep the journal in"):
            _make_durable(self._folder)
            fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _acquire(fd)
                yield
            finally:
                os.close(fd)

    def pending(self) -> list[Path]:
        """Intents whose act is not complete, oldest first."""
        return [self._folder / name for name in self._names(".intent")]

    def tidy(self) -> list[Path]:
        """As `pending`, for who has the lock: what a crash left of an intent that never was is removed."""
        names = self._names()
        for stray in names:
            if stray.endswith(".tmp"):
                os.unlink(self._folder / stray)
        return [self._folder / name for name in names if name.endswith(".intent")]

    def done(self, last: int | None = None) -> tuple[Act, ...]:
        """Every complete act, or so many of the last, oldest first."""
        acts = map(self.act, self._names(".done")[-last if last else None :])
        return tuple(act for act in acts if act is not None)

    def heads(self) -> list[Head]:
        """What the names of the complete acts say of them, oldest first."""
        found = ((name, _NAME.fullmatch(name)) for name in self._names(".done"))
        return [
            Head(name=name, number=int(head["number"]), verb=head["verb"], target=head["target"])
            for name, head in found
            if head is not None
        ]

    def act(self, name: str) -> Act | None:
        """The act in the record of that name; None if it is damaged."""
        return self.load(self._folder / name)

    def load(self, path: Path) -> Act | None:
        """The act in a record; None if it is damaged."""
        head, _, body = path.read_bytes().partition(b"\n")
        return _parsed(body) if hashlib.sha256(body).hexdigest().encode() == head else None

    def next_number(self) -> int:
        """A number that no record has, whatever became of it."""
        found = (_NAME.match(name) for name in reversed(self._names()))
        return 1 + next((int(head["number"]) for head in found if head is not None), 0)

    def begin(self, act: Act) -> Path:
        """Write the intent, synced; `JournalError` if it could not be read back."""
        body = _encoded(act)
        path = self._folder / f"{act.number:08d}-{act.verb}-{act.target}.intent"
        temporary = path.with_suffix(".tmp")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
        try:
            _sync(self._folder)
        except OSError:
            path.unlink()
            raise
        return path

    def commit(self, intent: Path) -> None:
        """Make the act complete."""
        os.rename(intent, intent.with_suffix(".done"))
        with contextlib.suppress(OSError):  # should the rename be lost, recovery makes it again
            _sync(self._folder)

    def set_aside(self, intent: Path) -> Path:
        """Keep a record that nothing can be done with, for people."""
        target = intent.with_suffix(".aside")
        os.rename(intent, target)
        _sync(self._folder)
        return target

    def forget(self, intent: Path) -> None:
        """Drop an intent whose act left nothing."""
        intent.unlink()
        _sync(self._folder)

    def trim(self, *, most: int, size: int) -> tuple[int, int]:
        """Drop the oldest of the complete acts, all but the last, beyond so many or so many bytes; how many, and their bytes."""
        sizes = {name: (self._folder / name).stat().st_size for name in self._names(".done")}
        left, total, dropped = len(sizes), sum(sizes.values()), []
        for name, bytes_ in sizes.items():
            if left <= max(most, 1) and (total <= size or left == 1):
                break
            dropped.append(name)
            left, total = left - 1, total - bytes_
        for name in dropped:
            os.unlink(self._folder / name)
        return len(dropped), sum(sizes[name] for name in dropped)

    def _names(self, suffix: str = "") -> list[str]:
        """Files in the folder whose names end so, oldest first."""
        try:
            return sorted(name for name in os.listdir(self._folder) if name.endswith(suffix))
        except FileNotFoundError:  # nothing was ever done here
            return []


def _encoded(act: Act) -> bytes:
    try:
        body = codec.dumps(Act, act)
    except ValueError:
        body = b""
    if _parsed(body) != act:
        message = "the change cannot be recorded, so it could not be taken back; nothing was written"
        hint = "report this: a number in the patch or its verdicts is not finite, or a value has a wrong type"
        raise JournalError(message, slug="unrecordable", hint=hint)
    return body


def _parsed(body: bytes) -> Act | None:
    try:
        act: Act = codec.loads(Act, body)
    except UsageError:
        return None
    return act


def _acquire(fd: int) -> None:
    for _ in range(_LOOKS):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return
    message = "another reknit process is changing this project; nothing was written"
    raise JournalError(message, slug="busy", hint="wait until it has ended, then run the command again")


def _make_durable(folder: Path) -> None:
    """Make a folder that only its owner may enter, and those above it, so that they outlive a power cut."""
    if folder.is_dir():
        return
    _make_durable(folder.parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folder(fd)
    finally:
        os.close(fd)
