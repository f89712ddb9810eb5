"""What it costs to apply a patch of three files, beside writing, syncing and renaming three files.

    python bench/apply.py [--folder PATH] [--rounds N]

CPU time (user and system) of this process, in which everything is loaded. All sides take turns, on the same file system,
which should be one on a disk: in memory a sync costs nothing.

plain   the three files, by hand
apply   the journal's act with its record of the images before and after, and the store's record of it, in a project that is
        open, as it is while `heal` runs
call    the library's `reknit.apply`, which also finds the project and opens its journal and its store; `undo` is that of
        `reknit.rollback`

The last line is JSON: milliseconds, medians over rounds, and `ratio` (apply/plain; the bar: at most 6) and `call_ratio`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import reknit
from reknit.apply.journal import Journal
from reknit.archiving import archiving
from reknit.model.patch import Entry, Metadata, Origin, Patch, Span
from reknit.store.db import Store
from reknit.store.place import project_state

_FILES = ("one.py", "pkg/two.py", "pkg/three.py")
_LINES = 40
_RATIOS = {"ratio": "apply", "call_ratio": "call"}
#: Rounds that are not counted: what is loaded late is loaded in them.
_WARM = 3


def main() -> None:
    """Measure in turns and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=None, help="where to measure; the folder for temporary files")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reknit-bench-", dir=options.folder) as folder:
        print(json.dumps(_measure(Path(folder).resolve(), options.rounds)))


def _measure(folder: Path, rounds: int) -> dict[str, float]:
    project, beside = folder / "project", folder / "beside"
    project.mkdir()
    (project / "pyproject.toml").write_text("[project]\n")
    for place in (project, beside):
        for name in _FILES:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(_text(0))
    options = reknit.Options(project=project, state_dir=folder / "state")
    taken: dict[str, list[float]] = {"plain": [], "apply": [], "call": [], "undo": []}
    journal = Journal(project, project_state(project, folder / "state"))
    for round_ in range(rounds + _WARM):
        patch = _patch(round_)
        plain = _cpu(_plainly, beside, round_)
        with Store.open(project_state(project, folder / "state") / "store.db", root=project) as store:
            journal.done = archiving(store.record, print, lambda _act: None)
            apply = _cpu(journal.apply, patch, verdicts=(), now=dt.datetime.now(dt.UTC))
            journal.undo(now=dt.datetime.now(dt.UTC))
        call = _cpu(reknit.apply, patch, options=options)
        undo = _cpu(reknit.rollback, options=options)
        if round_ >= _WARM:
            for name, seconds in (("plain", plain), ("apply", apply), ("call", call), ("undo", undo)):
                taken[name].append(seconds * 1000)
    middle = {f"{name}_ms": round(statistics.median(values), 3) for name, values in taken.items()}
    ratios = {name: round(middle[f"{side}_ms"] / middle["plain_ms"], 2) for name, side in _RATIOS.items()}
    return {**middle, **ratios, "rounds": rounds}


def _cpu(work: Callable[..., object], *arguments: object, **more: object) -> float:
    before = time.process_time()
    work(*arguments, **more)
    return time.process_time() - before


def _text(number: int) -> bytes:
    return b"value = %d\n" % number + b"def work(n):\n    return n\n" * _LINES


def _patch(round_: int) -> Patch:
    """Another change of the first line of each file each time: an application is not mistaken for an earlier one."""
    old, new = _text(0), _text(round_ + 1)
    end, new_end = old.index(b"\n"), new.index(b"\n")
    spans = tuple(Span(path=path, start=0, end=end, old=old[:end], new=new[:new_end]) for path in sorted(_FILES))
    return Patch(
        edits=spans,
        base={path: Entry(content=old).digest() for path in sorted(_FILES)},
        confidence=0.5,
        origin=Origin(proposer="bench"),
        metadata=Metadata(created=dt.datetime.now(dt.UTC), author="bench", version=reknit.__version__),
    )


def _plainly(folder: Path, number: int) -> None:
    """Three times: write a new file, sync it, rename it over the old one."""
    for name in _FILES:
        temporary = folder / f"{name}.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(fd, _text(number))
        os.fsync(fd)
        os.close(fd)
        temporary.rename(folder / name)


if __name__ == "__main__":
    main()
