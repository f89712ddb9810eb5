"""Failing tests as signals."""

from __future__ import annotations

from reknit.errors import CannotJudgeError
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.runner.base import SuiteRun, TestRun

#: A suite up to this long (seconds) is worth running again whole; of a longer one the failing tests' own files.
AGAIN_SECONDS = 20.0


def signals(run: SuiteRun) -> tuple[Signal, ...]:
    """One signal a failing test, in pytest's order; `CannotJudgeError` where nothing is known of the program.

    Modules that could not be collected beside failing tests are no obstacle; beside passing ones nothing is proved.
    """
    if run.not_run and not run.tests:
        raise CannotJudgeError(
            "no test came to an end within half of --max-time; nothing was changed",
            slug="too-slow",
            hint="give more time with --max-time, or fewer tests after --",
        )
    if run.collect_errors and not run.bad:
        module, text = run.collect_errors[0]
        more = f" and {len(run.collect_errors) - 1} more" if len(run.collect_errors) > 1 else ""
        raise CannotJudgeError(
            f"{module}{more} could not be collected; nothing was changed\n{text.strip()[-1500:]}",
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


def left_out(run: SuiteRun) -> tuple[str, ...]:
    """Which tests say nothing, and why, in words."""
    notes = [f"{module} could not be collected, so its tests were not run" for module, _ in run.collect_errors]
    if run.not_run:
        some = ", ".join(run.not_run[:3]) + (", …" if len(run.not_run) > 3 else "")
        many = f"{len(run.not_run)} of {len(run.collected)} tests were not run"
        notes.append(f"{many}: --max-time was too short for {some}")
    return tuple(notes)


def worth_tracing(run: SuiteRun) -> list[str]:
    """The tests to run again with tracing, in pytest's order: all that came to an end, or all that there is time for."""
    ended = [t for t in run.collected if t in run.tests]
    if sum(r.seconds for r in run.tests.values()) <= AGAIN_SECONDS:
        return ended
    files = {t.split("::")[0] for t in run.bad}
    near = [t for t in ended if t.split("::")[0] in files and not run.tests[t].bad]
    left, chosen = AGAIN_SECONDS, set(run.bad)
    for test in sorted(near, key=lambda t: run.tests[t].seconds):
        left -= run.tests[test].seconds
        if left < 0:
            break
        chosen.add(test)
    return [t for t in ended if t in chosen]
