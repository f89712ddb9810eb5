"""What opens a breaker, what only degrades it, and what does neither."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.guard.breaker import (
    Ending,
    Limits,
    Mode,
    Permit,
    close,
    lower_bound,
    record,
)
from tests.breakers import (
    BAD,
    CLOSED,
    DEGRADED,
    GOOD,
    LIMITS,
    METRICS,
    NEITHER,
    fed,
    permitted,
)


def test_one_retry_is_granted_before_it_opens() -> None:
    graced = fed(CLOSED, [BAD] * 5)
    assert (graced.mode, graced.graced) == (Mode.DEGRADED, True)
    assert fed(graced, [BAD]).mode is Mode.OPEN


def test_a_retry_that_succeeds_is_no_second_grace_and_calm_is() -> None:
    graced = fed(CLOSED, [BAD] * 5)
    assert fed(graced, [GOOD, BAD, BAD]).mode is Mode.OPEN
    calm = fed(graced, [GOOD] * 40)
    assert (calm.mode, calm.graced, calm.suspicion) == (Mode.CLOSED, False, 0)
    again = fed(calm, [BAD] * 4)
    assert again.mode is not Mode.OPEN
    assert fed(again, [BAD]).mode is Mode.OPEN


def test_no_success_opens_it() -> None:
    late = Limits(minimum=10)
    graced = fed(CLOSED, [BAD] * 10, limits=late)
    assert graced.graced
    assert fed(graced, [GOOD], limits=late).mode is Mode.DEGRADED
    assert fed(graced, [BAD], limits=late).mode is Mode.OPEN


def test_after_good_times_five_failures_in_a_row_open_it() -> None:
    assert fed(CLOSED, [GOOD] * 500 + [BAD] * 4).mode is Mode.DEGRADED
    opened = fed(CLOSED, [GOOD] * 500 + [BAD] * 5)
    assert opened.mode is Mode.OPEN
    assert opened.reason == "5 of 5 calls failed of late"


def test_two_failures_are_no_evidence_however_low_the_threshold() -> None:
    low = Limits(threshold=0.3)
    assert not fed(CLOSED, [GOOD] * 500 + [BAD] * 2, limits=low).graced
    assert fed(CLOSED, [GOOD] * 500 + [BAD] * 3, limits=low).graced
    assert fed(CLOSED, [GOOD] * 500 + [BAD] * 4, limits=low).mode is Mode.OPEN


def test_nobody_gets_used_to_failure() -> None:
    """Where all has failed while nothing was held back, it is still an outage."""
    used = fed(METRICS, [BAD] * 1000)
    assert used.usual > 0.99
    assert fed(close(used, used.seen, "a try").state, [BAD] * 6).mode is Mode.OPEN


def test_bad_times_do_not_delay_it() -> None:
    """For long, 48 of 100 calls have failed: a hundred good calls of then do not speak for now."""
    state = CLOSED
    for number in range(5000):
        state = fed(state, [BAD if number * 48 % 100 < 48 else GOOD])
    assert state.mode is not Mode.OPEN
    assert fed(state, [BAD] * 30).mode is Mode.OPEN


def test_a_rise_opens_it_before_it_is_sure() -> None:
    mixed = replace(fed(CLOSED, [GOOD, BAD] * 20), graced=True, late=0.6)
    permit = Permit(generation=mixed.generation)
    assert record(mixed, LIMITS, permit, BAD, mixed.seen).state.mode is not Mode.OPEN
    opened = record(mixed, LIMITS, permit, BAD, mixed.seen, degrading=True).state
    assert opened.mode is Mode.OPEN
    assert "failures rise" in opened.reason
    low = replace(mixed, late=0.3)
    assert record(low, LIMITS, permit, BAD, mixed.seen, degrading=True).state.mode is not Mode.OPEN
    assert record(mixed, LIMITS, permit, GOOD, mixed.seen, degrading=True).state.mode is not Mode.OPEN


def test_the_bound_is_wilson_s() -> None:
    """Against the interval's own definition: the rate at which so many failures are z standard errors too many."""
    for failures, calls in ((3, 3), (5, 9), (33, 50), (1, 64)):
        low = lower_bound(failures, calls)
        assert failures / calls - low == pytest.approx(1.96 * math.sqrt(low * (1 - low) / calls))
    assert lower_bound(0, 5) == pytest.approx(0)


ENDINGS = st.lists(st.sampled_from(Ending), max_size=150)
GAPS = st.floats(0, 1e6)
LIMITED = st.builds(
    Limits,
    threshold=st.floats(0.3, 0.9),
    recovery_threshold=st.integers(1, 9),
    trials=st.integers(1, 5),
    minimum=st.integers(5, 40),
)


@given(ENDINGS, GAPS, LIMITED)
def test_a_constant_total_outage_opens(before: list[Ending], gap: float, limits: Limits) -> None:
    """Whatever went before, at whatever pace, within so many calls."""
    state = fed(CLOSED, before, gap=gap, limits=limits)
    if state.mode in (Mode.CLOSED, Mode.DEGRADED):
        state = fed(state, [BAD] * 220, gap=gap, limits=limits)
    assert state.mode in (Mode.OPEN, Mode.HALF_OPEN)


@given(ENDINGS, GAPS)
def test_by_default_it_opens_within_thirty(before: list[Ending], gap: float) -> None:
    state = fed(CLOSED, before, gap=gap)
    if state.mode in (Mode.CLOSED, Mode.DEGRADED):
        assert fed(state, [BAD] * 30, gap=gap).mode in (Mode.OPEN, Mode.HALF_OPEN)


@given(st.lists(st.sampled_from(Ending), max_size=4), GAPS, st.booleans())
def test_fewer_than_five_outcomes_never_open_it(endings: list[Ending], gap: float, degrading: bool) -> None:
    state, now = CLOSED, 0.0
    for ending in endings:
        permit, state = permitted(state, now)
        state = record(state, LIMITS, permit, ending, now, degrading=degrading).state
        assert state.mode is Mode.CLOSED
        now += gap


@given(st.lists(st.booleans(), max_size=300))
def test_what_is_ignored_counts_nothing(endings: list[bool]) -> None:
    state = CLOSED
    for known in endings:
        permit, state = permitted(state, 0)
        after = record(state, LIMITS, permit, GOOD if known else NEITHER, 0).state
        assert known or after == state
        state = after
    assert state.outcomes == sum(endings)


# DEGRADED


def test_it_is_degraded_and_is_not_any_more() -> None:
    assert DEGRADED.reason == "36% failed of late"
    still = fed(DEGRADED, [GOOD, GOOD])
    assert still.late < LIMITS.degraded
    assert still.mode is Mode.DEGRADED, "what is near the limit does not flap"
    assert fed(still, [GOOD]).mode is Mode.CLOSED


def test_a_call_in_flight_counts_across_a_degradation() -> None:
    old, _ = permitted(CLOSED, 0)
    assert DEGRADED.generation == CLOSED.generation
    assert record(DEGRADED, LIMITS, old, BAD, DEGRADED.seen).state.outcomes == DEGRADED.outcomes + 1
