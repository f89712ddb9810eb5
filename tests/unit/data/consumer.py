"""A program that uses the library as documented; checked by mypy --strict, never run."""

from pathlib import Path
from typing import assert_never, assert_type

import reknit


def words(outcome: reknit.Outcome) -> str:
    match outcome:
        case reknit.Healthy():
            return "healthy"
        case reknit.Healed(receipt=receipt):
            assert_type(receipt, reknit.Receipt)
            return receipt.id
        case reknit.Proposed(patch=patch, verdict=verdict):
            assert_type(patch, reknit.Patch)
            assert_type(verdict.label, reknit.Label)
            assert_type(verdict.safety, reknit.Safety)
            return patch.id
        case reknit.NotHealed(why_not=why_not):
            assert_type(why_not, reknit.WhyNot)
            return why_not.unblock
        case reknit.ValidationFailed() | reknit.Reverted() | reknit.CircuitOpen() | reknit.Refused():
            return outcome.tag
        case reknit.Quarantined() | reknit.Failed():
            return outcome.tag
        case _:
            assert_never(outcome)


options = reknit.Options(project=Path())
report = reknit.heal(options=options)
assert_type(report, reknit.Report)
signals = [row.signal for row in report.rows]
assert_type(signals, list[reknit.Signal])
again = reknit.heal(
    signals,
    options=options,
    observe=lambda event: print(event.stage, event.text, event.tried),
    confirm=lambda report: report.cost.dollars < 1,
)
for row in again.rows:
    assert_type(row.outcome, reknit.Outcome)
    if isinstance(row.outcome, reknit.Proposed):
        receipt = reknit.apply(row.outcome.patch, options=options)
        assert_type(receipt, reknit.Receipt)
        assert_type(reknit.rollback(receipt, options=options), reknit.Receipt)
        assert_type(reknit.redo(receipt.id, options=options), reknit.Receipt)
try:
    reknit.apply("abc", options=options)
except reknit.ConflictError as exc:
    assert_type(exc.path, str)
except reknit.ReknitError as exc:
    assert_type(exc.slug, str)
    assert_type(exc.hint, str | None)
    assert_type(exc.exit_code, int)
