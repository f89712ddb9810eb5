"""A report as text: everything that is known, whole lines, and nothing that a terminal would obey."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import replace

from rich.console import Console

from reknit.cli.render import diff, show_report
from reknit.model.fault import Suspect
from reknit.model.outcome import Cost, Healed, NotHealed, Outcome, Proposed, Quarantined, Rejected, Report, Row, WhyNot
from reknit.model.patch import Entry, Span
from reknit.model.signal import ErrorInfo, Frame, Signal, SignalKind
from reknit.model.verdict import CheckResult, CheckStatus, Label, Receipt, Reversible, Verdict
from tests.unit.verify.stage import TREE, patch

AT = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
VERDICT = Verdict(
    patch_id=patch().id,
    label=Label.PLAUSIBLE,
    checks=(CheckResult(check="tests", status=CheckStatus.PASSED, evidence="1 failing now pass"),),
    isolation="bubblewrap",
    view="overlay",
    not_run=("2 tests, for want of time",),
)


def shown(*rows: tuple[str, Outcome], before: Mapping[str, Entry] = TREE, notes: tuple[str, ...] = ()) -> str:
    error = ErrorInfo(type="E", message="\nno such thing\nand more")
    frames = tuple(Frame(path=p, line=5, function="clamp", in_project=p == "calc.py") for p in ("calc.py", "/lib/x.py"))
    report = Report(
        project="p",
        started=AT,
        rows=tuple(
            Row(signal=Signal(kind=SignalKind.TEST, test=t, error=error, frames=frames), outcome=o) for t, o in rows
        ),
        cost=Cost(candidates=7, seconds=1.25, cpu_seconds=2.5),
        notes=notes,
    )
    out = io.StringIO()
    show_report(Console(file=out, width=40), report, before)
    return out.getvalue()


def test_a_proposal_with_its_evidence_in_whole_lines() -> None:
    why = "the most probable of 12 that pass, " * 5
    text = shown(("t1", Proposed(patch=patch(), verdict=VERDICT, why=why)), notes=("2 tests were not run",))
    assert text.splitlines() == [
        "proposed  t1",
        "  E: no such thing, at calc.py:5 in clamp",
        f"  PLAUSIBLE  patch {patch().id[:8]}  confidence 0.50 (not calibrated)  ",
        "--- a/a.py",
        "+++ b/a.py",
        "@@ -1 +1 @@",
        "-x = 1",
        "+x = 2",
        "  ✓ tests: 1 failing now pass",
        "  isolation: bubblewrap, view: overlay",
        "  not run: 2 tests, for want of time",
        f"  why this one: {why}",
        f"  write it: reknit apply {patch().id[:8]}",
        "",
        "note: 2 tests were not run",
        "cost: 0 model calls, $0.00, 7 candidates, 1.2 s (2.5 s CPU)",
    ]


def test_tests_of_one_cause_are_one_entry() -> None:
    one = Proposed(patch=patch(), verdict=VERDICT, why="")
    assert shown(("t1", one), ("t2", one), ("t3", one)).startswith("proposed  t1 and 2 more\n  and t2\n  and t3\n")


def test_patches_written_to_one_file_are_shown_against_the_one_before() -> None:
    """In the order in which they were written, whatever the order of the report."""
    first = patch()
    tree = first.render(TREE)
    second = patch(Span(path="a.py", start=0, end=1, old=b"x", new=b"y"), tree=tree)
    rows = [
        (f"t{n}", Healed(patch=one, verdict=VERDICT, receipt=Receipt(
            id=f"{n}" * 12, patch=one, at=AT + dt.timedelta(seconds=n), verdicts=(), reversible=Reversible(yes=True))))
        for n, one in enumerate((first, second))
    ]  # fmt: skip
    for some in (rows, rows[::-1]):
        text = shown(*some)
        assert "-x = 1\n+x = 2\n" in text
        assert "-x = 2\n+y = 2\n" in text
        assert "take it back: reknit undo 00000000" in text


def test_a_file_that_changed_meanwhile_is_said_and_does_not_cost_the_report() -> None:
    text = shown(("t1", Proposed(patch=patch(), verdict=VERDICT, why="")), before={"a.py": Entry(content=b"else")})
    assert "no diff: a.py is not as it was when the patch was made" in text
    assert text.splitlines()[-1].startswith("cost: ")


def test_why_not_has_the_places_the_near_misses_and_what_would_help() -> None:
    why_not = WhyNot(
        suspects=(Suspect(path="a.py", line=3, function="f", score=1, penalty=0, why="run by 1 of 1"),),
        rejected=(Rejected(path="a.py", line=3, note="`<`", diff="", broke="passes 1 of 2 failing tests"),),
        candidates=12,
        exhausted=False,
        unblock="more time",
    )
    assert shown(("t", NotHealed(why_not=why_not))).splitlines()[:6] == [
        "not healed  t",
        "  E: no such thing, at calc.py:5 in clamp",
        "  why not: 12 candidates tried, not all there were; none passes",
        "  suspect  a.py:3 in f (run by 1 of 1)",
        "  near     a.py:3 `<`: passes 1 of 2 failing tests",
        "  to go on: more time",
    ]
    assert "all there were; none" in shown(("t", NotHealed(why_not=replace(why_not, exhausted=True))))


def test_names_from_the_project_are_shown_and_not_obeyed() -> None:
    text = shown(("t[\x1b[2J[bold]]", Proposed(patch=patch(), verdict=VERDICT, why="\x1b]0;x\x07")))
    assert text.startswith("proposed  t[\\x1b[2J[bold]]\n")
    assert not {"\x1b", "\x07"} & set(text)


def test_a_diff_shows_control_characters() -> None:
    raw = Entry(content=b"x = '\x1b[2J'\n")
    one = patch(Span(path="a.py", start=0, end=1, old=b"x", new=b"y"), tree={"a.py": raw})
    assert "-x = '\\x1b[2J'\n+y = '\\x1b[2J'\n" in diff(one, {"a.py": raw})


def test_of_many_outcomes_the_rest_is_counted_and_patches_come_first() -> None:
    rows: list[tuple[str, Outcome]] = [(f"t{n}", Quarantined(flaky=f"{n}")) for n in range(5000)]
    rows.append(("good", Proposed(patch=patch(), verdict=VERDICT, why="it passes")))
    lines = shown(*rows).splitlines()
    assert lines[0] == "proposed  good"
    assert len([line for line in lines if line.startswith("quarantined  ")]) == 19
    assert "and 4,981 more quarantined; `reknit heal --json` names each" in lines
