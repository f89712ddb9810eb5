"""The verb `ledger`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reknit.cli import results
from reknit.cli.text import printable
from reknit.config import Options, find_root
from reknit.ledger import Checked, Flaw, Line, verify
from reknit.store.place import project_state


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerResult:
    """Of `ledger`."""

    #: Oldest first.
    lines: tuple[Line, ...]
    #: Bytes of a last line that a crash has cut short; the next line takes its place.
    torn: int
    #: null: all is as it was written.
    flaw: Flaw | None


def ledger_verb(options: Options, *, last: int | None, as_json: bool = False) -> int:
    """Show the ledger, and whether it is as it was written: exit status 1 where it is not."""
    state = project_state(find_root(options.project), options.state_dir)
    found = verify(state)
    status = 1 if found.flaw else 0
    lines = found.lines if last is None else found.lines[max(0, len(found.lines) - last) :]
    if as_json:
        return results.emit("ledger", LedgerResult(lines=lines, torn=found.torn, flaw=found.flaw), status)
    for line in lines:
        print(printable(f"{line.number:>6}  {line.at[:19]}  {line.event}  {_told(line.facts)}".rstrip()))
    print(_verdict(found), file=sys.stderr)
    return status


def _verdict(found: Checked) -> str:
    if found.flaw is not None:
        words = {"changed": "was changed", "cut": "was cut out", "inserted": "was put in"}
        return f"line {found.flaw.number} {words[found.flaw.kind]}: {found.flaw.why}"
    torn = f"; a last line of {found.torn} bytes was torn by a crash" if found.torn else ""
    if not found.lines:
        return f"nothing is in the ledger{torn}"
    first, last = found.lines[0], found.lines[-1]
    return f"lines {first.number} to {last.number} are as they were written; the last one is {last.sha256}{torn}"


def _told(facts: Mapping[str, Any]) -> str:
    texts = {k: ", ".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in facts.items()}
    return "; ".join(f"{name}: {text}" for name, text in texts.items() if text)
