"""`reknit gc` says what it freed, and a dry run says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reknit.cli import gc
from reknit.cli.gc import _said, gc_verb
from reknit.store.db import Store
from reknit.store.place import project_state
from tests.unit.history import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def state(place: Place) -> Path:
    return project_state(place.root, place.base)


def act(place: Place, times: int) -> None:
    for number in range(times):
        place.apply(place.change(b"one", b"%d" % (number + 10)))


def test_nothing_was_ever_done_here(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert gc_verb(place.options, dry_run=False, forget_missing=False) == 0
    assert capsys.readouterr().out == "nothing to free\n"
    assert not place.base.exists()


@pytest.mark.parametrize(
    ("acts", "size"), [(2, 1 << 30), (1000, 2500), (1000, 1), (0, 0), (1000, 1 << 30), (5, 1 << 30)]
)
def test_the_journal_is_trimmed_as_a_dry_run_says(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], acts: int, size: int
) -> None:
    act(place, 5)
    monkeypatch.setattr(gc, "JOURNAL_ACTS", acts)
    monkeypatch.setattr(gc, "JOURNAL_BYTES", size)
    said = []
    for dry_run in (True, False):
        assert gc_verb(place.options, dry_run=dry_run, forget_missing=False, as_json=True) == 0
        said.append(json.loads(capsys.readouterr().out)["result"]["freed"][0])
        assert len(place.journal.history()) == (5 if dry_run else 5 - said[1]["count"])
    assert said[0] == said[1]
    text = place.read()
    place.journal.undo(now=place.journal.history()[-1].receipt.at)
    assert place.read() != text, "the last act can be undone in any case"


def test_it_says_what_went_in_words(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    act(place, 3)
    monkeypatch.setattr(gc, "JOURNAL_ACTS", 1)
    gc_verb(place.options, dry_run=True, forget_missing=False)
    assert capsys.readouterr().out.startswith("would free ")
    gc_verb(place.options, dry_run=False, forget_missing=False)
    assert capsys.readouterr().out.endswith(" kB: acts in the journal (2)\n")
    gc_verb(place.options, dry_run=False, forget_missing=False)
    assert capsys.readouterr().out == "nothing to free\n"


def test_projects_that_are_not_there(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    theirs = project_state(gone, place.base)
    Store.open(theirs / "store.db", root=gone).close()
    gone.rmdir()
    gc_verb(place.options, dry_run=False, forget_missing=False)
    said = capsys.readouterr()
    assert said.out.startswith("kept ")
    assert str(gone) in said.out
    assert "--forget-missing" in said.err
    assert theirs.exists()
    gc_verb(place.options, dry_run=False, forget_missing=True)
    assert str(gone) in capsys.readouterr().out
    assert not theirs.exists()


def test_a_damaged_store_is_a_note(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    act(place, 1)
    (state(place) / "store.db").write_bytes(b"garbage" * 1000)
    assert gc_verb(place.options, dry_run=False, forget_missing=False) == 0
    assert "note: the history in" in capsys.readouterr().err
    assert (state(place) / "store.db.damaged-1").exists()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (5 * 10**12, "5000.0 GB")],
)
def test_sizes_are_said(size: int, text: str) -> None:
    assert _said(size) == text
