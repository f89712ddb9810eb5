"""The ledger as a user reads it, and who writes to it besides a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reknit.cli.ledger import ledger_verb
from reknit.cli.settings import audited
from reknit.cli.status import breaker_verb
from reknit.cli.trust import trust_verb
from reknit.config import Options
from reknit.errors import StoreError
from reknit.ledger import HEAD, LEDGER, Event, Ledger, verify
from reknit.store.place import project_state


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    root = tmp_path / "project"
    root.mkdir()
    (root / "reknit.toml").write_text("apply = true\n")
    (tmp_path / "user.toml").write_text("[security]\nauditing_enabled = true\n")
    monkeypatch.setenv("REKNIT_CONFIG", str(tmp_path / "user.toml"))
    monkeypatch.delenv("REKNIT_ENV", raising=False)
    return Options(project=root, state_dir=tmp_path / "state")


def state_of(options: Options) -> Path:
    return project_state(options.project, options.state_dir)


def test_it_is_shown_and_checked(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    assert ledger_verb(options, last=None) == 0
    assert capsys.readouterr().err == "nothing is in the ledger\n"
    state = state_of(options)
    ledger = Ledger(state, redact=str)
    for patch in "abc":
        ledger.write(Event.PROPOSED, patch=patch, files=["x.py", "y.py"], safe=True)
    assert ledger_verb(options, last=2) == 0
    out, err = capsys.readouterr()
    assert [line.partition("Z")[0].split()[0] for line in out.splitlines()] == ["2", "3"]
    assert out.endswith("  patch proposed  patch: c; files: x.py, y.py; safe: True\n")
    assert (
        err
        == f"lines 1 to 3 are as they were written; the last one is {json.loads((state / HEAD).read_bytes())['sha256']}\n"
    )
    (state / LEDGER).write_bytes((state / LEDGER).read_bytes().replace(b'"b"', b'"d"'))
    assert ledger_verb(options, last=0) == 1
    assert capsys.readouterr() == ("", "line 2 was changed: the line after it was written to another one\n")
    assert ledger_verb(options, last=None, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 1
    assert document["result"]["flaw"]["number"] == 2
    assert [line["number"] for line in document["result"]["lines"]] == [1, 2, 3]


def test_trust_and_breakers_are_written_down(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    options = audited(options)
    assert options.auditing_enabled
    assert trust_verb(options, yes=True, revoke=False) == 0
    assert trust_verb(options, yes=True, revoke=True) == 0
    assert breaker_verb(options, "open", "heal/search", "it is late") == 0
    lines = verify(state_of(options)).lines
    assert [line.event for line in lines] == ["trust given", "trust ended", "breaker changed"]
    assert lines[0].facts["settings"] == ["apply (reknit.toml)"]
    assert lines[2].facts == {"name": "heal/search", "before": "closed", "after": "forced open", "reason": "it is late"}
    capsys.readouterr()


def test_without_the_switch_nothing_is(options: Options, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "user.toml").write_text("")
    assert trust_verb(audited(options), yes=True, revoke=False) == 0
    assert verify(state_of(options)).lines == ()
    capsys.readouterr()


def test_strict_policies_give_no_trust_that_cannot_be_written_down(options: Options, tmp_path: Path) -> None:
    (tmp_path / "user.toml").write_text("[security]\nstrict_policies = true\n")
    (state_of(options) / LEDGER).mkdir(parents=True)
    with pytest.raises(StoreError):
        trust_verb(audited(options), yes=True, revoke=False)
    assert not (state_of(options) / "trust.json").exists()


def test_settings_that_cannot_be_read_stop_no_act_by_hand(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    (options.project / "reknit.toml").write_text("[[[")
    assert audited(options).auditing_enabled
    assert capsys.readouterr().err.startswith("note: reknit.toml cannot be used")
