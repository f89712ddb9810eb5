"""The breakers and the day's budget of one project, kept in its store: what may be done now, and what came of it.

heal/search      whether patches are searched for; it fails where a heal did harm, or would have: a patch that the clean run
                 refuses, one that is taken back, a failure of reknit itself. That nothing was found is an answer, no failure
deploy/journal   whether patches are applied; it fails when one is taken back, and twice within 24 hours opens it until a
                 person closes it

The clock is that of the day, as the states outlive processes; where it has gone back, the state stays as it is, what is
asked for is allowed, and that is told.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from reknit.errors import GuardError, StoreError, UsageError
from reknit.guard import breaker, budget
from reknit.guard.breaker import Ending, Limits, Permit, Rejection, State, Step
from reknit.guard.budget import Budget, Short
from reknit.model import codec
from reknit.store.controls import Change, Controls

SEARCH, DEPLOY = "heal/search", "deploy/journal"
NAMES = (SEARCH, DEPLOY)
_BUDGET = "budget/day"

#: Told what a person should know.
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is not to be done now."""

    why: str
    mode: str
    #: Seconds since the epoch; infinite: not until a person says so.
    retry_at: float

    def __str__(self) -> str:
        until = "a person closes it (`reknit breaker close`)"
        if self.retry_at < math.inf:
            until = f"{dt.datetime.fromtimestamp(self.retry_at, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
        return f"{self.mode}, as {self.why}; not before {until}"


class Control:
    """The breakers and the budget of one project."""

    def __init__(
        self,
        controls: Controls,
        *,
        tell: Tell,
        changed: Callable[[Change], None] = lambda _change: None,
        limits: Limits | None = None,
        patches_a_day: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._controls = controls
        self._tell = tell
        self._changed = changed
        self.limits = limits or Limits()
        self._a_day = {} if patches_a_day is None else {"patches": float(patches_a_day)}
        self._clock = clock

    def state(self, name: str) -> State:
        """What a breaker knows."""
        return _state(self._controls.state(name))

    def ask(self, name: str) -> Permit | Held:
        """Whether it may be done now; where the store or the clock fail, it may, and that is told."""
        answers: list[Permit | Held] = []

        def work(state: State, now: float) -> Step:
            answer, step = breaker.decide(state, self.limits, now)
            if isinstance(answer, Rejection):
                answers.append(Held(why=answer.why, mode=state.mode.value, retry_at=answer.retry_at))
            else:
                answers.append(answer)
            return step

        self._step(name, work)
        return answers[-1] if answers else Permit(generation=-1)

    def ended(self, name: str, permit: Permit, ending: Ending) -> None:
        """Count how it ended."""
        self._step(name, lambda state, now: breaker.record(state, self.limits, permit, ending, now))

    def rolled_back(self, name: str) -> None:
        """Count a deploy that was taken back."""
        self._step(name, breaker.rolled_back)

    def turn(self, name: str, verb: str, reason: str) -> State:
        """Do what a person says: open, close, disable, count (let all through, and count) or reset.

        `UsageError` where there is no such breaker; `StoreError` where it cannot be kept.
        """
        if name not in NAMES:
            message = f"there is no breaker {name}; nothing was changed"
            raise UsageError(message, slug="breaker", hint=f"there are {', '.join(NAMES)}")
        acts: dict[str, Callable[[State, float], Step]] = {
            "open": lambda state, now: breaker.force_open(state, now, reason),
            "close": lambda state, now: breaker.close(state, now, reason),
            "disable": lambda state, now: breaker.disable(state, now, reason),
            "count": lambda state, now: breaker.disable(state, now, reason, count=True),
            "reset": lambda state, now: breaker.reset(state, now, reason),
        }
        if verb not in acts:
            message = f"a breaker cannot be told to {verb}; nothing was changed"
            raise UsageError(message, slug="breaker", hint=f"it can be told to {', '.join(acts)}")
        self._controls.update(name, lambda raw: self._stepped(name, acts[verb], raw))
        return self.state(name)

    def changes(self, *, limit: int = -1) -> tuple[Change, ...]:
        """How the breakers changed, oldest first."""
        return self._controls.changes(limit=limit)

    def today(self) -> Budget:
        """The day's budget."""
        return self._budget(self._controls.state(_BUDGET))

    def reserve(self, name: str) -> Short | None:
        """Set one aside of the day's budget; what is left, where that is none. A store that fails holds nothing back."""
        found: list[Short] = []

        def work(held: Budget) -> Budget:
            after = budget.reserve(held, {name: 1.0})
            if isinstance(after, Short):
                found.append(after)
                return held
            return after

        self._spend(work)
        return found[-1] if found else None

    def spent(self, name: str) -> None:
        """The one that was set aside is spent."""
        self._spend(lambda held: budget.commit(held, {name: 1.0}, {name: 1.0}))

    def returned(self, name: str) -> None:
        """The one that was set aside is not spent."""
        self._spend(lambda held: budget.release(held, {name: 1.0}))

    def _spend(self, work: Callable[[Budget], Budget]) -> None:
        try:
            self._controls.update(_BUDGET, lambda raw: (codec.dumps(Budget, work(self._budget(raw))), ()))
        except (GuardError, StoreError) as exc:
            self._tell(exc.message)

    def _budget(self, raw: bytes | None) -> Budget:
        """As it is now; one that is damaged, or of another version, is a new one, and a day gone by counts as today."""
        day = dt.datetime.fromtimestamp(self._clock(), dt.UTC).date()
        known = Budget(day=day)
        if raw is not None:
            try:
                known = codec.loads(Budget, raw)
            except UsageError:
                known = Budget(day=day)
        return replace(budget.at(known, max(day, known.day)), limits=self._a_day)

    def _step(self, name: str, work: Callable[[State, float], Step]) -> None:
        try:
            self._controls.update(name, lambda raw: self._stepped(name, work, raw))
        except (GuardError, StoreError) as exc:
            self._tell(exc.message)

    def _stepped(
        self, name: str, work: Callable[[State, float], Step], raw: bytes | None
    ) -> tuple[bytes, tuple[Change, ...]]:
        step = work(_state(raw), self._clock())
        for way in step.transitions:
            self._tell(f"the breaker {name} is {way.after} now, it was {way.before}: {way.reason}")
        changes = tuple(
            Change(at=way.at, name=name, before=way.before, after=way.after, reason=way.reason)
            for way in step.transitions
        )
        for change in changes:
            self._changed(change)
        return codec.dumps(State, step.state), changes


class Deploy:
    """One patch that is to be written; without a control, nothing holds it back and nothing is counted."""

    def __init__(self, control: Control | None) -> None:
        self._control = control
        self._permit: Permit | None = None

    def held_back(self) -> str | None:
        """Why it may not be written now; else it has a place in the day's budget."""
        if self._control is None:
            return None
        if short := self._control.reserve("patches"):
            return f"the day's budget is spent: {short}"
        permit = self._control.ask(DEPLOY)
        if isinstance(permit, Held):
            self._control.returned("patches")
            return f"the breaker {DEPLOY} is {permit}"
        self._permit = permit
        return None

    def ended(self, stands: bool | None) -> None:
        """Whether it stands, or was taken back; None: it was not written."""
        if self._control is None or self._permit is None:
            return
        if stands is None:
            self._control.returned("patches")
            self._control.ended(DEPLOY, self._permit, Ending.IGNORED)
            return
        self._control.spent("patches")
        self._control.ended(DEPLOY, self._permit, Ending.SUCCEEDED if stands else Ending.FAILED)
        if not stands:
            self._control.rolled_back(DEPLOY)


def _state(raw: bytes | None) -> State:
    """Where nothing is known, or what is damaged or of another version, nothing has happened yet."""
    try:
        return codec.loads(State, raw) if raw is not None else State()
    except UsageError:
        return State()
