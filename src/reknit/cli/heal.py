"""The verb `heal`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self, assert_never

from rich.console import Console
from rich.status import Status
from rich.text import Text

from reknit.cli import results
from reknit.cli.render import entries_before, say, show_report
from reknit.cli.text import printable
from reknit.config import Options, find_root
from reknit.errors import Interrupted
from reknit.events import Progress
from reknit.loop import heal
from reknit.model.outcome import (
    CircuitOpen,
    Failed,
    Healed,
    Healthy,
    NotHealed,
    Outcome,
    Proposed,
    Quarantined,
    Refused,
    Report,
    Reverted,
    ValidationFailed,
)
from reknit.model.patch import Entry


class Ticker:
    """Progress on stderr: a spinner on a terminal, a line a stage elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._status: Status | None = self._console.status("starting") if self._console.is_terminal else None
        self._text = ""
        self._began = time.monotonic()

    def __call__(self, event: Progress) -> None:
        """Show one event."""
        if event.text:
            self._text = printable(f"{event.stage}: {event.text}")
            if self._status is None:
                say(self._console, Text(self._text, "dim"))
        if self._status is None and event.tried == 1:
            after = time.monotonic() - self._began
            say(self._console, Text(f"{event.stage}: first candidate after {after:.1f} s", "dim"))
        if self._status is not None:
            tried = f"  ({event.tried} candidates)" if event.tried else ""
            self._status.update(Text(self._text + tried))

    def pause(self) -> None:
        """Make room for a question."""
        if self._status is not None:
            self._status.stop()

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.pause()


def heal_verb(options: Options, *, ask: bool, as_json: bool = False) -> int:
    """Heal, print the report, and give the exit status."""
    root = find_root(options.project)
    before: dict[str, Entry] = {}
    shown = False

    with Ticker() as ticker:

        def confirm(report: Report) -> bool:
            nonlocal shown
            before.update(entries_before(root, report))
            if not ask or not sys.stdin.isatty():
                return not ask
            ticker.pause()
            show_report(Console(stderr=as_json), report, before)
            shown = not as_json
            return _agreed()

        try:
            report = heal(options=replace(options, project=root), observe=ticker, confirm=confirm)
        except KeyboardInterrupt as exc:
            ticker.pause()
            said = ("interrupted; the project's files are as they were", *getattr(exc, "__notes__", ()))
            raise Interrupted("; ".join(said)) from None
    status = exit_status([r.outcome for r in report.rows], held=bool(report.held))
    before = before or entries_before(root, report)
    if as_json:
        results.emit("heal", results.heal_result(report, before), status)
    elif not shown or any(isinstance(r.outcome, Healed) for r in report.rows):
        show_report(Console(), report, before)
    _say_what_was_not_written(options, report, ask=ask)
    return status


def _agreed() -> bool:
    print("write these patches? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _say_what_was_not_written(options: Options, report: Report, *, ask: bool) -> None:
    left = [r for r in report.rows if isinstance(r.outcome, Proposed)]
    if not left or not options.apply:
        return
    if not options.unsafe:
        print("not written: plausible patches need --apply --unsafe, or `reknit apply ID`", file=sys.stderr)
    elif ask and not sys.stdin.isatty():
        print("not written: nobody can be asked here; --yes answers for you", file=sys.stderr)


#: Exit statuses, the one that applies first wins: 2 and 130 come from errors and signals.
PRECEDENCE = (4, 5, 1, 3, 0)


def exit_status(outcomes: Sequence[Outcome], *, held: bool = False) -> int:
    """Of a run: the first of 4 could not go on, 5 held back, 1 unhealed, 3 found and not applied, 0 that applies."""
    found = {_status(outcome) for outcome in outcomes} | ({5} if held else set())
    return next((status for status in PRECEDENCE if status in found), 0)


def _status(outcome: Outcome) -> int:
    match outcome:
        case Healthy() | Healed():
            return 0
        case Proposed():
            return 3
        case NotHealed() | ValidationFailed() | Reverted() | Quarantined():
            return 1
        case CircuitOpen() | Refused():
            return 5
        case Failed():
            return 4
        case _:
            assert_never(outcome)
