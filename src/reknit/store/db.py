"""The store: one SQLite file a project.

It is a memory, not a source of truth: what was written to the tree is in the journal. So a damaged file costs history
and nothing else; it is moved aside, a note says so, and work goes on with an empty one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from reknit.errors import StoreError, UsageError
from reknit.model import codec
from reknit.model.outcome import Healed, Healthy, Proposed, Report
from reknit.model.patch import Patch
from reknit.model.signal import PastSignal
from reknit.model.verdict import Verdict
from reknit.store.migrations import MIGRATIONS

T = TypeVar("T")

#: Seconds to wait for another process.
_TIMEOUT = 10.0
#: All that is remembered together; more makes room.
MEMORY_BYTES = 64 << 20
_MOST_PAST = 100
#: Of one report; a run in which thousands fail says the same of most.
_MOST_ROWS = 1000
_NEXT_USE = "(SELECT COALESCE(MAX(used), 0) + 1 FROM memory)"
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A patch that was proposed, and not applied then."""

    patch: Patch
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """More than one patch has an id that starts so."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No patch has an id that starts so."""


class Store:
    """Reports, proposed patches and signals of one project."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._notes: list[str] = []
        self._db = self._connect()

    @classmethod
    def open(cls, path: Path) -> Self:
        """The store in the file `path`, made and brought to the newest schema as needed; `StoreError` if it cannot."""
        return cls(path)

    @classmethod
    def look(cls, path: Path) -> Self:
        """The store as it is, to be read: nothing on disk changes. `StoreError` where it is damaged or of another schema."""
        return cls(path, read_only=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: a damaged file that was moved aside, rows that could not be read."""
        return tuple(self._notes)

    def save_report(self, report: Report) -> None:
        """Keep a report, its proposed patches and its signals, or nothing of it."""
        self._attempt(lambda db: _save(db, report))

    def proposed(self, id_prefix: str) -> Found | Ambiguous | Unknown:
        """The proposed patch whose id starts with `id_prefix`."""
        ids = [
            row[0]
            for row in self._rows(
                "SELECT id FROM patches WHERE substr(id, 1, ?) = ? ORDER BY id", len(id_prefix), id_prefix
            )
        ]
        if len(ids) > 1:
            return Ambiguous(ids=tuple(ids))
        found = self._found("WHERE id = ?", ids[0]) if ids else []
        return found[0] if found else Unknown()

    def latest_proposed(self) -> list[Found]:
        """What the last run proposed, in the order of its report."""
        ids = {
            row.outcome.patch.id: None
            for report in self.runs(limit=1)
            for row in report.rows
            if isinstance(row.outcome, Proposed)
        }
        return [found for key in ids for found in self._found("WHERE id = ?", key)]

    def past_signals(self, fingerprint: str) -> tuple[PastSignal, ...]:
        """Earlier signals of the same mistake, the newest `_MOST_PAST` of them, oldest first."""
        query = "SELECT at, delta, outcome FROM signals WHERE fingerprint = ? ORDER BY id DESC LIMIT ?"
        return tuple(
            PastSignal(at=dt.datetime.fromisoformat(at), fingerprint=fingerprint, delta=delta, outcome=outcome)
            for at, delta, outcome in reversed(self._rows(query, fingerprint, _MOST_PAST))
        )

    def recall(self, kind: str, key: str) -> bytes | None:
        """What was remembered under the key, which from now on counts as used last."""

        def work(db: sqlite3.Connection) -> bytes | None:
            row = db.execute("SELECT value FROM memory WHERE kind = ? AND key = ?", (kind, key)).fetchone()
            if row is not None:
                db.execute(f"UPDATE memory SET used = {_NEXT_USE} WHERE kind = ? AND key = ?", (kind, key))  # noqa: S608 - ours
            return row[0] if row else None

        return self._attempt(work)

    def remember(self, kind: str, key: str, value: bytes) -> None:
        """Keep `value` under the key; of all that is remembered, what was used longest ago makes room."""
        self._attempt(lambda db: _remember(db, kind, key, value))

    def runs(self, *, limit: int = -1) -> tuple[Report, ...]:
        """Reports, newest first, at most `limit`; −1 is all."""
        rows = self._rows("SELECT report FROM runs ORDER BY id DESC LIMIT ?", limit)
        return tuple(report for (text,) in rows if (report := self._load(Report, text)) is not None)

    def _found(self, where: str, *values: object) -> list[Found]:
        found = []
        for patch, verdict, why in self._rows(f"SELECT patch, verdict, why FROM patches {where}", *values):  # noqa: S608 - `where` is ours
            loaded, judged = self._load(Patch, patch), self._load(Verdict, verdict)
            if loaded is not None and judged is not None:
                found.append(Found(patch=loaded, verdict=judged, why=why))
        return found

    def _load(self, kind: type[T], text: bytes) -> T | None:
        try:
            value: T = codec.loads(kind, text)
        except UsageError as exc:
            self._note(f"a {kind.__name__.lower()} in {self._path} was skipped: {exc.message}")
            return None
        return value

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)

    def _rows(self, query: str, *values: object) -> list[Any]:
        return self._attempt(lambda db: db.execute(query, values).fetchall())

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work`, on an empty database if the file turns out to be damaged."""
        with _explained(self._path):
            try:
                return work(self._db)
            except sqlite3.DatabaseError as exc:
                if self._read_only or not _is_damage(exc):
                    raise
            self._db.close()
            self._move_aside()
            self._db = self._connect()
            return work(self._db)

    def _connect(self) -> sqlite3.Connection:
        with _explained(self._path):
            if self._read_only:
                return _open_to_read(self._path)
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                return _open(self._path)
            except sqlite3.DatabaseError as exc:
                if not _is_damage(exc):
                    raise
            self._move_aside()
            return _open(self._path)

    def _move_aside(self) -> None:
        target = _free(self._path, "damaged")
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._path}{suffix}").rename(f"{target}{suffix}")
        self._note(f"the history in {self._path} was damaged and starts anew; the old file is kept as {target}")


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_TIMEOUT, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL").fetchone()
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        path.chmod(0o600)
        _check(db)
        _migrate(db, path)
    except BaseException:  # - Ctrl-C too: nobody else has the connection
        db.close()
        raise
    return db


def _open_to_read(path: Path) -> sqlite3.Connection:
    # Without a log beside it nobody writes, and SQLite need not make one.
    alone = not Path(f"{path}-wal").exists()
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}", uri=True)
    try:
        version = _version(db)
    except sqlite3.Error:
        db.close()
        raise
    if version != len(MIGRATIONS):
        db.close()
        raise StoreError(f"{path} was written by another reknit; nothing was read", slug="store-unusable")
    return db


def _check(db: sqlite3.Connection) -> None:
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        damage = sqlite3.DatabaseError(found)
        damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damage


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    version = _version(db)
    if version == len(MIGRATIONS):
        return
    if version > len(MIGRATIONS):
        message = f"{path} was written by a newer reknit; nothing was read or written"
        raise StoreError(message, slug="store-newer", hint="update reknit, or set REKNIT_STATE_DIR to another folder")
    if version:
        with contextlib.closing(sqlite3.connect(_free(path, f"v{version}"))) as backup:
            db.backup(backup)
    with _transaction(db):
        for number in range(_version(db), len(MIGRATIONS)):  # asked again: another process may have been first
            for statement in MIGRATIONS[number]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {number + 1}")


def _version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:  # - Ctrl-C too: half a report is none
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _save(db: sqlite3.Connection, report: Report) -> None:
    with _transaction(db):
        at = report.started.isoformat()
        run = db.execute(
            "INSERT INTO runs (started, report) VALUES (?, ?)", (at, codec.dumps(Report, _kept(report)))
        ).lastrowid
        failing = sum(not isinstance(row.outcome, Healthy) for row in report.rows)
        for proposed in {
            r.outcome.patch.id: r.outcome for r in report.rows if isinstance(r.outcome, Proposed)
        }.values():
            _save_patch(db, run, proposed)
        prints = [row.signal.fingerprint for row in report.rows]
        query = "SELECT failing FROM signals WHERE fingerprint = ? ORDER BY id DESC LIMIT 1"
        before = {p: db.execute(query, (p,)).fetchone() for p in set(prints)}
        deltas = [failing - before[p][0] if before[p] else 0 for p in prints]
        db.executemany(
            "INSERT INTO signals (run, fingerprint, at, delta, outcome, failing) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (run, print_, at, delta, row.outcome.tag, failing)
                for row, print_, delta in zip(report.rows, prints, deltas, strict=True)
            ],
        )


def _kept(report: Report) -> Report:
    """The report with at most `_MOST_ROWS` rows: the first of each patch, then the first of all."""
    if len(report.rows) <= _MOST_ROWS:
        return report
    numbered = reversed([*enumerate(report.rows)])
    first = {r.outcome.patch.id: number for number, r in numbered if isinstance(r.outcome, Proposed | Healed)}
    chosen = sorted([*dict.fromkeys([*first.values(), *range(len(report.rows))])][:_MOST_ROWS])
    note = f"{len(report.rows) - len(chosen)} more rows were not kept"
    return replace(report, rows=tuple(report.rows[i] for i in chosen), notes=(*report.notes, note))


def _remember(db: sqlite3.Connection, kind: str, key: str, value: bytes) -> None:
    with _transaction(db):
        db.execute(
            f"INSERT OR REPLACE INTO memory (kind, key, value, used) VALUES (?, ?, ?, {_NEXT_USE})",  # noqa: S608 - ours
            (kind, key, value),
        )
        db.execute(
            """DELETE FROM memory WHERE (kind, key) IN (
                SELECT kind, key FROM (
                    SELECT kind, key, SUM(LENGTH(value)) OVER (ORDER BY used DESC) AS total FROM memory
                ) WHERE total > ?
            )""",
            (MEMORY_BYTES,),
        )


def _save_patch(db: sqlite3.Connection, run: int | None, proposed: Proposed) -> None:
    db.execute(
        "INSERT OR REPLACE INTO patches (id, run, patch, verdict, why) VALUES (?, ?, ?, ?, ?)",
        (
            proposed.patch.id,
            run,
            codec.dumps(Patch, proposed.patch),
            codec.dumps(Verdict, proposed.verdict),
            proposed.why,
        ),
    )


def _is_damage(exc: sqlite3.DatabaseError) -> bool:
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as exc:
        message = f"cannot use the history in {path}: {exc}; nothing was kept of this run"
        hint = "check that the folder is writable and not full, or set REKNIT_STATE_DIR to another one"
        raise StoreError(message, slug="store-unusable", hint=hint) from exc


def _free(path: Path, word: str) -> Path:
    """A name beside `path` that nothing has."""
    number = 1
    while (name := path.with_name(f"{path.name}.{word}-{number}")).exists():
        number += 1
    return name
