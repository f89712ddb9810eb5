"""Failing tests as signals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from reknit.detect.collection import because, not_collected
from reknit.errors import CannotJudgeError, UsageError
from reknit.model.outcome import Healthy, NotHealed, Outcome, Quarantined, WhyNot
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.runner.base import SuiteRun, TestRun
from reknit.runner.suite import told

#: Where pytest keeps the names of the tests that failed in its last run, relative to the project.
LAST_FAILED = ".pytest_cache/v/cache/lastfailed"
#: Of those so many are run before the suite; more says that the run was of another state of the program.
_RECHECKED = 200
_LAST_FAILED_BYTES = 1 << 20

#: Path → lines that a test ran.
Lines = Mapping[str, frozenset[int]]
#: A suite up to this long (seconds) is worth running again whole; of a longer one the failing tests' own files.
AGAIN_SECONDS = 20.0
#: Of more failing tests than this so many are looked into, from so many files: most of a flood has few causes, and what
#: a patch of those heals beside them is seen when it is judged.
MOST_FAILING, _MOST_FILES = 200, 20
#: What the runner calls a test in the midst of which pytest itself ended.
_NO_REPORT = "NoReport"
#: With those that ended their process or came to no end: which lines they ran was lost with the process.
_LETHAL = frozenset({"ProcessDied", "TestStalled", _NO_REPORT})


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
    if test not in run.collected:
        return _nothing("pytest does not collect a test of this name")
    return _nothing("time was up before it was run: give more with --max-time")


def signals(run: SuiteRun) -> tuple[Signal, ...]:
    """One signal a failing test, in pytest's order; `CannotJudgeError` where nothing is known of the program.

    Modules that could not be collected beside failing tests are no obstacle; beside passing ones nothing is proved.
    """
    if run.not_run and not run.tests:
        raise _stopped(run) if run.status is not None else _too_slow("no test came to an end")
    if run.bad and all((f := run.tests[t].failure) is not None and f.type == _NO_REPORT for t in run.bad):
        raise _stopped(run)
    if run.collect_errors and not run.bad:
        raise not_collected(run.collect_errors)
    if run.not_run and not run.bad:
        raise _too_slow(f"{len(run.not_run)} of {len(run.collected)} tests were not run, and no other fails")
    return tuple(_signal(run.tests[test]) for test in run.bad)


def _too_slow(what: str) -> CannotJudgeError:
    return CannotJudgeError(
        f"{what} within half of --max-time; nothing was changed",
        slug="too-slow",
        hint="give more time with --max-time, or fewer tests after --",
    )


def _stopped(run: SuiteRun) -> CannotJudgeError:
    ended = len(run.tests) - len(run.bad)
    return CannotJudgeError(
        f"pytest listed {len(run.collected)} tests and broke off (status {run.status}) when {ended} had come to an end; "
        f"nothing was changed\n{told(run.output)}",
        slug="pytest-stopped",
        hint="run `python -m pytest` with the same arguments by hand; a hook of a conftest.py or plug-in may be wrong",
    )


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
    errors = run.collect_errors
    notes = [f"{m} could not be collected, so its tests were not run: {because(t)}" for m, t in errors[:3]]
    if len(errors) > 3:
        notes.append(f"{len(errors) - 3} more modules could not be collected")
    if run.not_run:
        some = ", ".join(run.not_run[:3]) + (", …" if len(run.not_run) > 3 else "")
        many = f"{len(run.not_run)} of {len(run.collected)} tests were not run"
        why = "--max-time was too short for" if run.status is None else "pytest broke off before"
        notes.append(f"{many}: {why} {some}")
    return tuple(notes)


def out_of_sight(run: SuiteRun, failing: Sequence[str]) -> Mapping[str, Outcome]:
    """Those of the failing tests that are not looked into, with what is said of them."""
    lethal: Mapping[str, Outcome] = {
        t: _nothing(_lethal(run.tests[t])) for t in failing if t in run.tests and _kind(run.tests[t]) in _LETHAL
    }
    left = [t for t in failing if t not in lethal]
    if len(left) <= MOST_FAILING:
        return lethal
    files = list(dict.fromkeys(t.split("::")[0] for t in left))
    some = set(files[:: -(-len(files) // _MOST_FILES)])
    of_function: Counter[str] = Counter()
    of_file: Counter[str] = Counter()
    ranked = []
    for test in left:
        file, function = test.split("::")[0], test.partition("[")[0]
        ranked.append((file not in some, of_function[function], of_file[file], test))
        of_function[function] += 1
        of_file[file] += 1
    chosen = {row[-1] for row in sorted(ranked, key=lambda row: row[:3])[:MOST_FAILING]}
    later = _nothing(f"of {len(left)} failing tests {MOST_FAILING} are looked into at once: heal those, then run again")
    return {**lethal, **{t: later for t in left if t not in chosen}}


def _kind(run: TestRun) -> str:
    return run.failure.type if run.failure else ""


def _lethal(run: TestRun) -> str:
    said = run.failure.message if run.failure else ""
    return f"which lines the test runs cannot be seen, since it takes pytest with it: {said}"


def _nothing(unblock: str) -> NotHealed:
    return NotHealed(why_not=WhyNot(suspects=(), rejected=(), candidates=0, exhausted=False, unblock=unblock))


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
    return [t for t in worth_tracing(run) if t in failing or not (run.tests[t].bad or t in known)]


def with_known(run: SuiteRun, traced: SuiteRun, known: Mapping[str, Lines]) -> SuiteRun:
    """A traced run, completed by the passing tests of `run` whose lines are known from an earlier one.

    How a test fails is told as `run` has seen it: the traced run has another order of sets.
    """
    failing = {t: run.tests[t] for t in run.bad if t in traced.tests and traced.tests[t].bad}
    before = {t: r for t, r in run.tests.items() if t in known and r.outcome == "passed" and t not in traced.tests}
    imported = {**known.get("", {}), **traced.coverage.get("", {})}
    return replace(
        traced,
        tests={**before, **traced.tests, **failing},
        collected=tuple(t for t in run.collected if t in before or t in traced.collected),
        coverage={**{t: known[t] for t in before}, **traced.coverage, **({"": imported} if imported else {})},
        facts=run.facts,
    )


def settled(test: str, run: SuiteRun) -> Outcome | None:
    """The outcome of a failing test that cannot be worked on, by its second run."""
    if test not in run.tests:
        unblock = "time was up before the test could be traced: give more with --max-time"
        return NotHealed(why_not=WhyNot(suspects=(), rejected=(), candidates=0, exhausted=False, unblock=unblock))
    if not run.tests[test].bad:
        return Quarantined(flaky=f"{test} failed, and did not fail when it was run again, with another order of sets")
    return None


def by_test(signals: Iterable[Signal]) -> dict[str, Signal]:
    """Signals by their tests; `UsageError` for one that is of no test."""
    asked = list(signals)
    if strange := next((s for s in asked if s.test is None), None):
        message = (
            f"a signal of kind {strange.kind} names no test, and only failing tests can be healed; nothing was run"
        )
        raise UsageError(message, slug="signal", hint="write a test that fails, and give its signal")
    return {s.test: s for s in asked if s.test is not None}
