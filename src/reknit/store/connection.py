"""The database file: opened, brought forward, and moved aside where it is damaged.

It is written with a rollback journal, not a write-ahead log: a process opens it for a few statements and lets go, and
that costs half of what a log beside it does. Nothing looks at the whole file when it is opened: SQLite notices damage
where it meets it, and `gc` looks at all of it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from reknit.errors import StoreError
from reknit.store.migrations import check_version, damaged, free, is_ours, migrate

T = TypeVar("T")

#: Seconds to wait for another process.
_TIMEOUT = 10.0
#: What SQLite may keep beside the file; moved first, so that none is ever taken for one of the next file.
_BESIDE = ("-journal", "-wal", "-shm")
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
#: What our statements end with in a database that has other tables than ours.
_STRANGE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}


class Database:
    """One SQLite file; `notes` says what a person should know of it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.notes: list[str] = []
        #: Device and number of the file that is open.
        self._identity: tuple[int, int] | None = None
        self._db = self._connect()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows of a query."""
        return self.attempt(lambda db: db.execute(query, values).fetchall())

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` in one transaction: all of it or nothing."""

        def whole(db: sqlite3.Connection) -> T:
            with transaction(db):
                return work(db)

        return self.attempt(whole)

    def attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work`, on an empty database if the file turns out to be damaged; `StoreError` where there is none to be had."""
        with _explained(self.path):
            try:
                return work(self._db)
            except sqlite3.DatabaseError as exc:
                if self.read_only or not _is_damage(exc, self._db):
                    raise
            self._db.close()
            self.move_aside()
            self._db = self._connect()
            return work(self._db)

    def vacuum(self) -> None:
        """Give the file's free pages back to the disk."""
        self.attempt(lambda db: db.execute("VACUUM"))

    def check(self) -> None:
        """Look at the whole file; a damaged one is moved aside."""

        def look(db: sqlite3.Connection) -> None:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok" or not is_ours(db):
                raise damaged(found)

        self.attempt(look)

    def move_aside(self) -> None:
        """Give the file another name, unless it is no longer the one that was opened: another process was first."""
        if self._identity is not None and _identity(self.path) != self._identity:
            return
        target = free(self.path, "damaged")
        for suffix in (*_BESIDE, ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{target}{suffix}")
        self.note(f"the history in {self.path} was damaged and starts anew; the old file is kept as {target}")

    def _connect(self) -> sqlite3.Connection:
        with _explained(self.path):
            if self.read_only:
                return _open_to_read(self.path)
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._identity = None
            if _is_strange(self.path):
                self.move_aside()
            try:
                return self._open()
            except sqlite3.DatabaseError as exc:
                if not _is_damage(exc):
                    raise
            self.move_aside()
            return self._open()

    def _open(self) -> sqlite3.Connection:
        with contextlib.suppress(FileExistsError):  # made by us, nobody else can ever read it
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with contextlib.suppress(PermissionError):  # the folder's owner has it, and another reads it
            self.path.chmod(0o600)
        self._identity = _identity(self.path)
        db = sqlite3.connect(self.path, timeout=_TIMEOUT, isolation_level=None)
        try:
            db.text_factory = _text
            newest = check_version(db, self.path)
            with contextlib.suppress(sqlite3.OperationalError):  # an earlier reknit has it open with a log: so be it
                db.execute("PRAGMA journal_mode = TRUNCATE")
            db.execute("PRAGMA synchronous = NORMAL")
            if not newest:
                migrate(db, self.path)
        except BaseException:  # - Ctrl-C too: nobody else has the connection
            db.close()
            raise
        return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is written within, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:  # - Ctrl-C too: half a report is none
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to tell
                db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _open_to_read(path: Path) -> sqlite3.Connection:
    if _is_strange(path):
        raise StoreError(f"{path} is no file of this user; nothing was read", slug="store-unusable")
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        db.text_factory = _text
        newest = check_version(db, path)
    except BaseException:  # - Ctrl-C too: nobody else has the connection
        db.close()
        raise
    if not newest:
        db.close()
        raise StoreError(f"{path} was written by another reknit; nothing was read", slug="store-unusable")
    return db


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _is_strange(path: Path) -> bool:
    """Whether something that is no file, or a file of somebody else, has the place of the database or one beside it.

    A link would be written through, a pipe would be waited for. Whoever owns the folder may own the file: with sudo, the
    folder is the user's.
    """
    for suffix in ("", *_BESIDE):
        try:
            found = os.lstat(f"{path}{suffix}")
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(found.st_mode):
            return True
        if found.st_uid != os.geteuid() and found.st_uid != path.parent.stat().st_uid:
            return True
    return False


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_damage(exc: sqlite3.DatabaseError, db: sqlite3.Connection | None = None) -> bool:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if db is None or code not in _STRANGE:
        return code in _DAMAGE
    try:
        return not is_ours(db)
    except sqlite3.DatabaseError as worse:
        return _is_damage(worse)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        message = f"cannot use the history in {path}: {exc}; nothing was kept of this run"
        hint = "check that the folder is writable and not full, or set REKNIT_STATE_DIR to another one"
        raise StoreError(message, slug="store-unusable", hint=hint) from exc
