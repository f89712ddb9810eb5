"""The whole table of exit statuses, and what may be asked of whom."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reknit.cli.heal import Ticker, exit_status, heal_verb
from reknit.config import Options
from reknit.errors import Interrupted
from reknit.events import Observer, Progress
from reknit.model.outcome import (
    CircuitOpen,
    Cost,
    Failed,
    Healed,
    Healthy,
    NotHealed,
    Outcome,
    Proposed,
    Quarantined,
    Refused,
    Report,
    Reverted,
    Row,
    ValidationFailed,
    WhyNot,
)
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.model.verdict import Label, Receipt, Reversible, Verdict
from tests.unit.verify.stage import patch

VERDICT = Verdict(patch_id=patch().id, label=Label.PLAUSIBLE, checks=(), isolation="none", view="copy")
RECEIPT = Receipt(
    id="r", patch=patch(), at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), verdicts=(), reversible=Reversible(yes=True)
)
WHY_NOT = WhyNot(suspects=(), rejected=(), candidates=0, exhausted=True, unblock="")

#: Each outcome with its status, the one that wins first.
TABLE: list[tuple[Outcome, int]] = [
    (Failed(error="", slug=""), 4),
    (CircuitOpen(level="project"), 5),
    (Refused(policy="p"), 5),
    (NotHealed(why_not=WHY_NOT), 1),
    (ValidationFailed(errors=()), 1),
    (Reverted(reason=""), 1),
    (Quarantined(flaky=""), 1),
    (Proposed(patch=patch(), verdict=VERDICT, why=""), 3),
    (Healed(patch=patch(), verdict=VERDICT, receipt=RECEIPT), 0),
    (Healthy(), 0),
]


@pytest.mark.parametrize(("outcome", "status"), TABLE, ids=lambda v: getattr(v, "tag", v))
def test_alone(outcome: Outcome, status: int) -> None:
    assert exit_status([outcome]) == status


def test_of_two_the_higher_row_wins() -> None:
    for (first, status), (second, _) in itertools.combinations(TABLE, 2):
        assert exit_status([first, second]) == exit_status([second, first]) == status


def test_nothing_failed() -> None:
    assert exit_status([]) == 0


PROPOSED = Report(
    project="p",
    started=RECEIPT.at,
    rows=(
        Row(
            signal=Signal(kind=SignalKind.TEST, test="t", error=ErrorInfo(type="E", message="")),
            outcome=Proposed(patch=patch(), verdict=VERDICT, why=""),
        ),
    ),
    cost=Cost(),
)


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stdin", "ask", "agreed"),
    [
        (Tty("y\n"), True, True),
        (Tty("YES\n"), True, True),
        (Tty("\n"), True, False),
        (Tty("n\n"), True, False),
        (Tty(""), True, False),  # Ctrl-D
        (Tty("n\n"), False, True),
        (io.StringIO("y\n"), True, False),  # a pipe is nobody
        (io.StringIO(""), False, True),
    ],
)
def test_nothing_is_written_without_a_yes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdin: io.StringIO,
    ask: bool,
    agreed: bool,
) -> None:
    answers: list[bool] = []

    def heal(*, options: Options, observe: Observer, confirm: Callable[[Report], bool]) -> Report:
        answers.append(confirm(PROPOSED))
        return PROPOSED

    monkeypatch.setattr("reknit.cli.heal.heal", heal)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert heal_verb(Options(project=tmp_path, apply=True, unsafe=True), ask=ask) == 3
    assert answers == [agreed]
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("cost: ")
    assert out.count("cost: ") == 1, "a report is shown once"
    assert ("[y/N]" in err) is (ask and stdin.isatty())
    assert ("nobody can be asked here" in err) is (ask and not stdin.isatty())


def test_with_json_the_question_and_what_it_is_about_are_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def heal(*, options: Options, observe: Observer, confirm: Callable[[Report], bool]) -> Report:
        assert confirm(PROPOSED) is True
        return PROPOSED

    monkeypatch.setattr("reknit.cli.heal.heal", heal)
    monkeypatch.setattr(sys, "stdin", Tty("y\n"))
    assert heal_verb(Options(project=tmp_path, apply=True, unsafe=True), ask=True, as_json=True) == 3
    out, err = capsys.readouterr()
    result = json.loads(out)["result"]
    assert result["report"]["rows"][0]["outcome"]["tag"] == "proposed"
    assert [(p["id"], p["diff"]) for p in result["patches"]] == [(patch().id, "")], "its file is not there"
    assert "proposed  t\n" in err
    assert "[y/N]" in err


def test_ctrl_c_in_a_run_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def heal(**_: object) -> Report:
        raise KeyboardInterrupt

    monkeypatch.setattr("reknit.cli.heal.heal", heal)
    with pytest.raises(Interrupted) as caught:
        heal_verb(Options(project=tmp_path), ask=True)
    assert caught.value.exit_code == 130
    assert caught.value.message == "interrupted; the project's files are as they were"
    assert capsys.readouterr() == ("", "")


def test_progress_in_a_pipe_is_a_line_a_stage_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Ticker() as ticker:
        ticker(Progress(stage="propose", text="searching [bold]x[/] \x1b[2J" + "x" * 200))
        for tried in range(50):
            ticker(Progress(stage="propose", text="", tried=tried))
    out, err = capsys.readouterr()
    searching, first = err.splitlines()
    assert (out, searching) == ("", "propose: searching [bold]x[/] \\x1b[2J" + "x" * 200)
    assert re.fullmatch(r"propose: first candidate after \d+\.\d s", first)
