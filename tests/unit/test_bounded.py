"""A file that is looked at shows itself and nothing else."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reknit import bounded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "keys").write_text("secret")
    root = tmp_path / "project"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_bytes(b"a\0b\xff\n")
    return root


def test_a_file(root: Path) -> None:
    assert bounded.read(root / "folder" / "file", most=5, below=root) == b"a\0b\xff\n"
    assert bounded.text(root / "folder" / "file", below=root) == "ab\ufffd\n"
    assert bounded.text(root / "gone", below=root) is None
    assert bounded.text(root / "a\0b", below=root) is None


def test_links_below_the_folder_are_refused_and_others_followed(root: Path) -> None:
    (root / "link").symlink_to("../keys")
    (root / "away").symlink_to("..")
    for path in (root / "link", root / "away" / "keys"):
        with pytest.raises(OSError, match=os.strerror(errno.ELOOP) + "|" + os.strerror(errno.ENOTDIR)):
            bounded.read(path, most=100, below=root)
        assert bounded.read(path, most=100, below=None) == b"secret"
    assert bounded.text(root / "folder" / ".." / ".." / "keys", below=root) is None
    assert bounded.text(root.parent / "keys", below=root) is None
    (root.parent / "alias").symlink_to(root)
    assert bounded.text(root.parent / "alias" / "folder" / "file", below=root.parent / "alias") is not None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("inside", [True, False])
def test_what_is_no_file_is_refused_at_once(root: Path, make: Callable[[Path], None], inside: bool) -> None:
    make(root / "it")
    with pytest.raises(OSError, match="no regular file"):
        bounded.read(root / "it", most=100, below=root if inside else None)


def test_a_file_that_is_too_long_is_refused(root: Path) -> None:
    (root / "long").write_bytes(b"x" * 2049)
    with pytest.raises(OSError, match=re.escape("more than 2 KiB")):
        bounded.read(root / "long", most=2048, below=root)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"/a/b\n", "/a/b"),
        (b"", None),
        (b"/a\n/b\n", None),
        (b"/a\x1b[2J", None),
        ("/a\u202e".encode(), None),
        (b"/" + b"a" * 4095, "/" + "a" * 4095),
        (b"/" + b"a" * 4096, None),
    ],
)
def test_a_line(root: Path, content: bytes, found: str | None) -> None:
    (root / "line").write_bytes(content)
    assert bounded.line(root / "line", below=root) == found


def test_words_stay_on_their_line() -> None:
    assert bounded.escaped("a b\n\x1b[2Jé\u202e\udcff") == "a b\\n\\x1b[2Jé\\u202e\\udcff"
