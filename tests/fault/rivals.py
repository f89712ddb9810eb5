"""A program of its own: for some seconds two processes apply, undo and redo at random while a third edits by hand.

`rivals.py SECONDS SEED FOLDER` prints one JSON object. Each owns a line of its own in every file it writes, `name number`,
and its numbers only grow. So that no update was lost can be told from the files: at the end each line must hold what its
owner was last told that it holds, and every file must be its lines, whole and in order. An editor saves whole files, and
may so overwrite what others did since it read; so of the file that is edited by hand too, only the hand's line is judged.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from reknit.errors import ReknitError
from reknit.model.patch import Edit
from tests.unit.apply.place import NOW, Place

#: Lines between those that are owned, so that what one does is not too near to what the others do.
_BETWEEN = b"".join(b"# %d\n" % n for n in range(8))
_BY_HAND, _OURS = "a.py", ("pkg/b.py", "pkg/c.py")
_FILES = (_BY_HAND, *_OURS)
_OWNERS = (b"first", b"second", b"hand")
_TEXT = re.compile(_BETWEEN + b"".join(b"%s \\d+\n%s" % (owner, _BETWEEN) for owner in _OWNERS))

Report = dict[str, dict[str, int]]


def _number(text: bytes, owner: bytes) -> int | None:
    """What the owner's line holds; None where the text is not whole."""
    found = re.search(b"^%s (\\d+)$" % owner, text, re.MULTILINE)
    return int(found[1]) if found and _TEXT.fullmatch(text) else None


def heal(place: Place, owner: bytes, until: float, draw: random.Random) -> Report:
    """Apply, undo and redo patches of the own lines, in two files at once."""
    holds, counts, number = dict.fromkeys(_FILES, 0), Counter[str](), 0
    #: Of the last application: its receipt, what the own lines held before and after it, and whether it is in force.
    last: tuple[str, dict[str, int], dict[str, int]] | None = None
    in_force = False
    while time.monotonic() < until:
        verb = draw.choice(["apply", "apply", "undo" if in_force else "redo"]) if last else "apply"
        try:
            if verb == "apply":
                files = draw.sample(_FILES, 2)
                edits = _edits(place, files, owner, number + 1)
                if edits is None:  # a hand is just writing
                    continue
                receipt = place.journal.apply(place.patch(*edits), verdicts=(), now=NOW)
                number += 1
                last = receipt.id, dict(holds), {**holds, **dict.fromkeys(files, number)}
                in_force = True
            elif last:
                getattr(place.journal, verb)(last[0], now=NOW)
                in_force = verb == "redo"
            if last:
                holds = dict(last[2] if in_force else last[1])
            counts[verb] += 1
        except ReknitError as exc:
            counts[f"{verb}: {exc.slug}"] += 1
    return {"holds": holds, "counts": counts}


def _edits(place: Place, files: list[str], owner: bytes, number: int) -> list[Edit] | None:
    edits: list[Edit] = []
    for file in files:
        old = _number((place.root / file).read_bytes(), owner)
        if old is None and file in _OURS:
            raise AssertionError(f"{file} is torn: {(place.root / file).read_bytes()!r}")
        try:
            edits += place.change(file, b"%s %s\n" % (owner, str(old).encode()), b"%s %d\n" % (owner, number)).edits
        except ValueError:  # it changed between the two looks
            return None
    return edits


def edit(place: Place, until: float, draw: random.Random) -> Report:
    """Save by hand, in both ways of editors: another file in its place, or other bytes in the same file."""
    held, counts, file = 0, Counter[str](), place.root / _BY_HAND
    new = file.with_name(".a.py.swp")
    for number in range(1, 1 << 30):
        if time.monotonic() >= until:
            break
        text = re.sub(b"^hand \\d+$", b"hand %d" % number, file.read_bytes(), flags=re.MULTILINE)
        if draw.random() < 0.5:
            new.write_bytes(text)
            new.rename(file)
            counts["replaced"] += 1
        else:
            with file.open("r+b") as stream:
                time.sleep(draw.random() * 0.002)
                stream.write(text)
                stream.truncate()
            counts["in place"] += 1
        held = number
        time.sleep(draw.random() * 0.01)
    return {"holds": {_BY_HAND: held}, "counts": counts}


def main(seconds: str, seed: str, folder: str) -> None:
    Path(folder).mkdir(parents=True)
    place = Place(Path(folder))
    place.fill({file: _BETWEEN + b"".join(b"%s 0\n%s" % (owner, _BETWEEN) for owner in _OWNERS) for file in _FILES})
    until = time.monotonic() + float(seconds)
    work: dict[bytes, Callable[[], Report]] = {
        b"first": lambda: heal(place, b"first", until, random.Random(seed + "1")),
        b"second": lambda: heal(place, b"second", until, random.Random(seed + "2")),
        b"hand": lambda: edit(place, until, random.Random(seed + "3")),
    }
    reports = _side_by_side(work, Path(folder))
    problems = [str(reports[owner]) for owner in work if "holds" not in reports[owner]]
    place.journal.recover()
    for owner, file in [*((o, f) for o in (b"first", b"second") for f in _OURS), (b"hand", _BY_HAND)]:
        found, told = _number((place.root / file).read_bytes(), owner), reports[owner].get("holds", {}).get(file)
        if found != told:
            problems.append(f"{file} holds {owner.decode()} {found}, and its owner was told {told}")
    left = [path.name for path in place.root.rglob(".reknit-*")]
    counts = {owner.decode(): reports[owner].get("counts") for owner in work}
    sys.stdout.write(json.dumps({"problems": problems, "left": left, "counts": counts}))


def _side_by_side(work: dict[bytes, Callable[[], Report]], folder: Path) -> dict[bytes, Report]:
    pids = {}
    for owner, run in work.items():
        pid = os.fork()
        if pid == 0:
            try:
                report = json.dumps(run())
            except BaseException as exc:  # noqa: BLE001 - any is a finding
                report = json.dumps({"died": {repr(exc): 1}})
            (folder / owner.decode()).write_text(report)
            os._exit(0)
        pids[owner] = pid
    for pid in pids.values():
        os.waitpid(pid, 0)
    return {owner: json.loads((folder / owner.decode()).read_text()) for owner in pids}


if __name__ == "__main__":
    main(*sys.argv[1:])
