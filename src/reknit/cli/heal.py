"""The verb `heal`."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from reknit.cli.render import entries_before, show_report
from reknit.config import Options, find_root
from reknit.events import Progress
from reknit.loop import heal
from reknit.model.outcome import Healed, Healthy, Outcome, Proposed, Report
from reknit.model.patch import Entry


class Ticker:
    """Progress on stderr: a spinner on a terminal, a line a stage elsewhere."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._status: Status | None = self._console.status("starting") if self._console.is_terminal else None
        self._text = ""

    def __call__(self, event: Progress) -> None:
        """Show one event."""
        if event.text:
            self._text = f"{event.stage}: {event.text}"
            if self._status is None:
                self._console.print(self._text, style="dim", markup=False, highlight=False)
        if self._status is not None:
            tried = f"  ({event.tried} candidates)" if event.tried else ""
            self._status.update(self._text.replace("[", r"\[") + tried)

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


def heal_verb(options: Options, *, ask: bool) -> int:
    """Heal, print the report, and give the exit status."""
    console = Console()
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
            show_report(console, report, before)
            shown = True
            return input("write these patches? [y/N] ").strip().lower() in {"y", "yes"}

        report = heal(replace(options, project=root), observe=ticker, confirm=confirm)
    if not shown or any(isinstance(r.outcome, Healed) for r in report.rows):
        show_report(console, report, before or entries_before(root, report))
    _say_what_was_not_written(options, report, ask=ask)
    return exit_status([r.outcome for r in report.rows])


def _say_what_was_not_written(options: Options, report: Report, *, ask: bool) -> None:
    left = [r for r in report.rows if isinstance(r.outcome, Proposed)]
    if not left or not options.apply:
        return
    if not options.unsafe:
        print("not written: plausible patches need --apply --unsafe, or `reknit apply ID`", file=sys.stderr)
    elif ask and not sys.stdin.isatty():
        print("not written: nobody can be asked here; --yes answers for you", file=sys.stderr)


def exit_status(outcomes: list[Outcome]) -> int:
    """0 healthy or applied, 3 a patch is found and not applied, 1 something stays unhealed; the highest applies."""
    if any(not isinstance(o, (Healthy, Healed, Proposed)) for o in outcomes):
        return 1
    return 3 if any(isinstance(o, Proposed) for o in outcomes) else 0
