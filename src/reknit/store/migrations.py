"""The database's schema, as numbered steps forward; a step that was released is never edited."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from reknit.errors import StoreError

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
    (
        "ALTER TABLE patches ADD COLUMN used INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE patches ADD COLUMN size INTEGER NOT NULL DEFAULT 0",
        "UPDATE patches SET used = run, size = LENGTH(patch) + LENGTH(verdict) + LENGTH(why)",
        "CREATE INDEX patches_by_use ON patches (used)",
        # `start` counts the bytes of all bodies ever kept before this one: what is too much is a range of it.
        """CREATE TABLE archive (
            number INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            patch TEXT NOT NULL,
            files TEXT NOT NULL,
            label TEXT NOT NULL,
            reason TEXT NOT NULL,
            plain INTEGER NOT NULL,
            packed INTEGER NOT NULL,
            dictionary INTEGER NOT NULL,
            checksum INTEGER NOT NULL,
            start INTEGER NOT NULL,
            body BLOB
        )""",
        "CREATE INDEX archive_bodies ON archive (start) WHERE body IS NOT NULL",
    ),
    (
        "CREATE TABLE controls (name TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE transitions (
            id INTEGER PRIMARY KEY,
            at REAL NOT NULL,
            name TEXT NOT NULL,
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            reason TEXT NOT NULL
        )""",
    ),
)

_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"


def version(db: sqlite3.Connection) -> int:
    """How many steps a database has gone."""
    found: int = db.execute("PRAGMA user_version").fetchone()[0]
    return found


def check_version(db: sqlite3.Connection, path: Path) -> bool:
    """Whether the schema is the newest; `StoreError` (slug `store-newer`) where another reknit is ahead of this one."""
    found = version(db)
    if found > len(MIGRATIONS):
        message = f"{path} was written by a newer reknit; nothing was read or written"
        raise StoreError(message, slug="store-newer", hint="update reknit, or set REKNIT_STATE_DIR to another folder")
    return found == len(MIGRATIONS)


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Bring a database forward in one transaction; a copy of it as it was is whole on disk before the first step."""
    db.execute("BEGIN IMMEDIATE")  # from here on nobody else brings it forward, nor writes what the copy would lack
    try:
        if not check_version(db, path):
            _step_forward(db, path)
        db.execute("COMMIT")
    except BaseException:  # - Ctrl-C too: half a schema is none
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _step_forward(db: sqlite3.Connection, path: Path) -> None:
    before = version(db)
    if not is_ours(db, before):
        raise damaged("the tables are not those of its version")
    if before:
        _keep_copy(path, before)
    for statement in (s for step in MIGRATIONS[before:] for s in step):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def is_ours(db: sqlite3.Connection, steps: int | None = None) -> bool:
    """Whether the schema is what so many steps, or all of them, make of nothing."""
    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        for statement in (s for step in MIGRATIONS[:steps] for s in step):
            model.execute(statement)
        wanted = model.execute(_SCHEMA).fetchall()
    return db.execute(_SCHEMA).fetchall() == wanted


def damaged(why: str) -> sqlite3.DatabaseError:
    """An error that says what SQLite says of a damaged file."""
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def free(path: Path, word: str) -> Path:
    """A name beside `path` that nothing has."""
    number = 1
    while os.path.lexists(name := path.with_name(f"{path.name}.{word}-{number}")):
        number += 1
    return name


def _keep_copy(path: Path, before: int) -> None:
    """Copy the database; under its name only when it is whole."""
    unfinished = path.with_name(f"{path.name}.copy")
    unfinished.unlink(missing_ok=True)  # of a process that was ended: whoever is here holds the lock
    try:
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        # SQLite copies nothing of a connection that may write: another one reads what nobody can change now.
        with (
            contextlib.closing(sqlite3.connect(path)) as source,
            contextlib.closing(sqlite3.connect(unfinished)) as copy,
        ):
            copy.execute("PRAGMA journal_mode = OFF")  # one file and none beside it: it is whole or it is dropped
            source.backup(copy)
        _sync(unfinished)
        unfinished.rename(free(path, f"v{before}"))
    except BaseException:  # - Ctrl-C too: half a copy is none
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
