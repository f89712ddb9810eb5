"""The store: one SQLite file a project.

It is a memory, not a source of truth: what was written to the tree is in the journal. So a damaged file costs history
and nothing else; it is moved aside, a note says so, and work goes on with an empty one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from reknit.errors import StoreError, UsageError
from reknit.model import codec
from reknit.model.outcome import Healed, Healthy, Proposed, Report
from reknit.model.signal import PastSignal
from reknit.store.archive import Archive, ArchiveEntry
from reknit.store.cache import Found, LRUPatchCache, load
from reknit.store.connection import Database
from reknit.store.controls import Controls
from reknit.store.place import note_project
from reknit.store.remembered import Remembered

__all__ = ["Ambiguous", "Found", "Store", "Unknown", "record"]

_MOST_PAST = 100
#: Of one report; a run in which thousands fail says the same of most.
_MOST_ROWS = 1000
#: Of all reports, the newest in any case; of signals of all runs.
REPORT_BYTES, MOST_SIGNALS = 64 << 20, 200_000
_OLD_RUNS = """FROM runs WHERE id IN (
    SELECT id FROM (SELECT id, SUM(LENGTH(report)) OVER (ORDER BY id DESC) AS total FROM runs) WHERE total > ?
) AND id < (SELECT MAX(id) FROM runs)"""
_OLD_SIGNALS = "FROM signals WHERE id <= (SELECT MAX(id) FROM signals) - ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """More than one patch has an id that starts so."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """No patch has an id that starts so."""


class Store:
    """Reports, proposed patches, signals, memory and archive of one project."""

    def __init__(self, database: Database, *, compression: bool = True) -> None:
        self.database = database
        self.archive = Archive(database, compression=compression)
        self.patches = LRUPatchCache(database)
        self.remembered = Remembered(database)
        self.controls = Controls(database)

    @classmethod
    def open(cls, path: Path, *, root: Path | None = None, compression: bool = True) -> Self:
        """The store in the file `path`, made and brought to the newest schema as needed; `StoreError` if it cannot.

        With `root`, the folder says which project it is of, for `gc`. `compression`: whether diffs are packed.
        """
        database = Database(path)
        if root is not None:
            note_project(root, path.parent)
        return cls(database, compression=compression)

    @classmethod
    def look(cls, path: Path) -> Self:
        """The store as it is, to be read: nothing on disk changes. `StoreError` where it is damaged or of another schema."""
        return cls(Database(path, read_only=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; the order of use is kept before, where that can be."""
        try:
            if (self.patches.is_ahead or self.remembered.is_ahead) and not self.database.read_only:
                with contextlib.suppress(StoreError):
                    self.database.write(self._keep_order)
        finally:
            self.database.close()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: a damaged file that was moved aside, rows that could not be read."""
        return tuple(self.database.notes)

    def save_report(self, report: Report) -> None:
        """Keep a report, its proposed patches and its signals, or nothing of it."""
        self.database.write(lambda db: self._save(db, report))

    def record(self, entry: ArchiveEntry) -> str | None:
        """Keep what was done in the archive; why it could not be kept, which is a note and stops nothing."""
        try:
            self.archive.add(entry)
        except StoreError as exc:
            return exc.message
        return None

    def proposed(self, id_prefix: str) -> Found | Ambiguous | Unknown:
        """The proposed patch whose id starts with `id_prefix`."""
        ids = self.patches.ids(id_prefix)
        if len(ids) > 1:
            return Ambiguous(ids=ids)
        return (self.patches.get(ids[0]) if ids else None) or Unknown()

    def latest_proposed(self) -> list[Found]:
        """What the last run proposed, in the order of its report."""
        ids = {
            row.outcome.patch.id: None
            for report in self.runs(limit=1)
            for row in report.rows
            if isinstance(row.outcome, Proposed)
        }
        return [found for key in ids if (found := self.patches.get(key)) is not None]

    def past_signals(self, fingerprint: str) -> tuple[PastSignal, ...]:
        """Earlier signals of the same mistake, the newest `_MOST_PAST` of them, oldest first."""
        query = "SELECT at, delta, outcome FROM signals WHERE fingerprint = ? ORDER BY id DESC LIMIT ?"
        rows = reversed(self.database.rows(query, fingerprint, _MOST_PAST))
        return tuple(past for row in rows if (past := self._past(fingerprint, *row)) is not None)

    def recall(self, kind: str, key: str) -> bytes | None:
        """What was remembered under the key, which from now on counts as used last."""
        return self.remembered.get(kind, key)

    def remember(self, kind: str, key: str, value: bytes) -> None:
        """Keep `value` under the key; of all that is remembered, what was used longest ago makes room."""
        self.database.write(lambda db: self.remembered.put(db, kind, key, value))

    def runs(self, *, limit: int = -1) -> tuple[Report, ...]:
        """Reports, newest first, at most `limit`; −1 is all."""
        rows = self.database.rows("SELECT report FROM runs ORDER BY id DESC LIMIT ?", limit)
        return tuple(report for (text,) in rows if (report := load(self.database, Report, text)) is not None)

    def excess(self, db: sqlite3.Connection) -> dict[str, tuple[int, int]]:
        """What is over the bounds: kind → how many rows, and their bytes."""
        reports = db.execute(f"SELECT COUNT(*), COALESCE(SUM(LENGTH(report)), 0) {_OLD_RUNS}", (REPORT_BYTES,))
        signals = db.execute(f"SELECT COUNT(*), COALESCE(SUM(LENGTH(fingerprint)), 0) {_OLD_SIGNALS}", (MOST_SIGNALS,))
        return {
            "diffs in the archive": self.archive.excess(db),
            "patches": self.patches.excess(db),
            "memory": self.remembered.excess(db),
            "reports": reports.fetchone(),
            "signals": signals.fetchone(),
        }

    def trim(self, db: sqlite3.Connection) -> None:
        """Drop what is over the bounds, within the caller's transaction."""
        self._keep_order(db)
        db.execute(f"DELETE {_OLD_RUNS}", (REPORT_BYTES,))
        db.execute(f"DELETE {_OLD_SIGNALS}", (MOST_SIGNALS,))
        for part in (self.archive, self.patches, self.remembered):
            part.trim(db)

    def _keep_order(self, db: sqlite3.Connection) -> None:
        self.patches.keep_order(db)
        self.remembered.keep_order(db)

    def _save(self, db: sqlite3.Connection, report: Report) -> None:
        at = report.started.isoformat()
        kept = codec.dumps(Report, _kept(report))
        run = db.execute("INSERT INTO runs (started, report) VALUES (?, ?)", (at, kept)).lastrowid or 0
        _save_signals(db, run, report)
        offers = {r.outcome.patch.id: r.outcome for r in report.rows if isinstance(r.outcome, Proposed)}
        self.patches.put(db, run, (Found(patch=o.patch, verdict=o.verdict, why=o.why) for o in offers.values()))
        self.archive.insert(db, _entry(run, report))
        db.execute(f"DELETE {_OLD_RUNS}", (REPORT_BYTES,))
        db.execute(f"DELETE {_OLD_SIGNALS}", (MOST_SIGNALS,))

    def _past(self, fingerprint: str, at: object, delta: object, outcome: object) -> PastSignal | None:
        try:
            return PastSignal(
                at=dt.datetime.fromisoformat(str(at)),
                fingerprint=fingerprint,
                delta=float(str(delta)),
                outcome=str(outcome),
            )
        except (ValueError, UsageError):
            self.database.note(f"a signal in {self.database.path} was skipped: it is damaged")
            return None


def record(path: Path, entry: ArchiveEntry, *, root: Path, compression: bool = True) -> str | None:
    """`Store.record` in the file `path`, opened for it: what the store has to say of it, or why it could not be kept."""
    try:
        with Store.open(path, root=root, compression=compression) as store:
            return "; ".join(filter(None, (store.record(entry), *store.notes))) or None
    except StoreError as exc:
        return exc.message


def _save_signals(db: sqlite3.Connection, run: int, report: Report) -> None:
    failing = sum(not isinstance(row.outcome, Healthy) for row in report.rows)
    before = _failing_before(db, {row.signal.fingerprint for row in report.rows})
    rows = [
        (
            run,
            print_,
            report.started.isoformat(),
            float(failing - before.get(print_, failing)),
            row.outcome.tag,
            failing,
        )
        for row in report.rows
        for print_ in (row.signal.fingerprint,)
    ]
    query = "INSERT INTO signals (run, fingerprint, at, delta, outcome, failing) VALUES (?, ?, ?, ?, ?, ?)"
    db.executemany(query, rows)


def _failing_before(db: sqlite3.Connection, fingerprints: Iterable[str]) -> dict[str, int]:
    """How many signals failed in the last run that had this one."""
    query = "SELECT CAST(failing AS INTEGER) FROM signals WHERE fingerprint = ? ORDER BY id DESC LIMIT 1"
    found = {print_: db.execute(query, (print_,)).fetchone() for print_ in fingerprints}
    return {print_: row[0] for print_, row in found.items() if row}


def _entry(run: int, report: Report) -> ArchiveEntry:
    """What ended a run, for the archive; the report has the rest."""
    ends = Counter(row.outcome.tag for row in report.rows)
    patches = (r.outcome.patch for r in report.rows if isinstance(r.outcome, Proposed | Healed))
    return ArchiveEntry(
        kind="run",
        at=report.started,
        id=str(run),
        files=tuple(dict.fromkeys(path for patch in patches for path in patch.files)),
        label=", ".join(f"{count} {tag}" for tag, count in ends.items()),
        reason="; ".join(report.notes),
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
