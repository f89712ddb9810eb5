"""The patches of one run written one after the other, each judged on the tree that it is written to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Self

from reknit.apply.carry import rebase
from reknit.apply.journal import Journal
from reknit.apply.losses import declared
from reknit.apply.tree import read
from reknit.config import Options
from reknit.control import Control, Deploy
from reknit.errors import (
    CannotJudgeError,
    ConflictError,
    IrreversibleError,
    JournalError,
    ReknitError,
    StoreError,
)
from reknit.kit import Kit
from reknit.ledger import Event
from reknit.model.outcome import Failed, Healed, Outcome, Proposed, Reverted
from reknit.model.patch import Patch, Tree
from reknit.model.verdict import Label, Receipt, Safety, Verdict
from reknit.recheck import against

#: Errors after which a file may be neither as it was nor as it was to be; after any other, the patch can still be had.
_UNCLEAR = frozenset({"half-done", "set-aside"})

Outcomes = Mapping[str, Outcome]
#: The gate's word on a patch of a tree that is to make tests pass.
Judge = Callable[[Patch, Tree, tuple[str, ...]], Verdict]


def writable(options: Options, outcomes: Outcomes) -> list[tuple[Proposed, tuple[str, ...]]]:
    """The proposed patches that `options` let be written, with the tests that each is for."""
    allowed = {Safety.SAFE, Safety.UNSAFE} if options.unsafe and not options.strict_policies else {Safety.SAFE}
    found: dict[str, tuple[Proposed, tuple[str, ...]]] = {}
    for test, outcome in outcomes.items():
        if options.apply and isinstance(outcome, Proposed) and outcome.verdict.safety in allowed:
            _, tests = found.get(outcome.patch.id, (outcome, ()))
            found[outcome.patch.id] = (outcome, (*tests, test))
    return list(found.values())


def against_policy(options: Options, outcomes: Outcomes) -> tuple[str, ...]:
    """What would be written but for the strict policies, in words."""
    if not options.strict_policies:
        return ()
    asked = writable(replace(options, strict_policies=False), outcomes)
    allowed = {proposed.patch.id for proposed, _ in writable(options, outcomes)}
    return tuple(
        f"patch {one.patch.id[:8]} was not written: strict policies let {Label.CORROBORATED} ones only, not {one.verdict.label}"
        for one, _ in asked
        if one.patch.id not in allowed
    )


class Writing:
    """Writes patches, and knows what it has written: left by an exception, it takes that back.

    So a run that is cut short before its report is kept leaves the files as they were.
    """

    def __init__(self, kit: Kit, journal: Journal, judge: Judge, control: Control | None = None) -> None:
        self._kit = kit
        self._journal = journal
        self._judge = judge
        self._receipts: list[Receipt] = []
        self._control = control
        self.notes: list[str] = []
        #: What a breaker or the day's budget held back.
        self.held: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if exc is None:
            return
        left = [r for r in reversed(self._receipts) if self._undo(r, "the run was cut short") is not None]
        if left:
            names = ", ".join(f"{', '.join(r.patch.files)} (`reknit undo {r.id[:8]}`)" for r in left)
            raise JournalError(
                f"the run was cut short, and what it had written to {names} could not be taken back: it was changed since",
                slug="not-taken-back",
                hint="look at these files: the patch and your change are both in them",
            ) from exc

    def write(self, outcomes: Outcomes) -> Outcomes:
        """The outcomes after all that may be written was; `notes` says what was not, and why."""
        for proposed, tests in writable(self._kit.options, outcomes):
            self._kit.tell("apply", f"applying {proposed.patch.id}")
            outcomes = self._one(outcomes, proposed, tests)
        return outcomes

    def _undo(self, receipt: Receipt, why: str) -> ReknitError | None:
        """Take one back; the reason where that cannot be."""
        try:
            self._journal.undo(receipt.id, now=dt.datetime.now(dt.UTC), reason=why)
        except ReknitError as exc:
            return exc
        return None

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
        deploy = Deploy(self._control)
        if why := deploy.held_back():
            self.held.append(f"patch {proposed.patch.id[:8]} was not written: {why}")
            self._kit.audit.note(Event.REFUSED, patch=proposed.patch.id, reason=why)
            return outcomes
        try:
            self._kit.audit.first(Event.WRITING, patch=patch.id, files=patch.files, label=verdict.label)
            receipt = self._journal.apply(
                patch,
                verdicts=(verdict,),
                now=dt.datetime.now(dt.UTC),
                reason=f"heals {_said(tests)}",
                effects=declared(patch.files, self._kit.options.irreversible_paths),
            )
        except (ConflictError, IrreversibleError, JournalError, StoreError) as exc:
            if exc.slug in _UNCLEAR:
                raise
            deploy.ended(None)
            self._note(proposed, exc.message)
            return outcomes
        self._receipts.append(receipt)
        outcome = self._taken_back(tests) or Healed(patch=patch, verdict=verdict, receipt=receipt)
        deploy.ended(isinstance(outcome, Healed))
        return {**outcomes, **dict.fromkeys(tests, outcome)}

    def _taken_back(self, tests: tuple[str, ...]) -> Reverted | Failed | None:
        """Run the tests on the tree as it now is; the last patch goes where one does not pass."""
        try:
            why = against(self._kit, tests)
        except CannotJudgeError as exc:
            why = f"its tests could not be run on the tree as written: {exc.message}"
        if why is None:
            return None
        receipt = self._receipts[-1]
        in_the_way = self._undo(receipt, why)
        if in_the_way is None:
            self._receipts.pop()
            return Reverted(reason=f"{why}; the patch was taken back")
        stands = f"{why}; the patch stands, as it could not be taken back: {in_the_way.message}"
        return Failed(error=f"{stands}; try `reknit undo {receipt.id[:8]}`", slug="not-taken-back")

    def _note(self, proposed: Proposed, reason: str) -> None:
        self.notes.append(f"patch {proposed.patch.id[:8]} was not written: {reason}")
        self._kit.audit.note(Event.REFUSED, patch=proposed.patch.id, reason=reason)


def _said(tests: tuple[str, ...]) -> str:
    return tests[0] if len(tests) == 1 else f"{tests[0]} and {len(tests) - 1} more"
