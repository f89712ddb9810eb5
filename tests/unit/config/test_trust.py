"""What is pinned, and records that are none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reknit.config.trust import Trust, pin, revoke, trust_in
from reknit.errors import StoreError
from tests.unit.config.settings import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path.resolve())
    found.project("max_time = 900")
    return found


def test_from_stranger_to_friend_and_back(place: Place) -> None:
    assert trust_in(place.file(), place.state) is Trust.NONE
    pin(place.file(), place.state)
    assert trust_in(place.file(), place.state) is Trust.PINNED
    place.project("max_time = 901")
    assert trust_in(place.file(), place.state) is Trust.CHANGED
    pin(place.file(), place.state)
    assert trust_in(place.file(), place.state) is Trust.PINNED
    assert revoke(place.state)
    assert trust_in(place.file(), place.state) is Trust.NONE
    assert not revoke(place.state)


def test_only_the_user_reads_it(place: Place) -> None:
    pin(place.file(), place.state)
    assert place.state.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "record",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"file": 1}', b'{"file": "reknit.toml"}', b'{"sha256": "x"}', b"[" * 99_999],
)
def test_a_broken_record_pins_nothing(place: Place, record: bytes) -> None:
    place.state.mkdir()
    (place.state / "trust.json").write_bytes(record)
    assert trust_in(place.file(), place.state) is not Trust.PINNED
    assert place.load().options.max_time == 300


def test_the_record_names_the_file(place: Place) -> None:
    pin(place.file(), place.state)
    record = json.loads((place.state / "trust.json").read_bytes())
    assert record == {"file": "reknit.toml", "sha256": place.file().sha256}
    record["file"] = "pyproject.toml"
    (place.state / "trust.json").write_text(json.dumps(record))
    assert trust_in(place.file(), place.state) is Trust.NONE


def test_what_cannot_be_kept_is_said(place: Place) -> None:
    place.state.write_text("a file in its place")
    with pytest.raises(StoreError) as caught:
        pin(place.file(), place.state)
    assert caught.value.slug == "trust-unwritable"
    with pytest.raises(StoreError):
        revoke(place.state)
    assert not os.access(place.state / "trust.json", os.F_OK)
