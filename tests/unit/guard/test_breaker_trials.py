"""The way out of an open breaker: waits, and trial calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.guard.breaker import (
    Ending,
    Limits,
    Mode,
    Permit,
    State,
    decide,
    record,
)
from reknit.model import codec
from tests.breakers import (
    BAD,
    CLOSED,
    DAY,
    GOOD,
    HALF_OPEN,
    HOUR,
    LIMITS,
    NEITHER,
    OPEN,
    TRIAL,
    fed,
    permitted,
    rejected,
)


@given(st.lists(st.floats(0, 1e5), max_size=30), st.lists(st.sampled_from(Ending), max_size=30), st.booleans())
def test_a_flat_trend_never_closes(gaps: list[float], endings: list[Ending], degrading: bool) -> None:
    """Time, calls and trends make no open breaker a closed one; as many successes as are asked for do."""
    state, out, good = OPEN, list[Permit](), 0
    for gap, ending in zip(gaps, endings, strict=False):
        answer, step = decide(state, LIMITS, state.seen + gap)
        state = step.state
        assert state.mode in (Mode.OPEN, Mode.HALF_OPEN)
        if isinstance(answer, Permit):
            out.append(answer)
        if out:
            permit = out.pop()
            good += ending is GOOD and permit.generation == state.generation
            state = record(state, LIMITS, permit, ending, state.seen, degrading=degrading).state
        if state.mode is Mode.CLOSED:
            assert good >= LIMITS.recovery_threshold
            return
        if state.mode is Mode.OPEN:
            good = 0


def test_waits_follow_the_outage_and_the_traffic() -> None:
    waits = []
    state = OPEN
    for _ in range(6):
        waits.append(state.retry_at - state.seen)
        permit, state = permitted(state, state.retry_at)
        state = record(state, LIMITS, permit, BAD, state.seen).state
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(1.4, rel=0.01)
    assert waits[5] > 3 * waits[0]
    busy = fed(CLOSED, [BAD] * 6, gap=0.01)
    assert busy.retry_at - busy.seen == pytest.approx(0.014, rel=0.01)


def test_a_night_is_no_measure_of_the_traffic() -> None:
    evening = fed(CLOSED, [GOOD] * 50, gap=10)
    morning = fed(evening, [BAD], gap=10 * HOUR)
    opened = fed(morning, [BAD] * 4, gap=10)
    assert opened.mode is Mode.OPEN
    assert opened.retry_at - opened.seen < 30


def test_traffic_is_learnt_after_a_burst_at_one_instant() -> None:
    assert fed(fed(CLOSED, [GOOD] * 9, gap=0), [GOOD] * 60).gap == pytest.approx(1, rel=0.01)


def test_calls_at_one_instant_are_not_all_trials() -> None:
    state = fed(CLOSED, [BAD] * 6, gap=0)
    assert state.gap == 0
    assert rejected(state, state.seen).retry_at == state.seen + LIMITS.shortest_wait
    free = Limits(shortest_wait=0)
    again = fed(CLOSED, [BAD] * 6, gap=0, limits=free)
    assert permitted(again, again.seen, free)[0].trial


def test_what_was_left_for_days_is_tried_at_once() -> None:
    state = codec.loads(State, codec.dumps(State, OPEN))
    permit, state = permitted(state, OPEN.seen + 5 * DAY)
    assert permit.trial
    state = record(state, LIMITS, permit, BAD, state.seen).state
    assert state.mode is Mode.OPEN
    assert 0 < state.retry_at - state.seen <= LIMITS.longest_wait


def test_waits_keep_their_bounds() -> None:
    limits = Limits(shortest_wait=5, longest_wait=7)
    state = fed(CLOSED, [BAD] * 6, gap=0.01, limits=limits)
    assert state.retry_at == state.seen + 5
    slow = fed(CLOSED, [BAD] * 6, gap=1000, limits=limits)
    assert slow.retry_at == slow.seen + 7


# HALF_OPEN: what resilience4j's tests promise of permits


def trials(count: int, limits: Limits = LIMITS) -> tuple[list[Permit], State]:
    """So many trial calls that have not ended, each begun a second after the one before."""
    permits, state = [TRIAL], HALF_OPEN
    while len(permits) < count:
        permit, state = permitted(state, state.seen + 1, limits)
        permits.append(permit)
    return permits, state


def test_only_so_many_trials_at_once() -> None:
    permits, state = trials(3)
    assert all(permit.trial for permit in permits)
    no = rejected(state, state.seen + 1)
    assert no.why == "3 trial calls are being made"
    assert no.retry_at == HALF_OPEN.seen + 2 + LIMITS.trial_seconds


def test_an_ignored_outcome_gives_its_permit_back() -> None:
    permits, state = trials(3)
    for permit in permits:
        before = state
        state = record(state, LIMITS, permit, NEITHER, state.seen).state
        assert (state.mode, state.good, state.bad) == (Mode.HALF_OPEN, 0, 0)
        _, state = permitted(state, state.seen)
        assert state.out == before.out
    rejected(state, state.seen)


def test_so_many_successes_close_it() -> None:
    permits, state = trials(3)
    for left, permit in zip((2, 1, 0), permits, strict=True):
        assert state.mode is Mode.HALF_OPEN
        step = record(state, LIMITS, permit, GOOD, state.seen)
        state = step.state
        assert state.out == left
    assert state.mode is Mode.CLOSED
    assert state.reason == "3 of 3 trial calls succeeded"
    assert (state.late, state.suspicion, state.calls, state.failures, state.graced) == (0, 0, 0, 0, False)
    assert state.outcomes == OPEN.outcomes


@pytest.mark.parametrize(
    ("endings", "mode"),
    [
        ([BAD], Mode.OPEN),
        ([GOOD, BAD], Mode.OPEN),
        ([GOOD, GOOD, BAD], Mode.HALF_OPEN),
        ([GOOD, GOOD, BAD, BAD], Mode.OPEN),
        ([GOOD, GOOD, BAD, GOOD], Mode.HALF_OPEN),
        ([GOOD, GOOD, BAD, GOOD, GOOD], Mode.CLOSED),
        ([GOOD, GOOD, BAD, GOOD, BAD], Mode.OPEN),
        ([GOOD, NEITHER, GOOD, NEITHER, GOOD], Mode.CLOSED),
    ],
)
def test_trials_are_weighed(endings: list[Ending], mode: Mode) -> None:
    state = HALF_OPEN
    permit = TRIAL
    for at, ending in enumerate(endings):
        if at:
            permit, state = permitted(state, state.seen)
        state = record(state, LIMITS, permit, ending, state.seen).state
    assert state.mode is mode


def test_a_failed_trial_waits_for_the_same_outage() -> None:
    state = record(HALF_OPEN, LIMITS, TRIAL, BAD, HALF_OPEN.seen).state
    assert state.mode is Mode.OPEN
    assert state.opened == OPEN.opened
    assert state.retry_at > state.seen
    assert state.reason == "1 of 1 trial calls failed"
    _, fresh = permitted(state, state.retry_at)
    assert (fresh.good, fresh.bad, fresh.out) == (0, 0, 1)


def test_trials_that_never_end_are_given_up_all_at_once() -> None:
    permits, state = trials(3)
    late = state.seen + LIMITS.trial_seconds
    rejected(state, late - 1)
    permit, state = permitted(state, late)
    assert (state.mode, state.out) == (Mode.HALF_OPEN, 1)
    for old in permits:
        assert record(state, LIMITS, old, BAD, late + 1).state == state, "given up is given up"
    assert record(state, LIMITS, permit, GOOD, late + 1).state.good == 1
