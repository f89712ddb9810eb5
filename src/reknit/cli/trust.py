"""The verb `trust`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from reknit.auditing import Audit
from reknit.cli import results
from reknit.cli.text import printable
from reknit.config import Options, find_root
from reknit.config import trust as pins
from reknit.config.files import project_file
from reknit.config.load import Asked, asked, shown
from reknit.config.trust import Trust
from reknit.ledger import Event
from reknit.store.place import project_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A value in the project's file, as a person reads it."""

    name: str
    value: str
    #: The file, and its table if it has several.
    origin: str
    #: Whether the value is left out until the file is trusted.
    needs_trust: bool
    #: What holds without the file, and who says so.
    instead: str
    instead_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustResult:
    """Of `trust`."""

    #: "" where the project has no settings.
    file: str
    trust: Trust
    asks: tuple[Wish, ...]


def trust_verb(options: Options, *, yes: bool, revoke: bool, as_json: bool = False) -> int:
    """Show what the project's file asks for, and trust exactly this file; or trust it no more."""
    root = find_root(options.project)
    state = project_state(root, options.state_dir)
    audit = Audit.of(options, state, lambda event: print(printable(event.text), file=sys.stderr))
    if revoke:
        revoked = pins.revoke(state)
        print("no longer trusted" if revoked else "nothing was trusted", file=sys.stderr)
        if revoked:
            audit.note(Event.TRUST_ENDED)
    file, notes = project_file(root)
    for note in notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    if file is None:
        print("no settings in reknit.toml or pyproject.toml [tool.reknit]", file=sys.stderr)
        return results.emit("trust", TrustResult(file="", trust=Trust.NONE, asks=())) if as_json else 0
    wishes = _wishes(asked(root, file, os.environ))
    if not as_json:
        _show(file.name, wishes)
    trust, status = pins.trust_in(file, state), 0
    if not revoke and trust is not Trust.PINNED:
        if not any(w.needs_trust for w in wishes):
            print("nothing in it needs trust", file=sys.stderr)
        elif _agreed(yes=yes, changed=trust is Trust.CHANGED):
            loose = [f"{w.name} ({w.origin})" for w in wishes if w.needs_trust]
            audit.first(Event.TRUSTED, file=file.path.name, sha256=file.sha256, settings=loose)
            pins.pin(file, state)
            trust = Trust.PINNED
        else:
            status = 1
    if trust is Trust.PINNED:
        print(f"{file.name} is trusted until it changes; `reknit trust --revoke` ends it", file=sys.stderr)
    return results.emit("trust", TrustResult(file=file.name, trust=trust, asks=wishes), status) if as_json else status


def _wishes(asks: Iterable[Asked]) -> tuple[Wish, ...]:
    """Each value of the file once; it needs trust if it does in any environment."""
    found: dict[tuple[str, str], Wish] = {}
    for ask in asks:
        key = (ask.name, ask.setting.origin)
        if key in found and (ask.tightens or found[key].needs_trust):
            continue
        found[key] = Wish(
            name=ask.name,
            value=shown(ask.setting.value),
            origin=ask.setting.origin,
            needs_trust=not ask.tightens,
            instead=shown(ask.held.value),
            instead_from=ask.held.origin,
        )
    return tuple(found.values())


def _show(name: str, wishes: Iterable[Wish]) -> None:
    print(printable(f"{name} asks for"))
    for wish in wishes:
        without = f"{wish.instead or 'none'}, {wish.instead_from}"
        why = f"needs trust; without it: {without}" if wish.needs_trust else "only tightens"
        print(printable(f"  {wish.name} = {wish.value}  ({why}; {wish.origin})"))


def _agreed(*, yes: bool, changed: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        print("not trusted: nobody can be asked here; --yes answers for you", file=sys.stderr)
        return False
    again = "it has changed since you trusted it; " if changed else ""
    print(f"{again}trust this file as it is? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
