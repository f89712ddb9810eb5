"""The database's schema, as numbered steps forward; a step that was released is never edited."""

from __future__ import annotations

#: Step n, counted from 1, brings `PRAGMA user_version` from n − 1 to n.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, started TEXT NOT NULL, report BLOB NOT NULL)",
        """CREATE TABLE patches (
            id TEXT PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs (id),
            patch BLOB NOT NULL,
            verdict BLOB NOT NULL,
            why TEXT NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX patches_by_run ON patches (run)",
        """CREATE TABLE signals (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs (id),
            fingerprint TEXT NOT NULL,
            at TEXT NOT NULL,
            delta REAL NOT NULL,
            outcome TEXT NOT NULL,
            failing INTEGER NOT NULL
        )""",
        "CREATE INDEX signals_by_fingerprint ON signals (fingerprint, id)",
    ),
    (
        """CREATE TABLE memory (
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            value BLOB NOT NULL,
            used INTEGER NOT NULL,
            PRIMARY KEY (kind, key)
        ) WITHOUT ROWID""",
        "CREATE INDEX memory_by_use ON memory (used)",
    ),
)
