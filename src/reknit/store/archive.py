"""The history in small: what was applied, undone and redone, how runs ended, each with the diff that it made, packed.

The journal is what `undo` goes by; this is for people, and outlives the journal's bound. What a row is about is in plain
columns and stays; its body is the unified diff, byte for byte, as that is what people read and `reknit apply` takes: the
patch as JSON has its bytes in base64, which neither reads nor packs well. Bodies are packed one by one (RFC 1951), so that
the oldest can go first when there are too many. As each is short, the packer is first given what all diffs share
(`dictionary`), and the names of the row's files; and the row has the checksum.

The database may be damaged or written by somebody else: a body is unpacked to its stated size at most, and one that is not
what its row says is a note.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from reknit.errors import UsageError
from reknit.model.instant import check_instant
from reknit.model.verdict import Receipt
from reknit.store.connection import Database
from reknit.store.dictionary import DICTIONARIES, NEWEST
from reknit.store.migrations import damaged

#: Of all bodies as they are kept, and of one as it was given; a longer one is not kept.
ARCHIVE_BYTES = 32 << 20
BODY_BYTES = 4 << 20
#: Rows, bodies or not.
_MOST_ROWS = 100_000
_MOST_FILES = 100
#: No archive comes near: a row that says so is damaged.
_MOST_COUNTED = 1 << 60
_LEVEL = 6
#: No header and no trailer: the row has what they would say.
_RAW = -zlib.MAX_WBITS
#: In place of a dictionary's Adler-32, which is never 0.
_PLAIN = 0

Kind = Literal["apply", "undo", "redo", "run"]
_INSERT = "INSERT INTO archive VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT = """SELECT number, at, kind, id, patch, files, label, reason, plain, packed, body IS NOT NULL
    FROM archive ORDER BY number DESC LIMIT ?"""
#: Those that do not lie whole within the size, counted from the end.
_DROP = "UPDATE archive SET body = NULL WHERE body IS NOT NULL AND packed > 0 AND start < ?"
_COUNT = "SELECT COUNT(*), COALESCE(SUM(packed), 0) FROM archive WHERE body IS NOT NULL AND packed > 0 AND start < ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveEntry:
    """Something that was done."""

    kind: Kind
    at: dt.datetime
    #: Of the receipt, or the number of the run.
    id: str
    #: Of the patch; "" for a run.
    patch: str = ""
    files: tuple[str, ...] = ()
    #: Of the verdict that admitted it; for a run, how its signals ended.
    label: str = ""
    #: Why it was done, or taken back; for a run, what ended it.
    reason: str = ""
    #: The unified diff.
    body: bytes = b""

    def __post_init__(self) -> None:
        check_instant(self.at, "the time of an entry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A row of the archive."""

    #: Counts from 1; newer is larger.
    number: int
    #: Its body is empty; `Archive.body` has it.
    entry: ArchiveEntry
    #: Bytes of the body as it was given and as it was kept.
    plain: int
    packed: int
    #: Whether the body was dropped: it was too long, or it was among the oldest when there were too many.
    dropped: bool


def entry_of(kind: Kind, receipt: Receipt, body: bytes) -> ArchiveEntry:
    """The entry for an act, by its receipt and the diff that it made."""
    return ArchiveEntry(
        kind=kind,
        at=receipt.at,
        id=receipt.id,
        patch=receipt.patch.id,
        files=receipt.patch.files,
        label=receipt.verdicts[0].label.value if receipt.verdicts else "",
        reason=receipt.reason,
        body=body,
    )


class Archive:
    """The archive in one database."""

    def __init__(self, database: Database, *, compression: bool = True, size: int = ARCHIVE_BYTES) -> None:
        self._database = database
        self._compression = compression
        self._most = size

    def add(self, entry: ArchiveEntry) -> None:
        """Keep an entry; the oldest bodies make room. `StoreError` if it cannot."""
        self._database.write(lambda db: self.insert(db, entry))

    def insert(self, db: sqlite3.Connection, entry: ArchiveEntry) -> None:
        """Keep an entry, within the caller's transaction."""
        last = db.execute("SELECT number, start, packed FROM archive ORDER BY number DESC LIMIT 1").fetchone()
        if not all(isinstance(n, int) and 0 <= n < _MOST_COUNTED for n in last or ()):
            raise damaged("the archive counts wrongly")
        number, start = (last[0] + 1, last[1] + last[2]) if last else (1, 0)
        files = json.dumps(entry.files[:_MOST_FILES])
        dictionary, body = self._pack(entry.body, files)
        packed = 0 if body is None else len(body)
        about = (entry.at.isoformat(), entry.kind, *map(_said, (entry.id, entry.patch)), files)
        words = map(_said, (entry.label, entry.reason))
        sizes = (len(entry.body), packed, dictionary, zlib.crc32(entry.body), start)
        db.execute(_INSERT, (number, *about, *words, *sizes, body))
        db.execute(_DROP, (start + packed - self._most,))
        db.execute("DELETE FROM archive WHERE number <= ?", (number - _MOST_ROWS,))

    def entries(self, *, limit: int = -1) -> tuple[Archived, ...]:
        """The newest `limit` rows, oldest first; −1 is all. One that cannot be read is a note."""
        rows = self._database.rows(_SELECT, limit)
        return tuple(found for row in reversed(rows) if (found := self._read(row)) is not None)

    def body(self, number: int) -> bytes | None:
        """The diff of a row; None where it was dropped, or where it is damaged, which is a note."""
        query = "SELECT body, plain, dictionary, files, checksum FROM archive WHERE number = ?"
        for body, plain, dictionary, files, checksum in self._database.rows(query, number):
            if body is None:
                return None
            found = _unpacked(body, plain, dictionary, files)
            if found is None or zlib.crc32(found) != checksum:
                self._database.note(f"the diff of entry {number} in {self._database.path} is damaged; it is not shown")
                return None
            return found
        return None

    def excess(self, db: sqlite3.Connection) -> tuple[int, int]:
        """How many bodies are too much, and their bytes."""
        count, size = db.execute(_COUNT, (self._end(db) - self._most,)).fetchone()
        return count, size

    def trim(self, db: sqlite3.Connection) -> None:
        """Drop the bodies that are too much, within the caller's transaction."""
        db.execute(_DROP, (self._end(db) - self._most,))

    def _end(self, db: sqlite3.Connection) -> int:
        query = "SELECT CAST(start + packed AS INTEGER) FROM archive ORDER BY number DESC LIMIT 1"
        found = db.execute(query).fetchone()
        return found[0] if found else 0

    def _pack(self, body: bytes, files: str) -> tuple[int, bytes | None]:
        """The dictionary's Adler-32 and the body as it is kept: plain where packing gains nothing, None if too long."""
        if len(body) <= BODY_BYTES and self._compression:
            packer = zlib.compressobj(_LEVEL, wbits=_RAW, zdict=_given(NEWEST, files))
            packed = packer.compress(body) + packer.flush()
            if len(packed) < min(len(body), self._most):
                return NEWEST, packed
        return _PLAIN, body if len(body) <= min(BODY_BYTES, self._most) else None

    def _read(self, row: tuple[Any, ...]) -> Archived | None:
        number, at, kind, key, patch, files, label, reason, plain, packed, whole = row
        try:
            entry = ArchiveEntry(
                kind=_kind(kind),
                at=dt.datetime.fromisoformat(at),
                id=str(key),
                patch=str(patch),
                files=_names(json.loads(files)),
                label=str(label),
                reason=str(reason),
            )
            return Archived(number=number, entry=entry, plain=int(plain), packed=int(packed), dropped=not whole)
        except (TypeError, ValueError, RecursionError, UsageError):
            self._database.note(f"entry {number} in {self._database.path} is damaged; it is not shown")
            return None


def _given(dictionary: int, files: str) -> bytes:
    """What the packer is given before a body: the dictionary, and how the diffs of the row's files begin."""
    names = [str(name).encode("utf-8", "surrogateescape") for name in reversed(json.loads(files))]
    return DICTIONARIES[dictionary] + b"".join(b"--- a/%s\n+++ b/%s\n@@ -" % (name, name) for name in names)


def _unpacked(body: object, plain: object, dictionary: object, files: object) -> bytes | None:
    """The body that a row stands for, or None where it stands for none."""
    if not (isinstance(plain, int) and 0 <= plain <= BODY_BYTES and isinstance(body, bytes) and isinstance(files, str)):
        return None
    if dictionary == _PLAIN:
        return body if len(body) == plain else None
    if not isinstance(dictionary, int) or dictionary not in DICTIONARIES:
        return None
    try:
        unpacker = zlib.decompressobj(_RAW, zdict=_given(dictionary, files))
        found = unpacker.decompress(body, plain + 1)  # not a byte more, whatever it claims
    except (zlib.error, TypeError, ValueError, RecursionError):
        return None
    return found if len(found) == plain and unpacker.eof else None


def _kind(value: object) -> Kind:
    for kind in get_args(Kind):
        if kind == value:
            found: Kind = kind
            return found
    raise ValueError(value)


def _names(value: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(name) for name in value)


def _said(text: str) -> str:
    """Text that the database takes: half characters as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
