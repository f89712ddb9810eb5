"""Reports as the engine gives them, made by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from reknit.model.outcome import Cost, NotHealed, Outcome, Proposed, Report, Row, WhyNot
from reknit.model.patch import Entry, Metadata, Origin, Patch, Span
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.model.verdict import Label, Verdict

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def patch(path: str, content: bytes, start: int, end: int, new: bytes) -> Patch:
    return Patch(
        edits=(Span(path=path, start=start, end=end, old=content[start:end], new=new),),
        base={path: Entry(content=content).digest()},
        confidence=0.5,
        origin=Origin(proposer="search", note="a note"),
        metadata=Metadata(created=NOW, author="reknit", version="0"),
    )


def proposed(what: Patch) -> Proposed:
    verdict = Verdict(patch_id=what.id, label=Label.PLAUSIBLE, checks=(), isolation="none", view="copy")
    return Proposed(patch=what, verdict=verdict, why="")


def not_healed() -> NotHealed:
    return NotHealed(why_not=WhyNot(suspects=(), rejected=(), candidates=7, exhausted=False, unblock="more time"))


def report(outcomes: Mapping[str, Outcome], *, candidates: int = 7) -> Report:
    error = ErrorInfo(type="AssertionError", message="")
    rows = tuple(Row(signal=Signal(kind=SignalKind.TEST, error=error, test=t), outcome=o) for t, o in outcomes.items())
    return Report(project="p", started=NOW, rows=rows, cost=Cost(candidates=candidates, cpu_seconds=1.5))
