"""A breaker: the whole table of modes and events, people, deploys and clocks."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    State,
    Step,
    Transition,
    close,
    decide,
    disable,
    force_open,
    record,
    reset,
    rolled_back,
)
from reknit.model import codec
from tests.breakers import (
    BAD,
    CLOSED,
    DAY,
    DISABLED,
    FORCED,
    GOOD,
    HALF_OPEN,
    HOUR,
    LIMITS,
    METRICS,
    MODES,
    NEITHER,
    OPEN,
    TRIAL,
    fed,
    permitted,
    rejected,
)

GAPS = st.floats(0, 1e6)


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
