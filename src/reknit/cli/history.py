"""The verbs on patches and their history: show, apply, undo, redo, log."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from reknit.apply.base import Act
from reknit.apply.carry import rebase
from reknit.apply.journal import Journal
from reknit.apply.tree import read
from reknit.cli.render import diff, patch_parts
from reknit.config import find_root
from reknit.errors import ConflictError, UsageError
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
        raise UsageError("no patch was proposed by the last run here", slug="no-patch", hint="run `reknit heal`")
    console = Console()
    for one in found:
        fitted = _fit(root, journal, one.patch)
        for part in patch_parts(fitted or one.patch, one.verdict, read(root, one.patch.files)) if fitted else ():
            console.print(part)
        if fitted is None:
            console.print(f"patch {one.patch.id[:8]} does not fit the files as they are now")
        console.print(f"why this one: {one.why}\n", markup=False)
    return 0


def _fit(root: Path, journal: Journal, patch: Patch) -> Patch | None:
    """The patch for the files as they are: as it was made, or carried over what was applied since."""
    applied = _in_force(journal.history())
    tree = read(root, {p for one in (patch, *applied) for p in one.files})
    for start in range(len(applied) + 1):
        fitted = rebase(patch, applied[len(applied) - start :], tree)
        if fitted is not None:
            return fitted
    return None


def _in_force(acts: tuple[Act, ...]) -> list[Patch]:
    return [act.receipt.patch for act in acts]


def apply_verb(project: Path, wanted: str | None, base: Path | None) -> int:
    """Write a proposed patch: the user's own act."""
    root, journal, store = _open(project, base)
    found = _proposed(store, wanted)
    if len(found) != 1:
        ids = ", ".join(f.patch.id[:8] for f in found) or "none"
        raise UsageError(
            f"the last run proposed {len(found)} patches ({ids}); nothing was written",
            slug="which-patch",
            hint="say which: `reknit apply ID`",
        )
    patch = _fit(root, journal, found[0].patch)
    if patch is None:
        raise ConflictError(found[0].patch.files[0])
    text = diff(patch, read(root, patch.files))
    receipt = journal.apply(patch, verdicts=(found[0].verdict,), now=dt.datetime.now(dt.UTC))
    print(text, end="")
    print(f"written {patch.id[:8]}; take it back with `reknit undo {receipt.id[:8]}`", file=sys.stderr)
    return 0


def turn_verb(verb: Literal["undo", "redo"], project: Path, receipt: str | None, base: Path | None) -> int:
    """Take an application back, or do it again."""
    _, journal, _ = _open(project, base)
    act = journal.undo if verb == "undo" else journal.redo
    done = act(receipt, now=dt.datetime.now(dt.UTC))
    print(f"{verb} {done.id[:8]}: {', '.join(done.patch.files)}")
    return 0


def log_verb(project: Path, base: Path | None) -> int:
    """List the acts, newest last."""
    _, journal, _ = _open(project, base)
    table = Table("when", "act", "receipt", "patch", "files", "what", box=None)
    for act in journal.history():
        patch = act.receipt.patch
        label = act.receipt.verdicts[0].label.value if act.receipt.verdicts else "unjudged"
        table.add_row(
            act.receipt.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            act.verb,
            act.target[:8],
            patch.id[:8],
            ", ".join(patch.files),
            f"{patch.origin.note or patch.origin.proposer} ({label})",
        )
    Console().print(table if table.row_count else "nothing was applied here")
    return 0
