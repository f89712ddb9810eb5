"""A program of its own, so that it can fork: dies, or meets an error, at every step of an act, and looks at the tree.

`crash.py VERB MODE FOLDER` prints one JSON object: the number of steps, and what was wrong after any of them.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from reknit.errors import ReknitError
from reknit.model.patch import Create, Delete, Entry, Mode, Relink, Rename, Span
from tests.fault.faults import Before, around_os, failing, killing
from tests.unit.apply.place import NOW, Place, plant

TREE = {
    "a.py": Entry(content=b"one\r\ntwo\xff\r\n", mode=0o640),
    "pkg/b.py": Entry(content=b"b\n", mode=0o755),
    "pkg/gone.py": Entry(content=b"gone\n", mode=0o600),
    "pkg/old.py": Entry(content=b"old name\n"),
    "link": Entry(content=b"a.py", is_link=True),
    "dead": Entry(content=b"nowhere", is_link=True),
}
EDITS = (
    Span(path="a.py", start=0, end=3, old=b"one", new=b"three"),
    Span(path="pkg/old.py", start=0, end=3, old=b"old", new=b"new"),
    Mode(path="pkg/b.py", old=0o755, new=0o644),
    Delete(path="pkg/gone.py", entry=TREE["pkg/gone.py"]),
    Rename(path="pkg/old.py", to="pkg/new.py"),
    Relink(path="link", old=b"a.py", new=b"pkg/b.py"),
    Delete(path="dead", entry=TREE["dead"]),
    Create(path="made/by/us.py", entry=Entry(content=b"")),
)
Look = dict[str, tuple[str, int, bytes]]


class Bed(NamedTuple):
    """One act on one tree, to be tried again and again."""

    verb: str
    folder: Path
    #: The errors that the last try has met.
    met: list[OSError]

    def fresh(self) -> Place:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        place = Place(self.folder)
        plant(place.root, TREE)
        for verb in {"apply": [], "undo": ["apply"], "redo": ["apply", "undo"]}[self.verb]:
            act(place, verb)
        return place

    def sides(self) -> tuple[Look, Look]:
        place = self.fresh()
        old = place.look()
        act(place, self.verb)
        return old, place.look()


def act(place: Place, verb: str) -> None:
    journal = place.journal
    if verb == "apply":
        journal.apply(place.patch(*EDITS), verdicts=(), now=NOW)
    elif verb == "recover":
        journal.recover()
    else:
        getattr(journal, verb)(now=NOW)


def child(place: Place, verb: str, before: Before) -> int:
    """Exit status of a process that does `verb` under faults: 0 done, 9 killed."""
    patch = place.patch(*EDITS) if verb == "apply" else None
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with around_os(before):
        if patch:
            place.journal.apply(patch, verdicts=(), now=NOW)
        else:
            act(place, verb)
    os._exit(0)


def judge(bed: Bed, place: Place, old: Look, new: Look) -> str | None:
    """What is wrong with the tree after recovery, and with the journal's idea of it."""
    place.journal.recover()
    now, acts = place.look(), len(place.journal.history())
    done = {"apply": 1, "undo": 2, "redo": 3}[bed.verb]
    if now == new and acts == done:
        return None
    if now != old or acts != done - 1:
        return f"{acts} acts recorded, differs from before: {_differing(now, old)}, from after: {_differing(now, new)}"
    leftovers = [path.name for path in (place.state / "journal").glob("*") if path.suffix in {".intent", ".aside"}]
    if leftovers:
        return f"left over: {leftovers}"
    act(place, bed.verb)
    return None if place.look() == new else "cannot be done any more"


def _differing(one: Look, two: Look) -> list[str]:
    return sorted(path for path in one.keys() | two.keys() if one.get(path) != two.get(path))


def kill(bed: Bed, report: Callable[[str], None]) -> int:
    """Dies once."""
    old, new = bed.sides()
    for step in itertools.count(1):
        place = bed.fresh()
        if child(place, bed.verb, killing(step)) == 0:
            return step
        if not any((place.root / name).exists() for name in ("pkg/old.py", "pkg/new.py")):
            report(f"step {step}: the renamed file is nowhere")
        if wrong := judge(bed, place, old, new):
            report(f"step {step}: {wrong}")
    raise AssertionError


def kill_twice(bed: Bed, report: Callable[[str], None]) -> int:
    """Dies in the act, and then at some steps of the recovery, one process after the other."""
    old, new = bed.sides()
    total = 0
    for step in itertools.count(1):
        place = bed.fresh()
        if child(place, bed.verb, killing(step)) == 0:
            return total
        for second in itertools.count(1 + step % 11, 11):
            total += 1
            if child(place, "recover", killing(second)) == 0:
                break
        if wrong := judge(bed, place, old, new):
            report(f"step {step}: {wrong}")
    raise AssertionError


def error(bed: Bed, report: Callable[[str], None], number: int, *, forever: bool = False) -> int:
    """Meets an error once, or from some step on until the act gives up."""
    sides = bed.sides()
    for step in itertools.count(1):
        place = bed.fresh()
        for wrong in _meet(bed, place, sides, failing(step, number, forever=forever), forever=forever):
            report(f"step {step}: {wrong}")
        if not bed.met:
            return step
    raise AssertionError


def _meet(bed: Bed, place: Place, sides: tuple[Look, Look], fail: Before, *, forever: bool) -> Iterator[str]:
    patch = place.patch(*EDITS) if bed.verb == "apply" else None
    bed.met.clear()

    def before(count: int, name: str, args: tuple[object, ...]) -> None:
        try:
            fail(count, name, args)
        except OSError as exc:
            bed.met.append(exc)
            raise

    try:
        with around_os(before):
            if patch:
                place.journal.apply(patch, verdicts=(), now=NOW)
            else:
                act(place, bed.verb)
    except ReknitError as exc:
        if not forever and place.look() not in sides:
            yield f"{exc}: tree differs from before: {_differing(place.look(), sides[0])}"
    except OSError as exc:
        yield f"a bare {exc!r}"
    else:
        if place.look() != sides[1]:
            yield "no error, but not done"
    if wrong := judge(bed, place, *sides):
        yield wrong


MODES: dict[str, Callable[[Bed, Callable[[str], None]], int]] = {
    "kill": kill,
    "kill twice": kill_twice,
    "EIO": lambda bed, report: error(bed, report, errno.EIO),
    "ENOSPC": lambda bed, report: error(bed, report, errno.ENOSPC),
    "EIO for good": lambda bed, report: error(bed, report, errno.EIO, forever=True),
}


def main(verb: str, mode: str, folder: str) -> None:
    problems: list[str] = []
    steps = MODES[mode](Bed(verb, Path(folder), []), problems.append)
    sys.stdout.write(json.dumps({"steps": steps, "problems": problems}))


if __name__ == "__main__":
    main(*sys.argv[1:])
