"""What decides over time and must outlive a run: states of breakers and budgets as bytes by name, and how they changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reknit.store.connection import Database

#: Changes that are kept; the oldest make room.
_MOST_CHANGES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A state went from one mode to another."""

    #: Seconds since the epoch.
    at: float
    name: str
    before: str
    after: str
    reason: str


#: From the bytes that are kept, or None, to those to be kept, and the changes in between.
Work = Callable[[bytes | None], tuple[bytes, Sequence[Change]]]


class Controls:
    """The states in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> tuple[str, ...]:
        """All that there is a state of."""
        return tuple(str(name) for (name,) in self._database.rows("SELECT name FROM controls ORDER BY name"))

    def state(self, name: str) -> bytes | None:
        """The bytes that are kept under the name."""
        found = self._database.rows("SELECT state FROM controls WHERE name = ?", name)
        return found[0][0] if found and isinstance(found[0][0], bytes) else None

    def update(self, name: str, work: Work) -> None:
        """Let `work` make a new state of the old one, in one transaction: two processes lose nothing to one another."""

        def change(db: sqlite3.Connection) -> None:
            row = db.execute("SELECT state FROM controls WHERE name = ?", (name,)).fetchone()
            old = row[0] if row and isinstance(row[0], bytes) else None
            new, changes = work(old)
            if new != old:
                db.execute("INSERT OR REPLACE INTO controls (name, state) VALUES (?, ?)", (name, new))
            rows = [(c.at, c.name, c.before, c.after, c.reason) for c in changes]
            db.executemany("INSERT INTO transitions (at, name, before, after, reason) VALUES (?, ?, ?, ?, ?)", rows)
            if rows:
                db.execute(
                    "DELETE FROM transitions WHERE id <= (SELECT MAX(id) FROM transitions) - ?", (_MOST_CHANGES,)
                )

        self._database.write(change)

    def changes(self, *, limit: int = -1) -> tuple[Change, ...]:
        """The last changes, oldest first."""
        query = "SELECT at, name, before, after, reason FROM transitions ORDER BY id DESC LIMIT ?"
        rows = reversed(self._database.rows(query, limit))
        return tuple(
            Change(at=float(at), name=str(name), before=str(before), after=str(after), reason=str(reason))
            for at, name, before, after, reason in rows
            if isinstance(at, int | float)
        )
