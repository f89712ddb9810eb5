"""What an undo could not bring back is known before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reknit.apply.losses import losses
from reknit.errors import IrreversibleError
from reknit.model.patch import Create, Delete, Entry, Rename
from tests.unit.apply.place import NOW, Place


def _state(*, links: int = 1, uid: int = 1000, gid: int = 1000) -> os.stat_result:
    return os.stat_result((0o100644, 1, 1, links, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("user", "state", "attributes", "removed", "said"),
    [
        (1000, _state(), [], False, []),
        (1000, _state(links=3), [], False, ["hard links"]),
        (1000, _state(uid=0), [], False, ["owner"]),
        (1000, _state(gid=5), [], False, ["owner"]),
        (0, _state(uid=1000), [], False, []),
        (0, _state(uid=1000), [], True, ["owner"]),
        (1000, _state(), ["user.note"], False, []),
        (1000, _state(), ["user.note"], True, ["user.note"]),
        (1000, _state(), ["security.selinux"], True, []),
        (1000, _state(), ["security.capability"], False, ["security.capability"]),
        (0, _state(uid=0, gid=0), ["security.capability"], False, []),
    ],
)  # fmt: skip
def test_what_is_lost(
    monkeypatch: pytest.MonkeyPatch,
    user: int,
    state: os.stat_result,
    attributes: list[str],
    removed: bool,
    said: list[str],
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(os, "getegid", lambda: user)
    monkeypatch.setattr(os, "getgroups", list)
    found = list(losses(state, attributes, removed=removed))
    assert len(found) == len(said)
    assert all(word in text for word, text in zip(said, found, strict=True))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.fill({"a.py": b"one\n", "b.py": b"one\n"})
    os.link(place.root / "a.py", tmp_path / "other name")
    return place


def test_it_is_refused_before_anything_is_written(place: Place, tmp_path: Path) -> None:
    change = place.change("a.py", b"one", b"two")
    both = place.patch(*place.change("b.py", b"one", b"two").edits, *change.edits)
    before = place.look()
    with pytest.raises(IrreversibleError, match=r"a\.py: it is one of 2 hard links") as caught:
        place.apply(both)
    assert (caught.value.slug, caught.value.exit_code) == ("irreversible", 5)
    assert place.look() == before
    assert place.journal.history() == ()
    assert (tmp_path / "other name").read_bytes() == b"one\n"


def test_where_it_is_allowed_the_receipt_says_so(place: Place) -> None:
    patch = place.change("a.py", b"one", b"two")
    receipt = place.journal.apply(patch, verdicts=(), now=NOW, irreversible=True)
    assert not receipt.reversible.yes
    assert "hard links" in receipt.reversible.reason
    undone = place.journal.undo(now=NOW)
    assert (place.root / "a.py").read_bytes() == b"one\n"
    assert undone.reversible.yes


def test_an_effect_that_was_declared_is_a_loss(place: Place) -> None:
    patch = place.change("b.py", b"one", b"two")
    with pytest.raises(IrreversibleError, match="it migrates the database"):
        place.journal.apply(patch, verdicts=(), now=NOW, effects=["it migrates the database"])
    receipt = place.journal.apply(patch, verdicts=(), now=NOW, effects=["it migrates"], irreversible=True)
    assert receipt.reversible.reason == "it migrates"


def test_a_file_under_another_name_is_not_lost_but_a_removed_one_is(place: Place) -> None:
    os.setxattr(place.root / "b.py", "user.note", b"x")
    assert place.apply(place.patch(Rename(path="b.py", to="c.py")))
    assert os.getxattr(place.root / "c.py", "user.note") == b"x"
    with pytest.raises(IrreversibleError, match=r"user\.note"):
        place.apply(place.patch(Delete(path="c.py", entry=Entry(content=b"one\n"))))
    assert place.apply(place.patch(Create(path="d.py", entry=Entry(content=b""))))
