"""A breaker against a model of it: whatever calls, endings, people and clocks do, and in whatever order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reknit.errors import GuardError
from reknit.guard import breaker
from reknit.guard.breaker import Ending, Limits, Mode, Permit, Rejection, State, Step
from reknit.guard.shedding import Work, level, shed
from reknit.model import codec
from reknit.model.signal import Severity

#: What may happen by itself; all else takes a person, or a deploy that was taken back.
BY_DECISION = {(Mode.OPEN, Mode.HALF_OPEN)}
BY_FAILURE = {
    (Mode.CLOSED, Mode.DEGRADED),
    (Mode.CLOSED, Mode.OPEN),
    (Mode.DEGRADED, Mode.OPEN),
    (Mode.HALF_OPEN, Mode.OPEN),
}
BY_SUCCESS = {(Mode.DEGRADED, Mode.CLOSED), (Mode.HALF_OPEN, Mode.CLOSED), (Mode.CLOSED, Mode.DEGRADED)}


class BreakerMachine(RuleBasedStateMachine):
    """The model knows which permits are out, and how the trials of this generation ended."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.limits, self.now = State(), Limits(), 0.0
        self.out: list[Permit] = []
        self.trials: Counter[Ending] = Counter()
        self.counted = 0

    @initialize(
        limits=st.builds(
            Limits,
            threshold=st.floats(0.3, 0.9),
            recovery_threshold=st.integers(1, 4),
            trials=st.integers(1, 3),
            minimum=st.integers(5, 8),
            trial_seconds=st.sampled_from([1.0, 900.0, 1e18]),
        )
    )
    def start(self, limits: Limits) -> None:
        """Of any limits."""
        self.limits = limits

    def take(self, step: Step, allowed: set[tuple[Mode, Mode]] | None = None) -> None:
        """A new state, of which all that changed is told."""
        before, after = self.state, step.state
        if before.mode is after.mode:
            assert step.transitions == ()
        else:
            (passage,) = step.transitions
            assert (passage.before, passage.after, passage.at) == (before.mode, after.mode, self.now)
            assert passage.reason == after.reason
            assert allowed is None or (before.mode, after.mode) in allowed
        if after.generation != before.generation:
            self.trials.clear()
        else:
            light = {Mode.CLOSED, Mode.DEGRADED}
            assert before.mode is after.mode or {before.mode, after.mode} <= light
        self.state = after

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.1, 1.0, 60.0, 900.0, 3600.0, 1e6]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def call(self) -> None:
        before = self.state
        answer, step = breaker.decide(before, self.limits, self.now)
        if isinstance(answer, Rejection):
            assert before.mode in (Mode.OPEN, Mode.HALF_OPEN, Mode.FORCED_OPEN)
            assert answer.retry_at > self.now
            assert answer.why
            assert (answer.retry_at == math.inf) == (before.mode is Mode.FORCED_OPEN)
            self.take(step, set())
            return
        trials = Counter(self.trials) if before.mode is Mode.HALF_OPEN else Counter()
        self.take(step, BY_DECISION)
        self.trials = trials
        assert answer.generation == self.state.generation
        assert answer.trial == (self.state.mode is Mode.HALF_OPEN)
        self.out.append(answer)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), ending=st.sampled_from(Ending), degrading=st.booleans(), newest=st.booleans())
    def a_call_ends(self, data: st.DataObject, ending: Ending, degrading: bool, newest: bool) -> None:
        at = -1 if newest else data.draw(st.integers(0, len(self.out) - 1))
        permit, before = self.out.pop(at), self.state
        step = breaker.record(before, self.limits, permit, ending, self.now, degrading=degrading)
        if permit.generation != before.generation or before.mode is Mode.DISABLED:
            assert step == Step(state=before)
            return
        if ending is Ending.IGNORED:
            self.take(step, set())
            return
        if before.mode is Mode.HALF_OPEN:
            self.trials[ending] += 1
            good, bad = self.trials[Ending.SUCCEEDED], self.trials[Ending.FAILED]
            self.take(step, BY_FAILURE | BY_SUCCESS)
            fails = bad > 0 and (bad >= good or bad >= 2)
            closes = good - bad >= self.limits.recovery_threshold
            assert self.state.mode is (Mode.OPEN if fails else Mode.CLOSED if closes else Mode.HALF_OPEN)
            return
        self.counted += 1
        self.take(step, BY_FAILURE if ending is Ending.FAILED else BY_SUCCESS)
        assert self.state.outcomes == self.counted
        if self.state.mode is Mode.OPEN:
            assert self.counted >= self.limits.minimum
            assert before.graced

    @rule()
    def a_deploy_is_rolled_back(self) -> None:
        before = self.state
        again = bool(before.rollbacks) and self.now - before.rollbacks[-1] < 86_400
        self.take(breaker.rolled_back(before, self.now))
        deaf = before.mode in (Mode.DISABLED, Mode.METRICS_ONLY)
        assert self.state.mode is (Mode.FORCED_OPEN if again and not deaf else before.mode)

    @rule(
        act=st.sampled_from(
            [
                (breaker.force_open, Mode.FORCED_OPEN),
                (breaker.close, Mode.CLOSED),
                (breaker.disable, Mode.DISABLED),
                (lambda s, now, why: breaker.disable(s, now, why, count=True), Mode.METRICS_ONLY),
                (breaker.reset, Mode.CLOSED),
            ]
        )
    )
    def a_person_says(self, act: tuple[Callable[[State, float, str], Step], Mode]) -> None:
        work, mode = act
        self.take(work(self.state, self.now, "said so"))
        assert self.state.mode is mode
        self.counted = self.state.outcomes
        assert mode is not Mode.CLOSED or self.counted == 0

    @precondition(lambda self: self.now > 0)
    @rule(now=st.sampled_from([-1.0, math.nan, math.inf]))
    def the_clock_is_wrong(self, now: float) -> None:
        with pytest.raises(GuardError):
            breaker.decide(self.state, self.limits, now)
        with pytest.raises(GuardError):
            breaker.record(self.state, self.limits, Permit(generation=self.state.generation), Ending.FAILED, now)

    @rule()
    def it_is_kept_and_read_again(self) -> None:
        self.state = codec.loads(State, codec.dumps(State, self.state))

    @invariant()
    def no_more_trials_are_out_than_may_be(self) -> None:
        if self.state.mode is Mode.HALF_OPEN:
            out = sum(permit.generation == self.state.generation for permit in self.out)
            assert self.state.out == out <= self.limits.trials

    @invariant()
    def its_figures_are_figures(self) -> None:
        state = self.state
        assert 0 <= state.failures <= state.calls <= 64
        assert 0 <= state.usual <= 1
        assert 0 <= state.late <= 1
        assert 0 <= state.suspicion < math.inf
        assert state.gap is None or 0 <= state.gap < math.inf
        assert state.since <= state.seen <= self.now
        assert (state.suspicion > 0) == (state.calls > 0)
        assert len(state.rollbacks) <= 2

    @invariant()
    def nothing_is_barred_for_ever_but_by_a_person(self) -> None:
        until = breaker.held_until(self.state, self.limits)
        if self.state.mode is Mode.FORCED_OPEN:
            assert until == math.inf
            return
        assert until < math.inf
        answer, _ = breaker.decide(self.state, self.limits, max(until, self.now))
        assert isinstance(answer, Permit)

    @invariant()
    def the_worse_a_signal_the_less_is_shed_for_it(self) -> None:
        state, limits, now = self.state, self.limits, self.now
        low, medium, high, critical = (shed(state, limits, severity, now) for severity in Severity)
        assert critical <= high == medium == low
        assert len(low) == level(state, limits, now)
        if state.mode is Mode.FORCED_OPEN:
            assert critical == frozenset(Work)
        else:
            assert not critical & {Work.SEARCH, Work.PROPOSE}
            assert level(replace(state), limits, now + 1e9) == 0, "no work is shed for ever"


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
