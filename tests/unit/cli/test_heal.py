"""The whole table of exit statuses, and what may be asked of whom."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from reknit.cli.heal import Ticker, exit_status
from reknit.events import Progress
from reknit.model.outcome import (
    CircuitOpen,
    Failed,
    Healed,
    Healthy,
    NotHealed,
    Outcome,
    Proposed,
    Quarantined,
    Refused,
    Reverted,
    ValidationFailed,
    WhyNot,
)
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


def test_progress_in_a_pipe_is_a_line_a_stage_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Ticker() as ticker:
        ticker(Progress(stage="propose", text="searching [bold]x[/] \x1b[2J" + "x" * 200))
        for tried in range(50):
            ticker(Progress(stage="propose", text="", tried=tried))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "propose: searching [bold]x[/] \\x1b[2J" + "x" * 200 + "\n")
