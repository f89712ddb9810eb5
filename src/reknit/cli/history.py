"""The verbs on patches and their history: show, apply, undo, redo, log."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.text import Text

from reknit import changes
from reknit.apply.base import Act
from reknit.cli import results
from reknit.cli.render import patch_parts, say
from reknit.cli.text import on_one_line, printable
from reknit.config import Options
from reknit.errors import ConflictError, UsageError
from reknit.events import Progress
from reknit.lang.difference import unified_diff
from reknit.model.verdict import Receipt

#: Acts among which the one that was just done is: others may have come after it.
_RECENT = 20
#: The start of a patch's or a receipt's id.
_ID = re.compile(r"[0-9a-f]{1,16}")


def note(event: Progress) -> None:
    """An observer that says on stderr what a person should know."""
    print(printable(event.text), file=sys.stderr)


def show_verb(options: Options, wanted: str | None, *, as_json: bool = False) -> int:
    """Print patches with their evidence."""
    offers = changes.proposals(wanted, options=options, observe=note)
    if as_json:
        return results.emit("show", results.show_result(offers))
    console = Console()
    for offer in offers:
        proposed = offer.proposed
        for part in patch_parts(offer.fitted or proposed.patch, proposed.verdict, offer.tree):
            say(console, part)
        say(console, Text(f"  why this one: {printable(proposed.why)}\n"))
    return 0


def apply_verb(
    options: Options,
    wanted: str | None,
    *,
    reason: str = "",
    irreversible: bool = False,
    tests: bool = True,
    as_json: bool = False,
) -> int:
    """Write a proposed patch, or a diff: the user's own act. 1 where its tests then fail and it is taken back."""
    receipt = changes.apply(
        _meant(wanted), options=options, observe=note, reason=reason, irreversible=irreversible, tests=tests
    )
    act = changes.act_of(receipt, changes.history(options=options, last=_RECENT))
    status = 0 if receipt.success else 1
    if as_json:
        change = replace(results.change(act), receipt=receipt)
        return results.emit("apply", results.ApplyResult(change=change), status)
    print(printable(results.act_diff(act)), end="")
    print(printable(_said(receipt)), file=sys.stderr)
    return status


def branch_verb(options: Options, wanted: str | None, name: str, *, as_json: bool = False) -> int:
    """Commit a proposed patch or a diff on a new branch."""
    made = changes.commit(_meant(wanted), name=name, options=options, observe=note)
    if as_json:
        return results.emit("apply", results.ApplyResult(commit=made))
    print(f"{printable(made.branch)} {made.id}")
    drop = f"`git branch -D {printable(made.branch)}` drops it"
    print(f"your files are as they were; `git show {made.id[:10]}` shows the commit, {drop}", file=sys.stderr)
    return 0


def _meant(wanted: str | None) -> Path | str | None:
    """A file with a diff, or the start of a patch's id."""
    if wanted is None or wanted == "-":
        return wanted and Path("/dev/stdin")
    path = Path(wanted)
    if _ID.fullmatch(wanted) is None:
        return path
    if path.is_file():
        message = f"{wanted} may be a patch's id, and is a file too; nothing was written"
        raise UsageError(message, slug="ambiguous-patch", hint=f"for the file, write ./{wanted}")
    return wanted


def _said(receipt: Receipt) -> str:
    number = receipt.patch.id[:8]
    if not receipt.success:
        return f"{number} was taken back: {receipt.reason}"
    judged = "" if receipt.verdicts else ", unjudged: your tests, or `reknit heal`, tell whether it is right"
    if receipt.reversible.yes:
        return f"written {number}{judged}; take it back with `reknit undo {receipt.id[:8]}`"
    return f"written {number}{judged}; `reknit undo {receipt.id[:8]}` cannot take back all: {receipt.reversible.reason}"


def turn_verb(
    verb: Literal["undo", "redo"], options: Options, receipt: str | None, *, reason: str = "", as_json: bool = False
) -> int:
    """Take an application back, or do it again; a conflict is shown, both sides of it."""
    turn = changes.rollback if verb == "undo" else changes.redo
    try:
        done = turn(receipt, options=options, observe=note, reason=reason)
    except ConflictError as exc:
        if exc.left is not None and exc.found is not None and not as_json:
            print(f"in {printable(exc.path)}, what reknit left there (-) and what is there now (+):", file=sys.stderr)
            print(printable(unified_diff(exc.path, exc.left, exc.found)), end="", file=sys.stderr)
        raise
    act = changes.act_of(done, changes.history(options=options, last=_RECENT))
    if as_json:
        return results.emit(verb, results.ChangeResult(change=results.change(act)))
    print(f"{verb} {act.target[:8]}: {', '.join(map(printable, done.patch.files))}")
    return 0


def log_verb(options: Options, wanted: str | None = None, *, as_json: bool = False) -> int:
    """List the acts, newest last; those of one receipt or patch with their diffs."""
    acts = changes.history(options=options, observe=note)
    about = [act for act in acts if wanted is None or _is_about(act, wanted)]
    if wanted is not None and not about:
        message = f"there is no receipt and no patch {wanted}; nothing is shown"
        raise UsageError(message, slug="no-receipt", hint="`reknit log` lists all")
    if as_json:
        return results.emit("log", results.LogResult(changes=results.changes(about)))
    if not acts:
        print("nothing was applied here", file=sys.stderr)
        return 0
    print(f"{'when':<19}  {'act':<5}  {'receipt':<8}  {'patch':<8}  files: what")
    for act in about:
        first = next(one for one in acts if one.target == act.target)
        print(on_one_line(_line(act, first)))
        if act.receipt.reason:
            print(f"{'':<19}  because: {on_one_line(act.receipt.reason)}")
        if wanted is not None:
            _details(act)
    return 0


def _is_about(act: Act, wanted: str) -> bool:
    return any(key.startswith(wanted) for key in (act.target, act.receipt.id, act.receipt.patch.id))


def _line(act: Act, first: Act) -> str:
    patch = act.receipt.patch
    label = first.receipt.verdicts[0].label.value if first.receipt.verdicts else "unjudged"
    when = act.receipt.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    what = f"{', '.join(patch.files)}: {patch.origin.note or patch.origin.proposer} ({label})"
    return f"{when:<19}  {act.verb:<5}  {act.target[:8]:<8}  {first.receipt.patch.id[:8]:<8}  {what}"


def _details(act: Act) -> None:
    for verdict in act.receipt.verdicts:
        for check in verdict.checks:
            print(f"  {check.check}: {check.status.value}: {on_one_line(check.evidence)}")
    if not act.receipt.reversible.yes:
        print(f"  cannot be taken back as a whole: {on_one_line(act.receipt.reversible.reason)}")
    print(printable(results.act_diff(act)), end="")
