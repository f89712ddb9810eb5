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


class TestDiffs:
    """`reknit apply` of a file, and what is said of it."""

    DIFF = b"--- a.py\n+++ a.py\n@@ -1,3 +1,3 @@\n-one = 1\n+one = 9\n two = 2\n three = 3\n"

    def test_it_is_said_to_be_unjudged(self, place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "fix.diff").write_bytes(self.DIFF)
        assert apply_verb(place.options, str(tmp_path / "fix.diff")) == 0
        out, err = capsys.readouterr()
        assert "-one = 1\n+one = 9\n" in out
        assert "unjudged" in err
        log_verb(place.options)
        assert "a.py: fix.diff (unjudged)" in capsys.readouterr().out

    def test_a_file_that_is_called_like_an_id(
        self, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "abc123").write_bytes(self.DIFF)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UsageError) as caught:
            apply_verb(place.options, "abc123")
        assert caught.value.slug == "ambiguous-patch"
        assert apply_verb(place.options, "./abc123") == 0

    def test_a_patch_that_is_taken_back_is_no_success(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        place.propose(place.change(b"one", b"9"), heals=("test_a.py::test_one",))
        (place.root / "test_a.py").write_text("def test_one():\n    assert False\n")
        assert apply_verb(place.options, None, as_json=True) == 1
        receipt = json.loads(capsys.readouterr().out)["result"]["change"]["receipt"]
        assert (receipt["success"], receipt["reversible"]["yes"]) == (False, True)
        assert "does not pass" in receipt["reason"]
        assert apply_verb(place.options, None) == 1
        assert "was taken back: test_a.py::test_one does not pass" in capsys.readouterr().err
        assert place.read() == TEXT

    def test_a_conflict_shows_both_sides(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        place.apply(place.change(b"one", b"9"))
        place.write(place.read().replace(b"9", b"10"))
        with pytest.raises(ConflictError):
            turn_verb("undo", place.options, None)
        assert "-one = 9\n+one = 10\n" in capsys.readouterr().err

    def test_the_log_of_one(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        first = place.apply(place.change(b"one", b"9"))
        place.apply(place.change(b"two", b"8"))
        log_verb(place.options, first[:6])
        out = capsys.readouterr().out
        assert "+one = 9" in out
        assert "+two = 8" not in out
        with pytest.raises(UsageError, match="no receipt"):
            log_verb(place.options, "zzz")
