"""Proposed patches after other acts: carried where they lie apart, refused where they touch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reknit import changes
from reknit.errors import UsageError
from reknit.model.patch import Entry, Span
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
        fitted = changes._fit(place.root, place.journal.history(), two)
        assert fitted is not None
        assert fitted.render({"a.py": Entry(content=place.read())})["a.py"].content == (
            b"one = 1111\ntwo = 22\nthree = 3\n"
        )

    def test_after_one_was_applied_and_taken_back(self, place: Place) -> None:
        one, two = place.change(b"one", b"1111"), place.change(b"two", b"22")
        place.undo(place.apply(one))
        assert changes._fit(place.root, place.journal.history(), two) == two
        assert changes._fit(place.root, place.journal.history(), one) == one

    def test_made_between_two_acts(self, place: Place) -> None:
        receipt = place.apply(place.change(b"one", b"1111"))
        two = place.change(b"two", b"22")
        place.apply(place.change(b"three", b"33"))
        place.undo(receipt)
        fitted = changes._fit(place.root, place.journal.history(), two)
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
