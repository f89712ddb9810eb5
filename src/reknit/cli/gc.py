"""The verb `gc`."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass
from pathlib import Path

from reknit.apply.journal import Journal
from reknit.cli import results
from reknit.cli.text import printable
from reknit.config import Options, find_root
from reknit.store.gc import Freed, Missing, clean_missing, clean_store
from reknit.store.place import project_state, state_base

#: Acts that stay in the journal, and their bytes: so far back can be undone.
JOURNAL_ACTS, JOURNAL_BYTES = 1000, 256 << 20
_UNITS = ("bytes", "kB", "MB", "GB")


@dataclass(frozen=True, slots=True, kw_only=True)
class GcResult:
    """Of `gc`."""

    #: Where the project's state is.
    state: str
    dry_run: bool
    #: One of each kind, also of those of which nothing went.
    freed: tuple[Freed, ...]
    missing: tuple[Missing, ...]
    notes: tuple[str, ...]


def gc_verb(options: Options, *, dry_run: bool, forget_missing: bool, as_json: bool = False) -> int:
    """Drop what is over the bounds or old, and say what was freed."""
    root = find_root(options.project)
    state = project_state(root, options.state_dir)
    journal = Journal(root, state)
    notes = [recovered.note for recovered in journal.recover()]
    freed = [_trimmed(journal, state, dry_run=dry_run)]
    of_store, said = clean_store(state / "store.db", now=dt.datetime.now(dt.UTC), dry_run=dry_run)
    missing = clean_missing(state_base(options.state_dir), forget=forget_missing, dry_run=dry_run)
    result = GcResult(
        state=str(state),
        dry_run=dry_run,
        freed=(*freed, *of_store),
        missing=tuple(missing),
        notes=(*notes, *said),
    )
    for note in result.notes:
        print(f"note: {printable(note)}", file=sys.stderr)
    if as_json:
        return results.emit("gc", result)
    _show(result)
    return 0


def _trimmed(journal: Journal, state: Path, *, dry_run: bool) -> Freed:
    if not (state / "journal").is_dir():
        count = size = 0
    elif dry_run:
        count, size = _excess(state / "journal")
    else:
        count, size = journal.trim(acts=JOURNAL_ACTS, size=JOURNAL_BYTES)
    return Freed(kind="acts in the journal", count=count, bytes=size)


def _excess(folder: Path) -> tuple[int, int]:
    """What `Journal.trim` would drop: all but as many of the newest as may stay, the last one in any case."""
    sizes = [path.stat().st_size for path in sorted(folder.glob("*.done"), reverse=True)]
    stay = max((n for n in range(len(sizes[:JOURNAL_ACTS]) + 1) if sum(sizes[:n]) <= JOURNAL_BYTES), default=0)
    gone = sizes[max(stay, 1) :]
    return len(gone), sum(gone)


def _show(result: GcResult) -> None:
    word = "would free" if result.dry_run else "freed"
    for one in result.freed:
        if one.count:
            print(f"{word} {_said(one.bytes)}: {one.kind} ({one.count})")
    for project in result.missing:
        if project.kept:
            print(f"kept {_said(project.bytes)}: {printable(project.project)} is not there; {project.kept}")
        else:
            print(f"{word} {_said(project.bytes)}: state of {printable(project.project)}, which is not there")
    if not any(one.count for one in result.freed) and all(m.kept for m in result.missing):
        print("nothing to free")
    if any(m.kept for m in result.missing):
        print("`reknit gc --forget-missing` removes the state of projects that are gone for good", file=sys.stderr)


def _said(size: int) -> str:
    step = min((len(str(size)) - 1) // 3, len(_UNITS) - 1)
    return f"{size / 1000**step:.1f} {_UNITS[step]}" if step else f"{size} bytes"
