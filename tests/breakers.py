"""Breakers in each mode, come there as they do in use, for the tests of them."""

from __future__ import annotations

from collections.abc import Sequence

from reknit.guard.breaker import (
    Ending,
    Limits,
    Permit,
    Rejection,
    State,
    decide,
    disable,
    force_open,
    held_until,
    record,
)

LIMITS = Limits()
GOOD, BAD, NEITHER = Ending.SUCCEEDED, Ending.FAILED, Ending.IGNORED
HOUR, DAY = 3600.0, 86_400.0


def permitted(state: State, now: float, limits: Limits = LIMITS) -> tuple[Permit, State]:
    """A call that is let through."""
    answer, step = decide(state, limits, now)
    assert isinstance(answer, Permit)
    return answer, step.state


def rejected(state: State, now: float, limits: Limits = LIMITS) -> Rejection:
    """A call that is not."""
    answer, _ = decide(state, limits, now)
    assert isinstance(answer, Rejection)
    return answer


def fed(state: State, endings: Sequence[Ending], *, gap: float = 1.0, limits: Limits = LIMITS) -> State:
    """Calls one after the other, each let through, until they end or the breaker opens."""
    for ending in endings:
        if held_until(state, limits) > state.seen + gap:
            break
        permit, state = permitted(state, state.seen + gap, limits)
        state = record(state, limits, permit, ending, state.seen if permit.trial else state.seen + gap).state
    return state


CLOSED = State()
DEGRADED = fed(CLOSED, [GOOD, GOOD, GOOD, BAD, BAD])
OPEN = fed(CLOSED, [BAD] * 6)
TRIAL, HALF_OPEN = permitted(OPEN, OPEN.retry_at)
FORCED = force_open(CLOSED, 1, "maintenance").state
DISABLED = disable(CLOSED, 1, "a drill").state
METRICS = disable(CLOSED, 1, "a drill", count=True).state
MODES = (CLOSED, DEGRADED, OPEN, HALF_OPEN, FORCED, DISABLED, METRICS)
