"""A program of its own, so that it can give up root: applies a patch in a folder that it may not write to."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from reknit.errors import JournalError
from tests.unit.apply.place import Place

NOBODY = 65534


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:  # loads what nobody may not be allowed to read later
        warm = Place(Path(folder))
        warm.fill({"a.py": b"one\n"})
        warm.apply(warm.change("a.py", b"one", b"two"))
    if os.geteuid() == 0:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)  # while root, permissions do not bind
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        place.fill({"pkg/a.py": b"one\n", "b.py": b"one\n"})
        patches = [place.change(path, b"one", b"two") for path in ("b.py", "pkg/a.py")]
        both = place.patch(*patches[0].edits, *patches[1].edits)
        (place.root / "pkg").chmod(0o500)
        old, slug = place.look(), ""
        try:
            place.apply(both)
        except JournalError as exc:
            slug = exc.slug
        unchanged = place.look() == old
        left = sorted(path.name for path in (place.state / "journal").iterdir() if path.name != "lock")
        (place.root / "pkg").chmod(0o700)
        place.apply(both)
        afterwards = (place.root / "pkg/a.py").read_text()
    sys.stdout.write(json.dumps({"slug": slug, "unchanged": unchanged, "left": left, "afterwards": afterwards}))


if __name__ == "__main__":
    main()
