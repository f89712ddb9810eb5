"""Whatever has the database's place: work goes on with an empty one, and a note says what was kept aside."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from reknit.errors import StoreError
from reknit.store.connection import Database
from reknit.store.db import Store
from reknit.store.migrations import MIGRATIONS
from tests.contract.test_store import proposed, report


def fill(path: Path) -> None:
    """A database in use: reports, patches, memory."""
    with Store.open(path) as store:
        for day in range(6):
            store.save_report(report(day, ("t", proposed(b"%d" % day * 3000))))
        store.remember("k", "a", b"x" * 9000)


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough" * 40)


def garbage_inside(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def short_header(path: Path) -> None:
    os.truncate(path, 50)


def folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder_beside(path: Path) -> None:
    path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
    path.with_name(f"{path.name}-journal").mkdir()


def foreign(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: only it may give files away")
    os.chown(path, 12345, 12345)


def no_tables(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            db.execute(f"DROP TABLE {name}")


def other_columns(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        for table in ("runs", "patches", "signals", "memory", "archive"):
            db.execute(f"DROP TABLE {table}")
            db.execute(f"CREATE TABLE {table} (id TEXT, other REAL)")


def log_of_another(path: Path) -> None:
    """A write-ahead log with good checksums, which is of another database."""
    other = path.with_name("other")
    with contextlib.closing(sqlite3.connect(other)) as db, contextlib.closing(sqlite3.connect(path)) as ours:
        db.execute("PRAGMA journal_mode = WAL")
        ours.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (x)")
        for _ in range(50):
            db.execute("INSERT INTO t VALUES (?)", (b"y" * 5000,))
        db.commit()
        log = other.with_name("other-wal").read_bytes()
    assert len(log) > 100_000
    path.with_name(f"{path.name}-wal").write_bytes(log)


def journal_of_another(path: Path) -> None:
    """A rollback journal that a crash has left, which is of another database."""
    other = path.with_name("other")
    with contextlib.closing(sqlite3.connect(other, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t SELECT randomblob(3000) FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8))")
        db.execute("BEGIN")
        db.execute("UPDATE t SET x = randomblob(2000)")
        journal = other.with_name("other-journal").read_bytes()
        db.execute("ROLLBACK")
    assert len(journal) > 10_000
    path.with_name(f"{path.name}-journal").write_bytes(journal)


DAMAGE: tuple[Callable[[Path], None], ...] = (
    garbage,
    garbage_inside,
    truncated,
    short_header,
    folder,
    link,
    dangling,
    pipe,
    folder_beside,
    foreign,
    no_tables,
    other_columns,
    log_of_another,
    journal_of_another,
)


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_work_goes_on(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "state" / "reknit.db"
    fill(path)
    damage(path)
    with Store.open(path) as store:
        read = (store.runs(), store.latest_proposed(), store.proposed("0"), store.past_signals("x"))
        assert len(read) == 4
        assert store.recall("k", "a") is None
        store.save_report(report(1, ("t", proposed(b"new"))))
        store.remember("k", "b", b"x")
        store.database.check()
        assert store.recall("k", "b") == b"x"
        assert [found.patch for found in store.latest_proposed()] == [proposed(b"new").patch]
        assert len(store.notes) == 1
        assert "starts anew; the old file is kept as" in store.notes[0]
    aside = path.with_name("reknit.db.damaged-1")
    assert os.path.lexists(aside)
    with Store.open(path) as store:
        assert store.notes == ()
        assert len(store.runs()) == 1


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_to_look_changes_nothing(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "state" / "reknit.db"
    fill(path)
    damage(path)
    before = sorted(p.name for p in path.parent.iterdir())
    with contextlib.suppress(StoreError), Store.look(path) as store:
        store.runs()
    after = sorted(p.name for p in path.parent.iterdir() if not p.name.endswith("-shm"))
    assert after == [name for name in before if not name.endswith("-shm")]


def test_nothing_at_all_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "reknit.db"
    path.write_bytes(b"")
    with Store.open(path) as store:
        assert store.notes == ()
        store.save_report(report(1))


def test_what_another_process_has_put_in_its_place_is_not_moved(tmp_path: Path) -> None:
    """Two find the damage; the second must not throw away what the first has begun anew."""
    path = tmp_path / "reknit.db"
    fill(path)
    first, second = Store.open(path), Store.open(path)
    garbage(path)
    first.save_report(report(1))
    assert len(first.notes) == 1
    second.save_report(report(2))
    assert len(second.runs()) == 2
    first.close()
    second.close()
    assert [p.name for p in tmp_path.iterdir() if "damaged" in p.name and p.stat().st_size] == ["reknit.db.damaged-1"]


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    path, target = tmp_path / "state" / "reknit.db", tmp_path / "target"
    target.write_bytes(b"")
    path.parent.mkdir()
    path.symlink_to(target)
    fill(path)
    assert target.read_bytes() == b""


def test_a_mistake_of_ours_is_no_damage(tmp_path: Path) -> None:
    """A statement that is wrong moves nothing away while the tables are ours."""
    database = Database(tmp_path / "reknit.db")
    with pytest.raises(StoreError, match="no such table"):
        database.rows("SELECT * FROM nowhere")
    assert database.notes == []
    database.close()


def test_an_earlier_log_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "reknit.db"
    fill(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    with Store.open(path) as store:
        assert len(store.runs()) == 6
        assert store.database.rows("PRAGMA journal_mode") == [("truncate",)]
    assert not path.with_name("reknit.db-wal").exists()


def test_the_model_of_the_schema_is_the_schema(tmp_path: Path) -> None:
    """`check` would move a good database aside otherwise."""
    database = Database(tmp_path / "reknit.db")
    database.check()
    assert database.notes == []
    assert database.rows("PRAGMA user_version") == [(len(MIGRATIONS),)]
    database.close()
