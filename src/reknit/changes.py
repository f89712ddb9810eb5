"""What a user does with patches by their own hand: look at them, write one or a diff, take it back. `loop` does it by itself.

Each function opens the project that `options` names (its `project` and `state_dir`), first takes back or completes what
a crash cut short, and tells `observe` about that. What only some of them need is imported when it is: `undo` is quick.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from reknit import __version__
from reknit.apply.base import Act, digest, standing
from reknit.apply.carry import based, rebase
from reknit.apply.journal import Journal
from reknit.apply.losses import declared
from reknit.apply.tree import read
from reknit.archiving import archiving
from reknit.auditing import Audit
from reknit.config import Options, find_root
from reknit.errors import CannotJudgeError, ConflictError, JournalError, ReknitError, UsageError
from reknit.events import Observer, Progress, ignore
from reknit.ledger import Event
from reknit.model.outcome import Proposed
from reknit.model.patch import Metadata, Origin, Patch, Tree
from reknit.model.verdict import Receipt, Verdict
from reknit.store.db import Ambiguous, Found, Store, Unknown, record
from reknit.store.place import project_state

if TYPE_CHECKING:
    from reknit.apply.branch import Commit
    from reknit.kit import Kit


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A patch that is to be written, and on whose word."""

    patch: Patch
    verdicts: tuple[Verdict, ...] = ()


def proposals(wanted: str | None = None, *, options: Options, observe: Observer = ignore) -> tuple[Offer, ...]:
    """The proposed patch whose id starts with `wanted`; without it, what the last run proposed.

    `UsageError` (slug `no-patch`) where there is none, `ambiguous-patch` where several start so.
    """
    project = _open(options, observe)
    with _opened(project, observe) as store:
        found = _proposed(store, wanted)
    if not found:
        message = "no patch was proposed by the last run here; nothing is shown"
        raise UsageError(message, slug="no-patch", hint="run `reknit heal`")
    acts = project.journal.history()
    return tuple(_offer(project.root, acts, one) for one in found)


def apply(
    patch: Patch | Path | str | None = None,
    *,
    options: Options,
    observe: Observer = ignore,
    reason: str = "",
    irreversible: bool = False,
    tests: bool = True,
) -> Receipt:
    """Write a patch in hand, a unified diff in a file, or a proposed patch by the start of its id (or the only one).

    Files are compared before they are replaced. `ConflictError`: one is not as it was and nothing was written.
    `IrreversibleError`: it could not be taken back, and `irreversible` does not allow that. Then the tests that a proposed
    patch heals run once more, unless `tests` is false: where one does not pass, the patch is taken back, and the receipt
    has no success.
    """
    project = _open(options, observe)
    with _opened(project, observe) as store:
        audit = Audit.of(options, project.store.parent, observe)
        project.journal.done = archiving(store.record, _noting(observe), audit.act)
        wanted, fitted = _fitted(project, store, patch, observe)
        healed = tuple(dict.fromkeys(t for verdict in wanted.verdicts for t in verdict.heals)) if tests else ()
        kit = _kit(project, store, options, observe) if healed else None  # what is wrong there is said before
        audit.first(Event.WRITING, patch=fitted.id, files=fitted.files, labels=[str(v.label) for v in wanted.verdicts])
        receipt = project.journal.apply(
            fitted,
            verdicts=wanted.verdicts,
            now=dt.datetime.now(dt.UTC),
            reason=reason,
            effects=declared(fitted.files, options.irreversible_paths),
            irreversible=irreversible,
        )
        return _kept_or_taken_back(project, kit, receipt, healed) if kit else receipt


def commit(
    patch: Patch | Path | str | None = None, *, name: str, options: Options, observe: Observer = ignore
) -> Commit:
    """Commit a patch, found as `apply` finds it, on HEAD as the new branch `name`; files, index and HEAD stay as they are.

    `UsageError` where git cannot do that, `ConflictError` where what is not committed touches the patch.
    """
    from reknit.apply import branch

    if not options.git:
        message = "git is not to be looked into, as the setting `git` says; nothing was committed"
        raise UsageError(message, slug="git-off", hint="set `git` to true, or write the patch with `reknit apply`")
    project = _open(options, observe)
    with _opened(project, observe) as store:
        wanted, fitted = _fitted(project, store, patch, observe)
    tree = read(project.root, fitted.files)
    return branch.commit(project.root, fitted, name=name, verdicts=wanted.verdicts, tree=tree)


def rollback(
    receipt: Receipt | str | None = None, *, options: Options, observe: Observer = ignore, reason: str = ""
) -> Receipt:
    """Take an application back: by its receipt, the start of its id or of its patch's, or the last one in force.

    Later changes of the same files stay; `ConflictError` where they touch, and nothing was written.
    """
    return _turn("undo", receipt, options, observe, reason)


def redo(
    receipt: Receipt | str | None = None, *, options: Options, observe: Observer = ignore, reason: str = ""
) -> Receipt:
    """Apply again what was taken back: by its receipt, the start of its id or of its patch's, or the last one taken back."""
    return _turn("redo", receipt, options, observe, reason)


def history(*, options: Options, observe: Observer = ignore, last: int | None = None) -> tuple[Act, ...]:
    """Every act on the project's files, or so many of the last, oldest first."""
    return _open(options, observe).journal.history(last)


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


@contextlib.contextmanager
def _opened(project: _Project, observe: Observer) -> Iterator[Store]:
    """The store; at the end it is told what should be known of it, such as that it was damaged."""
    with Store.open(project.store, root=project.root) as store:
        try:
            yield store
        finally:
            for note in store.notes:
                observe(Progress(stage="apply", text=f"note: {note}"))


def _fitted(
    project: _Project, store: Store, wanted: Patch | Path | str | None, observe: Observer
) -> tuple[_Wanted, Patch]:
    """What is meant, and its patch for the files as they are; an error where it fits no more."""
    found = _choose(project.root, store, wanted, observe)
    fitted = _fit(project.root, project.journal.history, found.patch)
    if fitted is None:
        raise _unfit(project.journal.history(), found.patch)
    return found, fitted


def _proposed(store: Store, wanted: str | None) -> list[Found]:
    found = store.latest_proposed() if wanted is None else store.proposed(wanted)
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
    fitted = _fit(root, lambda: acts, found.patch)
    return Offer(
        proposed=Proposed(patch=found.patch, verdict=found.verdict, why=found.why),
        fitted=fitted,
        tree=read(root, (fitted or found.patch).files),
    )


def _choose(root: Path, store: Store, wanted: Patch | Path | str | None, observe: Observer) -> _Wanted:
    """The patch that is meant, and what was seen of it: nothing, of one in hand that no run here has proposed."""
    if isinstance(wanted, Path):
        return _from_diff(root, wanted, observe)
    if isinstance(wanted, Patch):
        known = store.proposed(wanted.id)
        return _Wanted(patch=wanted, verdicts=(known.verdict,) if isinstance(known, Found) else ())
    found = _proposed(store, wanted)
    if len(found) != 1:
        ids = ", ".join(f.patch.id[:8] for f in found) or "none"
        raise UsageError(
            f"the last run proposed {len(found)} patches ({ids}); nothing was written",
            slug="which-patch",
            hint="say which: `reknit apply ID`" if found else "run `reknit heal`",
        )
    return _Wanted(patch=found[0].patch, verdicts=(found[0].verdict,))


def _from_diff(root: Path, path: Path, observe: Observer) -> _Wanted:
    """The patch that a unified diff stands for, by the user's own word."""
    from reknit.lang.diff import MOST, read_diff

    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except OSError as exc:
        message = f"{path} cannot be read: {exc.strerror or exc}; nothing was written"
        raise UsageError(message, slug="diff") from exc
    reading = read_diff(data, lambda paths: read(root, paths), umask=_umask())
    for note in reading.notes:
        observe(Progress(stage="apply", text=f"note: {note}"))
    bare = Patch(
        edits=reading.edits,
        base={},
        confidence=0.0,
        origin=Origin(proposer="user", note=reading.subject or path.name),
        metadata=Metadata(created=dt.datetime.now(dt.UTC), author="user", version=__version__),
    )
    return _Wanted(patch=based(bare, bare.edits, read(root, bare.files)))


def _umask() -> int:
    """What new files of the user's are closed to; it can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _kit(project: _Project, store: Store, options: Options, observe: Observer) -> Kit | None:
    from reknit.kit import kit

    try:
        return kit(options, project.root, observe, store)
    except CannotJudgeError as exc:
        observe(Progress(stage="apply", text=f"note: its tests are not run again: {exc.message}"))
        return None


def _kept_or_taken_back(project: _Project, kit: Kit, receipt: Receipt, tests: tuple[str, ...]) -> Receipt:
    """Run the healed tests on the tree as it now is; the patch goes where one does not pass."""
    from reknit.recheck import against

    try:
        why = against(kit, tests)
    except CannotJudgeError as exc:
        kit.tell("apply", f"note: its tests could not be run again: {exc.message}")
        return receipt
    except BaseException:  # Ctrl-C: nobody knows whether they pass
        project.journal.undo(receipt.id, now=dt.datetime.now(dt.UTC), reason="interrupted while its tests ran")
        kit.tell("apply", "note: the patch was taken back, as its tests had not ended")
        raise
    if why is None:
        return receipt
    try:
        project.journal.undo(receipt.id, now=dt.datetime.now(dt.UTC), reason=why)
    except ReknitError as exc:
        message = f"{why}; the patch stands, as it could not be taken back: {exc.message}"
        raise JournalError(message, slug="not-taken-back", hint=f"try `reknit undo {receipt.id[:8]}`") from exc
    return replace(receipt, success=False, reason=why)


def _fit(root: Path, acts: Callable[[], Sequence[Act]], patch: Patch) -> Patch | None:
    """The patch for the files as they are: as it was made, or carried over what was done since.

    When it was made is not known: the latest moment is taken from which the acts alone lead to the files as they are.
    """
    if patch.base.keys() >= set(patch.files):
        tree = read(root, patch.base)
        if all(digest(tree.get(path)) == known for path, known in patch.base.items()):
            return patch
    known = [act.receipt.patch for act in _related(acts(), patch)]
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


def _turn(
    verb: Literal["undo", "redo"], receipt: Receipt | str | None, options: Options, observe: Observer, reason: str
) -> Receipt:
    project = _open(options, observe)
    journal = project.journal
    audit = Audit.of(options, project.store.parent, observe)
    journal.done = archiving(lambda entry: record(project.store, entry, root=project.root), _noting(observe), audit.act)
    if isinstance(receipt, Receipt):  # one of an undo or a redo stands for the application that it is about
        about = (act.target for act in journal.history() if act.receipt.id == receipt.id)
        receipt = next(about, receipt.id)
    elif receipt:
        receipt = _application(journal, receipt, in_force=verb == "undo")
    turn = journal.undo if verb == "undo" else journal.redo
    return turn(receipt, now=dt.datetime.now(dt.UTC), reason=reason)


def _noting(observe: Observer) -> Callable[[str], None]:
    return lambda note: observe(Progress(stage="apply", text=f"note: {note}"))


def _application(journal: Journal, wanted: str, *, in_force: bool) -> str:
    """The receipt id that is meant: `wanted` itself, or that of the last application of the patch whose id starts so."""
    state = journal.in_force()
    if any(target.startswith(wanted) for target in state):
        return wanted
    acts = journal.history()
    of_patch = [a.target for a in acts if a.verb == "apply" and a.receipt.patch.id.startswith(wanted)]
    return next((target for target in reversed(of_patch) if state[target] == in_force), wanted)
