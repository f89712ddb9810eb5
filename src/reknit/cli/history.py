"""The verbs on patches and their history: show, apply, undo, redo, log."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.text import Text

from reknit.apply.base import Act, standing
from reknit.apply.carry import rebase
from reknit.apply.journal import Journal
from reknit.apply.tree import read
from reknit.cli.render import diff, patch_parts, say
from reknit.cli.text import printable
from reknit.config import find_root
from reknit.errors import ConflictError, ReknitError, UsageError
from reknit.model.patch import Patch
from reknit.store.db import Ambiguous, Found, Store, Unknown
from reknit.store.place import project_state


def _open(project: Path, base: Path | None) -> tuple[Path, Journal, Path]:
    root = find_root(project)
    state = project_state(root, base)
    journal = Journal(root, state)
    for recovered in journal.recover():
        print(f"recovered: {recovered.note}", file=sys.stderr)
    return root, journal, state / "store.db"


def _proposed(store: Path, wanted: str | None) -> list[Found]:
    with Store.open(store) as opened:
        for note in opened.notes:
            print(f"note: {note}", file=sys.stderr)
        if wanted is None:
            return opened.latest_proposed()
        match opened.proposed(wanted):
            case Found() as found:
                return [found]
            case Ambiguous(ids=ids):
                message = f"{wanted} is the start of {len(ids)} patches: {', '.join(ids)}; nothing was done"
                raise UsageError(message, slug="ambiguous-patch", hint="give more digits")
            case Unknown():
                raise UsageError(
                    f"no patch {wanted} was proposed here; nothing was done",
                    slug="no-patch",
                    hint="run `reknit heal`, which names its patches",
                )


def show_verb(project: Path, wanted: str | None, base: Path | None) -> int:
    """Print patches with their evidence."""
    root, journal, store = _open(project, base)
    found = _proposed(store, wanted)
    if not found:
        raise UsageError(
            "no patch was proposed by the last run here; nothing is shown", slug="no-patch", hint="run `reknit heal`"
        )
    console = Console()
    for one in found:
        patch = _fit(root, journal.history(), one.patch) or one.patch
        for part in patch_parts(patch, one.verdict, read(root, patch.files)):
            say(console, part)
        say(console, Text(f"  why this one: {printable(one.why)}\n"))
    return 0


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


def apply_verb(project: Path, wanted: str | None, base: Path | None) -> int:
    """Write a proposed patch: the user's own act."""
    root, journal, store = _open(project, base)
    found = _proposed(store, wanted)
    if len(found) != 1:
        ids = ", ".join(f.patch.id[:8] for f in found) or "none"
        raise UsageError(
            f"the last run proposed {len(found)} patches ({ids}); nothing was written",
            slug="which-patch",
            hint="say which: `reknit apply ID`" if found else "run `reknit heal`",
        )
    acts = journal.history()
    patch = _fit(root, acts, found[0].patch)
    if patch is None:
        raise _unfit(acts, found[0].patch)
    text = diff(patch, read(root, patch.files))
    receipt = journal.apply(patch, verdicts=(found[0].verdict,), now=dt.datetime.now(dt.UTC))
    print(text, end="")
    print(f"written {patch.id[:8]}; take it back with `reknit undo {receipt.id[:8]}`", file=sys.stderr)
    return 0


def _unfit(acts: tuple[Act, ...], patch: Patch) -> ReknitError:
    """Why a patch cannot be written: it is there already, or its files are others by now."""
    in_force = standing(acts)
    for act in acts:
        if act.verb == "apply" and in_force[act.target] and act.receipt.patch.id == patch.id:
            message = f"patch {patch.id[:8]} is applied already; nothing was written"
            return UsageError(message, slug="already-applied", hint=f"`reknit undo {act.target[:8]}` takes it back")
    return ConflictError(patch.files[0])


def turn_verb(verb: Literal["undo", "redo"], project: Path, receipt: str | None, base: Path | None) -> int:
    """Take an application back, or do it again."""
    _, journal, _ = _open(project, base)
    act = journal.undo if verb == "undo" else journal.redo
    done = act(receipt, now=dt.datetime.now(dt.UTC))
    target = next(a.target for a in reversed(journal.history()) if a.receipt.id == done.id)
    print(f"{verb} {target[:8]}: {', '.join(map(printable, done.patch.files))}")
    return 0


def log_verb(project: Path, base: Path | None) -> int:
    """List the acts, newest last."""
    _, journal, _ = _open(project, base)
    acts = journal.history()
    if not acts:
        print("nothing was applied here", file=sys.stderr)
        return 0
    print(f"{'when':<19}  {'act':<5}  {'receipt':<8}  {'patch':<8}  files: what")
    for act in acts:
        patch = act.receipt.patch
        first = next(one for one in acts if one.target == act.target)
        label = first.receipt.verdicts[0].label.value if first.receipt.verdicts else "unjudged"
        when = act.receipt.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        what = f"{', '.join(patch.files)}: {patch.origin.note or patch.origin.proposer} ({label})"
        print(f"{when:<19}  {act.verb:<5}  {act.target[:8]:<8}  {first.receipt.patch.id[:8]:<8}  {printable(what)}")
    return 0
