"""What somebody else saves in the moment of a swap is never lost, and a swap that died is cleared up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reknit.apply import exchange
from reknit.errors import ConflictError
from reknit.model.patch import Entry

OLD, NEW = Entry(content=b"old\n"), Entry(content=b"new\n")
LINK = Entry(content=b"old", is_link=True)


class Bed:
    """One folder with a file, and what was staged for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def write(self, name: str, entry: Entry | None) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        if entry and entry.is_link:
            path.symlink_to(os.fsdecode(entry.content))
        elif entry:
            path.write_bytes(entry.content)
            path.chmod(entry.mode)

    def put(self, old: Entry | None, new: Entry | None) -> None:
        exchange.put(self.fd, "pkg/a", "t", old=old, new=new)

    def settle(self, old: Entry | None, new: Entry | None) -> None:
        exchange.restore(self.fd, "pkg/a", "t", old=old, new=new)
        exchange.discard(self.fd, "t", old=old, new=new)

    def look(self) -> dict[str, bytes]:
        return {p.name: os.fsencode(p.readlink()) if p.is_symlink() else p.read_bytes() for p in self.folder.iterdir()}


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    bed = Bed(tmp_path)
    yield bed
    os.close(bed.fd)


@pytest.fixture(params=["in one step", "look first"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "look first":
        monkeypatch.setattr(exchange, "_found", lambda: None)
    return str(request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("old", "new"),
    [(OLD, NEW), (OLD, None), (None, NEW), (OLD, LINK), (LINK, NEW), (LINK, None), (None, LINK), (OLD, Entry(content=b""))],
)  # fmt: skip
def test_what_is_expected_is_replaced_and_nothing_else_stays(bed: Bed, old: Entry | None, new: Entry | None) -> None:
    bed.write("a", old)
    bed.write("t", new)
    bed.put(old, new)
    assert bed.look() == ({"a": new.content} if new else {})


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("old", "new"), [(OLD, NEW), (OLD, None), (None, NEW), (LINK, NEW)])
@pytest.mark.parametrize("there", [Entry(content=b"mine\n"), Entry(content=b"mine", is_link=True), None])
def test_what_is_not_expected_stays(bed: Bed, old: Entry | None, new: Entry | None, there: Entry | None) -> None:
    if old is None and there is None:
        pytest.skip("that is what is expected")
    bed.write("a", there)
    bed.write("t", new)
    with pytest.raises(ConflictError):
        bed.put(old, new)
    assert bed.look().get("a") == (there.content if there else None)


@pytest.mark.parametrize(("old", "new"), [(OLD, NEW), (OLD, None), (None, NEW)])
def test_a_folder_in_its_place_stays(bed: Bed, old: Entry | None, new: Entry | None) -> None:
    (bed.folder / "a").mkdir()
    (bed.folder / "a/file").write_bytes(b"mine\n")
    bed.write("t", new)
    with pytest.raises(ConflictError):
        bed.put(old, new)
    assert (bed.folder / "a/file").read_bytes() == b"mine\n"


@pytest.mark.parametrize("new", [NEW, None])
def test_a_file_that_somebody_has_open_to_write_is_not_replaced(bed: Bed, new: Entry | None) -> None:
    bed.write("a", OLD)
    bed.write("t", new)
    with (bed.folder / "a").open("r+b") as editor:
        with pytest.raises(ConflictError):
            bed.put(OLD, new)
        editor.write(b"mine")
    assert bed.look()["a"] == b"mine"


def test_one_that_is_open_to_be_read_is_replaced(bed: Bed) -> None:
    bed.write("a", OLD)
    bed.write("t", NEW)
    with (bed.folder / "a").open("rb"):
        bed.put(OLD, NEW)
    assert bed.look() == {"a": b"new\n"}


@pytest.mark.parametrize("new", [NEW, None])
def test_a_save_while_a_wrong_swap_is_taken_back_is_newer_and_stays(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, new: Entry | None
) -> None:
    bed.write("a", Entry(content=b"first\n"))
    bed.write("t", new)
    renames = _counted(monkeypatch, {1: lambda: bed.write("a", Entry(content=b"second\n"))})
    with pytest.raises(ConflictError):
        bed.put(OLD, new)
    assert bed.look() == {"a": b"second\n", "t": b"first\n"}
    assert len(renames) == (3 if new else 1)  # there, back, and there again; or there, and no way back


def _counted(monkeypatch: pytest.MonkeyPatch, after: dict[int, Callable[[], None]]) -> list[str]:
    """Every rename so far; what is in `after` runs when so many are done."""
    real, seen = exchange._rename, []

    def rename(source: str, target: str, folder: int, flag: int) -> None:
        real(source, target, folder, flag)
        seen.append(target)
        after.get(len(seen), lambda: None)()

    monkeypatch.setattr(exchange, "_rename", rename)
    return seen


@pytest.mark.parametrize(
    ("old", "new", "there", "temporary", "left"),
    [
        # Staged, whole or in part, and not swapped yet.
        (OLD, NEW, OLD, NEW, {"a": b"old\n"}),
        (OLD, NEW, OLD, Entry(content=b"ne"), {"a": b"old\n"}),
        (None, NEW, None, Entry(content=b""), {}),
        (OLD, NEW, Entry(content=b"mine\n"), NEW, {"a": b"mine\n"}),
        # Swapped, and what came out is what was expected.
        (OLD, NEW, NEW, OLD, {"a": b"new\n"}),
        (OLD, None, None, OLD, {}),
        # Swapped, and what came out is somebody else's.
        (OLD, NEW, NEW, Entry(content=b"mine\n"), {"a": b"mine\n"}),
        (OLD, None, None, Entry(content=b"mine\n"), {"a": b"mine\n"}),
        # And then saved once more.
        (OLD, NEW, Entry(content=b"later\n"), Entry(content=b"mine\n"), {"a": b"later\n", "t": b"mine\n"}),
        (OLD, None, Entry(content=b"later\n"), Entry(content=b"mine\n"), {"a": b"later\n", "t": b"mine\n"}),
        (OLD, None, Entry(content=b"later\n"), OLD, {"a": b"later\n"}),
    ],
)
def test_a_swap_that_died_is_cleared_up(
    bed: Bed, old: Entry | None, new: Entry | None, there: Entry | None, temporary: Entry, left: dict[str, bytes]
) -> None:
    bed.write("a", there)
    bed.write("t", temporary)
    for _ in range(2):
        bed.settle(old, new)
        assert bed.look() == left
