"""What becomes of an act that was cut short, where somebody has changed a file meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reknit.apply import exchange
from reknit.apply.journal import Journal
from reknit.model.patch import Delete, Entry
from tests.unit.apply.place import NOW, Place

FILES = {"a.py": b"one\n", "b.py": b"one\n", "c.py": b"gone\n"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Cut short after a.py was exchanged: b.py is staged, and c.py still there."""
    place = Place(tmp_path)
    place.fill(FILES)
    edits = [edit for name in ("a.py", "b.py") for edit in place.change(name, b"one", b"two").edits]
    patch = place.patch(*edits, Delete(path="c.py", entry=Entry(content=b"gone\n")))
    put = exchange.put

    def dies(folder: int, path: str, *rest: Any, **more: Any) -> None:
        if path == "b.py":
            raise SystemExit
        put(folder, path, *rest, **more)

    with monkeypatch.context() as patched:
        patched.setattr(exchange, "put", dies)
        patched.setattr(Journal, "_take_back", lambda *_: None)
        with pytest.raises(SystemExit):
            place.journal.apply(patch, verdicts=(), now=NOW)
    assert (place.root / "a.py").read_bytes() == b"two\n"
    return place


def _files(place: Place) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.root.iterdir()}


def test_nobody_was_there(place: Place) -> None:
    (recovered,) = place.journal.recover()
    assert (recovered.ending, recovered.note) == ("rolled back", "apply of a.py, b.py, c.py was rolled back")
    assert _files(place) == FILES


@pytest.mark.parametrize("name", ["b.py", "c.py"])
def test_a_file_that_it_had_not_come_to_stays_and_the_others_go_back(place: Place, name: str) -> None:
    (place.root / name).write_bytes(b"mine\n")
    (recovered,) = place.journal.recover()
    assert recovered.ending == "rolled back"
    assert f"{name} had changed before it got there" in recovered.note
    assert _files(place) == {**FILES, name: b"mine\n"}


def test_a_file_that_it_had_changed_is_mixed_and_nothing_is_touched(place: Place) -> None:
    (place.root / "a.py").write_bytes(b"two\nmine\n")
    (recovered,) = place.journal.recover()
    assert recovered.ending == "set aside"
    assert _files(place) == {**FILES, "a.py": b"two\nmine\n"}
    (kept,) = (place.state / "journal").glob("*.aside")
    assert str(kept) in recovered.note
