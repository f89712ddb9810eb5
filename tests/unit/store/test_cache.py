"""Patches by use within a size, in memory and in the file alike."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from reknit.store.cache import Found, LRUPatchCache
from reknit.store.connection import Database
from reknit.store.db import Store
from tests.contract.test_store import NOT_HEALED, proposed, report


def found(number: int, why: str = "w") -> Found:
    one = proposed(b"%03d" % number)
    return Found(patch=one.patch, verdict=one.verdict, why=why)


EVERY = [found(number) for number in range(8)]
IDS = [one.patch.id for one in EVERY]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "reknit.db")
    yield database
    database.close()


def put(database: Database, cache: LRUPatchCache, *proposals: Found) -> None:
    """What one run does."""

    def work(db: sqlite3.Connection) -> None:
        run = db.execute("INSERT INTO runs (started, report) VALUES ('', '')").lastrowid
        assert run is not None
        cache.put(db, run, proposals)

    database.write(work)


def kept(database: Database) -> set[str]:
    return {row[0] for row in database.rows("SELECT id FROM patches")}


def size_of_one(database: Database) -> int:
    put(database, LRUPatchCache(database), EVERY[0])
    size: int = database.rows("SELECT size FROM patches")[0][0]
    database.write(lambda db: db.execute("DELETE FROM patches"))
    return size


def test_what_was_used_longest_ago_makes_room(database: Database) -> None:
    cache = LRUPatchCache(database, size=3 * size_of_one(database))
    for one in EVERY[:3]:
        put(database, cache, one)
    assert cache.get(IDS[0]) == EVERY[0]
    put(database, cache, EVERY[3])
    assert kept(database) == {IDS[0], IDS[2], IDS[3]}
    assert cache.get(IDS[1]) is None


def test_the_order_of_use_outlives_the_process(database: Database) -> None:
    size = 3 * size_of_one(database)
    for one in EVERY[:3]:
        put(database, LRUPatchCache(database, size=size), one)
    first = LRUPatchCache(database, size=size)
    assert first.get(IDS[0]) == EVERY[0]
    assert first.is_ahead
    database.write(first.keep_order)
    assert not first.is_ahead
    put(database, LRUPatchCache(database, size=size), EVERY[3])
    assert kept(database) == {IDS[0], IDS[2], IDS[3]}


def test_a_store_that_is_closed_keeps_the_order(tmp_path: Path) -> None:
    path = tmp_path / "reknit.db"
    with Store.open(path) as store:
        for at in range(2):
            store.save_report(report(at, ("t", proposed(b"%03d" % at))))
        store.proposed(IDS[0])
    with Store.open(path) as store:
        assert store.database.rows("SELECT id FROM patches ORDER BY used DESC") == [(IDS[0],), (IDS[1],)]


def test_what_the_last_run_proposed_stays_whatever_its_size(database: Database) -> None:
    cache = LRUPatchCache(database, size=10)
    put(database, cache, *EVERY[:5])
    assert kept(database) == set(IDS[:5])
    assert [cache.get(key) for key in IDS[:5]] == EVERY[:5]
    put(database, cache, EVERY[5])
    assert kept(database) == {IDS[5]}


def test_a_run_that_proposes_nothing_frees_what_the_last_one_held(tmp_path: Path) -> None:
    with Store.open(tmp_path / "reknit.db") as store:
        store.patches = LRUPatchCache(store.database, size=10)
        store.save_report(report(1, ("t", proposed(b"x"))))
        assert len(store.latest_proposed()) == 1
        store.save_report(report(2, ("t", NOT_HEALED)))
        assert kept(store.database) == set()


def test_memory_has_what_the_file_has(database: Database) -> None:
    cache = LRUPatchCache(database)
    put(database, cache, EVERY[0])
    assert cache.get(IDS[0]) == EVERY[0]
    queries: list[str] = []
    database.attempt(lambda db: db.set_trace_callback(queries.append))
    assert cache.get(IDS[0]) == EVERY[0]
    assert [q for q in queries if "patches" in q] == []


def test_what_another_process_has_written_is_seen(database: Database) -> None:
    cache = LRUPatchCache(database)
    put(database, cache, EVERY[0])
    assert cache.get(IDS[0]) == EVERY[0]
    other = Database(database.path)
    put(other, LRUPatchCache(other), found(0, "another reason"))
    other.close()
    assert cache.get(IDS[0]) == found(0, "another reason")


@pytest.mark.parametrize("column", ["patch", "verdict"])
@pytest.mark.parametrize("value", ["{}", 5, b"\xff", "[" * 100_000])
def test_a_row_that_is_no_patch_is_a_note(database: Database, column: str, value: object) -> None:
    cache = LRUPatchCache(database)
    put(database, cache, EVERY[0])
    database.write(lambda db: db.execute(f"UPDATE patches SET used = 'x', size = 'y', {column} = ?", (value,)))
    assert LRUPatchCache(database).get(IDS[0]) is None
    assert len(database.notes) == 1
    put(database, cache, EVERY[1])
    assert cache.get(IDS[1]) == EVERY[1]


def test_what_is_too_much_is_counted(database: Database) -> None:
    one = size_of_one(database)
    for each in EVERY[:4]:
        put(database, LRUPatchCache(database), each)
    small = LRUPatchCache(database, size=2 * one)
    assert database.attempt(small.excess) == (2, 2 * one)
    database.write(small.trim)
    assert database.attempt(small.excess) == (0, 0)
    assert kept(database) == set(IDS[2:4])


def test_the_order_is_that_of_a_model(tmp_path: Path) -> None:
    """Against a dictionary in order of use, with what the last run proposed set apart."""
    counter = iter(range(10**6))

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.database = Database(tmp_path / f"{next(counter)}.db")
            self.room = 3
            self.size = size_of_one(self.database)
            self.cache = LRUPatchCache(self.database, size=self.room * self.size)
            self.model: OrderedDict[str, Found] = OrderedDict()
            self.last: set[str] = set()

        @rule(numbers=st.lists(st.integers(0, 7), unique=True, max_size=5))
        def run(self, numbers: list[int]) -> None:
            put(self.database, self.cache, *(EVERY[n] for n in numbers))
            self.last = {IDS[n] for n in numbers}
            for n in numbers:
                self.model[IDS[n]] = EVERY[n]
                self.model.move_to_end(IDS[n])
            for key in [key for key in self.model if key not in self.last]:
                if len(self.model) > self.room:
                    del self.model[key]

        @rule(number=st.integers(0, 7))
        def get(self, number: int) -> None:
            assert self.cache.get(IDS[number]) == self.model.get(IDS[number])
            if IDS[number] in self.model:
                self.model.move_to_end(IDS[number])

        @rule()
        def restart(self) -> None:
            self.database.write(self.cache.keep_order)
            self.database.close()
            self.database = Database(self.database.path)
            self.cache = LRUPatchCache(self.database, size=self.room * self.size)

        @invariant()
        def the_file_has_the_same(self) -> None:
            assert kept(self.database) == set(self.model)

        def teardown(self) -> None:
            self.database.close()

    run_state_machine_as_test(Machine, settings=settings(max_examples=20, stateful_step_count=15, deadline=None))


def test_the_last_of_several_uses_counts(database: Database) -> None:
    cache = LRUPatchCache(database, size=2 * size_of_one(database))
    put(database, cache, *EVERY[:2])
    for number in (0, 1, 0):
        assert cache.get(IDS[number]) == EVERY[number]
    put(database, cache, EVERY[2])
    assert kept(database) == {IDS[0], IDS[2]}


def test_what_is_proposed_again_is_what_was_said_last(database: Database) -> None:
    cache = LRUPatchCache(database)
    put(database, cache, EVERY[0])
    assert cache.get(IDS[0]) == EVERY[0]
    put(database, cache, found(0, "another reason"))
    assert cache.get(IDS[0]) == found(0, "another reason")


def test_what_the_last_run_proposed_takes_room_before_what_is_used(database: Database) -> None:
    one = size_of_one(database)
    for each in EVERY[:2]:
        put(database, LRUPatchCache(database), each)
    cache = LRUPatchCache(database, size=one)
    assert cache.get(IDS[0]) == EVERY[0]
    database.write(cache.keep_order)
    database.write(cache.trim)
    assert kept(database) == {IDS[1]}
    assert cache.get(IDS[0]) is None
