"""A circuit breaker that weighs evidence instead of counting to a limit.

Into OPEN: a cumulative sum over outcomes (Page, Biometrika 1954) finds since when failures are more frequent than usual,
and the failure rate since then must exceed the threshold by its lower Wilson bound (JASA 1927). So five failures in a row
open it whatever went before, and a rate that is bad but under the threshold never does. One retry is granted first.

Out of OPEN: by timer only. A trial call that comes too early costs a failure; one that comes late costs the good calls that
were rejected meanwhile. For an outage whose end is unknown and that has lasted for t, with a call every g, both grow alike
if the next trial is sqrt(t·g) away: waits follow the outage and the traffic, and none has to be set. Into CLOSED: by
successful trial calls only.

Every function is pure: a state in, a state out, with the transitions between. `now` is in seconds of any clock that does
not go back. To decide, to act and to count are three steps, as a call may be long, or never end.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace

from reknit.errors import GuardError

#: Weight of the newest outcome in the usual failure rate, in that of late, and in the time between calls.
_USUAL, _LATE, _GAP = 0.01, 0.2, 0.1
#: What the usual rate is at least and at most taken for, and the rate that the cumulative sum looks for.
_LEAST, _MOST, _SOUGHT = 0.02, 0.3, 0.6
#: Standard errors between a rate and its lower bound: 95 %, one-sided.
_Z = 1.645
#: Outcomes without which a suspicion is none.
_FEWEST = 3
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
    #: A failure rate of late above this degrades it; below four fifths of it, no more.
    degraded: float = 0.25
    #: Successful trial calls, beyond the failed ones, that close it.
    recovery_threshold: int = 3
    #: Trial calls at once.
    trials: int = 3
    #: Fewer outcomes than this never open it.
    minimum: int = 5
    #: Seconds between two trials, at least and at most.
    shortest_wait: float = 0.0
    longest_wait: float = 3600.0
    #: A trial call that has not ended by then is given up, in seconds.
    trial_seconds: float = 900.0

    def __post_init__(self) -> None:
        rates = (self.threshold, self.degraded)
        waits = (self.shortest_wait, self.longest_wait, self.trial_seconds)
        counts = (self.recovery_threshold, self.trials, self.minimum)
        if not all(0 < rate < 1 for rate in rates) or not all(0 <= wait < math.inf for wait in waits):
            raise GuardError("a breaker's rates lie between 0 and 1, and its waits are finite", slug="guard-limits")
        if min(counts) < 1 or self.shortest_wait > self.longest_wait:
            raise GuardError("a breaker's counts are at least 1, and its waits in order", slug="guard-limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that a breaker knows."""

    mode: Mode = Mode.CLOSED
    #: Why it is in this mode, and since when.
    reason: str = "nothing has failed"
    since: float = 0.0
    #: Counts the changes of mode: the outcome of a call that began before the last one says nothing about this mode.
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
    #: When deploys were rolled back, of the last 24 hours.
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


_THROUGH = frozenset({Mode.CLOSED, Mode.DEGRADED, Mode.DISABLED, Mode.METRICS_ONLY})


def decide(state: State, limits: Limits, now: float) -> tuple[Permit | Rejection, Step]:
    """Whether a call may be made now."""
    if state.mode in _THROUGH:
        return Permit(generation=state.generation), Step(state=state)
    _check(state, now)
    if state.mode is Mode.FORCED_OPEN:
        return Rejection(retry_at=math.inf, why=state.reason), Step(state=state)
    state = _heard(state, now)
    if state.mode is Mode.OPEN:
        if now < state.retry_at:
            return Rejection(retry_at=state.retry_at, why=state.reason), Step(state=state)
        state = replace(state, out=1, began=now, good=0, bad=0)
        step = _go(state, Mode.HALF_OPEN, now, "the wait is over; trial calls are made")
        return Permit(generation=step.state.generation, trial=True), step
    if state.out >= limits.trials and now - state.began >= limits.trial_seconds:
        state = replace(state, out=0)  # whoever made them has died
    if state.out >= limits.trials:
        why = f"{state.out} trial calls are being made"
        return Rejection(retry_at=state.began + limits.trial_seconds, why=why), Step(state=state)
    return Permit(generation=state.generation, trial=True), Step(state=replace(state, out=state.out + 1, began=now))


def record(
    state: State, limits: Limits, permit: Permit, ending: Ending, now: float, *, degrading: bool = False
) -> Step:
    """Count how a permitted call ended; `degrading`: the trend of the failures says so (`guard.trend`)."""
    if state.mode is Mode.DISABLED or permit.generation != state.generation:
        return Step(state=state)
    _check(state, now)
    if state.mode is Mode.HALF_OPEN:
        return _tried(state, limits, ending, now)
    if ending is Ending.IGNORED:
        return Step(state=state)
    state = _counted(_heard(state, now), failed=ending is Ending.FAILED)
    if state.mode is Mode.METRICS_ONLY:
        return Step(state=state)
    if ending is Ending.FAILED and state.outcomes >= limits.minimum:
        reason = _why_open(state, limits, degrading=degrading)
        if reason and not state.graced:
            return Step(state=replace(state, graced=True))
        if reason:
            return _opened(state, limits, now, reason)
    return _shed(state, limits, now)


def rolled_back(state: State, now: float) -> Step:
    """Count a deploy that was taken back; the second within 24 hours opens the breaker until a person closes it."""
    _check(state, now)
    recent = (*(at for at in state.rollbacks if now - at < _DAY), now)
    state = replace(state, rollbacks=recent)
    if len(recent) < 2 or state.mode in (Mode.FORCED_OPEN, Mode.DISABLED, Mode.METRICS_ONLY):
        return Step(state=state)
    return _go(state, Mode.FORCED_OPEN, now, f"{len(recent)} deploys were rolled back within 24 hours")


def force_open(state: State, now: float, reason: str) -> Step:
    """Open it until a person closes it."""
    return _go(state, Mode.FORCED_OPEN, now, reason)


def close(state: State, now: float, reason: str) -> Step:
    """Close it by a person's word; what led to its opening is forgotten, what is usual is not."""
    fresh = State(generation=state.generation, usual=state.usual, gap=state.gap, last=state.last, mode=state.mode)
    return _go(fresh, Mode.CLOSED, now, reason)


def disable(state: State, now: float, reason: str, *, count: bool = False) -> Step:
    """Let everything through from now on; `count`: and go on counting."""
    return _go(state, Mode.METRICS_ONLY if count else Mode.DISABLED, now, reason)


def reset(now: float) -> State:
    """A breaker that knows nothing."""
    return State(since=now)


def level(state: State, limits: Limits) -> int:
    """How much is shed, from 0 (nothing) to 4 (all but detection)."""
    if state.mode in (Mode.OPEN, Mode.HALF_OPEN, Mode.FORCED_OPEN):
        return 4
    if state.mode is not Mode.DEGRADED:
        return 0
    share = (state.late - limits.degraded) / max(limits.threshold - limits.degraded, 1e-9)
    return min(max(1 + int(share * 3), 1), 3)


def _check(state: State, now: float) -> None:
    if not math.isfinite(now):
        raise GuardError(f"{now} is no time; the breaker is as it was", slug="guard-clock")
    if now < max(state.since, state.last or state.since):
        raise GuardError("the clock went back; the breaker is as it was", slug="guard-clock")


def _heard(state: State, now: float) -> State:
    """A call was made, or would have been."""
    if state.last is None:
        return replace(state, last=now)
    gap = now - state.last
    return replace(state, last=now, gap=gap if state.gap is None else state.gap + _GAP * (gap - state.gap))


def _counted(state: State, *, failed: bool) -> State:
    usual = min(max(state.usual, _LEAST), _MOST)
    suspicion = state.suspicion + math.log(_SOUGHT / usual if failed else (1 - _SOUGHT) / (1 - usual))
    new = replace(
        state,
        outcomes=state.outcomes + 1,
        usual=state.usual + _USUAL * (failed - state.usual),
        late=state.late + _LATE * (failed - state.late),
    )
    if suspicion <= 0:
        return replace(new, suspicion=0.0, calls=0, failures=0, graced=False)
    return replace(new, suspicion=suspicion, calls=state.calls + 1, failures=state.failures + failed)


def _why_open(state: State, limits: Limits, *, degrading: bool) -> str | None:
    if state.calls >= _FEWEST and lower_bound(state.failures, state.calls) > limits.threshold:
        return f"{state.failures} of the last {state.calls} failed"
    if degrading and state.late > limits.threshold:
        return f"failures rise, and {state.late:.0%} failed of late"
    return None


def lower_bound(failures: int, calls: int, z: float = _Z) -> float:
    """Wilson's lower bound of a failure rate."""
    rate, z2 = failures / calls, z * z
    spread = z * math.sqrt(rate * (1 - rate) / calls + z2 / (4 * calls * calls))
    return (rate + z2 / (2 * calls) - spread) / (1 + z2 / calls)


def _opened(state: State, limits: Limits, now: float, reason: str) -> Step:
    return _wait(replace(state, opened=now), limits, now, reason)


def _wait(state: State, limits: Limits, now: float, reason: str) -> Step:
    return _go(replace(state, retry_at=_retry_at(state, limits, now)), Mode.OPEN, now, reason)


def _retry_at(state: State, limits: Limits, now: float) -> float:
    """When the next trial call may be made."""
    gap = state.gap or 0.0
    wait = _WAIT * math.sqrt(max(now - state.opened, gap) * gap)
    return now + min(max(wait, limits.shortest_wait), limits.longest_wait)


def _tried(state: State, limits: Limits, ending: Ending, now: float) -> Step:
    """A trial call has ended; one that says nothing gives its permit back."""
    state = replace(
        state,
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
    if state.mode is Mode.DEGRADED and state.late < 0.8 * limits.degraded:
        return _go(state, Mode.CLOSED, now, f"{state.late:.0%} failed of late")
    return Step(state=state)


def _go(state: State, mode: Mode, now: float, reason: str) -> Step:
    _check(state, now)
    new = replace(state, mode=mode, reason=reason, since=now, generation=state.generation + 1)
    return Step(state=new, transitions=(Transition(at=now, before=state.mode, after=mode, reason=reason),))
