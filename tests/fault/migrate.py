"""A program of its own, so that it can fork: dies, or meets an error, at every call that brings a store forward.

`migrate.py MODE FOLDER` prints one JSON object: the number of points, and what was wrong after any of them.
"""

from __future__ import annotations

import functools
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from reknit.store.db import Store
from reknit.store.migrations import MIGRATIONS
from tests.contract.test_store import report
from tests.fault import strace
from tests.unit.store.test_migrations import backups, old, version


def _fresh(folder: Path, steps: int) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "store" / "store.db"
    path.parent.mkdir()
    old(path, steps)
    return path


def _open(path: Path) -> None:
    Store.open(path).close()


def _judge(path: Path, steps: int) -> str | None:
    """What is wrong with the store afterwards: it opens, nothing is called damaged, and all that was in it is there."""
    with Store.open(path) as store:
        notes, reports = store.notes, store.runs()
    if any("damaged and starts anew" in note for note in notes):
        return f"called damaged: {notes}"
    if reports != (report(1),):
        return f"{len(reports)} reports"
    if version(path) != len(MIGRATIONS):
        return f"version {version(path)}"
    copies = [name for name in backups(path) if f".v{steps}-" in name]
    return None if copies else f"no copy of what it was: {backups(path)}"


def sweep(mode: str, folder: Path, steps: int) -> Iterator[str | None]:
    """One point after the other."""
    path = _fresh(folder / "bed", steps)
    ending = strace.run(lambda: _open(path), folder)
    assert ending.status == 0, ending
    for point in strace.points(ending):
        path = _fresh(folder / "bed", steps)
        fault = "signal=SIGKILL" if mode == "kill" else f"error={mode}"
        ending = strace.run(functools.partial(_open, path), folder, f"{point.name}:{fault}:when={point.number}")
        if mode == "kill" and ending.status != -signal.SIGKILL:
            yield f"{steps}, {point}: it did not die: {ending.status} {ending.said}"
        elif ending.status not in (0, strace.TOLD, -signal.SIGKILL):
            yield f"{steps}, {point}: {ending.said}"
        elif wrong := _judge(path, steps):
            yield f"{steps}, {point}: {wrong}"
        else:
            yield None


def main(mode: str, folder: str) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    found = [problem for steps in range(1, len(MIGRATIONS)) for problem in sweep(mode, Path(folder), steps)]
    sys.stdout.write(json.dumps({"points": len(found), "problems": [problem for problem in found if problem]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
