"""Whether a report means that the bug is fixed, and whether the fix is the known one."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from reknit.errors import ConflictError
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
from reknit.model.patch import Entry, Patch, render


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a report is worth; the fields are those of `CaseRow`."""

    outcome: str
    exact: bool = False
    same_code: bool = False
    tests: Mapping[str, str] = field(default_factory=dict)
    patches: tuple[str, ...] = ()
    why: str = ""


def judge(report: Report, *, project: Path, answer: Mapping[str, bytes], required: Sequence[str]) -> Judgement:
    """Plausible if each required test (each failing test, where none is named) has an accepted patch.

    `project` holds the broken files still. Unjudged where the engine could not look at a required test.
    """
    ends = {row.signal.test: row.outcome for row in report.rows if row.signal.test is not None}
    tests = {test: outcome.tag for test, outcome in ends.items()}
    wanted = list(required) or list(ends)
    absent = [test for test in wanted if test not in ends]
    blocked = {test: why for test in wanted if test in ends and (why := unjudged(ends[test])) is not None}
    if absent or blocked or not wanted:
        return Judgement(outcome="unjudged", tests=tests, why=_why_unjudged(report, absent, blocked))
    patches = {patch.id: patch for test in wanted if (patch := accepted(ends[test])) is not None}
    shown = tuple(f"{patch.origin.note}\n{difference(project, patch)}" for patch in patches.values())
    if any(accepted(ends[test]) is None for test in wanted):
        why = "; ".join(dict.fromkeys(why for test in wanted if (why := why_not(ends[test]))))
        return Judgement(outcome="not healed", tests=tests, patches=shown, why=why)
    try:
        after = patched(project, list(patches.values()), answer)
    except ConflictError as exc:
        return Judgement(outcome="not healed", tests=tests, patches=shown, why=f"its patches exclude each other: {exc}")
    return Judgement(
        outcome="plausible",
        exact=bool(answer) and after == answer,
        same_code=bool(answer) and {p: code(c) for p, c in after.items()} == {p: code(c) for p, c in answer.items()},
        tests=tests,
        patches=shown,
    )


def _why_unjudged(report: Report, absent: Sequence[str], blocked: Mapping[str, str]) -> str:
    parts = [f"{test}: {why}" for test, why in blocked.items()]
    if absent:
        parts.append(f"not seen to fail: {', '.join(absent[:3])}" + (" …" if len(absent) > 3 else ""))
    return "; ".join(parts or (*report.notes, "no test fails"))


def accepted(outcome: Outcome) -> Patch | None:
    """The patch that an outcome offers or has applied."""
    return outcome.patch if isinstance(outcome, Proposed | Healed) else None


def unjudged(outcome: Outcome) -> str | None:
    """Why an outcome says nothing about the engine's ability; None where it does."""
    match outcome:
        case Healthy():
            return "the test passes"
        case Quarantined():
            return outcome.flaky
        case Failed():
            return f"{outcome.slug}: {outcome.error}"
        case CircuitOpen():
            return f"the breaker is open: {outcome.level}"
        case Refused():
            return f"refused by {outcome.policy}"
        case Healed() | Proposed() | NotHealed() | ValidationFailed() | Reverted():
            return None
        case _:
            assert_never(outcome)


def why_not(outcome: Outcome) -> str:
    """What an outcome without a patch says in a line."""
    match outcome:
        case NotHealed():
            searched = "the whole space" if outcome.why_not.exhausted else "the budget"
            return f"{searched} used, {outcome.why_not.candidates} candidates; {outcome.why_not.unblock}"
        case ValidationFailed():
            return "; ".join(f"{check.check}: {check.evidence}" for check in outcome.errors)
        case Reverted():
            return outcome.reason
        case _:
            return ""


def patched(project: Path, patches: Sequence[Patch], answer: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file that `patches` or `answer` touch, as the patches leave it; `ConflictError` if two exclude each other."""
    paths = sorted({*answer, *(path for patch in patches for path in patch.files)})
    tree = {path: Entry(content=(project / path).read_bytes()) for path in paths if (project / path).is_file()}
    after = render(tree, [edit for patch in patches for edit in patch.edits])
    return {path: entry.content for path, entry in after.items()}


def difference(project: Path, patch: Patch) -> str:
    """The patch as a unified diff against the files of `project`."""
    before = {path: (project / path).read_bytes() for path in patch.files if (project / path).is_file()}
    after = patched(project, [patch], {})
    lines: list[str] = []
    for path in sorted({*before, *after}):
        old, new = (side.get(path, b"").decode("utf-8", "replace").splitlines() for side in (before, after))
        lines += difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm="")
    return "\n".join(lines)


def code(content: bytes) -> str:
    """The syntax tree as text, without docstrings; of what is no Python, its bytes as text."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return content.decode("latin-1")
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # Also strings that stand alone further down: they do nothing, and benchmarks describe a program in them.
            node.body = [n for n in node.body if not (isinstance(n, ast.Expr) and _is_text(n.value))]
    return ast.dump(tree)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
