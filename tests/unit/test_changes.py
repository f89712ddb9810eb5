"""Proposed patches after other acts: carried where they lie apart, refused where they touch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from reknit import changes, recheck
from reknit.errors import ConflictError, IrreversibleError, UsageError
from reknit.model.patch import Entry, Patch, Span
from reknit.store.db import Store
from reknit.store.place import project_state
from tests.unit.history import TEXT, Place
from tests.unit.verify.stage import patch


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path.resolve())


class TestFit:
    """`a` was proposed for the first text; then come other acts."""

    def test_over_one_that_was_applied(self, place: Place) -> None:
        two = place.change(b"two", b"22")
        place.apply(place.change(b"one", b"1111"))
        fitted = changes._fit(place.root, place.journal.history, two)
        assert fitted is not None
        assert fitted.render({"a.py": Entry(content=place.read())})["a.py"].content == (
            b"one = 1111\ntwo = 22\nthree = 3\n"
        )

    def test_after_one_was_applied_and_taken_back(self, place: Place) -> None:
        one, two = place.change(b"one", b"1111"), place.change(b"two", b"22")
        place.undo(place.apply(one))
        assert changes._fit(place.root, place.journal.history, two) == two
        assert changes._fit(place.root, place.journal.history, one) == one

    def test_made_between_two_acts(self, place: Place) -> None:
        receipt = place.apply(place.change(b"one", b"1111"))
        two = place.change(b"two", b"22")
        place.apply(place.change(b"three", b"33"))
        place.undo(receipt)
        fitted = changes._fit(place.root, place.journal.history, two)
        assert fitted is not None
        place.apply(fitted)
        assert place.read() == b"one = 1\ntwo = 22\nthree = 33\n"

    def test_not_over_one_that_touches_it(self, place: Place) -> None:
        rival = place.change(b"one", b"2")
        place.apply(place.change(b"one", b"1111"))
        assert not place.fits(rival)

    def test_not_over_what_a_person_edited(self, place: Place) -> None:
        two = place.change(b"two", b"22")
        place.apply(place.change(b"one", b"1111"))
        place.write(place.read() + b"mine = 1\n")
        assert not place.fits(two)

    def test_acts_on_other_files_are_nothing_to_it(self, place: Place) -> None:
        two = place.change(b"two", b"22")
        (place.root / "b.py").write_bytes(b"x = 1\n")
        (place.root / "b.py").chmod(0o644)
        span = Span(path="b.py", start=0, end=1, old=b"x", new=b"y")
        place.apply(patch(span, tree={"b.py": Entry(content=b"x = 1\n")}))
        (place.root / "b.py").unlink()
        assert place.fits(two)


class TestCalls:
    """The library's names for what a user does by hand."""

    def test_a_patch_in_hand_has_no_verdict(self, place: Place) -> None:
        one = place.change(b"one", b"9")
        receipt = changes.apply(one, options=place.options)
        assert (receipt.patch, receipt.verdicts) == (one, ())
        assert place.read() == TEXT.replace(b"1", b"9")

    def test_one_that_was_proposed_keeps_its_verdict_and_is_found_by_the_start_of_its_id(self, place: Place) -> None:
        one, two = place.change(b"one", b"9"), place.change(b"two", b"8")
        place.propose(one, two)
        assert changes.apply(one, options=place.options).verdicts == (place.verdict(one),)
        (offer,) = changes.proposals(two.id[:6], options=place.options)
        assert offer.proposed.patch == two
        assert offer.fitted is not None
        assert offer.fitted.render(offer.tree)["a.py"].content == b"one = 9\ntwo = 8\nthree = 3\n"
        assert changes.apply(two.id[:6], options=place.options).verdicts == (place.verdict(two),)

    def test_any_receipt_of_an_application_stands_for_it(self, place: Place) -> None:
        """Also the one of its undo; and an older application is not mistaken for the last."""
        first = changes.apply(place.change(b"one", b"9"), options=place.options)
        changes.apply(place.change(b"three", b"7"), options=place.options)
        undone = changes.rollback(first, options=place.options)
        assert place.read() == b"one = 1\ntwo = 2\nthree = 7\n"
        again = changes.redo(undone, options=place.options)
        assert place.read() == b"one = 9\ntwo = 2\nthree = 7\n"
        changes.rollback(again, options=place.options)
        assert place.read() == b"one = 1\ntwo = 2\nthree = 7\n"
        changes.redo(first.id, options=place.options)
        acts = changes.history(options=place.options)
        assert [a.verb for a in acts] == ["apply", "apply", "undo", "redo", "undo", "redo"]
        assert changes.act_of(undone, acts) is acts[2]

    def test_a_receipt_of_nowhere(self, place: Place) -> None:
        receipt = changes.apply(place.change(b"one", b"9"), options=place.options)
        with pytest.raises(UsageError) as caught:
            changes.rollback(replace(receipt, id="0" * 12), options=place.options)
        assert caught.value.slug == "nothing-to-undo"

    def test_nothing_proposed(self, place: Place) -> None:
        for call in (changes.proposals, changes.apply):
            with pytest.raises(UsageError, match="nothing"):
                call(options=place.options)

    def test_what_a_crash_left_is_told(self, place: Place) -> None:
        changes.apply(place.change(b"one", b"9"), options=place.options)
        journal = project_state(place.root, place.base) / "journal"
        (record,) = (p for p in journal.iterdir() if p.suffix == ".done")
        record.rename(record.with_suffix(".intent"))
        said: list[str] = []
        changes.history(options=place.options, observe=lambda event: said.append(event.text))
        assert said == ["recovered: apply of a.py was completed"]


class TestArchive:
    """What is done is kept for people too, and nothing hangs on it."""

    def test_every_act_is_in_it_with_its_diff_and_reason(self, place: Place) -> None:
        receipt = changes.apply(place.change(b"one", b"9"), options=place.options, reason="a try")
        changes.rollback(options=place.options, reason="no good")
        with Store.open(project_state(place.root, place.base) / "store.db") as store:
            applied, undone = store.archive.entries()
            assert (
                store.archive.body(applied.number)
                == b"--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n-one = 1\n+one = 9\n two = 2\n three = 3\n"
            )
        assert [(e.entry.kind, e.entry.reason) for e in (applied, undone)] == [("apply", "a try"), ("undo", "no good")]
        assert applied.entry.id == receipt.id

    def test_that_it_could_not_be_kept_is_a_note(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(Store, "record", lambda *_: "there is no space")
        changes.apply(place.change(b"one", b"9"), options=place.options, observe=lambda event: told.append(event.text))
        assert told == ["note: there is no space"]
        assert place.read() == TEXT.replace(b"1", b"9")


class TestDiffs:
    """A unified diff goes in by the user's own word."""

    DIFF = b"--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n one = 1\n-two = 2\n+two = 22\n three = 3\n"

    def test_it_is_written_unjudged_and_can_be_taken_back(self, place: Place, tmp_path: Path) -> None:
        (tmp_path / "fix.diff").write_bytes(self.DIFF)
        receipt = changes.apply(tmp_path / "fix.diff", options=place.options)
        assert place.read() == TEXT.replace(b"= 2", b"= 22")
        assert (receipt.verdicts, receipt.success, receipt.reversible.yes) == ((), True, True)
        assert receipt.edits == (Span(path="a.py", start=8, end=16, old=b"two = 2\n", new=b"two = 22\n"),)
        assert receipt.patch.origin.note == "fix.diff"
        changes.rollback(receipt.patch.id[:8], options=place.options, reason="not what I meant")
        assert place.read() == TEXT
        assert changes.history(options=place.options)[-1].receipt.reason == "not what I meant"

    def test_a_hunk_that_moved_is_told(self, place: Place, tmp_path: Path) -> None:
        (tmp_path / "fix.diff").write_bytes(self.DIFF.replace(b"-1,3 +1,3 @@\n one = 1\n", b"-2,2 +2,2 @@\n"))
        place.write(b"# new\n" + TEXT)
        told: list[str] = []
        changes.apply(tmp_path / "fix.diff", options=place.options, observe=lambda event: told.append(event.text))
        assert told == ["note: hunk 1 of a.py fits at line 3, not 2"]

    def test_what_does_not_fit_writes_nothing(self, place: Place, tmp_path: Path) -> None:
        (tmp_path / "fix.diff").write_bytes(self.DIFF)
        place.write(TEXT.replace(b"three", b"3"))
        with pytest.raises(ConflictError):
            changes.apply(tmp_path / "fix.diff", options=place.options)
        assert changes.history(options=place.options) == ()
        with pytest.raises(UsageError, match="cannot be read"):
            changes.apply(tmp_path / "nowhere.diff", options=place.options)

    def test_a_file_that_reaches_outside_needs_to_be_allowed(self, place: Place, tmp_path: Path) -> None:
        (tmp_path / "fix.diff").write_bytes(self.DIFF)
        options = replace(place.options, irreversible_paths=("b*", "a*"))
        with pytest.raises(IrreversibleError, match=r"a\.py: its changes reach outside of the files \(a\*\)"):
            changes.apply(tmp_path / "fix.diff", options=options)
        assert place.read() == TEXT
        receipt = changes.apply(tmp_path / "fix.diff", options=options, irreversible=True)
        assert not receipt.reversible.yes


class TestTestsAfterwards:
    """The tests that a proposed patch heals have the last word."""

    @pytest.fixture
    def proposed(self, place: Place) -> Patch:
        (place.root / "test_a.py").write_text(
            "import os\nimport a\n\ndef test_one():\n    assert a.one == 9\n    assert not os.path.exists('red')\n"
        )
        one = place.change(b"one", b"9")
        place.propose(one, heals=("test_a.py::test_one",))
        return one

    def test_where_they_pass_it_stays(self, place: Place, proposed: Patch) -> None:
        receipt = changes.apply(proposed.id, options=place.options)
        assert (receipt.success, receipt.reason) == (True, "")
        assert place.read() == TEXT.replace(b"1", b"9")

    def test_where_one_fails_it_is_taken_back(self, place: Place, proposed: Patch) -> None:
        (place.root / "red").write_text("")
        receipt = changes.apply(proposed.id, options=place.options)
        assert not receipt.success
        assert receipt.reason == "test_a.py::test_one does not pass on the tree as written"
        assert place.read() == TEXT
        acts = changes.history(options=place.options)
        assert [(act.verb, act.receipt.reason) for act in acts] == [("apply", ""), ("undo", receipt.reason)]

    def test_they_can_be_left_out(self, place: Place, proposed: Patch) -> None:
        (place.root / "red").write_text("")
        assert changes.apply(proposed.id, options=place.options, tests=False).success
        assert place.read() == TEXT.replace(b"1", b"9")

    def test_where_they_cannot_run_it_stays_and_that_is_told(self, place: Place, proposed: Patch) -> None:
        (place.root / "conftest.py").write_text("raise SystemExit(3)\n")
        told: list[str] = []
        receipt = changes.apply(proposed.id, options=place.options, observe=lambda event: told.append(event.text))
        assert receipt.success
        assert place.read() == TEXT.replace(b"1", b"9")
        assert told[-1].startswith("note: its tests could not be run again:")

    def test_an_interpreter_that_is_none_is_said_before_anything_is_written(
        self, place: Place, proposed: Patch
    ) -> None:
        with pytest.raises(UsageError, match="no interpreter"):
            changes.apply(proposed.id, options=replace(place.options, python=Path("/nowhere/python")))
        assert place.read() == TEXT

    def test_ctrl_c_while_they_run_takes_it_back(
        self, place: Place, proposed: Patch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recheck, "against", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            changes.apply(proposed.id, options=place.options)
        assert place.read() == TEXT
        assert changes.history(options=place.options)[-1].receipt.reason == "interrupted while its tests ran"
