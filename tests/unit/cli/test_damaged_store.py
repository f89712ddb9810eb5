"""Whatever has the store's place, no verb shows a traceback, and what the journal knows can be used as before."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reknit.cli.main import _status
from reknit.store.place import project_state
from tests.unit.history import TEXT, Place
from tests.unit.store.test_connection import DAMAGE

DIFF = b"--- a/a.py\n+++ b/a.py\n@@ -1,3 +1,3 @@\n one = 1\n-two = 2\n+two = 22\n three = 3\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """One patch was proposed and is written, and another is proposed."""
    place = Place(tmp_path)
    monkeypatch.setenv("REKNIT_STATE_DIR", str(place.base))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(place.root)
    (place.root / "pyproject.toml").write_bytes(b"")
    place.propose(place.change(b"two", b"3"))
    place.apply(place.change(b"three", b"33"))
    (tmp_path / "fix.diff").write_bytes(DIFF.replace(b"three = 3\n", b"three = 33\n"))
    return place


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["reknit", *words])
        status = _status()
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def store(place: Place) -> Path:
    return project_state(place.root, place.base) / "store.db"


@pytest.fixture(params=DAMAGE, ids=lambda damage: damage.__name__)
def damaged(request: pytest.FixtureRequest, place: Place) -> Place:
    request.param(store(place))
    return place


def check_message(place: Place, err: str) -> None:
    assert err.count("starts anew; the old file is kept as") == 1, err
    assert os.path.lexists(store(place).with_name("store.db.damaged-1"))


def test_show(damaged: Place, run: Run) -> None:
    status, _, err = run("show")
    assert status == 2
    check_message(damaged, err)
    assert "no patch was proposed by the last run here" in err


def test_apply_of_a_proposal(damaged: Place, run: Run) -> None:
    status, _, err = run("apply", "--no-tests")
    assert status == 2
    check_message(damaged, err)
    assert damaged.read() == TEXT.replace(b"three = 3", b"three = 33")


def test_apply_of_a_diff(damaged: Place, run: Run, tmp_path: Path) -> None:
    status, _, err = run("apply", str(tmp_path / "fix.diff"))
    assert status == 0, err
    assert b"two = 22\n" in damaged.read()
    if (
        "anew" in err or store(damaged).with_name("store.db.damaged-1").exists()
    ):  # it may not have looked at what is damaged
        check_message(damaged, err)


def test_gc(damaged: Place, run: Run) -> None:
    status, _, err = run("gc", "--dry-run")
    assert status == 0
    assert err.count("note: ") >= 1
    status, _, err = run("gc")
    assert status == 0
    check_message(damaged, err)


def test_the_journal_needs_no_store(damaged: Place, run: Run) -> None:
    assert run("log")[0] == 0
    status, _, err = run("undo")
    assert status == 0, err
    assert damaged.read() == TEXT
    status, _, err = run("redo")
    assert status == 0, err
    assert damaged.read() == TEXT.replace(b"three = 3", b"three = 33")
