"""Proposed patches after other acts: carried where they lie apart, refused where they touch."""

from __future__ import annotations

from pathlib import Path

import pytest

from reknit import changes
from reknit.model.patch import Entry, Span
from tests.unit.history import Place
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
