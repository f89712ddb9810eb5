"""What becomes of an act that was cut short, where somebody has changed a file meanwhile."""

from __future__ import annotations

import datetime as dt
import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from reknit.apply import exchange
from reknit.apply.journal import Journal
from reknit.errors import ConflictError, JournalError
from reknit.model.patch import Create, Delete, Entry, Rename
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


@pytest.mark.parametrize("end", ["first", "last"])
def test_what_a_hand_has_taken_back_is_not_taken_back_again(tmp_path: Path, end: str) -> None:
    place = Place(tmp_path)
    lines = [b"import os\n", *(b"line %d\n" % n for n in range(40)), b"end\n"]
    text = b"".join(lines)
    place.fill({"a.py": text})
    place.apply(place.change("a.py", lines[0] if end == "first" else lines[-1], b""))
    (place.root / "a.py").write_bytes(text)
    with pytest.raises(ConflictError):
        place.journal.undo(now=NOW)
    assert (place.root / "a.py").read_bytes() == text


def test_a_rename_that_is_rolled_back_keeps_owner_and_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    place.fill({"a.py": b"one\n", "b.py": b"one\n"})
    os.setxattr(place.root / "a.py", "user.note", b"x")
    patch = place.patch(Rename(path="a.py", to="a2.py"), Rename(path="b.py", to="b2.py"))
    put = exchange.put

    def late(folder: int, path: str, *rest: Any, **more: Any) -> None:
        if path == "b.py":
            (place.root / "b.py").write_bytes(b"mine\n")
        put(folder, path, *rest, **more)

    monkeypatch.setattr(exchange, "put", late)
    with pytest.raises(ConflictError):
        place.journal.apply(patch, verdicts=(), now=NOW)
    assert _files(place) == {"a.py": b"one\n", "b.py": b"mine\n"}
    assert os.getxattr(place.root / "a.py", "user.note") == b"x"


def test_a_file_of_an_earlier_try_is_in_nobodys_way(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.fill({"a.py": b"one\n"})
    patch = place.change("a.py", b"one", b"two")
    later = NOW + dt.timedelta(seconds=1)
    receipt = place.journal.apply(patch, verdicts=(), now=NOW)
    place.journal.undo(now=NOW)
    for record in (place.state / "journal").glob("*.done"):
        record.unlink()
    left = place.root / f".reknit-{receipt.id}-0.on"
    left.write_bytes(b"tw")
    place.journal.apply(patch, verdicts=(), now=later)
    assert left.read_bytes() == b"tw"
    assert (place.root / "a.py").read_bytes() == b"two\n"


def test_a_file_system_that_cannot_sync_folders_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, fsync = Place(tmp_path), os.fsync
    place.fill({"a.py": b"one\n"})

    def sync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", sync)
    place.apply(place.change("a.py", b"one", b"two"))
    assert (place.root / "a.py").read_bytes() == b"two\n"
    assert place.journal.recover() == ()


@pytest.mark.parametrize("target", [b"", b"a\0b"])
def test_a_link_to_nothing_is_refused(tmp_path: Path, target: bytes) -> None:
    place = Place(tmp_path)
    patch = place.patch(Create(path="link", entry=Entry(content=target, is_link=True)))
    with pytest.raises(JournalError) as caught:
        place.journal.apply(patch, verdicts=(), now=NOW)
    assert caught.value.slug == "link-target"
    assert _files(place) == {}
    assert place.journal.recover() == ()
