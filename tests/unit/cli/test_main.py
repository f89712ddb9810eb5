"""What the entry point makes of errors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest

from reknit.cli import history, main


def _run(monkeypatch: pytest.MonkeyPatch, error: BaseException, *words: str) -> int:
    def app(**_: object) -> None:
        raise error

    monkeypatch.setattr(main, "app", app)
    monkeypatch.setattr(sys, "argv", ["reknit", *words])
    return main._status()


def test_a_mistake_of_ours_is_a_document_and_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError):
        _run(monkeypatch, ZeroDivisionError("by zero"), "heal", "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["verb"], found["exit_code"], found["error"]["slug"]) == ("heal", 1, "internal")
    assert "by zero" in found["error"]["message"]


@pytest.mark.parametrize(
    ("words", "verb"),
    [(["log", "--json"], "log"), (["bench", "inject", "p", "--json"], "bench inject"), (["--json"], "")],
)
def test_interrupted_says_by_which_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], verb: str
) -> None:
    assert _run(monkeypatch, KeyboardInterrupt(), *words) == 130
    out, err = capsys.readouterr()
    assert json.loads(out)["verb"] == verb
    assert err == "\ninterrupted; `reknit log` lists what was written\n"


def test_words_for_pytest_are_not_ours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, KeyboardInterrupt(), "heal", "--", "--json") == 130
    assert capsys.readouterr().out == ""


def test_ctrl_c_through_the_parser_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The parser catches it itself; a verb that is cut short must not end without a word."""
    monkeypatch.setattr(history, "log_verb", Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr(sys, "argv", ["reknit", "log", "--json", "-C", str(tmp_path)])
    assert main._status() == 130
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["slug"] == "interrupted"
    assert "interrupted" in err
