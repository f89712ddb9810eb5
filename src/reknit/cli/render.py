"""A report as a person reads it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from rich.console import Console
from rich.text import Text

from reknit.apply.tree import read
from reknit.cli.text import printable
from reknit.errors import ConflictError
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
from reknit.model.signal import Signal
from reknit.model.verdict import CheckStatus, Verdict


def show_report(console: Console, report: Report, before: Mapping[str, Entry]) -> None:
    """Print every outcome once, with the tests that it is about, then the notes and the bill; `before` is the tree."""
    if not report.rows:
        say(console, Text("healthy", "green") + Text(": no test fails"))
    found = trees(report, before)
    groups = _by_outcome(report)
    for outcome, signals in groups[:_MOST_GROUPS]:
        say(console, _headline(outcome, [s.test or "" for s in signals]))
        if 1 < len(signals) <= _MOST_NAMES:
            for signal in signals[1:]:
                say(console, _line(f"and {signal.test}"))
        say(console, _failure(signals[0]))
        for part in _body(outcome, found.get(id(outcome), before)):
            say(console, part)
        say(console, Text())
    if left := groups[_MOST_GROUPS:]:
        say(console, Text(f"{_counted(left)}; `reknit heal --json` names each\n", "yellow"))
    for note in (*report.held, *report.notes):
        say(console, Text(f"note: {printable(note)}", "dim"))
    say(console, Text(bill(report.cost)))


def say(console: Console, text: Text) -> None:
    """Print a line, or lines, as they are: nothing is cut, wrapped or filled up for a reader that is a program."""
    console.print(text, soft_wrap=True)


def trees(report: Report, before: Mapping[str, Entry]) -> dict[int, Mapping[str, Entry]]:
    """What each written patch was written to, by the id of its outcome: patches of one file build on each other."""
    tree = dict(before)
    found: dict[int, Mapping[str, Entry]] = {}
    healed = {id(r.outcome): r.outcome for r in report.rows if isinstance(r.outcome, Healed)}
    for key, outcome in sorted(healed.items(), key=lambda item: item[1].receipt.at):
        found[key] = dict(tree)
        with contextlib.suppress(ConflictError):  # `diff` says so
            tree |= outcome.patch.render({p: tree[p] for p in outcome.patch.files if p in tree})
    return found


def bill(cost: Cost) -> str:
    """What a run has cost, in one line."""
    steps = ", ".join(f"{step} {count}" for step, count in cost.steps.items())
    return (
        f"cost: {cost.model_calls} model calls, ${cost.dollars:.2f}, {cost.candidates} candidates"
        f"{f' ({steps})' if steps else ''}, {cost.seconds:.1f} s ({cost.cpu_seconds:.1f} s CPU)"
    )


def _by_outcome(report: Report) -> list[tuple[Outcome, list[Signal]]]:
    """Signals that share an outcome, in order of the first; what was written, or can be, before what was not."""
    groups: list[tuple[Outcome, list[Signal]]] = []
    known: dict[object, list[Signal]] = {}
    for row in report.rows:
        key = _key(row.outcome)
        if key not in known:
            groups.append((row.outcome, known.setdefault(key, [])))
        known[key].append(row.signal)
    if len(groups) > _MOST_GROUPS:
        groups.sort(key=lambda g: not isinstance(g[0], Healed | Proposed))
    return groups


def _key(outcome: Outcome) -> object:
    """Equal for equal outcomes; one with a patch holds mappings, which have no hash."""
    match outcome:
        case Proposed(patch=patch, verdict=verdict, why=why):
            return (outcome.tag, patch.id, verdict, why)
        case Healed(verdict=verdict, receipt=receipt):
            return (outcome.tag, receipt.id, verdict)
        case _:
            return outcome


def _counted(groups: Sequence[tuple[Outcome, Sequence[Signal]]]) -> str:
    """How many tests end how."""
    count: Counter[str] = Counter()
    for outcome, signals in groups:
        count[outcome.tag] += len(signals)
    return "and " + ", ".join(f"{n:,} more {tag}" for tag, n in count.items())


#: Outcomes that are shown; `--json` has all.
_MOST_GROUPS = 20
#: Tests of one outcome that are all named.
_MOST_NAMES = 5
#: Characters of an error's message that are shown; `--json` has it whole.
_MESSAGE = 160
_STYLE = {"healed": "green", "proposed": "cyan", "not healed": "yellow", "quarantined": "magenta"}


def _headline(outcome: Outcome, tests: Sequence[str]) -> Text:
    more = f" and {len(tests) - 1:,} more" if len(tests) > 1 else ""
    return Text.assemble((outcome.tag, f"bold {_STYLE.get(outcome.tag, 'red')}"), f"  {printable(tests[0])}{more}")


def _failure(signal: Signal) -> Text:
    """The error that a test showed, and where in the project."""
    said = [line for line in printable(signal.error.message).splitlines() if line.strip()]
    message = f": {said[0][:_MESSAGE]}{'…' * (len(said[0]) > _MESSAGE)}" if said else ""
    inner = next((f for f in reversed(signal.frames) if f.in_project), None)
    where = f", at {inner.path}:{inner.line} in {inner.function}" if inner else ""
    return _line(f"{signal.error.type}{message}{where}", "red")


def _line(text: str, style: str = "") -> Text:
    return Text("\n".join(f"  {line}" for line in printable(text).splitlines()), style)


def _body(outcome: Outcome, before: Mapping[str, Entry]) -> Iterator[Text]:
    match outcome:
        case Proposed(patch=patch, verdict=verdict, why=why):
            yield from patch_parts(patch, verdict, before)
            yield _line(f"why this one: {why}")
            yield _line(f"write it: reknit apply {patch.id[:8]}", "dim")
        case Healed(patch=patch, verdict=verdict, receipt=receipt):
            yield from patch_parts(patch, verdict, before)
            yield _line(f"written; take it back: reknit undo {receipt.id[:8]}", "dim")
        case NotHealed(why_not=why_not):
            yield from _why_not(why_not)
        case ValidationFailed(errors=errors):
            for error in errors[:3]:
                yield _line(f"{error.check}: a patch {error.evidence}" + "".join(f"\n  {d}" for d in error.details[:3]))
        case Reverted(reason=text) | CircuitOpen(level=text) | Refused(policy=text) | Quarantined(flaky=text):
            yield _line(text)
        case Failed(error=text):
            yield _line(text)
        case Healthy():
            pass
        case _:
            assert_never(outcome)


def patch_parts(patch: Patch, verdict: Verdict, before: Mapping[str, Entry]) -> Iterator[Text]:
    """A patch with label, diff and evidence."""
    head = f"  patch {patch.id[:8]}  confidence {patch.confidence:.2f} (not calibrated)  {printable(patch.origin.note)}"
    yield Text.assemble("  ", (verdict.label.value.upper(), "bold"), head)
    yield _coloured(diff(patch, before))
    for check in verdict.checks:
        mark = {CheckStatus.PASSED: "✓", CheckStatus.FAILED: "✗", CheckStatus.NOT_RUN: "–"}[check.status]
        yield _line(f"{mark} {check.check}: {check.evidence}")
    searched = f"; the search saw it pass in step {patch.origin.step}" if patch.origin.step else ""
    yield _line(f"isolation: {verdict.isolation}, view: {verdict.view}{searched}", "dim")
    for left in verdict.not_run:
        yield _line(f"not run: {left}", "yellow")


_DIFF_STYLE = {"+": "green", "-": "red", "@": "cyan"}


def _coloured(text: str) -> Text:
    """A diff at the left margin, where `patch` and `git apply` find it."""
    lines = [Text(line, _DIFF_STYLE.get(line[:1], "")) for line in text.splitlines()]
    return Text("\n").join(lines)


def diff(patch: Patch, before: Mapping[str, Entry]) -> str:
    """The patch as `raw_diff`, to be printed; a line that says so if the files are others."""
    text = raw_diff(patch, before)
    if text is None:
        return f"no diff: {', '.join(patch.files)} is not as it was when the patch was made\n"
    return printable(text)


def raw_diff(patch: Patch, before: Mapping[str, Entry]) -> str | None:
    """The patch as a unified diff against the files it was made for; None if they are others."""
    here = {p: e for p, e in before.items() if p in patch.files}
    try:
        after = patch.render(here)
    except ConflictError:
        return None
    empty = Entry(content=b"")
    return "".join(unified_diff(p, here.get(p, empty).content, after.get(p, empty).content) for p in patch.files)


def _why_not(why: WhyNot) -> Iterator[Text]:
    whole = "all there were" if why.exhausted else "not all there were"
    earlier = f" and {why.earlier} by earlier runs" if why.earlier else ""
    if why.candidates or why.earlier:
        yield _line(f"why not: {why.candidates} candidates tried{earlier}, {whole}; none passes")
    else:
        yield _line("why not: no candidate was tried")
    for suspect in why.suspects[:3]:
        yield _line(f"suspect  {suspect.path}:{suspect.line} in {suspect.function} ({suspect.why})")
    for near in why.rejected[:3]:
        yield _line(f"near     {near.path}:{near.line} {near.note}: {near.broke}")
    yield _line(f"to go on: {why.unblock}", "bold")


def entries_before(root: Path, report: Report) -> dict[str, Entry]:
    """The files that the report's patches touch, as they are now."""
    paths = {p for r in report.rows if isinstance(r.outcome, (Proposed, Healed)) for p in r.outcome.patch.files}
    return read(root, paths)
