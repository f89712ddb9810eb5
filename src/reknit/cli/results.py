"""What `--json` prints as the result of each verb: values of the model, and texts that people would want beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reknit.apply.base import Act
from reknit.apply.branch import Commit
from reknit.changes import Offer
from reknit.cli.render import raw_diff, trees
from reknit.lang.difference import unified_diff
from reknit.model.document import result_document
from reknit.model.outcome import Healed, Proposed, Report
from reknit.model.patch import Entry
from reknit.model.verdict import Receipt, Safety


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchText:
    """A patch as people name and read it; its bytes are in its `edits`."""

    #: Equals the `verdict.patch_id` of the outcome that it belongs to.
    id: str
    safety: Safety
    files: tuple[str, ...]
    #: Unified; bytes that are no UTF-8 as escapes. "" where the files changed since the patch was made.
    diff: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealResult:
    """Of `heal`."""

    report: Report
    #: Every patch of the report once.
    patches: tuple[PatchText, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowResult:
    """Of `show`."""

    proposals: tuple[Proposed, ...]
    #: One a proposal, in their order, for the files as they are.
    patches: tuple[PatchText, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One act on the project's files."""

    verb: Literal["apply", "undo", "redo"]
    #: The id of the application's receipt, which `undo` and `redo` take.
    target: str
    #: Its patch holds the edits as they were written, which for "undo" are the inverse ones.
    receipt: Receipt
    #: Of this act, as in `PatchText`.
    diff: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """Of `apply`: one of the two."""

    change: Change | None = None
    #: With `--branch`.
    commit: Commit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """Of `undo` and `redo`."""

    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class LogResult:
    """Of `log`."""

    #: Oldest first.
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """Of `demo`."""

    report: Report
    patches: tuple[PatchText, ...]
    changes: tuple[Change, ...]
    #: Whether every file is as it was after all was taken back.
    restored: bool


def emit(verb: str, result: Any, status: int = 0) -> int:
    """Print the document of a result on stdout; gives `status`."""
    sys.stdout.write(result_document(verb, status, result))
    return status


def heal_result(report: Report, before: Mapping[str, Entry]) -> HealResult:
    """The result of a run on files that were `before`."""
    return HealResult(report=report, patches=patch_texts(report, before))


def patch_texts(report: Report, before: Mapping[str, Entry]) -> tuple[PatchText, ...]:
    """Every patch of a report once."""
    found = trees(report, before)
    outcomes = {r.outcome.patch.id: r.outcome for r in report.rows if isinstance(r.outcome, Proposed | Healed)}
    return tuple(_patch_text(o, found.get(id(o), before)) for o in outcomes.values())


def show_result(offers: Iterable[Offer]) -> ShowResult:
    """The result of `show`."""
    pairs = [(o.proposed, _patch_text(o.proposed, o.tree, o)) for o in offers]
    return ShowResult(proposals=tuple(p for p, _ in pairs), patches=tuple(t for _, t in pairs))


def _patch_text(outcome: Proposed | Healed, tree: Mapping[str, Entry], offer: Offer | None = None) -> PatchText:
    patch = (offer.fitted if offer else None) or outcome.patch
    return PatchText(
        id=outcome.verdict.patch_id,
        safety=outcome.verdict.safety,
        files=patch.files,
        diff=raw_diff(patch, tree) or "",
    )


def change(act: Act) -> Change:
    """An act for `--json`."""
    return Change(verb=act.verb, target=act.target, receipt=act.receipt, diff=act_diff(act))


def changes(acts: Sequence[Act]) -> tuple[Change, ...]:
    """Acts for `--json`."""
    return tuple(map(change, acts))


def act_diff(act: Act) -> str:
    """What an act did, as a unified diff."""
    images = ((path, act.before[path], act.after[path]) for path in sorted(act.before))
    return "".join(unified_diff(p, old.content if old else b"", new.content if new else b"") for p, old, new in images)
