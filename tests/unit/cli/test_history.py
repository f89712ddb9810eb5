"""The verbs on patches and their history, as a person reads them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reknit.cli.history import apply_verb, log_verb, show_verb, turn_verb
from reknit.errors import ConflictError, UsageError
from tests.unit.history import TEXT, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path.resolve())


class TestVerbs:
    def test_apply_the_only_one(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.propose(place.change(b"one", b"9"))
        assert apply_verb(place.options, None) == 0
        assert place.read() == TEXT.replace(b"1", b"9")
        out, err = capsys.readouterr()
        assert out == "--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n-one = 1\n+one = 9\n two = 2\n three = 3\n"
        assert "take it back with `reknit undo " in err

    def test_of_several_one_must_be_named(self, place: Place) -> None:
        one, two = place.change(b"one", b"9"), place.change(b"two", b"8")
        place.propose(one, two)
        with pytest.raises(UsageError) as caught:
            apply_verb(place.options, None)
        assert caught.value.slug == "which-patch"
        assert one.id[:8] in caught.value.message
        assert place.read() == TEXT
        apply_verb(place.options, two.id[:10])
        apply_verb(place.options, one.id[:10])
        assert place.read() == b"one = 9\ntwo = 8\nthree = 3\n"

    def test_twice_is_said(self, place: Place) -> None:
        one = place.change(b"one", b"9")
        place.propose(one)
        apply_verb(place.options, one.id)
        with pytest.raises(UsageError) as caught:
            apply_verb(place.options, one.id)
        assert caught.value.slug == "already-applied"

    def test_a_changed_file_is_a_conflict(self, place: Place) -> None:
        place.propose(place.change(b"one", b"9"))
        place.write(b"else = 1\n")
        with pytest.raises(ConflictError):
            apply_verb(place.options, None)
        assert place.read() == b"else = 1\n"

    def test_show_says_where_a_patch_does_not_fit(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.propose(place.change(b"one", b"9"))
        place.write(b"else = 1\n")
        assert show_verb(place.options, None) == 0
        out = capsys.readouterr().out
        assert "no diff: a.py is not as it was" in out
        assert "why this one: because" in out

    def test_undo_redo_and_log_name_the_receipt(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        receipt = place.apply(place.change(b"one", b"9"))
        turn_verb("undo", place.options, receipt[:6])
        turn_verb("redo", place.options, None)
        assert capsys.readouterr().out == f"undo {receipt[:8]}: a.py\nredo {receipt[:8]}: a.py\n"
        log_verb(place.options)
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
        assert [(row[2], row[3]) for row in rows] == [(verb, receipt[:8]) for verb in ("apply", "undo", "redo")]
        assert len({row[4] for row in rows}) == 1, "one patch, whatever was done with it"
        assert rows[0][-1] == "(unjudged)"

    def test_an_empty_log_is_no_data(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        assert log_verb(place.options) == 0
        assert capsys.readouterr() == ("", "nothing was applied here\n")

    def test_a_patch_that_was_carried_keeps_the_name_that_apply_takes(
        self, place: Place, capsys: pytest.CaptureFixture[str]
    ) -> None:
        two = place.change(b"two", b"22")
        place.propose(two)
        place.apply(place.change(b"one", b"1111"))
        assert show_verb(place.options, None, as_json=True) == 0
        (shown,) = json.loads(capsys.readouterr().out)["result"]["patches"]
        assert (shown["id"], shown["safety"], shown["files"]) == (two.id, "unsafe", ["a.py"])
        assert " one = 1111\n-two = 2\n+two = 22\n" in shown["diff"]
        assert apply_verb(place.options, shown["id"], as_json=True) == 0
        assert place.read() == b"one = 1111\ntwo = 22\nthree = 3\n"
