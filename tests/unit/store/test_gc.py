"""What is too much or old goes, what may still be needed stays, and a dry run changes nothing."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reknit.store import db
from reknit.store.archive import Archive, ArchiveEntry
from reknit.store.cache import LRUPatchCache
from reknit.store.db import Store
from reknit.store.gc import Freed, clean_missing, clean_store
from reknit.store.place import project_state
from reknit.store.remembered import Remembered
from tests.contract.test_store import START, proposed, report

NOW = dt.datetime.now(dt.UTC)
LATER = NOW + dt.timedelta(days=31)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.db"


def fill(path: Path) -> None:
    with Store.open(path) as store:
        for day in range(5):
            store.save_report(report(day, ("t", proposed(b"%d" % day * 2000))))
            store.remember("k", str(day), os.urandom(100_000))
            store.record(ArchiveEntry(kind="apply", at=START, id=str(day), body=os.urandom(1000)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Every bound becomes smaller."""

    def shrink() -> None:
        monkeypatch.setattr(db, "REPORT_BYTES", 1)
        monkeypatch.setattr(db, "MOST_SIGNALS", 2)
        monkeypatch.setattr(db, "Archive", lambda database, compression: Archive(database, size=2000))
        monkeypatch.setattr(db, "LRUPatchCache", lambda database: LRUPatchCache(database, size=1))
        monkeypatch.setattr(db, "Remembered", lambda database: Remembered(database, size=200_000))

    return shrink


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def cleaned(path: Path, *, now: dt.datetime = NOW, dry_run: bool = False) -> dict[str, Freed]:
    freed, notes = clean_store(path, now=now, dry_run=dry_run)
    assert notes == []
    return {one.kind: one for one in freed if one.count}


def test_what_is_within_the_bounds_stays(path: Path) -> None:
    fill(path)
    assert cleaned(path) == {}
    with Store.open(path) as store:
        assert len(store.runs()) == 5


def test_what_is_over_the_bounds_goes_and_is_counted(path: Path, small: Callable[[], None]) -> None:
    fill(path)
    small()
    before, size = content(path.parent), path.stat().st_size
    would = cleaned(path, dry_run=True)
    assert content(path.parent) == before
    did = cleaned(path)
    counts = {kind: one.count for kind, one in did.items()}
    assert counts.pop("unused space in the store") > 50
    assert counts == {"diffs in the archive": 3, "patches": 4, "memory": 3, "reports": 4, "signals": 3}
    assert {kind: one for kind, one in would.items() if kind != "unused space in the store"} == {
        kind: one for kind, one in did.items() if kind != "unused space in the store"
    }
    assert did["diffs in the archive"].bytes == 3000
    assert did["memory"].bytes == 300_000
    assert size - path.stat().st_size == did["unused space in the store"].bytes > 300_000
    assert cleaned(path) == {}
    with Store.open(path) as store:
        assert [found.patch for found in store.latest_proposed()] == [proposed(b"4" * 2000).patch]


def test_old_files_go_by_their_age(path: Path) -> None:
    fill(path)
    aside = [path.with_name(f"store.db.{name}") for name in ("damaged-1", "damaged-1-journal", "v2-1")]
    for each in aside:
        each.write_bytes(b"x" * 10)
    folder, link = path.with_name("store.db.damaged-2"), path.with_name("store.db.damaged-3")
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "it").write_bytes(b"x" * 10)
    link.symlink_to(path)
    os.utime(aside[0], (1, 1))  # an old file that was only now set aside
    assert cleaned(path) == {}
    before = content(path.parent)
    expected = {"damaged stores": 4, "backups of the store": 1}
    would = cleaned(path, now=LATER, dry_run=True)
    assert content(path.parent) == before
    did = cleaned(path, now=LATER)
    assert {kind: one.count for kind, one in did.items()} == expected
    assert would == did
    assert did["backups of the store"].bytes == 10
    assert sorted(p.name for p in path.parent.iterdir() if p.stat().st_size) == ["store.db"]


def test_no_store_is_none(tmp_path: Path) -> None:
    assert all(one.count == 0 for one in clean_store(tmp_path / "store.db", now=NOW, dry_run=False)[0])
    assert list(tmp_path.iterdir()) == []


def test_damage_is_found_wherever_it_is(path: Path) -> None:
    fill(path)
    text = path.read_bytes()
    path.write_bytes(text[: len(text) // 2] + b"\xa5" * 8192 + text[len(text) // 2 + 8192 :])
    _, notes = clean_store(path, now=NOW, dry_run=False)
    assert len(notes) == 1
    assert "starts anew" in notes[0]


def test_damage_that_nobody_would_meet_is_found(path: Path) -> None:
    """In an index that no statement here reads."""
    fill(path)
    with Store.look(path) as store:
        ((page,),) = store.database.rows("SELECT rootpage FROM sqlite_schema WHERE name = 'signals_by_fingerprint'")
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xa5" * 4096)
    _, notes = clean_store(path, now=NOW, dry_run=False)
    assert len(notes) == 1
    assert "starts anew" in notes[0]


def test_what_cannot_be_used_is_a_note(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"garbage" * 100)
    _, notes = clean_store(path, now=NOW, dry_run=True)
    assert len(notes) == 1
    assert path.read_bytes() == b"garbage" * 100


class TestMissing:
    def make(self, folder: Path, name: str) -> tuple[Path, Path]:
        """A project and its state."""
        root = folder / name
        root.mkdir()
        state = project_state(root, folder / "base")
        Store.open(state / "store.db", root=root).close()
        return root, state

    def test_what_is_there_is_not_missing(self, tmp_path: Path) -> None:
        self.make(tmp_path, "here")
        assert clean_missing(tmp_path / "base", forget=True, dry_run=False) == []

    def test_it_is_named_and_goes_only_when_asked_to(self, tmp_path: Path) -> None:
        root, state = self.make(tmp_path, "gone")
        _, other = self.make(tmp_path, "here")
        root.rmdir()
        for forget, dry_run in ((False, False), (False, True), (True, True)):
            (found,) = clean_missing(tmp_path / "base", forget=forget, dry_run=dry_run)
            assert (found.project, bool(found.kept)) == (str(root), not forget)
            assert found.bytes > 10_000
            assert state.exists()
        clean_missing(tmp_path / "base", forget=True, dry_run=False)
        assert list((tmp_path / "base" / "projects").iterdir()) == [other]

    @pytest.mark.parametrize("name", ["00000001-apply-ab.intent", "00000001-apply-ab.aside"])
    def test_the_only_versions_of_files_stay(self, tmp_path: Path, name: str) -> None:
        root, state = self.make(tmp_path, "gone")
        (state / "journal").mkdir()
        (state / "journal" / name).write_bytes(b"")
        root.rmdir()
        (found,) = clean_missing(tmp_path / "base", forget=True, dry_run=False)
        assert "cut short" in found.kept
        assert state.exists()

    def test_what_says_nothing_of_its_project_stays(self, tmp_path: Path) -> None:
        root, state = self.make(tmp_path, "gone")
        root.rmdir()
        (state / "project").write_bytes(os.fsencode(tmp_path / "another"))
        (tmp_path / "base" / "projects" / "file").write_bytes(b"")
        (tmp_path / "base" / "projects" / "link").symlink_to(state)
        assert clean_missing(tmp_path / "base", forget=True, dry_run=False) == []
        assert state.exists()

    def test_what_cannot_be_looked_at_may_be_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        root, state = self.make(tmp_path, "gone")
        root.rmdir()
        lstat = Path.lstat

        def denied(path: Path) -> os.stat_result:
            if path == root:
                raise PermissionError(13, "denied")
            return lstat(path)

        monkeypatch.setattr(Path, "lstat", denied)
        assert clean_missing(tmp_path / "base", forget=True, dry_run=False) == []
        assert state.exists()

    def test_what_was_half_removed_goes_the_next_time(self, tmp_path: Path) -> None:
        root, state = self.make(tmp_path, "gone")
        half = state.rename(state.with_name(f"{state.name}.forgotten"))
        root.rmdir()
        assert clean_missing(tmp_path / "base", forget=False, dry_run=True) == []
        assert half.exists()
        assert clean_missing(tmp_path / "base", forget=False, dry_run=False) == []
        assert not half.exists()
