"""The patches of one run written one after the other, each judged on the tree that it is written to."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping

from reknit.apply.carry import rebase
from reknit.apply.journal import Journal
from reknit.apply.tree import read
from reknit.config import Options
from reknit.errors import ConflictError, JournalError
from reknit.kit import Kit
from reknit.model.outcome import Healed, Outcome, Proposed, Reverted
from reknit.model.patch import Patch, Tree
from reknit.model.verdict import Receipt, Safety, Verdict

#: Wall clock for the tests of a patch that was just written.
_AFTER_SECONDS = 120.0
#: Errors after which a file may be neither as it was nor as it was to be; after any other, the patch can still be had.
_UNCLEAR = frozenset({"half-done", "set-aside"})

Outcomes = Mapping[str, Outcome]
#: The gate's word on a patch of a tree that is to make tests pass.
Judge = Callable[[Patch, Tree, tuple[str, ...]], Verdict]


def writable(options: Options, outcomes: Outcomes) -> list[tuple[Proposed, tuple[str, ...]]]:
    """The proposed patches that `options` let be written, with the tests that each is for."""
    allowed = {Safety.SAFE, Safety.UNSAFE} if options.unsafe else {Safety.SAFE}
    found: dict[str, tuple[Proposed, tuple[str, ...]]] = {}
    for test, outcome in outcomes.items():
        if options.apply and isinstance(outcome, Proposed) and outcome.verdict.safety in allowed:
            _, tests = found.get(outcome.patch.id, (outcome, ()))
            found[outcome.patch.id] = (outcome, (*tests, test))
    return list(found.values())


class Writing:
    """Writes patches, and knows what it has written: a run that is cut short takes it back."""

    def __init__(self, kit: Kit, journal: Journal, judge: Judge) -> None:
        self._kit = kit
        self._journal = journal
        self._judge = judge
        self._receipts: list[Receipt] = []
        self.notes: list[str] = []

    def write(self, outcomes: Outcomes) -> Outcomes:
        """The outcomes after all that may be written was; `notes` says what was not, and why."""
        try:
            for proposed, tests in writable(self._kit.options, outcomes):
                self._kit.tell("apply", f"applying {proposed.patch.id}")
                outcomes = self._one(outcomes, proposed, tests)
        except BaseException:  # - Ctrl-C too: what was not seen to pass does not stay
            for receipt in reversed(self._receipts):
                self._journal.undo(receipt.id, now=dt.datetime.now(dt.UTC))
            raise
        return outcomes

    def _one(self, outcomes: Outcomes, proposed: Proposed, tests: tuple[str, ...]) -> Outcomes:
        """Write one patch over those before it, or note why not; it is taken back if its tests then fail."""
        applied = [r.patch for r in self._receipts]
        tree = read(self._kit.root, {p for patch in (proposed.patch, *applied) for p in patch.files})
        patch = rebase(proposed.patch, applied, tree)
        if patch is None:
            self._note(proposed, "its place was changed since it was made")
            return outcomes
        verdict = proposed.verdict
        if applied:
            healed = tuple(t for t, o in outcomes.items() if isinstance(o, Healed))
            verdict = self._judge(patch, tree, (*tests, *healed))
            if not verdict.passed:
                self._note(proposed, f"after the others, it {verdict.checks[-1].evidence}")
                return outcomes
        try:
            receipt = self._journal.apply(patch, verdicts=(verdict,), now=dt.datetime.now(dt.UTC))
        except (ConflictError, JournalError) as exc:
            if exc.slug in _UNCLEAR:
                raise
            self._note(proposed, exc.message)
            return outcomes
        self._receipts.append(receipt)
        outcome = self._taken_back(tests) or Healed(patch=patch, verdict=verdict, receipt=receipt)
        return {**outcomes, **dict.fromkeys(tests, outcome)}

    def _taken_back(self, tests: tuple[str, ...]) -> Reverted | None:
        """Run the tests on the tree as it now is; the last patch goes where one does not pass."""
        failed = self._failing(tests, only=tests)
        if failed:  # one may lean on its neighbours, as those of a class do: the verdict had them all run
            failed = self._failing(tests, only=None)
        if not failed:
            return None
        self._journal.undo(self._receipts.pop().id, now=dt.datetime.now(dt.UTC))
        return Reverted(reason=f"{failed[0]} does not pass on the tree as written; the patch was taken back")

    def _failing(self, tests: tuple[str, ...], *, only: tuple[str, ...] | None) -> list[str]:
        """Those of `tests` that do not pass in a run of `only`, or of all."""
        run = self._kit.runner.suite(
            tests=only, deadline=time.monotonic() + _AFTER_SECONDS, hang_seconds=self._kit.meter.hang_seconds
        )
        self._kit.meter.tests += run.cpu_seconds
        return [t for t in tests if t not in run.tests or run.tests[t].outcome != "passed"]

    def _note(self, proposed: Proposed, reason: str) -> None:
        self.notes.append(f"patch {proposed.patch.id[:8]} was not written: {reason}")
