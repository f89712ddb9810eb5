"""The loop over cases that every benchmark shares: lay one out, heal it, judge it, write its row.

A `Case` knows how to fill an empty folder with a broken project, and, apart from that, what the right files are.
The answer is asked for only after the engine has ended, so nothing of it can reach the engine.
"""

from __future__ import annotations

import dataclasses
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reknit.bench.judge import Judgement, judge
from reknit.config import Options, find_root
from reknit.errors import ReknitError, StoreError
from reknit.model import codec
from reknit.model.outcome import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One bug."""

    id: str
    #: Fills the empty folder that it is given with the broken project; what to run there.
    lay_out: Callable[[Path], Options]
    #: Path → the right bytes, of the files that the known fix changes; asked for after the engine has ended.
    answer: Callable[[], Mapping[str, bytes]]
    #: Node ids that must be healed; empty: every test that fails.
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """How one case ended."""

    id: str
    #: plausible, not healed, or unjudged.
    outcome: str
    #: Whether the known files came out to the byte.
    exact: bool = False
    #: Whether they came out with the same syntax tree, docstrings aside.
    same_code: bool = False
    #: Failing test → the tag of its outcome.
    tests: Mapping[str, str] = field(default_factory=dict)
    #: The accepted patches, each as the note of its origin and its diff.
    patches: tuple[str, ...] = ()
    #: Why it is unjudged, or what would unblock it.
    why: str = ""
    notes: tuple[str, ...] = ()
    candidates: int = 0
    #: Wall clock, the engine alone.
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All rows in one line."""

    cases: int
    plausible: int
    exact: int
    same_code: int
    not_healed: int
    unjudged: int
    candidates: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """What `--json` prints."""

    summary: Summary
    rows: tuple[CaseRow, ...]


Heal = Callable[[Options], Report]


def run_cases(cases: Sequence[Case], *, heal: Heal, out: Path | None) -> Iterator[CaseRow]:
    """One row a case, in order; with `out`, cases that have a row there are not run again and new rows are appended."""
    known = read_rows(out)
    for case in cases:
        row = known.get(case.id)
        if row is None:
            row = run_case(case, heal=heal)
            append_row(out, row)
        yield row


def run_case(case: Case, *, heal: Heal) -> CaseRow:
    """Lay the case out in a temporary folder, heal it there, and judge what came; never raises for a case's sake."""
    with tempfile.TemporaryDirectory(prefix="reknit-bench-", ignore_cleanup_errors=True) as temporary:
        base = Path(temporary).resolve()
        project = base / "project"
        project.mkdir()
        began, cpu = time.monotonic(), _cpu_seconds()
        report, judged = None, Judgement(outcome="unjudged")
        try:
            options = dataclasses.replace(case.lay_out(project), project=project, state_dir=base / "state")
            if find_root(project) != project:  # nothing marks it: the engine would take a folder above for the project
                (project / "pytest.ini").write_text("[pytest]\n", "utf-8")
            began, cpu = time.monotonic(), _cpu_seconds()
            report = heal(options)
            seconds, cpu_seconds = time.monotonic() - began, _cpu_seconds() - cpu
            judged = judge(report, project=project, answer=case.answer(), required=case.required)
        except Exception as exc:  # noqa: BLE001 - one case's crash must not take the other cases' results with it
            seconds, cpu_seconds = time.monotonic() - began, _cpu_seconds() - cpu
            name = exc.slug if isinstance(exc, ReknitError) else type(exc).__name__
            judged = Judgement(outcome="unjudged", why=f"{name}: {exc}")
    return CaseRow(
        id=case.id,
        outcome=judged.outcome,
        exact=judged.exact,
        same_code=judged.same_code,
        tests=judged.tests,
        patches=judged.patches,
        why=judged.why,
        notes=report.notes if report is not None else (),
        candidates=report.cost.candidates if report is not None else 0,
        seconds=round(seconds, 3),
        # A run's own bill counts children that were killed in a namespace of their own, which nobody waited for.
        cpu_seconds=round(max(cpu_seconds, report.cost.cpu_seconds if report is not None else 0.0), 3),
    )


def summarise(rows: Sequence[CaseRow]) -> Summary:
    """Counts and costs over all rows."""
    return Summary(
        cases=len(rows),
        plausible=sum(row.outcome == "plausible" for row in rows),
        exact=sum(row.exact for row in rows),
        same_code=sum(row.same_code for row in rows),
        not_healed=sum(row.outcome == "not healed" for row in rows),
        unjudged=sum(row.outcome == "unjudged" for row in rows),
        candidates=sum(row.candidates for row in rows),
        cpu_seconds=round(sum(row.cpu_seconds for row in rows), 3),
    )


def read_rows(out: Path | None) -> dict[str, CaseRow]:
    """The rows that an earlier run has written; a last line cut off by a kill is ignored."""
    if out is None or not out.exists():
        return {}
    whole = out.read_bytes().rpartition(b"\n")[0]
    rows = [codec.loads(CaseRow, line) for line in whole.splitlines() if line.strip()]
    return {row.id: row for row in rows}


def append_row(out: Path | None, row: CaseRow) -> None:
    """Add one line to `out`, over a line that was cut off; `StoreError` says which file could not be written."""
    if out is None:
        return
    try:
        out.touch()
        with out.open("r+b") as file:
            kept = len(file.read().rpartition(b"\n")[0])
            file.seek(kept + 1 if kept else 0)
            file.truncate()
            file.write(codec.dumps(CaseRow, row) + b"\n")
    except OSError as exc:
        raise StoreError(f"{out} could not be written ({exc}); the row of {row.id} is lost", slug="bench-out") from exc


def _cpu_seconds() -> float:
    """CPU time of this process and of the children that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)
