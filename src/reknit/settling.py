"""Which failing tests are settled, by what, and whose turn it is to be searched for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reknit.kit import Kit
from reknit.model.fault import Fault
from reknit.model.outcome import NotHealed, Outcome, Proposed, Quarantined
from reknit.model.signal import Signal
from reknit.model.verdict import Verdict

#: Tests that a stored verdict names; a run that heals thousands repeats it in the row of each.
_TOLD = 10


def turns(kit: Kit, faults: Sequence[Fault]) -> Iterator[tuple[Fault, int]]:
    """Each fault, with the number of those left; then, while time is left, those whose search the budget cut short.

    Of a fault, the tests that are settled by then are left out: flaky ones, and those that an earlier patch heals too.
    """
    for turn in range(2):
        for number, whole in enumerate(faults):
            outcomes = [kit.outcomes.get(c.signal.test or "") for c in whole.contexts]
            unsettled = tuple(c for c, o in zip(whole.contexts, outcomes, strict=True) if not settles(o))
            if unsettled and (turn == 0 or kit.meter.has_left()):
                yield replace(whole, contexts=unsettled), len(faults) - number
        faults = [f for f in faults if any(cut_short(kit.outcomes.get(t)) for t in f.tests)]


def settles(outcome: Outcome | None) -> bool:
    """Whether there is nothing left to search for."""
    return isinstance(outcome, (Proposed, Quarantined, NotHealed)) and not cut_short(outcome)


def cut_short(outcome: Outcome | None) -> bool:
    """Whether a search has ended because its budget was spent."""
    return isinstance(outcome, NotHealed) and bool(outcome.why_not.candidates) and not outcome.why_not.exhausted


def also_healed(outcome: Outcome, signals: Sequence[Signal], outcomes: Mapping[str, Outcome]) -> list[str]:
    """Tests of other faults that the patch makes pass: those without one, and all those of a patch that heals fewer."""
    heals = outcome.verdict.heals if isinstance(outcome, Proposed) else ()
    asked = {s.test for s in signals}
    needed = {o.patch.id for t, o in outcomes.items() if isinstance(o, Proposed) and t not in heals}
    found = {t: outcomes.get(t) for t in heals if t in asked}
    mine = {t: o for t, o in found.items() if not isinstance(o, Quarantined)}
    return [t for t, o in mine.items() if not isinstance(o, Proposed) or o.patch.id not in needed]


def told(verdict: Verdict) -> Verdict:
    """The verdict as the row of each test holds it: all that the patch heals have rows of their own."""
    return replace(verdict, heals=verdict.heals[:_TOLD])
