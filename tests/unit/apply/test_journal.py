"""Changes are written as a whole, taken back exactly, and never over somebody else's work."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reknit.apply import exchange, records
from reknit.apply.base import standing
from reknit.apply.tree import read
from reknit.errors import ConflictError, JournalError, UsageError
from reknit.model.patch import Create, Delete, Edit, Entry, Mode, Relink, Rename, Span
from reknit.model.verdict import Label, Verdict
from tests.unit.apply.place import NOW, Place, plant, scratch

#: Cases of the property that everything rests on; `make nightly` asks for more.
CASES = int(os.environ.get("REKNIT_TEST_CASES", "300"))
LINES = [b"line %02d\n" % number for number in range(30)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


_names = st.sampled_from(["a.py", "b.py", "pkg/c.py", "pkg/deep/d.py", "e", "f"])
_contents = st.one_of(
    st.binary(max_size=40), st.sampled_from([b"", b"x\r\ny\r\n", b"\xff\xfe latin \xe9\n", b"one\ntwo\n"])
)
_entries = st.one_of(
    st.builds(Entry, content=_contents, mode=st.sampled_from([0o644, 0o600, 0o755, 0o444])),
    st.builds(Entry, content=st.sampled_from([b"a.py", b"nowhere", b"../out"]), is_link=st.just(True)),
)
_trees = st.dictionaries(_names, _entries, min_size=1)


@st.composite
def _changes(draw: st.DrawFn) -> tuple[dict[str, Entry], list[Edit]]:
    """A tree, and edits for it on distinct files."""
    tree = draw(_trees)
    edits: list[Edit] = []
    for path, entry in tree.items():
        kind = draw(st.sampled_from(["span", "delete", "rename", "mode", "relink", "keep"]))
        if kind == "delete":
            edits.append(Delete(path=path, entry=entry))
        elif kind == "rename":
            edits.append(Rename(path=path, to=f"{path}.moved"))
        elif kind == "relink" and entry.is_link:
            edits.append(Relink(path=path, old=entry.content, new=b"elsewhere"))
        elif kind == "mode" and not entry.is_link:
            edits.append(Mode(path=path, old=entry.mode, new=draw(st.sampled_from([0o640, 0o711]))))
        if kind in {"span", "rename", "mode"} and not entry.is_link:
            start = draw(st.integers(0, len(entry.content)))
            end = draw(st.integers(start, len(entry.content)))
            edits.append(
                Span(path=path, start=start, end=end, old=entry.content[start:end], new=draw(st.binary(max_size=9)))
            )
    edits.append(Create(path=draw(st.sampled_from(["new.py", "made/by/us.py", "pkg/new.py"])), entry=draw(_entries)))
    return tree, edits


@settings(max_examples=CASES, deadline=None)
@given(change=_changes())
def test_undo_restores_the_tree_and_redo_the_change(change: tuple[dict[str, Entry], list[Edit]]) -> None:
    tree, edits = change
    with scratch() as folder:
        place = Place(folder)
        plant(place.root, tree)
        old, patch = place.look(), place.patch(*edits)
        receipt = place.journal.apply(patch, verdicts=(), now=NOW)
        new = place.look()
        assert read(place.root, [*tree, *patch.files]) == patch.render(tree)
        assert {path: entry.digest() for path, entry in patch.render(tree).items() if path in receipt.after} == {
            path: digest for path, digest in receipt.after.items() if digest
        }
        place.journal.undo(now=NOW)
        assert place.look() == old
        place.journal.redo(now=NOW)
        assert place.look() == new
        place.journal.undo(receipt.id, now=NOW)
        assert place.look() == old


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_acts_in_any_order_leave_what_is_in_force(data: st.DataObject) -> None:
    with scratch() as folder:
        place = Place(folder)
        place.fill({"a.py": b"".join(LINES)})
        words: dict[str, tuple[bytes, bytes]] = {}
        for number in data.draw(st.permutations(range(0, 30, 5))):
            old, new = LINES[number], data.draw(st.sampled_from([b"", b"x\n", b"a longer line\nand one more\n"]))
            words[place.apply(place.change("a.py", old, new))] = (old, new)
        in_force = dict.fromkeys(words, True)
        for _ in range(data.draw(st.integers(1, 12))):
            chosen = data.draw(st.sampled_from(sorted(words)))
            turn = place.journal.undo if in_force[chosen] else place.journal.redo
            turn(chosen, now=NOW)
            in_force[chosen] = not in_force[chosen]
            wanted = b"".join(LINES)
            for key, (old, new) in words.items():
                wanted = wanted.replace(old, new) if in_force[key] else wanted
            assert (place.root / "a.py").read_bytes() == wanted
            assert standing(place.journal.history()) == in_force


def test_a_changed_file_is_a_conflict_and_nothing_is_written(place: Place) -> None:
    place.fill({"a.py": b"a\n", "b.py": b"b\n"})
    patch = place.patch(*place.change("a.py", b"a", b"x").edits, *place.change("b.py", b"b", b"y").edits)
    place.fill({"b.py": b"theirs\n"})
    old = place.look()
    with pytest.raises(ConflictError, match=r"b\.py changed"):
        place.apply(patch)
    assert place.look() == old
    assert place.journal.history() == ()


def test_another_mode_is_a_conflict(place: Place) -> None:
    place.fill({"a.py": b"a\n"})
    patch = place.change("a.py", b"a", b"x")
    (place.root / "a.py").chmod(0o600)
    with pytest.raises(ConflictError):
        place.apply(patch)


def test_overlapping_changes_come_back_in_reverse_order_only(place: Place) -> None:
    place.fill({"a.py": b"one\n"})
    first = place.apply(place.change("a.py", b"one", b"two"))
    place.apply(place.change("a.py", b"two", b"three"))
    with pytest.raises(ConflictError) as caught:
        place.journal.undo(first, now=NOW)
    assert "later changes" in (caught.value.hint or "")
    for wanted in (b"two\n", b"one\n"):
        place.journal.undo(now=NOW)
        assert (place.root / "a.py").read_bytes() == wanted
    for wanted in (b"two\n", b"three\n"):
        place.journal.redo(first if wanted == b"two\n" else None, now=NOW)
        assert (place.root / "a.py").read_bytes() == wanted


def test_an_older_change_comes_back_after_an_overlapping_one_went(place: Place) -> None:
    place.fill({"a.py": b"".join(LINES)})
    first = place.apply(place.change("a.py", LINES[5], b"five\n"))
    second = place.apply(place.change("a.py", b"five\n", b"5\n"))
    place.apply(place.change("a.py", LINES[6], b""))
    place.journal.undo(second, now=NOW)
    place.journal.undo(first, now=NOW)
    assert (place.root / "a.py").read_bytes() == b"".join([*LINES[:6], *LINES[7:]])


def test_undo_keeps_what_the_user_wrote_elsewhere(place: Place) -> None:
    place.fill({"a.py": b"".join(LINES)})
    place.apply(place.change("a.py", LINES[15], b"patched\n"))
    mine = (place.root / "a.py").read_bytes().replace(LINES[2], b"# mine\n\xff\r\n").replace(LINES[25], b"")
    place.fill({"a.py": mine})
    place.journal.undo(now=NOW)
    assert (place.root / "a.py").read_bytes() == mine.replace(b"patched\n", LINES[15])
    place.journal.redo(now=NOW)
    assert (place.root / "a.py").read_bytes() == mine


def test_a_user_edit_between_two_changes_is_kept(place: Place) -> None:
    place.fill({"a.py": b"".join(LINES)})
    first = place.apply(place.change("a.py", LINES[15], b"patched\n"))
    place.fill({"a.py": b"# mine\n" + (place.root / "a.py").read_bytes()})
    place.apply(place.change("a.py", LINES[25], b"again\n"))
    place.journal.undo(first, now=NOW)
    assert (place.root / "a.py").read_bytes() == b"# mine\n" + b"".join([*LINES[:25], b"again\n", *LINES[26:]])


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace(b"patched\n", b"patched by hand\n"),
        lambda text: text.replace(LINES[16], b"near\n"),
        lambda text: text + text,
        lambda _: b"",
    ],
    ids=["in it", "next to it", "copied", "emptied"],
)
def test_undo_is_refused_where_the_user_was_at_it(place: Place, edit: Callable[[bytes], bytes]) -> None:
    place.fill({"a.py": b"".join(LINES)})
    place.apply(place.change("a.py", LINES[15], b"patched\n"))
    place.fill({"a.py": edit((place.root / "a.py").read_bytes())})
    old = place.look()
    with pytest.raises(ConflictError, match="nothing was written"):
        place.journal.undo(now=NOW)
    assert place.look() == old


def test_a_created_file_that_was_edited_is_not_deleted(place: Place) -> None:
    place.apply(place.patch(Create(path="made/a.py", entry=Entry(content=b"a\n"))))
    place.fill({"made/a.py": b"a\nmine\n"})
    with pytest.raises(ConflictError):
        place.journal.undo(now=NOW)
    assert (place.root / "made/a.py").read_bytes() == b"a\nmine\n"


def test_a_folder_made_by_a_patch_stays_while_it_holds_something(place: Place) -> None:
    place.apply(place.patch(Create(path="made/deep/a.py", entry=Entry(content=b"a\n"))))
    place.fill({"made/mine.py": b""})
    place.journal.undo(now=NOW)
    assert sorted(place.look()) == ["made", "made/mine.py"]


def test_undo_follows_a_later_rename(place: Place) -> None:
    place.fill({"a.py": b"one\n"})
    first = place.apply(place.change("a.py", b"one", b"two"))
    place.apply(place.patch(Rename(path="a.py", to="pkg/b.py")))
    place.journal.undo(first, now=NOW)
    assert place.look()["pkg/b.py"] == ("file", 0o644, b"one\n")
    assert "a.py" not in place.look()


def test_the_mode_of_a_link_has_no_meaning(place: Place) -> None:
    place.apply(place.patch(Create(path="l", entry=Entry(content=b"x", is_link=True, mode=0o777))))
    place.journal.undo(now=NOW)
    assert place.look() == {}


def test_receipts_are_found_by_prefix_and_told_apart(place: Place) -> None:
    with pytest.raises(UsageError, match="nothing to undo"):
        place.journal.undo(now=NOW)
    place.fill({"a.py": b"a\n"})
    verdict = Verdict(patch_id="p", label=Label.PLAUSIBLE, checks=(), isolation="none", view="copy")
    receipt = place.journal.apply(place.change("a.py", b"a", b"b"), verdicts=(verdict,), now=NOW)
    with pytest.raises(UsageError, match="no receipt zzz"):
        place.journal.undo("zzz", now=NOW)
    with pytest.raises(UsageError, match="nothing to redo"):
        place.journal.redo(now=NOW)
    assert place.journal.undo(receipt.id[:6], now=NOW).verdicts == ()
    assert place.journal.redo(receipt.id[:6], now=NOW).verdicts == (verdict,)
    assert [(act.verb, act.target) for act in place.journal.history()] == [
        (verb, receipt.id) for verb in ("apply", "undo", "redo")
    ]
    assert len({act.receipt.id for act in place.journal.history()}) == 3
    place.apply(place.change("a.py", b"b", b"c"))
    with pytest.raises(UsageError, match="more than one"):
        place.journal.undo("", now=NOW)


def test_a_file_keeps_its_owner_attributes_and_mode(place: Place) -> None:
    place.fill({"a.py": b"a\n"})
    target = place.root / "a.py"
    target.chmod(0o754)
    with contextlib.suppress(PermissionError):
        os.chown(target, 12345, 54321)
    attributes = {}
    if hasattr(os, "setxattr"):
        with contextlib.suppress(OSError):
            os.setxattr(target, "user.note", b"kept")
            attributes = {"user.note": b"kept"}
    was = target.stat()
    place.apply(place.patch(*place.change("a.py", b"a", b"b").edits, Rename(path="a.py", to="b.py")))
    now = (place.root / "b.py").stat()
    assert (now.st_uid, now.st_gid, now.st_mode) == (was.st_uid, was.st_gid, was.st_mode)
    assert {name: os.getxattr(place.root / "b.py", name) for name in attributes} == attributes


def test_each_write_has_a_later_second_so_that_no_stale_bytecode_is_used(place: Place) -> None:
    place.fill({"a.py": b"a+b\n"})
    times = [int((place.root / "a.py").stat().st_mtime)]
    place.apply(place.change("a.py", b"+", b"-"))
    times.append(int((place.root / "a.py").stat().st_mtime))
    place.journal.undo(now=NOW)
    times.append(int((place.root / "a.py").stat().st_mtime))
    assert times == sorted(set(times))


def test_a_name_need_not_be_text(place: Place) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    place.fill({name: b"a\n"})
    old = place.look()
    place.apply(place.patch(*place.change(name, b"a", b"b").edits, Rename(path=name, to="dir/" + name)))
    assert place.look()["dir/" + name][2] == b"b\n"
    place.journal.undo(now=NOW)
    assert place.look() == old


def test_what_cannot_be_recorded_is_refused_before_anything_is_written(place: Place) -> None:
    place.fill({"a.py": b"a\n"})
    patch = place.change("a.py", b"a", b"b")
    old = place.look()
    with pytest.raises(JournalError) as caught:
        place.apply(replace(patch, origin=replace(patch.origin, cost=float("inf"))))
    assert caught.value.slug == "unrecordable"
    assert place.look() == old


def test_a_damaged_record_counts_as_not_there(place: Place) -> None:
    place.fill({"a.py": b"a\n"})
    place.apply(place.change("a.py", b"a", b"b"))
    place.apply(place.change("a.py", b"b", b"c"))
    last = max((place.state / "journal").glob("*.done"))
    last.write_bytes(last.read_bytes()[:-20])
    assert len(place.journal.history()) == 1
    torn = last.with_name("00000009-apply-0123456789ab.intent")
    torn.write_bytes(last.read_bytes())
    (recovered,) = place.journal.recover()
    assert recovered.ending == "set aside"
    assert not torn.exists()
    assert (place.root / "a.py").read_bytes() == b"c\n"


def test_the_state_is_the_users_alone(place: Place) -> None:
    place.fill({"a.py": b"a\n"})
    assert place.journal.recover() == ()
    assert not place.state.exists()
    place.apply(place.change("a.py", b"a", b"b"))
    for path in (place.state, place.state / "journal"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (place.state / "journal").iterdir())


def test_a_held_lock_is_waited_for_and_then_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_PAUSE", 0.0)
    place.fill({"a.py": b"a\n"})
    patch = place.change("a.py", b"a", b"b")
    with _locked(place), pytest.raises(JournalError) as caught:
        place.apply(patch)
    assert caught.value.slug == "busy"
    place.apply(patch)


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[None]:
    import fcntl

    (place.state / "journal").mkdir(parents=True)
    with (place.state / "journal/lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def test_nothing_is_done_before_it_is_safe_on_disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intent and new files are synced, with their folders, before the first file changes, and the change before the commit."""
    place.fill({"a.py": b"a\n", "pkg/b.py": b"b\n"})
    patch = place.patch(*place.change("a.py", b"a", b"x").edits, *place.change("pkg/b.py", b"b", b"y").edits)
    steps = _traced(monkeypatch)
    receipt = place.apply(patch)
    seen = [(verb, name) for verb, name in steps if verb != "mkdir"]
    temporary = [name for verb, name in seen if verb == "fsync" and ".reknit-" in name]
    assert seen[:4] == [
        ("fsync", place.state.parent.name),
        ("fsync", "state"),
        ("fsync", f"00000001-apply-{receipt}.tmp"),
        ("rename", f"00000001-apply-{receipt}.intent"),
    ]
    assert seen[4:] == [
        ("fsync", "journal"),
        ("fsync", temporary[0]),
        ("fsync", temporary[1]),
        ("exchange", "a.py"),
        ("exchange", "b.py"),
        ("fsync", "project"),
        ("fsync", "pkg"),
        ("rename", f"00000001-apply-{receipt}.done"),
        ("fsync", "journal"),
    ]


def _traced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    steps: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def traced_fsync(fd: int) -> None:
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        steps.append(("fsync", name))
        fsync(fd)

    def traced_rename(source: Any, target: Any, **folders: Any) -> None:
        steps.append(("rename", Path(target).name))
        rename(source, target, **folders)

    def traced_exchange(name: str, *rest: Any) -> None:
        steps.append(("exchange", name))
        exchanged(name, *rest)

    exchanged = exchange._rename
    monkeypatch.setattr(exchange, "_rename", traced_exchange)
    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "rename", traced_rename)
    return steps
