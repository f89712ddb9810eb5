"""An old database comes forward whole, with a copy of what it was, or stays as it was."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.errors import StoreError
from reknit.model import codec
from reknit.model.outcome import Report
from reknit.store import migrations
from reknit.store.db import Store
from tests.contract.test_store import report

NEWEST = len(migrations.MIGRATIONS)
STEP = ("ALTER TABLE runs ADD COLUMN note TEXT",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reknit.db"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def old(path: Path, version: int, *, mode: str = "WAL") -> None:
    """A database as an earlier reknit left it, with one report."""
    with opened(path) as db:
        db.execute(f"PRAGMA journal_mode = {mode}")
        for statement in (s for step in migrations.MIGRATIONS[:version] for s in step):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {version}")
        text = codec.dumps(Report, report(1))
        db.execute("INSERT INTO runs (started, report) VALUES ('2026-01-02', ?)", (text,))
        db.execute("INSERT INTO patches (id, run, patch, verdict, why) VALUES ('a', 1, x'6161', x'62', 'c')")


def version(path: Path) -> int:
    with opened(path) as db:
        return migrations.version(db)


def ahead(monkeypatch: pytest.MonkeyPatch, *step: str) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))


def backups(path: Path) -> list[str]:
    """What lies beside it, but for SQLite's own, which is empty while nobody writes."""
    found = {p.name: p.stat().st_size for p in path.parent.iterdir() if p.name != path.name}
    assert found.pop(f"{path.name}-journal", 0) == 0
    return sorted(found)


@pytest.mark.parametrize("before", range(1, NEWEST))
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_every_released_schema_comes_forward(path: Path, before: int, mode: str) -> None:
    old(path, before, mode=mode)
    with Store.open(path) as store:
        assert [each.cost.candidates for each in store.runs()] == [1]
        assert store.database.rows("SELECT used, size FROM patches") == ([(1, 4)] if before < 3 else [(0, 0)])
        store.database.check()
        assert store.notes == ()
    assert backups(path) == [f"reknit.db.v{before}-1"]
    copy = path.with_name(f"reknit.db.v{before}-1")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with opened(copy) as db:
        assert migrations.version(db) == before
        assert db.execute("SELECT COUNT(*) FROM runs").fetchone() == (1,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_later_step_is_gone_in_its_turn(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(path) as store:
        store.save_report(report(1))
    ahead(monkeypatch, *STEP)
    with Store.open(path) as store:
        assert len(store.runs()) == 1
        assert store.database.rows("SELECT note FROM runs") == [(None,)]
    assert version(path) == NEWEST + 1
    assert backups(path) == [f"reknit.db.v{NEWEST}-1"]


def test_a_new_database_has_nothing_to_be_copied(path: Path) -> None:
    Store.open(path).close()
    assert version(path) == NEWEST
    assert backups(path) == []


@pytest.mark.parametrize("bad", ["CREATE nonsense", "INSERT INTO runs VALUES (1, 2, 3)"])
def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    with Store.open(path) as store:
        store.save_report(report(1))
    with monkeypatch.context() as patched:
        ahead(patched, *STEP, bad)
        with pytest.raises(StoreError):
            Store.open(path)
    assert version(path) == NEWEST
    with Store.open(path) as store:
        assert len(store.runs()) == 1
        assert store.notes == ()


def test_the_copy_is_whole_before_the_first_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(path) as store:
        store.save_report(report(1))
    ahead(monkeypatch, "CREATE nonsense")
    with pytest.raises(StoreError):
        Store.open(path)
    with opened(path.with_name(f"reknit.db.v{NEWEST}-1")) as copy:
        assert copy.execute("SELECT COUNT(*) FROM runs").fetchone() == (1,)


def test_no_copy_no_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, or whatever keeps the copy from being made."""
    old(path, 1)

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            Store.open(path)
    assert version(path) == 1
    assert backups(path) == []
    Store.open(path).close()
    assert version(path) == NEWEST


def test_what_a_killed_process_left_of_a_copy_is_no_copy(path: Path) -> None:
    old(path, 1)
    path.with_name("reknit.db.copy").write_bytes(b"half")
    Store.open(path).close()
    assert backups(path) == ["reknit.db.v1-1"]
    with opened(path.with_name("reknit.db.v1-1")) as copy:
        assert copy.execute("SELECT COUNT(*) FROM runs").fetchone() == (1,)


def test_of_many_processes_one_brings_it_forward(path: Path) -> None:
    old(path, 1)
    program = (
        "import sys; from pathlib import Path; from reknit.store.db import Store; Store.open(Path(sys.argv[1])).close()"
    )
    env = {"PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    running = [
        subprocess.Popen([sys.executable, "-c", program, path], env=env, stderr=subprocess.PIPE) for _ in range(4)
    ]
    for each in running:
        _, said = each.communicate(timeout=60)
        assert each.returncode == 0, said.decode()
    assert backups(path) == ["reknit.db.v1-1"]
    with Store.open(path) as store:
        assert len(store.runs()) == 1


def test_tables_that_are_not_of_their_version_are_moved_aside(path: Path) -> None:
    with opened(path) as db:
        db.execute("CREATE TABLE runs (id, started)")
        db.execute("PRAGMA user_version = 1")
    with Store.open(path) as store:
        store.save_report(report(1))
        assert len(store.notes) == 1
    assert path.with_name("reknit.db.damaged-1").exists()


def test_a_newer_schema_is_left_alone(path: Path) -> None:
    with opened(path) as newer:
        newer.execute("PRAGMA journal_mode = WAL")
        newer.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    for way in (Store.open, Store.look):
        with pytest.raises(StoreError) as caught:
            way(path)
        assert caught.value.slug == "store-newer"
    assert path.read_bytes() == before


def test_what_another_process_has_brought_forward_meanwhile_stays(path: Path) -> None:
    """It is asked again under the lock."""
    Store.open(path).close()
    with opened(path) as db:
        migrations.migrate(db, path)
    assert backups(path) == []
