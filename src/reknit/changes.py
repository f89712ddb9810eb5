"""What a user does with patches by their own hand: look at them, write one, take it back. `loop` does it by itself.

Each function opens the project that `options` names (its `project` and `state_dir`), first takes back or completes what
a crash cut short, and tells `observe` about that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reknit.apply.base import Act, standing
from reknit.apply.carry import rebase
from reknit.apply.journal import Journal
from reknit.apply.tree import read
from reknit.config import Options, find_root
from reknit.errors import ConflictError, ReknitError, UsageError
from reknit.events import Observer, Progress, ignore
from reknit.model.outcome import Proposed
from reknit.model.patch import Patch, Tree
from reknit.model.verdict import Receipt, Verdict
from reknit.store.db import Ambiguous, Found, Store, Unknown
from reknit.store.place import project_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A patch that a run proposed, and how it stands with the files as they are."""

    proposed: Proposed
    #: The patch for the files as they are: as it was made, or carried over what was written since; None: it fits no more.
    fitted: Patch | None
    #: The files that it touches, as they are.
    tree: Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    root: Path
    journal: Journal
    store: Path


def proposals(wanted: str | None = None, *, options: Options, observe: Observer = ignore) -> tuple[Offer, ...]:
    """The proposed patch whose id starts with `wanted`; without it, what the last run proposed.

    `UsageError` (slug `no-patch`) where there is none, `ambiguous-patch` where several start so.
    """
    project = _open(options, observe)
    found = _proposed(project.store, wanted, observe)
    if not found:
        message = "no patch was proposed by the last run here; nothing is shown"
        raise UsageError(message, slug="no-patch", hint="run `reknit heal`")
    acts = project.journal.history()
    return tuple(_offer(project.root, acts, one) for one in found)


def apply(patch: Patch | str | None = None, *, options: Options, observe: Observer = ignore) -> Receipt:
    """Write a patch: one in hand, or a proposed one by the start of its id, or the last run's if it proposed only one.

    Files are compared before they are replaced. `ConflictError`: one is not as it was and nothing was written.
    """
    project = _open(options, observe)
    acts = project.journal.history()
    chosen, verdicts = _choose(project.store, patch, observe)
    fitted = _fit(project.root, acts, chosen)
    if fitted is None:
        raise _unfit(acts, chosen)
    return project.journal.apply(fitted, verdicts=verdicts, now=dt.datetime.now(dt.UTC))


def rollback(receipt: Receipt | str | None = None, *, options: Options, observe: Observer = ignore) -> Receipt:
    """Take an application back: by its receipt, the start of its id, or the last one in force.

    Later changes of the same files stay; `ConflictError` where they touch, and nothing was written.
    """
    return _turn("undo", receipt, options, observe)


def redo(receipt: Receipt | str | None = None, *, options: Options, observe: Observer = ignore) -> Receipt:
    """Apply again what was taken back: by its receipt, the start of its id, or the last one taken back."""
    return _turn("redo", receipt, options, observe)


def history(*, options: Options, observe: Observer = ignore) -> tuple[Act, ...]:
    """Every act on the project's files, oldest first."""
    return _open(options, observe).journal.history()


def act_of(receipt: Receipt, acts: Sequence[Act]) -> Act:
    """The act that a receipt is of."""
    return next(act for act in reversed(acts) if act.receipt.id == receipt.id)


def _open(options: Options, observe: Observer) -> _Project:
    root = find_root(options.project)
    state = project_state(root, options.state_dir)
    journal = Journal(root, state)
    for recovered in journal.recover():
        observe(Progress(stage="apply", text=f"recovered: {recovered.note}"))
    return _Project(root=root, journal=journal, store=state / "store.db")


def _proposed(store: Path, wanted: str | None, observe: Observer) -> list[Found]:
    with Store.open(store) as opened:
        found = opened.latest_proposed() if wanted is None else opened.proposed(wanted)
        for note in opened.notes:
            observe(Progress(stage="apply", text=f"note: {note}"))
    match found:
        case Found():
            return [found]
        case Ambiguous(ids=ids):
            message = f"{wanted} is the start of {len(ids)} patches: {', '.join(ids)}; nothing was done"
            raise UsageError(message, slug="ambiguous-patch", hint="give more digits")
        case Unknown():
            message = f"no patch {wanted} was proposed here; nothing was done"
            raise UsageError(message, slug="no-patch", hint="run `reknit heal`, which names its patches")
        case _:
            return found


def _offer(root: Path, acts: Sequence[Act], found: Found) -> Offer:
    fitted = _fit(root, acts, found.patch)
    return Offer(
        proposed=Proposed(patch=found.patch, verdict=found.verdict, why=found.why),
        fitted=fitted,
        tree=read(root, (fitted or found.patch).files),
    )


def _choose(store: Path, patch: Patch | str | None, observe: Observer) -> tuple[Patch, tuple[Verdict, ...]]:
    """The patch that is meant, and what was seen of it: nothing, of one in hand that no run here has proposed."""
    if isinstance(patch, Patch):
        with Store.open(store) as opened:
            known = opened.proposed(patch.id)
        return patch, ((known.verdict,) if isinstance(known, Found) else ())
    found = _proposed(store, patch, observe)
    if len(found) != 1:
        ids = ", ".join(f.patch.id[:8] for f in found) or "none"
        raise UsageError(
            f"the last run proposed {len(found)} patches ({ids}); nothing was written",
            slug="which-patch",
            hint="say which: `reknit apply ID`" if found else "run `reknit heal`",
        )
    return found[0].patch, (found[0].verdict,)


def _fit(root: Path, acts: Sequence[Act], patch: Patch) -> Patch | None:
    """The patch for the files as they are: as it was made, or carried over what was done since.

    When it was made is not known: the latest moment is taken from which the acts alone lead to the files as they are.
    """
    known = [act.receipt.patch for act in _related(acts, patch)]
    tree = read(root, {p for one in (patch, *known) for p in one.files})
    fitted = (rebase(patch, known[start:], tree) for start in range(len(known), -1, -1))
    return next((one for one in fitted if one is not None), None)


def _related(acts: Sequence[Act], patch: Patch) -> list[Act]:
    """The acts on files of the patch, under whatever name they got."""
    files, related = set(patch.files), []
    for act in acts:
        if not files.isdisjoint(act.receipt.patch.files):
            files.update(act.receipt.patch.files)
            related.append(act)
    return related


def _unfit(acts: tuple[Act, ...], patch: Patch) -> ReknitError:
    """Why a patch cannot be written: it is there already, or its files are others by now."""
    in_force = standing(acts)
    for act in acts:
        if act.verb == "apply" and in_force[act.target] and act.receipt.patch.id == patch.id:
            message = f"patch {patch.id[:8]} is applied already; nothing was written"
            return UsageError(message, slug="already-applied", hint=f"`reknit undo {act.target[:8]}` takes it back")
    return ConflictError(patch.files[0])


def _turn(verb: Literal["undo", "redo"], receipt: Receipt | str | None, options: Options, observe: Observer) -> Receipt:
    journal = _open(options, observe).journal
    if isinstance(receipt, Receipt):  # one of an undo or a redo stands for the application that it is about
        about = (act.target for act in journal.history() if act.receipt.id == receipt.id)
        receipt = next(about, receipt.id)
    turn = journal.undo if verb == "undo" else journal.redo
    return turn(receipt, now=dt.datetime.now(dt.UTC))
