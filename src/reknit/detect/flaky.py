"""Tests whose result changes by itself: no patch can be judged by them, so they are told and never healed.

A test that fails once and passes once on the same code is called flaky (Luo et al., "An empirical analysis of flaky
tests", 2014). Running it again is the only evidence there is, and shows it the more surely the more often it is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reknit.model.outcome import NotHealed, WhyNot
from reknit.runner.base import Runner, SuiteRun, TestRun, Trials

#: Times that a failing test is run again, where there is time.
ROUNDS = 5
#: What a run costs at least, seconds.
_LEAST = 0.02
#: Tests that may be what another leans on.
_LEADS = 50


#: Of a test that fails only after tests that are not known.
OUT_OF_ORDER = NotHealed(
    why_not=WhyNot(
        suspects=(),
        rejected=(),
        candidates=0,
        exhausted=False,
        unblock="it passes by itself and fails in the suite: which test before it leaves something behind?",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """What is known of failing tests when they have been run again."""

    #: In words, why a test is flaky.
    flaky: Mapping[str, str]
    #: Tests that fail in the suite and pass by themselves → those after which they fail; empty where none were found.
    leaning: Mapping[str, tuple[str, ...]]
    #: What should be known of how often they were run.
    note: str | None
    #: Of the clean processes; what `trials` use is counted there.
    cpu_seconds: float


class Rerun:
    """Runs failing tests again: each in forked processes of its own, and those that then pass in a clean one.

    Forks of one process share what chance has given it at import, and the order of its sets; that these change nothing
    is seen where the tests are traced, in a clean process with another order.
    """

    def __init__(
        self, runner: Runner, trials: Trials, base: SuiteRun, *, deadline: float, seconds: float, hang_seconds: float
    ) -> None:
        self._runner = runner
        self._trials = trials
        self._base = base
        self._deadline = deadline
        self._seconds = seconds
        self._hang_seconds = hang_seconds
        self._cpu = 0.0

    def steadiness(self, tests: Sequence[str]) -> Steadiness:
        """How steadily these tests fail, found within `seconds` and a clean run for each that passes by itself."""
        known = self._base.tests
        times = rounds([known[t] for t in tests if t in known], self._seconds)
        seen = run_again(times, self._trials.again, deadline=time.monotonic() + self._seconds)
        flaky = {t: why for t, bad in seen.items() if (why := changes(t, bad))}
        leaning = self._leaning([t for t, bad in seen.items() if bad and not any(bad)])
        return Steadiness(flaky=flaky, leaning=leaning, note=too_few(seen), cpu_seconds=self._cpu)

    def _leaning(self, tests: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Of tests that passed each time by themselves, those that lean on others, as far as there is time to see it."""
        until = time.monotonic() + self._seconds
        found: dict[str, tuple[str, ...]] = {}
        for test in tests:
            if time.monotonic() >= until:
                break
            lead = leads(test, self._base)
            run = self._trials.again((*lead, test)) if lead else None
            if run is not None and run.bad:
                found[test] = lead
            elif self._passes(test):  # else it passes in our short cut only
                found[test] = ()
        return found

    def _passes(self, test: str) -> bool:
        """Whether it passes by itself in a clean process, where there is time for it."""
        if self._base.tests[test].seconds > self._seconds:
            return False
        run = self._runner.suite(tests=[test], deadline=self._deadline, hang_seconds=self._hang_seconds)
        self._cpu += run.cpu_seconds
        return test in run.tests and run.tests[test].outcome == "passed"


def rounds(failing: Sequence[TestRun], seconds: float) -> dict[str, int]:
    """How often each test can be run again within `seconds`, at most `ROUNDS`; what quick ones leave goes to slow ones."""
    times: dict[str, int] = {}
    left = seconds
    for number, run in enumerate(sorted(failing, key=lambda r: r.seconds)):
        one = max(run.seconds, _LEAST)
        times[run.test] = min(ROUNDS, int(left / (len(failing) - number) / one))
        left -= times[run.test] * one
    return times


def run_again(
    times: Mapping[str, int], again: Callable[[Sequence[str]], TestRun | None], *, deadline: float
) -> dict[str, tuple[bool, ...]]:
    """Whether each test failed, each time that it was run again; `deadline` is of `time.monotonic`."""
    seen: dict[str, tuple[bool, ...]] = {}
    for test, count in times.items():
        bad: list[bool] = []
        while len(bad) < count and time.monotonic() < deadline and (run := again((test,))) is not None:
            bad.append(run.bad)
        seen[test] = tuple(bad)
    return seen


def changes(test: str, bad: Sequence[bool]) -> str | None:
    """In words, that a test which failed in the suite does not fail each time; None where it does, or never did again."""
    if all(bad) or not any(bad):
        return None
    return f"{test} changes by itself: it failed in {1 + sum(bad)} of {1 + len(bad)} runs on the same code"


def leads(test: str, base: SuiteRun) -> tuple[str, ...]:
    """The passing tests of its file that the suite runs before a test, the nearest `_LEADS`, in the suite's order."""
    file = test.partition("::")[0]
    before = base.collected[: base.collected.index(test)]
    near = [t for t in before if t.partition("::")[0] == file and t in base.tests and base.tests[t].outcome == "passed"]
    return tuple(near[-_LEADS:])


def too_few(seen: Mapping[str, Sequence[bool]]) -> str | None:
    """In words, which failing tests were run again less often than `ROUNDS`; None where none was."""
    few = {t: len(bad) for t, bad in seen.items() if len(bad) < ROUNDS and all(bad)}
    if not few:
        return None
    test, count = min(few.items(), key=lambda item: item[1])
    more = f" and {len(few) - 1} more" if len(few) > 1 else ""
    return f"whether {test}{more} fails each time is less sure: run again {count} of {ROUNDS} times, for want of time"
