"""The security log of one project: what was done there, one JSON object a line, each with the SHA-256 of the line before.

A line is synced before anything goes on, and `ledger.head` then says which line is the first and which the last, so that
lines cut off at either end are missed too. A crash leaves at most one line more than the head says, or a part of one.
Beyond its bound the file becomes `ledger.1.jsonl`, in place of the one of that name, and the chain goes on in a new one.

Whoever may write to the state folder may write a whole new chain: it tells of slips, and of what was done by halves.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from reknit.errors import StoreError

LEDGER, OLDER, HEAD = "ledger.jsonl", "ledger.1.jsonl", "ledger.head"
_LOCK = "ledger.lock"
#: Bytes of each of the two files.
_MOST_BYTES = 8 << 20
#: Characters of a text, texts of a list, bytes of a line.
_TEXT, _LIST, _LINE = 200, 20, 64 << 10
_NO_LINE = "0" * 64

Fact = str | int | float | bool | None | Sequence[str]


class Event(StrEnum):
    """What is written down."""

    HEAL_BEGAN = "heal began"
    HEAL_ENDED = "heal ended"
    PROPOSED = "patch proposed"
    #: Said before it is done.
    WRITING = "patch is to be written"
    APPLIED = "patch applied"
    TAKEN_BACK = "patch taken back"
    AGAIN = "patch applied again"
    REFUSED = "patch refused"
    TRUSTED = "trust given"
    TRUST_ENDED = "trust ended"
    LOOSENED = "settings loosened"
    BREAKER = "breaker changed"
    MENDED = "torn line dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line as it stands in the ledger."""

    number: int
    at: str
    event: str
    facts: Mapping[str, Any]
    #: SHA-256 of the bytes of the line before, and of this one, hexadecimal.
    before: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first line that must be there, and the last one."""

    first: int
    last: int
    sha256: str


class Ledger:
    """The ledger in a state folder, to be written to; any number of processes may."""

    def __init__(
        self,
        state: Path,
        *,
        redact: Callable[[str], str],
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
        most: int = _MOST_BYTES,
    ) -> None:
        self._state = state
        self._redact = redact
        self._now = now
        self._most = most

    def write(self, event: Event, **facts: Fact) -> None:
        """Add a line, synced; `StoreError` where that cannot be, or where the ledger is not as it was left."""
        try:
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                head, torn = self._end()
                if torn:
                    head = self._add(head, Event.MENDED, {"bytes": torn})
                self._add(self._room(head), event, facts)
        except OSError as exc:
            message = f"the ledger in {self._state} cannot be written: {exc.strerror or exc}"
            hint = "make room there, or make the folder yours; or set REKNIT_STATE_DIR"
            raise StoreError(message, slug="ledger-unwritable", hint=hint) from exc

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        fd = os.open(self._state / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _end(self) -> tuple[Head | None, int]:
        """The head as the lines are; and the bytes of a torn line, which are dropped."""
        known = read_head(self._state)
        path = self._state / LEDGER
        whole, torn = _tail(path)
        last = whole or _tail(self._state / OLDER)[0]
        if not _follows(known, last):
            message = f"the ledger in {self._state} is not as it was left; nothing was added to it"
            hint = "`reknit ledger` names the line; to begin a new one, move the ledger's files elsewhere"
            raise StoreError(message, slug="ledger-broken", hint=hint)
        if torn:
            os.truncate(path, path.stat().st_size - torn)
        if last is None:
            return None, torn
        return Head(first=known.first if known else 1, last=last.number, sha256=last.sha256), torn

    def _room(self, head: Head | None) -> Head | None:
        """Let a full file become the older one; the head first says that what is there goes."""
        path = self._state / LEDGER
        if head is None or not path.exists() or path.stat().st_size < self._most:
            return head
        with path.open("rb") as file:
            first = _parsed(file.readline().rstrip(b"\n"))
        head = Head(first=first.number if first else head.first, last=head.last, sha256=head.sha256)
        self._keep(head)
        path.replace(self._state / OLDER)
        return head

    def _add(self, head: Head | None, event: Event, facts: Mapping[str, Fact]) -> Head:
        number = head.last + 1 if head else 1
        told = {name: self._shown(value) for name, value in facts.items()}
        content = {
            "n": number,
            "at": self._now().astimezone(dt.UTC).isoformat(timespec="milliseconds"),
            "event": event.value,
            "facts": told,
            "before": head.sha256 if head else _NO_LINE,
        }
        line = _encoded(content)
        if len(line) > _LINE:
            line = _encoded({**content, "facts": {"left out": f"{len(line)} bytes"}})
        fd = os.open(self._state / LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new = Head(first=head.first if head else 1, last=number, sha256=_sha(line))
        self._keep(new)
        return new

    def _keep(self, head: Head) -> None:
        new = self._state / f"{HEAD}.new"
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(_encoded({"first": head.first, "last": head.last, "sha256": head.sha256}))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._state / HEAD)
        folder = os.open(self._state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _shown(self, value: Fact) -> Any:
        if isinstance(value, str):
            text = self._redact(value)
            return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
        if isinstance(value, Sequence):
            more = [f"and {len(value) - _LIST} more"] if len(value) > _LIST else []
            return [*(self._shown(one) for one in value[:_LIST]), *more]
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """The first line of which something is not as it was written."""

    kind: Literal["changed", "cut", "inserted"]
    #: Counted from the first line ever.
    number: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is in a ledger, and whether it is as it was written."""

    lines: tuple[Line, ...]
    #: Bytes of a last line that a crash has cut short.
    torn: int
    flaw: Flaw | None


def verify(state: Path) -> Checked:
    """The ledger in a state folder, held against its chain and its head; `StoreError` where it cannot be read."""
    try:
        older, cut = _lines(state / OLDER)
        newer, torn = _lines(state / LEDGER)
        head = read_head(state)
    except OSError as exc:
        message = f"the ledger in {state} cannot be read: {exc.strerror or exc}"
        raise StoreError(message, slug="ledger-unreadable") from exc
    lines = [*older, *([_line(cut)] if cut else []), *newer]
    last = lines[-1].number if lines else 0
    flaw = _flaw(lines, head)
    if flaw is None and torn and head is not None and head.last > last:
        flaw = Flaw(kind="changed", number=last + 1, why="it was whole, and is no more")
    return Checked(lines=tuple(lines), torn=0 if flaw else len(torn), flaw=flaw or _flaw_at_end(lines, head))


def _lines(path: Path) -> tuple[list[Line], bytes]:
    try:
        whole, _, torn = path.read_bytes().rpartition(b"\n")
    except FileNotFoundError:
        return [], b""
    return [_line(raw) for raw in whole.split(b"\n")] if whole else [], torn


def _flaw(lines: Sequence[Line], head: Head | None) -> Flaw | None:
    """The first line that does not go on from the one before."""
    if not lines:
        return None
    if lines[0].number == 0 or (lines[0].number == 1 and lines[0].before != _NO_LINE):
        return Flaw(kind="changed", number=head.first if head else 1, why="it is not as it was written")
    first = head.first if head else 1
    if lines[0].number > first:
        return Flaw(kind="cut", number=first, why=f"the first that is there is {lines[0].number}")
    for at in range(1, len(lines)):
        before, line = lines[at - 1], lines[at]
        if (line.number, line.before) != (before.number + 1, before.sha256):
            return _told(lines, at, head)
    return None


def _told(lines: Sequence[Line], at: int, head: Head | None) -> Flaw:
    """What is wrong where line `at` does not go on from the one before, which is well with those before it."""
    before, line = lines[at - 1], lines[at]
    earlier = {other.sha256: place for place, other in enumerate(lines[: at - 1])}
    if line.before in earlier:
        place = earlier[line.before] + 1
        return Flaw(kind="inserted", number=lines[place].number, why=f"line {line.number} was written without it")
    confirmed = line.sha256 == (lines[at + 1].before if at + 1 < len(lines) else head.sha256 if head else "")
    if confirmed and line.number > before.number + 1:
        return Flaw(kind="cut", number=before.number + 1, why=f"after {before.number}, the next is {line.number}")
    if confirmed:
        return Flaw(kind="changed", number=before.number, why="the line after it was written to another one")
    return Flaw(kind="changed", number=before.number + 1, why="it is not as it was written")


def _flaw_at_end(lines: Sequence[Line], head: Head | None) -> Flaw | None:
    """What the head misses at the end."""
    last = lines[-1] if lines else None
    if _follows(head, last):
        return None
    if head is None:
        return Flaw(
            kind="cut", number=(last.number if last else 0) + 1, why=f"{HEAD}, which says what is there, is missing"
        )
    if last is None or last.number < head.last:
        return Flaw(kind="cut", number=(last.number if last else 0) + 1, why=f"there were lines up to {head.last}")
    if last.number == head.last:
        return Flaw(kind="changed", number=last.number, why="it is not as it was written")
    return Flaw(kind="inserted", number=head.last + 1, why=f"the last that was written is {head.last}")


def read_head(state: Path) -> Head | None:
    """What the head says; None where there is none, or it is damaged."""
    try:
        record = json.loads((state / HEAD).read_bytes())
        return Head(first=int(record["first"]), last=int(record["last"]), sha256=str(record["sha256"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _follows(known: Head | None, last: Line | None) -> bool:
    """Whether the last line is the one that the head says, or one more, which a crash leaves."""
    if last is None:
        return known is None
    if known is None:
        return (last.number, last.before) == (1, _NO_LINE)
    if last.number == known.last:
        return last.sha256 == known.sha256
    return last.number == known.last + 1 and last.before == known.sha256


def _tail(path: Path) -> tuple[Line | None, int]:
    """The last whole line, and the bytes after it; a whole line that is no entry counts as the zeroth."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 4 * _LINE))
            content = file.read()
    except FileNotFoundError:
        return None, 0
    whole, _, torn = content.rpartition(b"\n")
    if not whole:
        return None, len(torn)
    return _line(whole.rpartition(b"\n")[2]), len(torn)


def _line(raw: bytes) -> Line:
    """A line; number 0 where it is no entry."""
    return _parsed(raw) or Line(number=0, at="", event="", facts={}, before="", sha256=_sha(raw))


def _parsed(raw: bytes) -> Line | None:
    try:
        found = json.loads(raw)
        return Line(
            number=int(found["n"]),
            at=str(found["at"]),
            event=str(found["event"]),
            facts=dict(found["facts"]),
            before=str(found["before"]),
            sha256=_sha(raw),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode("ascii")


def _sha(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
