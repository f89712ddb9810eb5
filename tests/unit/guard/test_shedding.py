"""What is shed, step by step, and what never is."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reknit.errors import GuardError
from reknit.guard.breaker import Limits, Mode, State, decide, disable, force_open
from reknit.guard.shedding import Work, level, shed
from reknit.model.signal import Severity

LIMITS = Limits()
DEGRADED = State(mode=Mode.DEGRADED, late=0.26, seen=100, since=90, last=100)
OPEN = State(mode=Mode.OPEN, seen=100, since=100, last=100, gap=1.0, retry_at=110)
FORCED = force_open(State(), 100, "maintenance").state


@pytest.mark.parametrize(
    ("late", "found"), [(0.21, 1), (0.26, 1), (0.33, 1), (0.34, 2), (0.41, 2), (0.42, 3), (0.5, 3), (1.0, 3)]
)
def test_the_more_fails_the_more_is_shed(late: float, found: int) -> None:
    assert level(replace(DEGRADED, late=late), LIMITS, 100) == found


@pytest.mark.parametrize(
    ("state", "names"),
    [
        (State(), ""),
        (DEGRADED, "models"),
        (replace(DEGRADED, late=0.4), "models search"),
        (replace(DEGRADED, late=0.5), "models search apply"),
        (OPEN, "models search apply propose"),
        (FORCED, "models search apply propose"),
        (disable(FORCED, 100, "").state, ""),
        (replace(DEGRADED, mode=Mode.METRICS_ONLY, late=1.0), ""),
    ],
)
def test_what_is_shed_and_what_of_a_critical_signal(state: State, names: str) -> None:
    work = {Work(name) for name in names.split()}
    for severity in (Severity.LOW, Severity.MEDIUM, Severity.HIGH):
        assert shed(state, LIMITS, severity, 100) == work
    spared = set() if state is FORCED else {Work.SEARCH, Work.PROPOSE}
    assert shed(state, LIMITS, Severity.CRITICAL, 100) == work - spared


def test_nothing_is_shed_of_a_trial() -> None:
    assert level(OPEN, LIMITS, 109) == 4
    assert level(OPEN, LIMITS, 110) == 0
    state = OPEN
    for left in (2, 1, 0):
        state = decide(state, LIMITS, 110)[1].state
        assert level(state, LIMITS, 110) == (0 if left else 4)
    assert level(state, LIMITS, 110 + LIMITS.trial_seconds) == 0


def test_what_failed_of_late_fades_while_nothing_is_heard() -> None:
    """Else searching would be shed for ever, as nothing could show that it is well again."""
    state = replace(DEGRADED, late=0.45)
    assert [level(state, LIMITS, 100 + minutes * 60) for minutes in (0, 2, 4, 8, 11, 12, 600)] == [3, 2, 2, 1, 1, 0, 0]
    assert level(replace(DEGRADED, late=1.0), LIMITS, 1e300) == 0


@pytest.mark.parametrize("now", [math.nan, math.inf, 99.0])
def test_a_clock_that_goes_back_or_is_none(now: float) -> None:
    for state in (DEGRADED, OPEN, FORCED):
        with pytest.raises(GuardError):
            shed(state, LIMITS, Severity.LOW, now)
