"""Tests whose result changes by itself: no patch can be judged by them, so they are told and never healed.

A test that fails once and passes once on the same code is called flaky (Luo et al., "An empirical analysis of flaky
tests", 2014). Running it again is the only evidence there is, and shows it the more surely the more often it is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from reknit.runner.base import SuiteRun, TestRun

#: Times that a failing test is run again, where there is time.
ROUNDS = 5
#: What a run costs at least, seconds.
_LEAST = 0.02


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
    times: Mapping[str, int], again: Callable[[str], TestRun | None], *, deadline: float
) -> dict[str, tuple[bool, ...]]:
    """Whether each test failed, each time that it was run again; `deadline` is of `time.monotonic`."""
    seen: dict[str, tuple[bool, ...]] = {}
    for test, count in times.items():
        bad: list[bool] = []
        while len(bad) < count and time.monotonic() < deadline and (run := again(test)) is not None:
            bad.append(run.bad)
        seen[test] = tuple(bad)
    return seen


def changes(test: str, bad: Sequence[bool]) -> str | None:
    """In words, that a test which failed in the suite does not fail each time; None where it does, or never did again."""
    if all(bad) or not any(bad):
        return None
    return f"{test} changes by itself: it failed in {1 + sum(bad)} of {1 + len(bad)} runs on the same code"


def depends(test: str, bad: Sequence[bool], alone: Callable[..., SuiteRun]) -> str | None:
    """In words, that a test fails in the suite and not by itself; `alone` runs tests in a clean process."""
    if not bad or any(bad):
        return None
    run = alone(tests=[test])
    if test not in run.tests or run.tests[test].bad:  # so it is only our short cut that it passes in
        return None
    return f"{test} fails in the suite and passes by itself: it depends on the tests that run before it"


def too_few(seen: Mapping[str, Sequence[bool]]) -> str | None:
    """In words, which failing tests were run again less often than `ROUNDS`; None where none was."""
    few = {t: len(bad) for t, bad in seen.items() if len(bad) < ROUNDS and all(bad)}
    if not few:
        return None
    test, count = min(few.items(), key=lambda item: item[1])
    more = f" and {len(few) - 1} more" if len(few) > 1 else ""
    return f"whether {test}{more} fails each time is less sure: run again {count} of {ROUNDS} times, for want of time"
