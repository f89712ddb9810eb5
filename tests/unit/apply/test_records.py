"""The records of a project have a bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from reknit.errors import UsageError
from tests.unit.apply.place import NOW, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_old_acts_can_be_forgotten_but_never_the_last(place: Place) -> None:
    place.fill({"a.py": b"0\n"})
    for number in range(4):
        place.apply(place.change("a.py", b"%d" % number, b"%d" % (number + 1)))
    sizes = [path.stat().st_size for path in sorted((place.state / "journal").glob("*.done"))]
    assert place.journal.trim(acts=4, size=sum(sizes)) == (0, 0)
    assert place.journal.trim(acts=3, size=sum(sizes)) == (1, sizes[0])
    assert place.journal.trim(acts=9, size=sum(sizes[2:])) == (1, sizes[1])
    place.journal.undo(now=NOW)
    place.journal.undo(now=NOW)
    with pytest.raises(UsageError, match="nothing to undo"):
        place.journal.undo(now=NOW)
    assert (place.root / "a.py").read_bytes() == b"2\n"
    assert place.journal.trim(acts=0, size=0)[0] == 3
    place.journal.redo(now=NOW)  # of an act whose application is forgotten
    assert (place.root / "a.py").read_bytes() == b"3\n"
    assert place.apply(place.change("a.py", b"3", b"4"))
