"""Failing tests as signals."""

from __future__ import annotations

from reknit.errors import CannotJudgeError
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.runner.base import SuiteRun, TestRun


def signals(run: SuiteRun) -> tuple[Signal, ...]:
    """One signal a failing test, in pytest's order; `CannotJudgeError` where modules could not be collected."""
    if run.collect_errors and not run.tests:
        module, text = run.collect_errors[0]
        more = f" and {len(run.collect_errors) - 1} more" if len(run.collect_errors) > 1 else ""
        raise CannotJudgeError(
            f"{module}{more} could not be collected, so no test was run and nothing was changed\n{text.strip()[-1500:]}",
            slug="collection",
            hint="mend the import, or leave the module out: `reknit heal -- --ignore PATH`",
        )
    return tuple(_signal(run.tests[test]) for test in run.bad)


def _signal(run: TestRun) -> Signal:
    failure = run.failure
    if failure is None:
        return Signal(kind=SignalKind.TEST, test=run.test, error=ErrorInfo(type="Failed", message=""))
    return Signal(
        kind=SignalKind.TEST,
        test=run.test,
        error=ErrorInfo(type=failure.type, message=failure.message),
        frames=failure.frames,
        local_variables=failure.local_variables,
    )
