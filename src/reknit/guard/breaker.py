"""A circuit breaker that weighs evidence instead of counting to a limit.

Into OPEN: a cumulative sum over outcomes (Page, Biometrika 1954) finds since when failures are more frequent than usual,
and the failure rate since then must exceed the threshold by its lower Wilson bound (JASA 1927). One retry is granted first. So
after good times five failures in a row open it; and as calls of long ago fade, bad times delay it by some 25 at most.

Out of OPEN: by timer only. A trial call that comes too early costs a failure; one that comes late costs the good calls that
were rejected meanwhile. For an outage whose end is unknown and that has lasted for t, with a call every g, both grow alike
if the next trial is sqrt(t·g) away: waits follow the outage and the traffic, and none has to be set. Into CLOSED: by
successful trial calls only.

Every function is pure: a state in, a state out, with the transitions between. `now` is in seconds of any clock; where that
goes back, or is none, `GuardError` is raised and the state stays as it was. To decide, to act and to count are three steps,
as a call may be long, or never end.
"""

from __future__ import annotations

import enum
import functools
import math
import sys
from dataclasses import dataclass, field, replace

from reknit.errors import GuardError

#: Weight of the newest outcome in the usual failure rate, in that of late, and in the time between calls.
_USUAL, _LATE, _GAP = 0.01, 0.2, 0.1
#: What the usual rate is at least and at most taken for, and the rate that the cumulative sum looks for.
_LEAST, _MOST, _SOUGHT = 0.02, 0.3, 0.6
#: Standard errors between a rate and its lower bound: 95 %, two-sided; it is asked again and again.
_Z = 1.96
#: Outcomes without which a suspicion is none, and how many of them weigh fully: of more, each half counts half.
_FEWEST, _MEMORY = 3, 64
#: A threshold above which that memory could never be sure.
_HIGHEST = 0.9
#: A pause counts as at most so many times the usual time between calls: a night says nothing about the traffic of a day.
_PAUSE = 10
#: A wait is this times sqrt(t·g).
_WAIT = 1.4
_DAY = 86_400.0


class Mode(enum.StrEnum):
    """What a breaker does with calls."""

    CLOSED = "closed"
    #: Closed, and some work is shed.
    DEGRADED = "degraded"
    OPEN = "open"
    HALF_OPEN = "half-open"
    #: Open until a person says otherwise.
    FORCED_OPEN = "forced open"
    #: Lets all through and counts nothing.
    DISABLED = "disabled"
    #: Lets all through and counts.
    METRICS_ONLY = "metrics only"


class Ending(enum.StrEnum):
    """How a call ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: It says nothing about what the breaker guards: cancelled, or refused for a reason of its own.
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a breaker is set to."""

    #: A failure rate that is surely above this opens it.
    threshold: float = 0.5
    #: A failure rate of late above this degrades it.
    degraded: float = 0.25
    #: Successful trial calls, beyond the failed ones, that close it.
    recovery_threshold: int = 3
    #: Trial calls at once.
    trials: int = 3
    #: Fewer outcomes than this never open it.
    minimum: int = 5
    #: Seconds between two trials, at least and at most; calls at one instant are not all trials.
    shortest_wait: float = 0.001
    longest_wait: float = 3600.0
    #: A trial call that has not ended by then is given up, in seconds.
    trial_seconds: float = 900.0

    @property
    def restored(self) -> float:
        """The failure rate of late below which it is degraded no more."""
        return 0.8 * self.degraded

    def __post_init__(self) -> None:
        waits = (self.shortest_wait, self.longest_wait, self.trial_seconds)
        counts = (self.recovery_threshold, self.trials, self.minimum)
        if not 0 < self.degraded < self.threshold <= _HIGHEST:
            message = f"a breaker's rates lie between 0 and {_HIGHEST}, and it degrades before it opens"
            raise GuardError(message, slug="guard-limits")
        if not all(0 <= wait < math.inf for wait in waits):
            raise GuardError("a breaker's waits are finite and not below 0", slug="guard-limits")
        if min(counts) < 1 or self.shortest_wait > self.longest_wait or self.trial_seconds == 0:
            raise GuardError("a breaker's counts are at least 1, and its waits in order", slug="guard-limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that a breaker knows."""

    mode: Mode = Mode.CLOSED
    #: Why it is in this mode, and since when.
    reason: str = "nothing has failed"
    since: float = 0.0
    #: The newest time that it was told.
    seen: float = 0.0
    #: Counts the times that it let calls through on other terms: outcomes of calls that began before say nothing now.
    generation: int = 0
    outcomes: int = 0
    #: The usual failure rate, and that of late.
    usual: float = 0.0
    late: float = 0.0
    #: The cumulative sum, and what was counted since it was last zero.
    suspicion: float = 0.0
    calls: int = 0
    failures: int = 0
    #: Whether the one retry before opening was granted.
    graced: bool = False
    #: Seconds between calls, and when the last one came; None before there were two, or one.
    gap: float | None = None
    last: float | None = None
    #: When the outage began that is not over, and when the next trial call may be made.
    opened: float = 0.0
    retry_at: float = 0.0
    #: Trial calls that have not ended, when the last of them began, and how those that have ended did.
    out: int = 0
    began: float = 0.0
    good: int = 0
    bad: int = 0
    #: When the last deploys were rolled back, two at most.
    rollbacks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A call may be made; to be handed back with its outcome."""

    generation: int
    trial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """No call may be made."""

    #: Seconds of the clock; infinite: not until a person says so.
    retry_at: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A breaker went from one mode to another."""

    at: float
    before: Mode
    after: Mode
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A new state, and how it came about."""

    state: State
    transitions: tuple[Transition, ...] = field(default=())


#: Calls are let through, and their outcomes mean the same.
_LIGHT = (Mode.CLOSED, Mode.DEGRADED)
_THROUGH = (*_LIGHT, Mode.DISABLED, Mode.METRICS_ONLY)
#: No call is let through, or none that counts.
_UNCOUNTED = (Mode.OPEN, Mode.FORCED_OPEN, Mode.DISABLED)


def decide(state: State, limits: Limits, now: float) -> tuple[Permit | Rejection, Step]:
    """Whether a call may be made now."""
    check(state, now)
    if state.mode in _THROUGH:
        return _permit(state.generation), Step(state=state)
    state, until = _heard(state, now), held_until(state, limits)
    if now < until:
        why = f"{state.out} trial calls are being made" if state.mode is Mode.HALF_OPEN else state.reason
        return Rejection(retry_at=until, why=why), Step(state=state)
    step = Step(state=state)
    if state.mode is Mode.OPEN:
        fresh = replace(state, out=0, good=0, bad=0)
        step = _go(fresh, Mode.HALF_OPEN, now, "the wait is over; trial calls are made")
    elif state.out >= limits.trials:  # whoever made them has died; what they may still say comes too late
        step = Step(state=replace(state, out=0, generation=state.generation + 1))
    state = replace(step.state, out=step.state.out + 1, began=now)
    return Permit(generation=state.generation, trial=True), replace(step, state=state)


def held_until(state: State, limits: Limits) -> float:
    """When the next call may be made: -infinity where it may be now, infinity where a person has to say so."""
    match state.mode:
        case Mode.FORCED_OPEN:
            return math.inf
        case Mode.OPEN:
            return state.retry_at
        case Mode.HALF_OPEN if state.out >= limits.trials:
            return state.began + limits.trial_seconds
        case _:
            return -math.inf


def record(
    state: State, limits: Limits, permit: Permit, ending: Ending, now: float, *, degrading: bool = False
) -> Step:
    """Count how a permitted call ended; `degrading`: the trend of the failures says so (`guard.trend`)."""
    check(state, now)
    if state.mode in _UNCOUNTED or permit.generation != state.generation:
        return Step(state=state)
    if state.mode is Mode.HALF_OPEN:
        return _tried(state, limits, ending, now)
    if ending is Ending.IGNORED:
        return Step(state=state)
    state = _counted(state, now, failed=ending is Ending.FAILED)
    if state.mode is Mode.METRICS_ONLY:
        return Step(state=state)
    if ending is Ending.FAILED and state.outcomes >= limits.minimum:
        reason = _why_open(state, limits, degrading=degrading)
        if reason and not state.graced:
            return _shed(replace(state, graced=True), limits, now)
        if reason:
            return _wait(replace(state, opened=now), limits, now, reason)
    return _shed(state, limits, now)


def rolled_back(state: State, now: float) -> Step:
    """Count a deploy that was taken back; the second within 24 hours opens the breaker until a person closes it."""
    check(state, now)
    before = state.rollbacks[-1:]
    state = replace(state, seen=now, rollbacks=(*before, now))
    if not before or now - before[0] >= _DAY or state.mode in (Mode.DISABLED, Mode.METRICS_ONLY):
        return Step(state=state)
    return _go(state, Mode.FORCED_OPEN, now, "two deploys were rolled back within 24 hours")


def force_open(state: State, now: float, reason: str) -> Step:
    """Open it until a person closes it."""
    return _go(state, Mode.FORCED_OPEN, now, reason)


def close(state: State, now: float, reason: str) -> Step:
    """Close it by a person's word; what led to its opening is forgotten, what is usual is not."""
    step = _go(state, Mode.CLOSED, now, reason)
    kept = step.state
    fresh = State(
        reason=kept.reason, since=kept.since, seen=now, generation=kept.generation,
        usual=kept.usual, gap=kept.gap, last=kept.last,
    )  # fmt: skip
    return replace(step, state=fresh)


def disable(state: State, now: float, reason: str, *, count: bool = False) -> Step:
    """Let everything through from now on; `count`: and go on counting."""
    return _go(state, Mode.METRICS_ONLY if count else Mode.DISABLED, now, reason)


def reset(state: State, now: float, reason: str) -> Step:
    """A breaker that knows nothing but what the time is now; the way on where the clock had been ahead."""
    if not math.isfinite(now):
        check(state, now)
    fresh = State(reason=reason, since=now, seen=now, generation=state.generation + 1)
    return Step(state=fresh, transitions=_passage(state.mode, fresh))


def check(state: State, now: float) -> None:
    """`GuardError` where `now` is no time, or before another that the breaker was told."""
    if not state.seen <= now < math.inf:
        what = "the clock went back" if math.isfinite(now) else f"{now} is no time"
        raise GuardError(f"{what}; the breaker is as it was", slug="guard-clock")


@functools.lru_cache(maxsize=64)
def _permit(generation: int) -> Permit:
    return Permit(generation=generation)


def _heard(state: State, now: float) -> State:
    """A call was made, or would have been."""
    return replace(state, seen=now, last=now, gap=_gap(state, now))


def _gap(state: State, now: float) -> float | None:
    """The usual time between calls, with the one that comes now."""
    if state.last is None:
        return None
    gap, usual = now - state.last, state.gap
    if usual is None:
        return gap
    if usual > 0:
        gap = min(gap, _PAUSE * usual)
    return usual + _GAP * (gap - usual)


def _counted(state: State, now: float, *, failed: bool) -> State:
    usual = min(max(state.usual, _LEAST), _MOST)
    suspicion = state.suspicion + math.log(_SOUGHT / usual if failed else (1 - _SOUGHT) / (1 - usual))
    calls, failures, graced = state.calls + 1, state.failures + failed, state.graced
    if suspicion <= 0:
        suspicion, calls, failures, graced = 0.0, 0, 0, False
    elif calls > _MEMORY:
        calls, failures = calls // 2, failures // 2
    return replace(
        state,
        seen=now,
        last=now,
        gap=_gap(state, now),
        outcomes=state.outcomes + 1,
        usual=state.usual + _USUAL * (failed - state.usual),
        late=state.late + _LATE * (failed - state.late),
        suspicion=suspicion,
        calls=calls,
        failures=failures,
        graced=graced,
    )


def _why_open(state: State, limits: Limits, *, degrading: bool) -> str | None:
    if state.calls >= _FEWEST and lower_bound(state.failures, state.calls) > limits.threshold:
        return f"{state.failures} of {state.calls} calls failed of late"
    if degrading and state.late > limits.threshold:
        return f"failures rise, and {state.late:.0%} failed of late"
    return None


def lower_bound(failures: int, calls: int, z: float = _Z) -> float:
    """Wilson's lower bound of a failure rate."""
    rate, z2 = failures / calls, z * z
    spread = z * math.sqrt(rate * (1 - rate) / calls + z2 / (4 * calls * calls))
    return (rate + z2 / (2 * calls) - spread) / (1 + z2 / calls)


def _wait(state: State, limits: Limits, now: float, reason: str) -> Step:
    return _go(replace(state, retry_at=_retry_at(state, limits, now)), Mode.OPEN, now, reason)


def _retry_at(state: State, limits: Limits, now: float) -> float:
    """When the next trial call may be made."""
    gap = state.gap or 0.0
    wait = _WAIT * math.sqrt(max(now - state.opened, gap) * gap)
    return min(now + min(max(wait, limits.shortest_wait), limits.longest_wait), sys.float_info.max)


def _tried(state: State, limits: Limits, ending: Ending, now: float) -> Step:
    """A trial call has ended; one that says nothing gives its permit back."""
    state = replace(
        state,
        seen=now,
        out=max(state.out - 1, 0),
        good=state.good + (ending is Ending.SUCCEEDED),
        bad=state.bad + (ending is Ending.FAILED),
    )
    if state.bad and (state.bad >= state.good or state.bad >= 2):
        reason = f"{state.bad} of {state.good + state.bad} trial calls failed"
        return _wait(state, limits, now, reason)
    if state.good - state.bad >= limits.recovery_threshold:
        reason = f"{state.good} of {state.good + state.bad} trial calls succeeded"
        state = replace(state, suspicion=0.0, calls=0, failures=0, graced=False, late=0.0)
        return _go(state, Mode.CLOSED, now, reason)
    return Step(state=state)


def _shed(state: State, limits: Limits, now: float) -> Step:
    """Degraded while the failure rate of late is high."""
    if state.mode is Mode.CLOSED and state.late > limits.degraded and state.outcomes >= limits.minimum:
        return _go(state, Mode.DEGRADED, now, f"{state.late:.0%} failed of late")
    if state.mode is Mode.DEGRADED and state.late < limits.restored:
        return _go(state, Mode.CLOSED, now, f"{state.late:.0%} failed of late")
    return Step(state=state)


def _go(state: State, mode: Mode, now: float, reason: str) -> Step:
    """Into the mode, or nothing where it is in it."""
    check(state, now)
    if state.mode is mode:
        return Step(state=state)
    alike = state.mode in _LIGHT and mode in _LIGHT
    new = replace(state, mode=mode, reason=reason, since=now, seen=now, generation=state.generation + (not alike))
    return Step(state=new, transitions=_passage(state.mode, new))


def _passage(before: Mode, new: State) -> tuple[Transition, ...]:
    if before is new.mode:
        return ()
    return (Transition(at=new.since, before=before, after=new.mode, reason=new.reason),)
