"""The SQLite store outlives damage, other processes and its own past versions."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reknit.errors import StoreError
from reknit.model.outcome import Healthy, Outcome
from reknit.store.cache import LRUPatchCache
from reknit.store.db import Store
from tests.contract.test_store import proposed, report


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reknit.db"


@pytest.mark.parametrize("damage", [b"no database at all, but long enough" * 40, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_moved_aside_and_work_goes_on(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)
    with Store.open(path) as store:
        assert len(store.notes) == 1
        store.save_report(report(1))
        assert len(store.runs()) == 1
    assert path.with_name("reknit.db.damaged-1").read_bytes() == damage
    path.write_bytes(damage)
    with Store.open(path) as store:
        assert store.runs() == ()
    assert path.with_name("reknit.db.damaged-2").exists()


def test_damage_inside_is_found_too(path: Path) -> None:
    with Store.open(path) as store:
        for day in range(20):
            store.save_report(report(day, ("t", proposed(b"x" * 5000))))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with Store.open(path) as store:
        assert store.runs() == ()
        assert "starts anew" in store.notes[0]


def test_damage_while_open_costs_history_but_not_the_run(path: Path) -> None:
    with Store.open(path) as store:
        store.save_report(report(1))
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = path.read_bytes()
        path.write_bytes(b"\xa5" * len(content))
        store.save_report(report(2))
        assert len(store.notes) == 1
        assert [each.cost.candidates for each in store.runs()] == [2]


def test_a_row_that_no_longer_fits_is_skipped_with_a_note(path: Path) -> None:
    with Store.open(path) as store:
        store.save_report(report(1))
        store.save_report(report(2, ("t", proposed(b"x"))))
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE runs SET report = '{}' WHERE id = 1")
        other.execute("UPDATE patches SET verdict = '{}'")
    with Store.open(path) as store:
        assert [each.cost.candidates for each in store.runs()] == [2]
        assert store.latest_proposed() == []
        assert len(store.notes) == 2


def test_a_report_is_kept_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise sqlite3.OperationalError("disk full")

    with Store.open(path) as store:
        with monkeypatch.context() as patched:
            patched.setattr(LRUPatchCache, "put", broken)
            with pytest.raises(StoreError, match="disk full"):
                store.save_report(report(1, ("t", proposed(b"x"))))
        assert store.runs() == ()
        store.save_report(report(1, ("t", proposed(b"x"))))
        assert len(store.runs()) == 1


def test_what_cannot_be_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path / "file" / "reknit.db")
    assert caught.value.slug == "store-unusable"


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "reknit.db"
    with Store.open(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    with Store.open(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_may_open_and_write_at_once(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from reknit.store.db import Store\nfrom tests.contract.test_store import report\n"
        "with Store.open(Path(sys.argv[1])) as store:\n"
        "    for day in range(10): store.save_report(report(day))\n"
        "    assert not store.notes, store.notes\n"
    )
    roots = Path(__file__).parents[3]
    env = {"PYTHONPATH": f"{roots / 'src'}:{roots}"}
    running = [
        subprocess.Popen([sys.executable, "-c", program, path], env=env, stderr=subprocess.PIPE) for _ in range(3)
    ]
    for each in running:
        _, said = each.communicate(timeout=120)
        assert each.returncode == 0, said.decode()
    with Store.open(path) as store:
        assert len(store.runs()) == 30


def test_of_a_flood_a_thousand_rows_are_kept_and_every_patch(path: Path) -> None:
    offer = proposed(b"1\n")
    rows: list[tuple[str, Outcome]] = [(f"t{n}", Healthy()) for n in range(3000)]
    rows += [("late", offer), ("later", offer)]
    with Store.open(path) as store:
        store.save_report(report(1, *rows))
        (kept,) = store.runs()
        assert len(kept.rows) == 1000
        assert kept.notes[-1] == "2002 more rows were not kept"
        assert [found.patch for found in store.latest_proposed()] == [offer.patch]
