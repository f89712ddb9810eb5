"""A program of its own, so that it can fork: four processes apply a patch each to the same line at once."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from reknit.errors import ReknitError
from tests.unit.apply.place import NOW, Place


def main(folder: str) -> None:
    Path(folder).mkdir()
    place = Place(Path(folder))
    place.fill({"a.py": b"start\n"})
    patches = [place.change("a.py", b"start", b"%d" % who) for who in range(4)]
    ready, go = os.pipe()
    pids = []
    for patch in patches:
        pid = os.fork()
        if not pid:
            os.close(go)
            os.read(ready, 1)  # until the parent closes its end
            try:
                place.journal.apply(patch, verdicts=(), now=NOW)
                ending = "written"
            except ReknitError as exc:
                ending = type(exc).__name__
            (Path(folder) / f"ending-{os.getpid()}").write_text(ending)
            os._exit(0)
        pids.append(pid)
    os.close(go)
    for pid in pids:
        os.waitpid(pid, 0)
    answer = {
        "endings": [(Path(folder) / f"ending-{pid}").read_text() for pid in pids],
        "content": (place.root / "a.py").read_text(),
        "acts": len(place.journal.history()),
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
