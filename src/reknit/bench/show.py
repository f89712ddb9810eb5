"""What a benchmark shows: progress on stderr, a table or JSON on stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from reknit.bench.case import BenchResult, Case, CaseRow, Heal, run_cases, summarise
from reknit.model.document import result_document

_STYLE = {"plausible": "green", "not healed": "yellow", "unjudged": "red"}


def run_and_show(verb: str, cases: Sequence[Case], *, heal: Heal, out: Path | None, as_json: bool) -> None:
    """Run all cases with progress, then print the result of `verb`."""
    rows: list[CaseRow] = []
    with progress() as bar:
        task = bar.add_task("cases", total=len(cases), now=cases[0].id if cases else "")
        for number, row in enumerate(run_cases(cases, heal=heal, out=out), 1):
            rows.append(row)
            bar.update(task, completed=number, now=cases[number].id if number < len(cases) else "")
            bar.console.print(
                f"{row.id}: {_ending(row)}", style=_STYLE.get(row.outcome, ""), markup=False, highlight=False
            )
    print_result(verb, rows, as_json=as_json)


def progress() -> Progress:
    """A bar on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[now]}", markup=False), console=Console(stderr=True))


def print_result(verb: str, rows: Sequence[CaseRow], *, as_json: bool, status: int = 0) -> None:
    """The rows and their summary on stdout."""
    result = BenchResult(summary=summarise(rows), rows=tuple(rows))
    if as_json:
        sys.stdout.write(result_document(verb, status, result))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(_table(rows))
    s = result.summary
    console.print(
        f"{s.plausible} of {s.cases} plausible ({s.exact} to the byte, {s.same_code} the same code), "
        f"{s.not_healed} not healed, {s.unjudged} unjudged; {s.candidates} candidates, {s.cpu_seconds:.0f} CPU s",
        highlight=False,
    )


def _table(rows: Sequence[CaseRow]) -> Table:
    table = Table(box=None)
    for name, values in (("case", [r.id for r in rows]), ("outcome", list(_STYLE)), ("known fix", ["to the byte"])):
        table.add_column(name, no_wrap=True, min_width=max(map(len, values), default=0))
    for name in ("tests", "candidates", "seconds", "CPU s"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    table.add_column("why", overflow="ellipsis", no_wrap=True, max_width=60)
    for row in rows:
        known = "to the byte" if row.exact else "same code" if row.same_code else ""
        numbers = (str(len(row.tests)), str(row.candidates), f"{row.seconds:.1f}", f"{row.cpu_seconds:.1f}")
        table.add_row(row.id, row.outcome, known, *numbers, _line(row.why, 60), style=_STYLE.get(row.outcome))
    return table


def _line(text: str, width: int) -> str:
    """The start of `text`, in one line and without markup."""
    line = " ".join(text.split())
    return escape(line if len(line) <= width else line[: width - 1] + "…")


def _ending(row: CaseRow) -> str:
    known = " (the known fix)" if row.exact or row.same_code else ""
    why = f": {' '.join(row.why.split())[:200]}" if row.outcome == "unjudged" else ""
    return f"{row.outcome}{known}{why}, {row.candidates} candidates, {row.seconds:.1f} s"
