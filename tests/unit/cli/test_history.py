"""Proposed patches after other acts: carried where they lie apart, refused where they touch."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from reknit.apply.journal import Journal
from reknit.cli.history import _fit, apply_verb, log_verb, show_verb, turn_verb
from reknit.errors import ConflictError, UsageError
from reknit.model.outcome import Cost, Proposed, Report, Row
from reknit.model.patch import Entry, Patch, Span
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.model.verdict import Label, Verdict
from reknit.store.db import Store
from reknit.store.place import project_state
from tests.unit.verify.stage import patch

TEXT = b"one = 1\ntwo = 2\nthree = 3\n"
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


class Place:
    """A project with one file, and what was proposed for it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.base = folder / "project", folder / "state"
        self.root.mkdir()
        self.write(TEXT)
        self.journal = Journal(self.root, project_state(self.root, self.base))

    def write(self, text: bytes) -> None:
        (self.root / "a.py").write_bytes(text)
        (self.root / "a.py").chmod(0o644)

    def read(self) -> bytes:
        return (self.root / "a.py").read_bytes()

    def change(self, word: bytes, new: bytes) -> Patch:
        """Another value for `word`, in the file as it is now."""
        text = self.read()
        start = text.index(word + b" = ") + len(word) + 3
        end = text.index(b"\n", start)
        span = Span(path="a.py", start=start, end=end, old=text[start:end], new=new)
        return patch(span, tree={"a.py": Entry(content=text)})

    def apply(self, one: Patch) -> str:
        return self.journal.apply(one, verdicts=(), now=NOW).id

    def undo(self, receipt: str) -> None:
        self.journal.undo(receipt, now=NOW)

    def fits(self, one: Patch) -> bool:
        return _fit(self.root, self.journal.history(), one) is not None

    def propose(self, *patches: Patch) -> None:
        rows = tuple(
            Row(
                signal=Signal(kind=SignalKind.TEST, test=p.id, error=ErrorInfo(type="E", message="")),
                outcome=Proposed(patch=p, verdict=self.verdict(p), why="because"),
            )
            for p in patches
        )
        with Store.open(project_state(self.root, self.base) / "store.db") as store:
            store.save_report(Report(project=str(self.root), started=NOW, rows=rows, cost=Cost()))

    @staticmethod
    def verdict(one: Patch) -> Verdict:
        return Verdict(patch_id=one.id, label=Label.PLAUSIBLE, checks=(), isolation="none", view="copy")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path.resolve())


class TestFit:
    """`a` was proposed for the first text; then come other acts."""

    def test_over_one_that_was_applied(self, place: Place) -> None:
        two = place.change(b"two", b"22")
        place.apply(place.change(b"one", b"1111"))
        fitted = _fit(place.root, place.journal.history(), two)
        assert fitted is not None
        assert fitted.render({"a.py": Entry(content=place.read())})["a.py"].content == (
            b"one = 1111\ntwo = 22\nthree = 3\n"
        )

    def test_after_one_was_applied_and_taken_back(self, place: Place) -> None:
        one, two = place.change(b"one", b"1111"), place.change(b"two", b"22")
        place.undo(place.apply(one))
        assert _fit(place.root, place.journal.history(), two) == two
        assert _fit(place.root, place.journal.history(), one) == one

    def test_made_between_two_acts(self, place: Place) -> None:
        receipt = place.apply(place.change(b"one", b"1111"))
        two = place.change(b"two", b"22")
        place.apply(place.change(b"three", b"33"))
        place.undo(receipt)
        fitted = _fit(place.root, place.journal.history(), two)
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


class TestVerbs:
    def test_apply_the_only_one(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.propose(place.change(b"one", b"9"))
        assert apply_verb(place.root, None, place.base) == 0
        assert place.read() == TEXT.replace(b"1", b"9")
        out, err = capsys.readouterr()
        assert out == "--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n-one = 1\n+one = 9\n two = 2\n three = 3\n"
        assert "take it back with `reknit undo " in err

    def test_of_several_one_must_be_named(self, place: Place) -> None:
        one, two = place.change(b"one", b"9"), place.change(b"two", b"8")
        place.propose(one, two)
        with pytest.raises(UsageError) as caught:
            apply_verb(place.root, None, place.base)
        assert caught.value.slug == "which-patch"
        assert one.id[:8] in caught.value.message
        assert place.read() == TEXT
        apply_verb(place.root, two.id[:10], place.base)
        apply_verb(place.root, one.id[:10], place.base)
        assert place.read() == b"one = 9\ntwo = 8\nthree = 3\n"

    def test_twice_is_said(self, place: Place) -> None:
        one = place.change(b"one", b"9")
        place.propose(one)
        apply_verb(place.root, one.id, place.base)
        with pytest.raises(UsageError) as caught:
            apply_verb(place.root, one.id, place.base)
        assert caught.value.slug == "already-applied"

    def test_a_changed_file_is_a_conflict(self, place: Place) -> None:
        place.propose(place.change(b"one", b"9"))
        place.write(b"else = 1\n")
        with pytest.raises(ConflictError):
            apply_verb(place.root, None, place.base)
        assert place.read() == b"else = 1\n"

    def test_show_says_where_a_patch_does_not_fit(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.propose(place.change(b"one", b"9"))
        place.write(b"else = 1\n")
        assert show_verb(place.root, None, place.base) == 0
        out = capsys.readouterr().out
        assert "no diff: a.py is not as it was" in out
        assert "why this one: because" in out

    def test_undo_redo_and_log_name_the_receipt(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        receipt = place.apply(place.change(b"one", b"9"))
        turn_verb("undo", place.root, receipt[:6], place.base)
        turn_verb("redo", place.root, None, place.base)
        assert capsys.readouterr().out == f"undo {receipt[:8]}: a.py\nredo {receipt[:8]}: a.py\n"
        log_verb(place.root, place.base)
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
        assert [(row[2], row[3]) for row in rows] == [(verb, receipt[:8]) for verb in ("apply", "undo", "redo")]
        assert len({row[4] for row in rows}) == 1, "one patch, whatever was done with it"
        assert rows[0][-1] == "(unjudged)"

    def test_an_empty_log_is_no_data(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        assert log_verb(place.root, place.base) == 0
        assert capsys.readouterr() == ("", "nothing was applied here\n")
