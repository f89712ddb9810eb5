"""A breaker: the whole table of modes and events, and what is promised of it whatever happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.errors import GuardError
from reknit.guard.breaker import (
    Ending,
    Limits,
    Mode,
    Permit,
    Rejection,
    State,
    Step,
    Transition,
    close,
    decide,
    disable,
    force_open,
    held_until,
    lower_bound,
    record,
    reset,
    rolled_back,
)
from reknit.model import codec

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


def ended(ending: Ending, *, late: bool = False) -> Callable[[State], Step]:
    """Of a call that began in this mode, or before it."""
    return lambda s: record(s, LIMITS, Permit(generation=s.generation - late), ending, s.seen)


EVENTS: dict[str, Callable[[State], Step]] = {
    "a call at once": lambda s: decide(s, LIMITS, s.seen)[1],
    "a call later": lambda s: decide(s, LIMITS, s.seen + HOUR)[1],
    "a success": ended(GOOD),
    "a failure": ended(BAD),
    "neither": ended(NEITHER),
    "an old success": ended(GOOD, late=True),
    "an old failure": ended(BAD, late=True),
    "one rollback": lambda s: rolled_back(s, s.seen),
    "two rollbacks": lambda s: rolled_back(rolled_back(s, s.seen).state, s.seen + HOUR),
    "open!": lambda s: force_open(s, s.seen, "said so"),
    "close!": lambda s: close(s, s.seen, "said so"),
    "disable!": lambda s: disable(s, s.seen, "said so"),
    "count!": lambda s: disable(s, s.seen, "said so", count=True),
    "reset!": lambda s: reset(s, s.seen, "said so"),
}
#: Modes: Closed, Degraded, Open, Half-open, Forced open, disabled (X), Metrics only.
TABLE = """
                  C D O H F X M
a call at once    C D O H F X M
a call later      C D H H F X M
a success         C D O H F X M
a failure         C D O O F X M
neither           C D O H F X M
an old success    C D O H F X M
an old failure    C D O H F X M
one rollback      C D O H F X M
two rollbacks     F F F F F X M
open!             F F F F F F F
close!            C C C C C C C
disable!          X X X X X X X
count!            M M M M M M M
reset!            C C C C C C C
"""
LETTERS = dict(zip("CDOHFXM", MODES, strict=True))
CELLS = [
    (state, line[:18].strip(), LETTERS[letter].mode)
    for line in TABLE.strip("\n").splitlines()[1:]
    for state, letter in zip(MODES, line[18:].split(), strict=True)
]


def test_the_table_is_whole() -> None:
    assert [state.mode for state in MODES] == list(Mode)
    assert len(CELLS) == len(MODES) * len(EVENTS)


@pytest.mark.parametrize(("state", "event", "after"), CELLS, ids=[f"{state.mode}-{event}" for state, event, _ in CELLS])
def test_every_event_in_every_mode(state: State, event: str, after: Mode) -> None:
    step = EVENTS[event](state)
    assert step.state.mode is after
    if after is state.mode:
        assert step.transitions == ()
        assert (step.state.since, step.state.reason) == (state.since, state.reason) or event == "reset!"
    else:
        passage = Transition(at=step.state.since, before=state.mode, after=after, reason=step.state.reason)
        assert step.transitions == (passage,)
        assert passage.reason


@pytest.mark.parametrize("state", MODES, ids=lambda s: s.mode)
def test_what_began_before_says_nothing(state: State) -> None:
    for ending in Ending:
        old = Permit(generation=state.generation - 1)
        assert record(state, LIMITS, old, ending, state.seen + 1, degrading=True) == Step(state=state)


@pytest.mark.parametrize("state", [OPEN, FORCED, DISABLED], ids=lambda s: s.mode)
def test_where_no_call_counts_none_is_counted(state: State) -> None:
    forged = Permit(generation=state.generation)
    assert record(state, LIMITS, forged, BAD, state.seen + 1, degrading=True) == Step(state=state)


def test_a_state_survives_its_store() -> None:
    for state in MODES:
        assert codec.loads(State, codec.dumps(State, state)) == state


# Into OPEN


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


# Out of OPEN


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


# By a person's word: what Polly's tests promise of isolation


def test_isolated_until_closed() -> None:
    for state in MODES:
        isolated = force_open(state, state.seen, "maintenance").state
        for later in (0.0, HOUR, 1e9):
            no = rejected(isolated, isolated.seen + later)
            assert (no.retry_at, no.why) == (math.inf, FORCED.reason)
        closed = close(isolated, isolated.seen, "done").state
        permitted(closed, closed.seen)


def test_isolated_twice_is_isolated_once() -> None:
    assert force_open(FORCED, 5, "again") == Step(state=FORCED)


def test_closing_forgets_what_led_there_and_keeps_what_is_usual() -> None:
    state = rolled_back(fed(CLOSED, [GOOD, BAD] * 30), 61).state
    for before in (state, OPEN, HALF_OPEN, FORCED, METRICS):
        step = close(before, before.seen + 1, "mended")
        after = step.state
        assert (after.mode, after.usual, after.gap, after.last) == (Mode.CLOSED, before.usual, before.gap, before.last)
        assert (after.outcomes, after.late, after.suspicion, after.rollbacks) == (0, 0, 0, ())
        assert after.generation > before.generation or before is state
        assert fed(after, [BAD] * 4).mode is Mode.CLOSED, "five outcomes anew"


def test_disabled_counts_nothing_and_metrics_only_all_but_never_opens() -> None:
    assert fed(DISABLED, [BAD] * 100) == DISABLED
    counted = fed(METRICS, [BAD] * 100)
    assert (counted.mode, counted.outcomes) == (Mode.METRICS_ONLY, 100)
    assert counted.late > 0.99
    assert counted.usual > 0.5


def test_reset_forgets_all_even_where_the_clock_had_been_ahead() -> None:
    ahead = replace(OPEN, seen=1e9)
    step = reset(ahead, 50.0, "clock")
    assert step.state == State(since=50, seen=50, reason="clock", generation=ahead.generation + 1)
    old = Permit(generation=ahead.generation)
    assert record(step.state, LIMITS, old, BAD, 60).state == step.state
    assert reset(step.state, 60, "again").transitions == ()


# Rollbacks


def test_two_rollbacks_in_a_day_open_it_until_a_person_closes_it() -> None:
    first = rolled_back(CLOSED, 10).state
    assert first.mode is Mode.CLOSED
    assert rolled_back(first, 10 + DAY).state.mode is Mode.CLOSED
    step = rolled_back(first, 9 + DAY)
    assert step.state.mode is Mode.FORCED_OPEN
    assert step.state.reason == "two deploys were rolled back within 24 hours"
    closed = close(step.state, 9 + DAY, "looked into").state
    assert rolled_back(closed, 10 + DAY).state.mode is Mode.CLOSED, "a person knows of those before"


def test_only_the_last_rollbacks_are_kept() -> None:
    state = METRICS
    for at in range(100):
        state = rolled_back(state, 10.0 + at).state
    assert state.rollbacks == (108, 109)


# The clock, and limits that are none

ACTS: dict[str, Callable[[State, float], object]] = {
    "decide": lambda s, now: decide(s, LIMITS, now),
    "record": lambda s, now: record(s, LIMITS, Permit(generation=s.generation), BAD, now),
    "rolled_back": rolled_back,
    "force_open": lambda s, now: force_open(s, now, ""),
    "close": lambda s, now: close(s, now, ""),
    "disable": lambda s, now: disable(s, now, ""),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", MODES, ids=lambda s: s.mode)
@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf, -1.0, 0.5])
def test_a_clock_that_goes_back_or_is_none(act: str, state: State, now: float) -> None:
    state = replace(state, seen=max(state.seen, 1))
    before = codec.dumps(State, state)
    with pytest.raises(GuardError, match="the breaker is as it was") as caught:
        ACTS[act](state, now)
    assert caught.value.slug == "guard-clock"
    assert codec.dumps(State, state) == before


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
def test_no_time_is_no_reset(now: float) -> None:
    with pytest.raises(GuardError, match="is no time"):
        reset(OPEN, now, "")


def test_the_newest_time_is_kept_by_whatever_told_it() -> None:
    later = HALF_OPEN.seen + 1
    told = [
        decide(OPEN, LIMITS, later)[1],
        record(HALF_OPEN, LIMITS, TRIAL, NEITHER, later),
        record(CLOSED, LIMITS, Permit(generation=0), GOOD, later),
        rolled_back(OPEN, later),
        force_open(OPEN, later, ""),
        close(FORCED, later, ""),
        disable(OPEN, later, ""),
        reset(OPEN, later, ""),
    ]
    for step in told:
        with pytest.raises(GuardError):
            close(step.state, later - 0.5, "")


@pytest.mark.parametrize("wait", [1e18, 1e300, 1.7e308])
def test_no_wait_overflows(wait: float) -> None:
    limits = Limits(shortest_wait=wait, longest_wait=wait, trial_seconds=wait)
    state = fed(State(), [BAD] * 6, limits=limits)
    assert state.mode is Mode.OPEN
    assert rejected(state, 1e17, limits).retry_at < math.inf
    late = fed(State(seen=1e308, last=1e308, since=1e308), [BAD] * 6, gap=1e300, limits=limits)
    assert math.isfinite(late.retry_at)
    assert permitted(late, late.retry_at, limits)[0].trial


@given(GAPS, st.floats(0, 1e300))
def test_waits_are_numbers_after_any_outage(gap: float, later: float) -> None:
    state = fed(CLOSED, [BAD] * 6, gap=gap)
    permit, state = permitted(state, state.retry_at + later)
    state = record(state, LIMITS, permit, BAD, state.seen).state
    assert state.seen <= state.retry_at < math.inf


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: rate} for name in ("threshold", "degraded") for rate in (0.0, 1.0, -0.1, math.nan, math.inf)),
        {"threshold": 0.91},
        {"degraded": 0.5},
        *(
            {name: wait}
            for name in ("shortest_wait", "longest_wait", "trial_seconds")
            for wait in (-1.0, math.nan, math.inf)
        ),
        {"trial_seconds": 0.0},
        {"shortest_wait": 10.0, "longest_wait": 9.0},
        *({name: 0} for name in ("recovery_threshold", "trials", "minimum")),
    ],
    ids=str,
)
def test_limits_that_are_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(GuardError) as caught:
        replace(LIMITS, **wrong)
    assert caught.value.slug == "guard-limits"
