"""The search: candidates tried cheapest first, those kept that pass, and the near misses remembered.

It goes on for a while after the first candidate that passes, since the cheapest is not always the right one; how long
is counted in candidates and cost, never in seconds, so the same seed gives the same answer under any load. Only the
budget looks at the clock, and it says so.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from reknit.propose.base import Candidate
from reknit.propose.trial import TrialMaker
from reknit.runner.base import Attempt, Step, Trial, Trials

#: After the first candidate that passes, the search goes on through this many more …
MORE_CANDIDATES = 100
#: … and no dearer than this above it, in nats.
MORE_COST = 1.0
#: Where none of so many candidates could be run, none of the others is likely to be.
HOPELESS = 60
_NEAR_MISSES = 5
#: Candidates stopped for want of fuel that are kept, and what they get when nothing else has passed: some right
#: patches do far more work than the broken program did.
_KEPT = 200
PATIENCE = 100
#: Of those that pass some of the failing tests, so many get it at once: a loop that ends at once in the broken program
#: may go a long way in the right one.
_AT_ONCE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A candidate that passed some of the tests."""

    candidate: Candidate
    passed: int
    #: The test that spoke against it, and why.
    test: str
    why: str


@dataclass(slots=True, kw_only=True)
class Found:
    """What a search came to."""

    plausible: list[Candidate] = field(default_factory=list)
    #: In which step of the ladder they pass.
    steps: dict[Candidate, Step] = field(default_factory=dict)
    near: list[NearMiss] = field(default_factory=list)
    tried: int = 0
    #: Candidates that no step of the ladder could judge, and the last reason.
    unjudged: int = 0
    unjudged_why: str = ""
    hung: int = 0
    #: Trials that were rejected before this search, and so not run again.
    skipped: int = 0
    #: Ids of the trials that a failing test spoke against.
    rejected: set[bytes] = field(default_factory=set)
    #: No candidate is left untried.
    exhausted: bool = False


class Search:
    """One search for one fault."""

    def __init__(
        self,
        candidates: Iterator[Candidate],
        maker: TrialMaker,
        *,
        spent: Callable[[], bool],
        known: frozenset[bytes] = frozenset(),
    ) -> None:
        self._known = known
        self._candidates = candidates
        self._maker = maker
        self._spent = spent
        self.found = Found()
        #: The place of the first that passes.
        self._first = 0
        self._stopped: list[tuple[int, float, Candidate, Trial]] = []
        self._soon: deque[tuple[int, Candidate, Trial]] = deque()
        self._at_once = 0
        self._near: list[tuple[int, float, int, NearMiss]] = []
        #: Trials that are being judged, by identity.
        self._pending: dict[int, tuple[int, Candidate]] = {}

    def run(self, trials: Trials, tell: Callable[[int], None]) -> Found:
        """Try candidates until enough pass, none is left, or the budget is spent; `tell` hears the count."""
        for place, candidate, trial, attempt in self._judged(trials, self._maker.trials(self._candidates)):
            if self._enough(place, candidate):  # asked before it was known that an earlier one passes
                continue
            first = trial.patience == 1
            self.found.tried += first
            self.found.hung += attempt.hung and first
            self._note(place, candidate, trial, attempt)
            if attempt.hung and first:
                self._keep(place, candidate, trial, attempt)
            tell(self.found.tried)
            if self._pending and not self._soon and all(self._enough(*asked) for asked in self._pending.values()):
                break  # what is still being judged would not be looked at
        self._stopped += [(-1, c.cost, c, t) for _, c, t in self._soon]
        self._soon.clear()
        if self.found.exhausted and not self.found.plausible:
            again = sorted(self._stopped, key=lambda kept: kept[:2])
            patient = ((c, replace(t, patience=PATIENCE)) for _, _, c, t in again)
            for place, candidate, trial, attempt in self._judged(trials, patient):
                self._note(place, candidate, trial, attempt)
        self.found.near = [n for *_, n in sorted(self._near, key=lambda item: (-item[0], -item[1], -item[2]))]
        return self.found

    def _keep(self, place: int, candidate: Candidate, trial: Trial, attempt: Attempt) -> None:
        """A candidate that was stopped comes again with more fuel: at once, or when nothing else has passed."""
        passed = sum(not r.bad for r in attempt.results)
        if passed and self._at_once < _AT_ONCE:
            self._at_once += 1
            self._soon.append((place, candidate, replace(trial, patience=PATIENCE)))
        elif len(self._stopped) < _KEPT:
            self._stopped.append((-passed, candidate.cost, candidate, trial))

    def _judged(
        self, trials: Trials, wanted: Iterator[tuple[Candidate, Trial]]
    ) -> Iterator[tuple[int, Candidate, Trial, Attempt]]:
        """Candidates that were tried, with their places among all."""
        self._pending.clear()
        for trial, attempt in trials.run(self._stream(wanted)):
            yield *self._pending.pop(id(trial)), trial, attempt

    def _stream(self, wanted: Iterator[tuple[Candidate, Trial]]) -> Iterator[Trial]:
        self.found.exhausted = False
        for place, (candidate, trial) in enumerate(wanted):
            if self._spent() or self._enough(place, candidate) or self._hopeless():
                return
            while self._soon:
                yield self._asked(*self._soon.popleft())
            if trial.id in self._known:
                self.found.skipped += 1
                continue
            yield self._asked(place, candidate, trial)
        self.found.exhausted = True

    def _asked(self, place: int, candidate: Candidate, trial: Trial) -> Trial:
        self._pending[id(trial)] = (place, candidate)
        return trial

    def _enough(self, place: int, candidate: Candidate) -> bool:
        """Whether the search ends before the candidate at this place, however many are tried side by side."""
        if not self.found.plausible:
            return False
        return place > self._first + MORE_CANDIDATES or candidate.cost > self.found.plausible[0].cost + MORE_COST

    def _hopeless(self) -> bool:
        return self.found.tried == self.found.unjudged >= HOPELESS

    def _note(self, place: int, candidate: Candidate, trial: Trial, attempt: Attempt) -> None:
        found = self.found
        if attempt.passed:
            if not found.plausible:
                self._first = place
            found.plausible.append(candidate)
            found.steps[candidate] = attempt.step
            return
        bad = attempt.first_bad
        if bad is None and not attempt.hung:
            found.unjudged += 1
            found.unjudged_why = attempt.why
            return
        # A test to be kept may have failed by chance; those that must pass were seen to fail each time.
        if bad is not None and bad.test in trial.must and not attempt.hung:
            found.rejected.add(trial.id)
        passed = sum(not r.bad for r in attempt.results)
        if passed and bad is not None:
            why = f"{bad.failure.type}: {bad.failure.message}" if bad.failure else ""
            miss = NearMiss(candidate=candidate, passed=passed, test=bad.test, why=why.splitlines()[0] if why else "")
            heapq.heappush(self._near, (passed, -candidate.cost, -found.tried, miss))
            if len(self._near) > _NEAR_MISSES:
                heapq.heappop(self._near)
