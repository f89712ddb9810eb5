"""The verbs on patches and their history: show, apply, undo, redo, log."""

from __future__ import annotations

import sys
from typing import Literal

from rich.console import Console
from rich.text import Text

from reknit import changes
from reknit.cli import results
from reknit.cli.render import patch_parts, say
from reknit.cli.text import printable
from reknit.config import Options
from reknit.events import Progress


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


def apply_verb(options: Options, wanted: str | None, *, as_json: bool = False) -> int:
    """Write a proposed patch: the user's own act."""
    receipt = changes.apply(wanted, options=options, observe=note)
    act = changes.act_of(receipt, changes.history(options=options))
    if as_json:
        return results.emit("apply", results.ChangeResult(change=results.change(act)))
    print(printable(results.act_diff(act)), end="")
    print(f"written {receipt.patch.id[:8]}; take it back with `reknit undo {receipt.id[:8]}`", file=sys.stderr)
    return 0


def turn_verb(verb: Literal["undo", "redo"], options: Options, receipt: str | None, *, as_json: bool = False) -> int:
    """Take an application back, or do it again."""
    turn = changes.rollback if verb == "undo" else changes.redo
    done = turn(receipt, options=options, observe=note)
    act = changes.act_of(done, changes.history(options=options))
    if as_json:
        return results.emit(verb, results.ChangeResult(change=results.change(act)))
    print(f"{verb} {act.target[:8]}: {', '.join(map(printable, done.patch.files))}")
    return 0


def log_verb(options: Options, *, as_json: bool = False) -> int:
    """List the acts, newest last."""
    acts = changes.history(options=options, observe=note)
    if as_json:
        return results.emit("log", results.LogResult(changes=results.changes(acts)))
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
