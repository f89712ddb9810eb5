"""What was used last is remembered, within a size."""

from __future__ import annotations

from pathlib import Path

import pytest

from reknit.store.connection import Database
from reknit.store.db import Store
from reknit.store.remembered import Remembered


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reknit.db"


def small(store: Store) -> Store:
    store.remembered = Remembered(store.database, size=30)
    return store


def test_what_is_kept_is_recalled_by_kind_and_key(path: Path) -> None:
    with Store.open(path) as store:
        store.remember("a", "k", b"1")
        store.remember("b", "k", b"2")
        store.remember("a", "k", b"3")
        assert [store.recall("a", "k"), store.recall("b", "k"), store.recall("a", "x")] == [b"3", b"2", None]
    with Store.open(path) as store:
        assert store.recall("a", "k") == b"3"


def test_what_was_used_longest_ago_makes_room(path: Path) -> None:
    with small(Store.open(path)) as store:
        for key in "abc":
            store.remember("k", key, b"x" * 10)
        assert store.recall("k", "a") is not None
        store.remember("k", "d", b"x" * 10)
        assert [key for key in "abcd" if store.recall("k", key)] == ["a", "c", "d"]


def test_the_order_of_use_outlives_the_process(path: Path) -> None:
    with small(Store.open(path)) as store:
        for key in "abc":
            store.remember("k", key, b"x" * 10)
        assert store.recall("k", "a") is not None
    with small(Store.open(path)) as store:
        store.remember("k", "d", b"x" * 10)
        assert [key for key in "abcd" if store.recall("k", key)] == ["a", "c", "d"]


def test_to_recall_writes_nothing_until_the_end(path: Path) -> None:
    with Store.open(path) as store:
        store.remember("k", "a", b"x")
        before = path.read_bytes()
        assert store.recall("k", "a") == b"x"
        assert path.read_bytes() == before


def test_what_is_too_large_is_not_kept_and_drives_nothing_out(path: Path) -> None:
    with small(Store.open(path)) as store:
        store.remember("k", "a", b"x" * 30)
        store.remember("k", "b", b"x" * 31)
        assert store.recall("k", "b") is None
        assert store.recall("k", "a") == b"x" * 30


def test_a_value_of_another_type_is_none(path: Path) -> None:
    with Store.open(path) as store:
        store.remember("k", "a", b"x")
        store.database.write(lambda db: db.execute("UPDATE memory SET value = 7, used = 'never'"))
        assert store.recall("k", "a") is None
        store.remember("k", "b", b"y")
        assert store.recall("k", "b") == b"y"


def test_what_is_too_much_is_counted_and_dropped(path: Path) -> None:
    with Store.open(path) as store:
        for key in "abcd":
            store.remember("k", key, b"x" * 10)
    database = Database(path)
    part = Remembered(database, size=25)
    assert database.attempt(part.excess) == (2, 20)
    database.write(part.trim)
    assert database.attempt(part.excess) == (0, 0)
    assert [key for key in "abcd" if part.get("k", key)] == ["c", "d"]
    database.close()


def test_the_last_of_several_uses_counts(path: Path) -> None:
    with small(Store.open(path)) as store:
        for key in "abc":
            store.remember("k", key, b"x" * 10)
        for key in "abca":
            assert store.recall("k", key) is not None
        store.remember("k", "d", b"x" * 10)
        assert [key for key in "abcd" if store.recall("k", key)] == ["a", "c", "d"]
