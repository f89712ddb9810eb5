"""Failing tests as signals."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from reknit.errors import CannotJudgeError
from reknit.model.outcome import Healthy, NotHealed, Outcome, Quarantined, WhyNot
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.runner.base import SuiteRun, TestRun

#: Where pytest keeps the names of the tests that failed in its last run, relative to the project.
LAST_FAILED = ".pytest_cache/v/cache/lastfailed"
#: Of those so many are run before the suite; more says that the run was of another state of the program.
_RECHECKED = 200
_LAST_FAILED_BYTES = 1 << 20

#: Path → lines that a test ran.
Lines = Mapping[str, frozenset[int]]
#: A suite up to this long (seconds) is worth running again whole; of a longer one the failing tests' own files.
AGAIN_SECONDS = 20.0


def last_failed(content: bytes) -> tuple[str, ...]:
    """The tests that failed in pytest's last run, by its file `LAST_FAILED`; none where it cannot be made out."""
    if len(content) > _LAST_FAILED_BYTES:
        return ()
    try:
        known = json.loads(content)
    except (ValueError, RecursionError):
        return ()
    # A module that could not be collected is named there too, without a test.
    names = [n for n in known if "::" in n] if isinstance(known, dict) else []
    return tuple(names[:_RECHECKED])


def with_earlier(run: SuiteRun, earlier: SuiteRun) -> SuiteRun:
    """The suite's run, with the results of `earlier` for tests that the suite was too slow to come to."""
    late = set(run.not_run)
    found = {t: r for t, r in earlier.tests.items() if t in late}
    left = tuple(t for t in run.not_run if t not in found)
    return replace(run, tests={**run.tests, **found}, not_run=left)


def passed_in_suite(run: SuiteRun, earlier: SuiteRun) -> tuple[tuple[Signal, Outcome], ...]:
    """Tests that failed in `earlier`, where they ran by themselves, and passed in the suite."""
    return tuple(
        (_signal(earlier.tests[t]), Quarantined(flaky=f"{t} failed when it ran by itself, and passed in the suite"))
        for t in earlier.bad
        if t in run.tests and not run.tests[t].bad
    )


def first_things_first(found: Sequence[Signal], earlier: SuiteRun | None) -> tuple[Signal, ...]:
    """The signals, those that failed last time too before the others."""
    known = set(earlier.bad) if earlier else set()
    return tuple(sorted(found, key=lambda s: s.test not in known))


def wanted(asked: Mapping[str, Signal], run: SuiteRun) -> tuple[tuple[Signal, Outcome | None], ...]:
    """The signals that were asked for, as they are now, with the outcome of those that there is nothing to do about."""
    return tuple(
        (_signal(run.tests[t]), None) if t in run.tests and run.tests[t].bad else (signal, _not_failing(t, run))
        for t, signal in asked.items()
    )


def _not_failing(test: str, run: SuiteRun) -> Outcome:
    if test in run.tests:
        return Healthy()
    unblock = "time was up before it was run: give more with --max-time"
    if test not in run.collected:
        unblock = "pytest does not collect a test of this name"
    return NotHealed(why_not=WhyNot(suspects=(), rejected=(), candidates=0, exhausted=False, unblock=unblock))


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
            hint="`reknit doctor` says what is missing; or leave the module out: `reknit heal -- --ignore PATH`",
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


def trace_anew(run: SuiteRun, failing: Collection[str], known: Mapping[str, Lines]) -> list[str]:
    """The tests to run with tracing, where the lines of some passing ones are known from an earlier run."""
    return [t for t in worth_tracing(run) if t in failing or t not in known]


def with_known(run: SuiteRun, traced: SuiteRun, known: Mapping[str, Lines]) -> SuiteRun:
    """A traced run, completed by the passing tests of `run` whose lines are known from an earlier one."""
    before = {t: r for t, r in run.tests.items() if t in known and r.outcome == "passed" and t not in traced.tests}
    imported = {**known.get("", {}), **traced.coverage.get("", {})}
    return replace(
        traced,
        tests={**before, **traced.tests},
        collected=tuple(t for t in run.collected if t in before or t in traced.collected),
        coverage={**{t: known[t] for t in before}, **traced.coverage, **({"": imported} if imported else {})},
        facts=run.facts,
    )
