"""Files are read inside the project only, and what is no file is said to be none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reknit.apply.tree import read
from reknit.errors import JournalError, UsageError
from reknit.model.patch import Entry
from tests.unit.apply.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_folder_behind_a_link_is_not_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.py").write_bytes(b"a\n")
    (place.root / "pkg").symlink_to(tmp_path / "out")
    with pytest.raises(JournalError) as caught:
        read(place.root, ["pkg/a.py"])
    assert caught.value.slug == "behind-link"


def test_what_is_no_file_is_refused(place: Place) -> None:
    os.mkfifo(place.root / "pipe")
    (place.root / "folder").mkdir()
    for path in ("pipe", "folder"):
        with pytest.raises(JournalError) as caught:
            read(place.root, [path])
        assert caught.value.slug == "special-file"
    with pytest.raises(UsageError):
        read(place.root, ["../out"])
    assert read(place.root, ["pipe/below", "nowhere/at/all"]) == {}


def test_every_byte_mode_and_link_is_read(place: Place) -> None:
    place.fill({"pkg/a.py": b"\xff\r\n\0", "empty": b""})
    (place.root / "empty").chmod(0o400)
    (place.root / "link").symlink_to("../out of it")
    assert read(place.root, ["pkg/a.py", "empty", "link", "nowhere"]) == {
        "pkg/a.py": Entry(content=b"\xff\r\n\0"),
        "empty": Entry(content=b"", mode=0o400),
        "link": Entry(content=b"../out of it", is_link=True),
    }


def test_a_root_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read"):
        read(tmp_path / "nowhere", ["a.py"])
