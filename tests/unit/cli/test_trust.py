"""The verb `trust`: what it shows, asks and keeps."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from reknit.cli.settings import settled
from reknit.cli.trust import trust_verb
from reknit.config import Options
from tests.unit.config.settings import Place

TEXT = 'max_time = 900\njobs = 1\npytest_args = ["-k", "a b"]\n[env.production]\nmax_time = 800\nisolation = "none"\n'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    found = Place(tmp_path.resolve())
    found.user("")
    found.project(TEXT)
    monkeypatch.setenv("REKNIT_CONFIG", str(found.folder / "user.toml"))
    monkeypatch.delenv("REKNIT_ENV", raising=False)
    return found


def trust(place: Place, *, yes: bool = False, revoke: bool = False, as_json: bool = False) -> int:
    options = Options(project=place.root, state_dir=place.state)
    return trust_verb(options, yes=yes, revoke=revoke, as_json=as_json)


def max_time(place: Place) -> float:
    return settled(place.root, {}, place.state).options.max_time


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_shows_everything_before_it_asks(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert trust(place) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "reknit.toml asks for",
        "  pytest_args = -k 'a b'  (needs trust; without it: none, default; reknit.toml)",
        "  max_time = 900.0  (needs trust; without it: 300.0, default; reknit.toml)",
        "  jobs = 1  (only tightens; reknit.toml)",
        "  max_time = 800.0  (needs trust; without it: 300.0, default; reknit.toml [env.production])",
        "  isolation = none  (needs trust; without it: unset, default; reknit.toml [env.production])",
    ]
    assert err == "trust this file as it is? [y/N] "
    assert max_time(place) == 300


def test_yes_pins_until_the_file_changes(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert trust(place) == 0
    assert max_time(place) == 900
    assert "reknit.toml is trusted until it changes" in capsys.readouterr().err
    place.project(TEXT + "\n")
    assert max_time(place) == 300
    assert "note: reknit.toml: not taken, since it has changed since you trusted it" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", Terminal("\n"))
    assert trust(place) == 1
    assert "it has changed since you trusted it; trust this file" in capsys.readouterr().err


def test_nobody_can_be_asked(place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert trust(place) == 1
    assert "not trusted: nobody can be asked here" in capsys.readouterr().err
    assert max_time(place) == 300
    assert trust(place, yes=True) == 0
    assert max_time(place) == 900


def test_revoke(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    trust(place, yes=True)
    assert trust(place, revoke=True) == 0
    assert "no longer trusted\n" in capsys.readouterr().err
    assert max_time(place) == 300
    assert trust(place, revoke=True, yes=True) == 0
    assert "nothing was trusted\n" in capsys.readouterr().err
    assert max_time(place) == 300, "revoking never trusts"


def test_what_tightens_is_not_pinned(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.project("max_time = 10")
    assert trust(place, yes=True) == 0
    assert "nothing in it needs trust" in capsys.readouterr().err
    assert not (place.state / "trust.json").exists()


def test_no_settings(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (place.root / "reknit.toml").unlink()
    assert trust(place, yes=True) == 0
    assert "no settings in" in capsys.readouterr().err


def test_what_the_file_says_is_shown_and_not_obeyed(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """No escape reaches the terminal, and no line is forged."""
    place.project('pytest_args = ["\\u001b[2J", "a\\nreknit.toml is trusted"]')
    assert trust(place) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 2


def test_json(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert trust(place, yes=True, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["verb"], document["exit_code"]) == ("trust", 0)
    assert (document["result"]["file"], document["result"]["trust"]) == ("reknit.toml", "pinned")
    assert document["result"]["asks"][2] == {
        "name": "jobs",
        "value": "1",
        "origin": "reknit.toml",
        "needs_trust": False,
        "instead": "unset",
        "instead_from": "default",
    }
