"""What was done is kept in small, within bounds, and a damaged row is a note."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reknit.errors import UsageError
from reknit.model.outcome import Healthy
from reknit.store import archive as module
from reknit.store.archive import Archive, ArchiveEntry, entry_of
from reknit.store.connection import Database
from reknit.store.db import Store, record
from reknit.store.dictionary import DICTIONARIES, NEWEST
from tests.contract.test_store import START, proposed, report
from tests.unit.history import Place

DIFF = b"--- a/m.py\n+++ b/m.py\n@@ -1,2 +1,2 @@\n def total(self):\n-    return sum(self.prices)\n+    return 0\n"
RELEASED = 1508034395
ENTRY = ArchiveEntry(
    kind="apply", at=START, id="r1", patch="p1", files=("m.py",), label="plausible", reason="why", body=DIFF
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "reknit.db")
    yield database
    database.close()


def raw(database: Database, column: str, value: object) -> None:
    database.write(lambda db: db.execute(f"UPDATE archive SET {column} = ?", (value,)))


def bodies(archive: Archive) -> list[bytes | None]:
    return [archive.body(row.number) for row in archive.entries()]


def noise(size: int) -> bytes:
    """Bytes that do not pack."""
    return bytes((n * n * 31 + n * 7 + (n >> 3) * 13) % 251 for n in range(size))


class TestRoundTrip:
    @settings(max_examples=30, deadline=None)
    @given(
        body=st.one_of(st.binary(max_size=300), st.just(DIFF)),
        files=st.lists(st.text(), max_size=3).map(tuple),
        reason=st.text(),
        kind=st.sampled_from(["apply", "undo", "redo", "run"]),
        compression=st.booleans(),
    )
    def test_what_goes_in_comes_out(
        self, tmp_path_factory: pytest.TempPathFactory, compression: bool, body: bytes, **about: Any
    ) -> None:
        database = Database(tmp_path_factory.mktemp("store") / "reknit.db")
        archive = Archive(database, compression=compression)
        entry = ArchiveEntry(at=START, id="1", body=body, **about)
        archive.add(entry)
        (row,) = archive.entries()
        assert (row.entry, row.plain, row.dropped) == (replace(entry, body=b""), len(body), False)
        assert archive.body(row.number) == body
        assert row.packed <= len(body)
        assert database.notes == []
        database.close()

    def test_half_characters_are_kept_as_escapes(self, database: Database) -> None:
        archive = Archive(database)
        archive.add(replace(ENTRY, files=("\udce9.py",), reason="\udce9"))
        (row,) = archive.entries()
        assert (row.entry.files, row.entry.reason) == (("\udce9.py",), "\\udce9")

    def test_it_packs_and_need_not(self, database: Database) -> None:
        packing, plain = Archive(database), Archive(database, compression=False)
        packing.add(ENTRY)
        plain.add(ENTRY)
        sizes = [(row.plain, row.packed) for row in plain.entries()]
        assert sizes[1] == (len(DIFF), len(DIFF))
        assert sizes[0][1] < 0.7 * len(DIFF)
        assert bodies(plain) == bodies(packing) == [DIFF, DIFF]

    def test_names_of_files_are_packed_for_nothing(self, database: Database) -> None:
        archive = Archive(database)
        for name in ("m.py", "a_long/and_quite_unusual/name_of_a_file_xyz.py"):
            archive.add(replace(ENTRY, files=(name,), body=DIFF.replace(b"m.py", name.encode())))
        short, long = archive.entries()
        assert long.packed - short.packed < 10
        assert (archive.body(2) or b"").startswith(b"--- a/a_long/")

    def test_old_rows_are_read_with_their_dictionary(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        Archive(database).add(ENTRY)
        new = b"another dictionary"
        number = zlib.adler32(new)
        monkeypatch.setattr(module, "DICTIONARIES", {**DICTIONARIES, number: new})
        monkeypatch.setattr(module, "NEWEST", number)
        Archive(database).add(ENTRY)
        assert database.rows("SELECT dictionary FROM archive") == [(NEWEST,), (number,)]
        assert bodies(Archive(database)) == [DIFF, DIFF]

    def test_the_released_dictionary_is_as_it_was(self) -> None:
        """Rows out there need it to the byte: a better one is added, none is edited."""
        assert [*DICTIONARIES] == [RELEASED]
        assert all(zlib.adler32(text) == number and len(text) < 1 << 15 for number, text in DICTIONARIES.items())


class TestBounds:
    def test_the_oldest_bodies_go_and_what_they_were_is_kept(self, database: Database) -> None:
        archive = Archive(database, size=1000)
        for number in range(10):
            archive.add(replace(ENTRY, id=str(number), body=noise(240)))
        rows = archive.entries()
        assert [row.entry.id for row in rows] == [str(n) for n in range(10)]
        assert [row.dropped for row in rows] == [True] * 6 + [False] * 4
        assert {row.plain for row in rows} == {240}
        assert archive.body(1) is None
        assert database.notes == []

    @settings(max_examples=30, deadline=None)
    @given(sizes=st.lists(st.integers(0, 120), max_size=12))
    def test_as_many_of_the_newest_as_fit(self, tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
        database = Database(tmp_path_factory.mktemp("store") / "reknit.db")
        archive = Archive(database, size=100, compression=False)
        kept: list[bool] = []
        for size in sizes:
            archive.add(replace(ENTRY, body=noise(size)))
            kept.append(size <= 100)
            held = [s if k else 0 for s, k in zip(sizes, kept, strict=False)]
            kept = [k and (not sizes[at] or sum(held[at:]) <= 100) for at, k in enumerate(kept)]
        assert [not row.dropped for row in archive.entries()] == kept
        database.close()

    def test_what_is_too_long_is_not_kept_and_drives_nothing_out(self, database: Database) -> None:
        archive = Archive(database, size=1000)
        archive.add(ENTRY)
        archive.add(replace(ENTRY, body=noise(1001)))
        archive.add(replace(ENTRY, body=b"x" * (module.BODY_BYTES + 1)))
        assert bodies(archive) == [DIFF, None, None]
        assert [row.plain for row in archive.entries()] == [len(DIFF), 1001, module.BODY_BYTES + 1]

    def test_rows_have_a_bound(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_MOST_ROWS", 3)
        for _ in range(5):
            Archive(database).add(ENTRY)
        assert [row.number for row in Archive(database).entries()] == [3, 4, 5]
        assert [row.number for row in Archive(database).entries(limit=2)] == [4, 5]

    def test_a_smaller_bound_is_met_by_gc(self, database: Database) -> None:
        for _ in range(4):
            Archive(database).add(replace(ENTRY, body=noise(100)))
        small = Archive(database, size=250)
        assert database.attempt(small.excess) == (2, 200)
        database.write(small.trim)
        assert database.attempt(small.excess) == (0, 0)
        assert [row.dropped for row in small.entries()] == [True, True, False, False]

    def test_files_have_a_bound(self, database: Database) -> None:
        Archive(database).add(replace(ENTRY, files=tuple(str(n) for n in range(1000))))
        assert len(Archive(database).entries()[0].entry.files) == 100


class TestDamage:
    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("body", b"no zlib"),
            ("body", "text"),
            ("body", 5),
            ("dictionary", 0),
            ("dictionary", 12345),
            ("dictionary", "x"),
            ("plain", len(DIFF) - 1),
            ("plain", len(DIFF) + 1),
            ("plain", -1),
            ("plain", 1 << 40),
            ("plain", "x"),
            ("files", "["),
            ("files", "7"),
            ("files", "7.5"),
            ("files", b"\xff"),
            ("checksum", 7),
        ],
    )
    def test_a_body_that_is_not_what_its_row_says(self, database: Database, column: str, value: object) -> None:
        archive = Archive(database)
        archive.add(ENTRY)
        raw(database, column, value)
        assert archive.body(1) is None
        assert len(database.notes) == 1
        assert "damaged" in database.notes[0]

    def test_a_bomb_does_not_go_off(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """Never more is unpacked than the row may hold."""
        packer = zlib.compressobj(9, wbits=-15)
        bomb = packer.compress(bytes(1 << 26)) + packer.flush()
        archive = Archive(database)
        archive.add(ENTRY)
        raw(database, "body", bomb)
        raw(database, "plain", 1000)
        asked = []

        class Unpacker:
            eof = True

            def decompress(self, data: bytes, most: int) -> bytes:
                asked.append(most)
                return b""

        monkeypatch.setattr(zlib, "decompressobj", lambda wbits, zdict: Unpacker())
        assert archive.body(1) is None
        assert asked == [1001]
        monkeypatch.undo()
        assert archive.body(1) is None

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("kind", "party"),
            ("at", "yesterday"),
            ("at", 5),
            ("at", "2026-01-01"),
            ("files", "["),
            ("files", "7"),
            ("files", "[" * 100_000),
            ("plain", "x"),
            ("packed", b"\xff"),
        ],
    )
    def test_a_row_that_says_nothing(self, database: Database, column: str, value: object) -> None:
        archive = Archive(database)
        archive.add(ENTRY)
        raw(database, column, value)
        assert archive.entries() == ()
        assert len(database.notes) == 1

    @pytest.mark.parametrize(("column", "value"), [("start", "x"), ("start", -5), ("packed", 1 << 62)])
    def test_wrong_counts_start_anew(self, database: Database, column: str, value: object) -> None:
        archive = Archive(database)
        archive.add(ENTRY)
        raw(database, column, value)
        archive.add(ENTRY)
        assert len(archive.entries()) == 1
        assert "moved" in database.notes[0] or "kept as" in database.notes[0]


class TestWhatCalls:
    def test_a_run_says_how_it_ended(self, tmp_path: Path) -> None:
        with Store.open(tmp_path / "reknit.db") as store:
            store.save_report(report(1, ("t1", proposed(b"x")), ("t2", Healthy()), ("t3", Healthy())))
            store.save_report(replace(report(2), notes=("a budget ended it", "two")))
            rows = [row.entry for row in store.archive.entries()]
        assert [(row.kind, row.id, row.files, row.label, row.reason) for row in rows] == [
            ("run", "1", ("a.py",), "1 proposed, 2 healthy", ""),
            ("run", "2", (), "", "a budget ended it; two"),
        ]

    def test_an_act_by_its_receipt(self, tmp_path: Path) -> None:
        place = Place(tmp_path)
        receipt = place.journal.apply(place.change(b"one", b"11"), verdicts=(), now=START, reason="so")
        entry = entry_of("apply", receipt, DIFF)
        assert record(tmp_path / "s" / "store.db", entry, root=place.root) is None
        with Store.look(tmp_path / "s" / "store.db") as store:
            (row,) = store.archive.entries()
            assert store.archive.body(row.number) == DIFF
        assert (row.entry.id, row.entry.patch) == (receipt.id, receipt.patch.id)
        assert (row.entry.files, row.entry.label, row.entry.reason, row.entry.at) == (("a.py",), "", "so", START)

    def test_that_it_cannot_be_kept_is_a_note(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        said = record(tmp_path / "file" / "store.db", ENTRY, root=tmp_path)
        assert said is not None
        assert "cannot use the history" in said
        with Store.open(tmp_path / "store.db") as store:
            store.database.close()
            assert "cannot use the history" in (store.record(ENTRY) or "")

    def test_a_damaged_store_is_a_note_and_the_entry_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "store.db").write_bytes(b"garbage" * 1000)
        assert "was damaged" in (record(tmp_path / "store.db", ENTRY, root=tmp_path) or "")
        with Store.look(tmp_path / "store.db") as store:
            assert len(store.archive.entries()) == 1

    def test_a_time_has_a_place(self) -> None:
        with pytest.raises(UsageError):
            replace(ENTRY, at=dt.datetime(2026, 1, 1))  # noqa: DTZ001 - that is it
