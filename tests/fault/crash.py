"""A program of its own, so that it can fork: dies, or meets an error, at every call of an act, and looks at the tree.

`crash.py VERB MODE FOLDER` prints one JSON object: the number of points, and what was wrong after any of them.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from reknit.model.patch import Create, Delete, Entry, Mode, Relink, Rename, Span
from tests.fault import shorten, strace
from tests.unit.apply.place import NOW, Place, plant

DEEP = "/".join(["d" * 60] * 3) + "/" + "n" * 250 + ".py"
TREE = {
    "a.py": Entry(content=b"one\r\ntwo\xff\r\n", mode=0o640),
    "pkg/b.py": Entry(content=b"b\n", mode=0o755),
    "pkg/gone.py": Entry(content=b"gone\n", mode=0o600),
    "pkg/old.py": Entry(content=b"old name\n"),
    "link": Entry(content=b"a.py", is_link=True),
    "dead": Entry(content=b"nowhere", is_link=True),
    DEEP: Entry(content=b"deep\n"),
}
EDITS = (
    Span(path="a.py", start=0, end=3, old=b"one", new=b"three"),
    Span(path=DEEP, start=0, end=4, old=b"deep", new=b"deeper"),
    Span(path="pkg/old.py", start=0, end=3, old=b"old", new=b"new"),
    Mode(path="pkg/b.py", old=0o755, new=0o644),
    Delete(path="pkg/gone.py", entry=TREE["pkg/gone.py"]),
    Rename(path="pkg/old.py", to="pkg/new.py"),
    Relink(path="link", old=b"a.py", new=b"pkg/b.py"),
    Delete(path="dead", entry=TREE["dead"]),
    Create(path="made/by/us.py", entry=Entry(content=b"")),
)
Look = dict[str, tuple[str, int, bytes]]
#: Acts that are in the journal when the verb is done.
DONE = {"apply": 1, "undo": 2, "redo": 3}


class Bed(NamedTuple):
    """One act on one tree, to be tried again and again."""

    verb: str
    folder: Path

    @property
    def scratch(self) -> Path:
        return self.folder.with_suffix(".scratch")

    def fresh(self) -> Place:
        for folder in (self.folder, self.scratch):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
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

    def run(self, place: Place, verb: str, *injection: str) -> strace.Ending:
        patch = place.patch(*EDITS) if verb == "apply" else None  # made before: its calls are none of the act's

        def work() -> None:
            if patch:
                place.journal.apply(patch, verdicts=(), now=NOW)
            else:
                act(place, verb)

        return strace.run(work, self.scratch, *injection)

    def points(self) -> list[strace.Point]:
        ending = self.run(self.fresh(), self.verb)
        assert ending.status == 0, ending
        return list(strace.points(ending))


def act(place: Place, verb: str) -> None:
    journal = place.journal
    if verb == "apply":
        journal.apply(place.patch(*EDITS), verdicts=(), now=NOW)
    elif verb == "recover":
        journal.recover()
    else:
        getattr(journal, verb)(now=NOW)


def judge(bed: Bed, place: Place, old: Look, new: Look) -> str | None:
    """What is wrong with the tree after recovery, and with the journal's idea of it."""
    place.journal.recover()
    now, acts, done = place.look(), len(place.journal.history()), DONE[bed.verb]
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


def kill(bed: Bed) -> Iterator[str | None]:
    """Dies once, at each call."""
    old, new = bed.sides()
    for point in bed.points():
        place = bed.fresh()
        ending = bed.run(place, bed.verb, f"{point.name}:signal=SIGKILL:when={point.number}")
        if ending.status == 0 and point not in set(strace.points(ending)):
            yield None  # a file's time is set only where the clock has not moved on by itself
        elif ending.status != -signal.SIGKILL:
            yield f"{point}: it did not die: {ending.status} {ending.said}"
        elif not any((place.root / name).exists() for name in ("pkg/old.py", "pkg/new.py")):
            yield f"{point}: the renamed file is nowhere"
        elif wrong := judge(bed, place, old, new):
            yield f"{point}: {wrong}"
        else:
            yield None


def kill_twice(bed: Bed) -> Iterator[str | None]:
    """Dies in the act, and then at some calls of the recovery, one process after the other, until one comes through."""
    old, new = bed.sides()
    for at, point in enumerate(bed.points()):
        place = bed.fresh()
        bed.run(place, bed.verb, f"{point.name}:signal=SIGKILL:when={point.number}")
        for name in ("renameat2", "fsync", "unlinkat", "write", "rename", "unlink", "openat"):
            ending = bed.run(place, "recover", f"{name}:signal=SIGKILL:when={1 + at % 5}")
            if ending.status not in (0, -signal.SIGKILL):
                yield f"{point}, then {name}: {ending.said}"
        if wrong := judge(bed, place, old, new):
            yield f"{point}: {wrong}"
        yield None


def error(bed: Bed, name: str, *, forever: bool = False) -> Iterator[str | None]:
    """Meets an error once, at each call, or from there on until it gives up."""
    old, new = bed.sides()
    for point in bed.points():
        place = bed.fresh()
        when = f"{point.number}+" if forever else point.number
        ending = bed.run(place, bed.verb, f"{point.name}:error={name}:when={when}")
        now = place.look()
        if ending.status not in (0, strace.TOLD):
            yield f"{point}: {ending.status} {ending.said}"
        elif ending.status == 0 and now != new:
            yield f"{point}: no error, but not done: {_differing(now, new)}"
        elif ending.status == strace.TOLD and not forever and now not in (old, new):
            yield f"{point}: {ending.said}, and the tree differs from before: {_differing(now, old)}"
        elif wrong := judge(bed, place, old, new):
            yield f"{point}: {wrong}"
        else:
            yield None


def short(bed: Bed) -> Iterator[str | None]:
    """Every write takes half of what it is given."""
    _, new = bed.sides()
    place = bed.fresh()
    patch = place.patch(*EDITS) if bed.verb == "apply" else None

    def work() -> None:
        if patch:
            place.journal.apply(patch, verdicts=(), now=NOW)
        else:
            act(place, bed.verb)

    for _ in range(shorten.run(work)):
        yield None
    yield None if place.look() == new else f"differs from after: {_differing(place.look(), new)}"


MODES: dict[str, Callable[[Bed], Iterator[str | None]]] = {
    "kill": kill,
    "kill twice": kill_twice,
    "EIO": lambda bed: error(bed, "EIO"),
    "ENOSPC": lambda bed: error(bed, "ENOSPC"),
    "EINTR": lambda bed: error(bed, "EINTR"),
    "EIO for good": lambda bed: error(bed, "EIO", forever=True),
    "short writes": short,
}


def main(verb: str, mode: str, folder: str) -> None:
    found = list(MODES[mode](Bed(verb, Path(folder))))
    sys.stdout.write(json.dumps({"points": len(found), "problems": [problem for problem in found if problem]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
