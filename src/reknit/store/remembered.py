"""What earlier runs found out, as bytes by kind and key: those used last, within a size."""

from __future__ import annotations

import sqlite3

from reknit.store.connection import Database

#: All that is remembered together; more makes room.
MEMORY_BYTES = 64 << 20
_TOO_MUCH = """FROM memory WHERE (kind, key) IN (
    SELECT kind, key FROM (
        SELECT kind, key, SUM(LENGTH(value)) OVER (ORDER BY used DESC, kind, key) AS total FROM memory
    ) WHERE total > ?
)"""


class Remembered:
    """The memory in one database."""

    def __init__(self, database: Database, *, size: int = MEMORY_BYTES) -> None:
        self._database = database
        self._most = size
        #: In the order of their last use; the file does not know of it yet.
        self._used: dict[tuple[str, str], None] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        """What is kept under the key, which from now on counts as used last."""
        for (value,) in self._database.rows("SELECT value FROM memory WHERE kind = ? AND key = ?", kind, key):
            self._used.pop((kind, key), None)
            self._used[kind, key] = None
            return value if isinstance(value, bytes) else None
        return None

    def put(self, db: sqlite3.Connection, kind: str, key: str, value: bytes) -> None:
        """Keep `value`, within the caller's transaction; what was used longest ago makes room. What is too large is not kept."""
        self.keep_order(db)
        db.execute("DELETE FROM memory WHERE kind = ? AND key = ?", (kind, key))
        if len(value) <= self._most:
            row = (kind, key, value, _last_use(db) + 1)
            db.execute("INSERT INTO memory (kind, key, value, used) VALUES (?, ?, ?, ?)", row)
        self.trim(db)

    @property
    def is_ahead(self) -> bool:
        """Whether the file does not know of the last uses."""
        return bool(self._used)

    def keep_order(self, db: sqlite3.Connection) -> None:
        """Tell the file what was used since it was last told, within the caller's transaction."""
        if self._used:
            last = _last_use(db)
            rows = [(used, *name) for used, name in enumerate(self._used, last + 1)]
            db.executemany("UPDATE memory SET used = ? WHERE kind = ? AND key = ?", rows)
            self._used.clear()

    def excess(self, db: sqlite3.Connection) -> tuple[int, int]:
        """How many values are too much, and their bytes."""
        query = f"SELECT COUNT(*), COALESCE(SUM(LENGTH(value)), 0) {_TOO_MUCH}"
        count, size = db.execute(query, (self._most,)).fetchone()
        return count, size

    def trim(self, db: sqlite3.Connection) -> None:
        """Drop what is too much, within the caller's transaction."""
        db.execute(f"DELETE {_TOO_MUCH}", (self._most,))


def _last_use(db: sqlite3.Connection) -> int:
    used: int = db.execute("SELECT COALESCE(MIN(CAST(MAX(used) AS INTEGER), 1 << 60), 0) FROM memory").fetchone()[0]
    return used
