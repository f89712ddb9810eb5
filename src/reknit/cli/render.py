"""A report as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text

from reknit.apply.tree import read
from reknit.lang.difference import unified_diff
from reknit.model.outcome import (
    CircuitOpen,
    Cost,
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
    WhyNot,
)
from reknit.model.patch import Entry, Patch
from reknit.model.verdict import CheckStatus, Verdict


def show_report(console: Console, report: Report, before: Mapping[str, Entry]) -> None:
    """Print every outcome once, with the tests that it is about, then the notes and the bill."""
    if not report.rows:
        console.print("[green]healthy[/]: no test fails")
    for outcome, tests in _by_outcome(report):
        console.print(_headline(outcome, tests))
        for part in _body(outcome, before):
            console.print(Padding(part, (0, 0, 0, 2)))
        console.print()
    for note in report.notes:
        console.print(Text(f"note: {note}", "dim"))
    console.print(bill(report.cost), soft_wrap=True)


def bill(cost: Cost) -> str:
    """What a run has cost, in one line."""
    return (
        f"cost: {cost.model_calls} model calls, ${cost.dollars:.2f}, {cost.candidates} candidates, "
        f"{cost.seconds:.1f} s ({cost.cpu_seconds:.1f} s CPU)"
    )


def _by_outcome(report: Report) -> list[tuple[Outcome, list[str]]]:
    groups: list[tuple[Outcome, list[str]]] = []
    for row in report.rows:
        for outcome, tests in groups:
            if outcome == row.outcome:
                tests.append(row.signal.test or "")
                break
        else:
            groups.append((row.outcome, [row.signal.test or ""]))
    return groups


_STYLE = {"healed": "green", "proposed": "cyan", "not healed": "yellow", "quarantined": "magenta"}


def _headline(outcome: Outcome, tests: Sequence[str]) -> Text:
    more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    return Text.assemble((outcome.tag, f"bold {_STYLE.get(outcome.tag, 'red')}"), f"  {tests[0]}{more}")


def _body(outcome: Outcome, before: Mapping[str, Entry]) -> Iterator[RenderableType]:
    match outcome:
        case Proposed(patch=patch, verdict=verdict, why=why):
            yield from patch_parts(patch, verdict, before)
            yield Text(f"why this one: {why}")
            yield Text(f"write it: reknit apply {patch.id[:8]}", "dim")
        case Healed(patch=patch, verdict=verdict, receipt=receipt):
            yield from patch_parts(patch, verdict, before)
            yield Text(f"written; take it back: reknit undo {receipt.id[:8]}", "dim")
        case NotHealed(why_not=why_not):
            yield from _why_not(why_not)
        case ValidationFailed(errors=errors):
            for error in errors[:3]:
                yield Text(f"{error.check}: {error.evidence}" + "".join(f"\n  {d}" for d in error.details[:3]))
        case Reverted(reason=text) | CircuitOpen(level=text) | Refused(policy=text) | Quarantined(flaky=text):
            yield Text(text)
        case Failed(error=text):
            yield Text(text)
        case Healthy():
            pass
        case _:
            assert_never(outcome)


def patch_parts(patch: Patch, verdict: Verdict, before: Mapping[str, Entry]) -> Iterator[RenderableType]:
    """A patch with label, diff and evidence."""
    yield Text.assemble(
        (verdict.label.value.upper(), "bold"),
        f"  patch {patch.id[:8]}  confidence {patch.confidence:.2f} (not calibrated)  {patch.origin.note}",
    )
    yield Syntax(diff(patch, before).rstrip("\n"), "diff", background_color="default", word_wrap=True)
    for check in verdict.checks:
        mark = {CheckStatus.PASSED: "✓", CheckStatus.FAILED: "✗", CheckStatus.NOT_RUN: "–"}[check.status]
        yield Text(f"{mark} {check.check}: {check.evidence}")
    yield Text(f"isolation: {verdict.isolation}, view: {verdict.view}", "dim")
    for left in verdict.not_run:
        yield Text(f"not run: {left}", "yellow")


def diff(patch: Patch, before: Mapping[str, Entry]) -> str:
    """The patch as a unified diff against the files it was made for."""
    here = {p: e for p, e in before.items() if p in patch.files}
    after = patch.render(here)
    empty = Entry(content=b"")
    return "".join(unified_diff(p, here.get(p, empty).content, after.get(p, empty).content) for p in patch.files)


def _why_not(why: WhyNot) -> Iterator[RenderableType]:
    whole = "all there were" if why.exhausted else "not all there were"
    yield Text(f"why not: {why.candidates} candidates tried, {whole}; none passes")
    for suspect in why.suspects[:3]:
        yield Text(f"suspect  {suspect.path}:{suspect.line} in {suspect.function} ({suspect.why})")
    for near in why.rejected[:3]:
        yield Text(f"near     {near.path}:{near.line} {near.note}: {near.broke}")
    yield Text(f"to go on: {why.unblock}", "bold")


def entries_before(root: Path, report: Report) -> dict[str, Entry]:
    """The files that the report's patches touch, as they are now."""
    paths = {p for r in report.rows if isinstance(r.outcome, (Proposed, Healed)) for p in r.outcome.patch.files}
    return read(root, paths)
