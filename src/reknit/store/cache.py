"""Proposed patches by id: those used last, within a size.

One way in and one way out. What is in use is held in memory as it was read; the file holds the order of use, so that there
too what was used longest ago makes room. What the last run proposed stays whatever its size: people are about to ask for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from cachetools import LRUCache

from reknit.errors import UsageError
from reknit.model import codec
from reknit.model.patch import Patch
from reknit.model.verdict import Verdict
from reknit.store.connection import Database

T = TypeVar("T")

#: Of all patches and their verdicts together, as they are written.
PATCH_BYTES = 16 << 20
_LAST_RUN = "run = (SELECT MAX(id) FROM runs)"
_TOO_MUCH = f"""FROM patches WHERE id IN (
    SELECT id FROM (
        SELECT id, run, SUM(size) OVER (ORDER BY {_LAST_RUN} DESC, used DESC, id) AS total FROM patches
    ) WHERE total > ? AND NOT {_LAST_RUN}
)"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A patch that was proposed, and not applied then."""

    patch: Patch
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    found: Found
    size: int


def _size(held: _Held) -> int:
    return held.size


class LRUPatchCache:
    """The patches of one database."""

    def __init__(self, database: Database, *, size: int = PATCH_BYTES) -> None:
        self._database = database
        self._most = size
        self._held: LRUCache[str, _Held] = LRUCache(maxsize=size, getsizeof=_size)
        #: Ids in the order of their last use; the file does not know of it yet.
        self._used: dict[str, None] = {}
        #: Changes with the file's content, where somebody else has written it.
        self._content = -1

    def put(self, db: sqlite3.Connection, run: int, proposals: Iterable[Found]) -> None:
        """Keep what a run proposed, within the caller's transaction; what was used longest ago makes room."""
        self.keep_order(db)
        used = _last_use(db)
        for used, found in enumerate(proposals, used + 1):  # noqa: B020 - goes on counting from it
            patch, verdict = codec.dumps(Patch, found.patch), codec.dumps(Verdict, found.verdict)
            why = found.why.encode("utf-8", "backslashreplace").decode()
            row = (found.patch.id, run, patch, verdict, why, used, len(patch) + len(verdict) + len(why))
            db.execute(
                "INSERT OR REPLACE INTO patches (id, run, patch, verdict, why, used, size) VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            self._held.pop(found.patch.id, None)
        self.trim(db)

    def get(self, key: str) -> Found | None:
        """The patch of an id, which from now on counts as used last."""
        self._forget_what_others_changed()
        held = self._held.get(key)
        if held is None:
            held = self._read(key)
            if held is not None and held.size <= self._most:
                self._held[key] = held
        if held is None:
            return None
        self._used.pop(key, None)
        self._used[key] = None
        return held.found

    def ids(self, prefix: str) -> tuple[str, ...]:
        """Ids that start so, sorted."""
        query = "SELECT id FROM patches WHERE substr(id, 1, ?) = ? ORDER BY id"
        return tuple(row[0] for row in self._database.rows(query, len(prefix), prefix))

    def keep_order(self, db: sqlite3.Connection) -> None:
        """Tell the file what was used since it was last told, within the caller's transaction."""
        if self._used:
            last = _last_use(db)
            rows = [(used, key) for used, key in enumerate(self._used, last + 1)]
            db.executemany("UPDATE patches SET used = ? WHERE id = ?", rows)
            self._used.clear()

    @property
    def is_ahead(self) -> bool:
        """Whether the file does not know of the last uses."""
        return bool(self._used)

    def excess(self, db: sqlite3.Connection) -> tuple[int, int]:
        """How many patches are too much, and their bytes."""
        query = f"SELECT COUNT(*), COALESCE(SUM(size), 0) {_TOO_MUCH}"
        count, size = db.execute(query, (self._most,)).fetchone()
        return count, size

    def trim(self, db: sqlite3.Connection) -> None:
        """Drop what is too much, within the caller's transaction."""
        for (key,) in db.execute(f"SELECT id {_TOO_MUCH}", (self._most,)).fetchall():
            db.execute("DELETE FROM patches WHERE id = ?", (key,))
            self._held.pop(key, None)

    def _read(self, key: str) -> _Held | None:
        for patch, verdict, why in self._database.rows("SELECT patch, verdict, why FROM patches WHERE id = ?", key):
            loaded, judged = load(self._database, Patch, patch), load(self._database, Verdict, verdict)
            if loaded is not None and judged is not None:
                return _Held(
                    found=Found(patch=loaded, verdict=judged, why=str(why)),
                    size=len(patch) + len(verdict) + len(str(why)),
                )
        return None

    def _forget_what_others_changed(self) -> None:
        content = self._database.rows("PRAGMA data_version")[0][0]
        if content != self._content:
            self._held.clear()
            self._content = content


def load(database: Database, kind: type[T], text: object) -> T | None:
    """The value in a row; None, and a note, where it is none."""
    try:
        value: T = codec.loads(kind, text if isinstance(text, bytes | str) else b"")
    except UsageError as exc:
        database.note(f"a {kind.__name__.lower()} in {database.path} was skipped: {exc.message}")
        return None
    return value


def _last_use(db: sqlite3.Connection) -> int:
    used: int = db.execute("SELECT COALESCE(MIN(CAST(MAX(used) AS INTEGER), 1 << 60), 0) FROM patches").fetchone()[0]
    return used
