"""The diff of an act leads from the files before to the files after, in our hands and in git's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reknit.lang.diff import read_diff
from reknit.lang.git_diff import git_diff
from reknit.model.patch import Entry, render

LINES = st.lists(st.sampled_from([b"a", b"b", b"\r", b"\xff", b"", b" x"]), max_size=30).map(b"\n".join)
TEXTS = st.one_of(LINES, LINES.map(lambda text: text + b"\n"))


def diff(old: bytes | None, new: bytes | None, path: str = "a.py") -> bytes:
    entries = [None if text is None else Entry(content=text) for text in (old, new)]
    return git_diff({path: entries[0]}, {path: entries[1]})


@given(old=TEXTS, new=TEXTS)
def test_it_leads_from_one_to_the_other(old: bytes, new: bytes) -> None:
    text = diff(old, new)
    assert (text == b"") == (old == new)
    if text:
        tree = {"a.py": Entry(content=old)}
        assert render(tree, read_diff(text, lambda _: tree).edits) == {"a.py": Entry(content=new)}


@settings(max_examples=25, deadline=None)
@given(old=TEXTS, new=TEXTS)
def test_git_reads_it(tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes) -> None:
    if old == new or b"\r" in old + new:
        return
    folder = tmp_path_factory.mktemp("git")
    (folder / "a.py").write_bytes(old)
    git = ["git", "apply", "--whitespace=nowarn", "--unidiff-zero", "-"]
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(git, cwd=folder, input=diff(old, new), capture_output=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    assert (folder / "a.py").read_bytes() == new


def test_one_line_changed_is_shown_with_three_around() -> None:
    old = b"".join(b"%d\n" % n for n in range(100))
    new = old.replace(b"\n50\n", b"\nfifty\n")
    expected = b"--- a/a.py\n+++ b/a.py\n@@ -48,7 +48,7 @@\n 47\n 48\n 49\n-50\n+fifty\n 51\n 52\n 53\n"
    assert diff(old, new) == expected


def test_changes_far_apart_are_hunks_of_their_own() -> None:
    old = b"".join(b"%d\n" % n for n in range(60))
    new = old.replace(b"\n10\n", b"\nten\n").replace(b"\n50\n", b"\nfifty\n")
    assert diff(old, new).count(b"@@ -") == 2


def test_too_many_lines_are_shown_as_replaced() -> None:
    old, new = (b"".join(b"%s%d\n" % (side, n) for n in range(300)) for side in (b"a", b"b"))
    assert diff(b"same\n" + old, b"same\n" + new).startswith(b"--- a/a.py\n+++ b/a.py\n@@ -1,301 +1,301 @@\n same\n-a0")


def test_files_come_and_go_and_change_their_kind() -> None:
    link, file = Entry(content=b"target", is_link=True), Entry(content=b"x\n", mode=0o755)
    before = {"gone": file, "kind": link, "mode": file, "made": None, "none": None, "same": file}
    after = {"gone": None, "kind": file, "mode": Entry(content=b"x\n"), "made": link, "none": None, "same": file}
    assert git_diff(before, after).decode().splitlines() == [
        "diff --git a/gone b/gone",
        "deleted file mode 100755",
        "--- a/gone",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-x",
        "diff --git a/kind b/kind",
        "deleted file mode 120000",
        "--- a/kind",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-target",
        "\\ No newline at end of file",
        "diff --git a/kind b/kind",
        "new file mode 100755",
        "--- /dev/null",
        "+++ b/kind",
        "@@ -0,0 +1 @@",
        "+x",
        "diff --git a/made b/made",
        "new file mode 120000",
        "--- /dev/null",
        "+++ b/made",
        "@@ -0,0 +1 @@",
        "+target",
        "\\ No newline at end of file",
        "diff --git a/mode b/mode",
        "old mode 100755",
        "new mode 100644",
    ]


@pytest.mark.parametrize("name", ['a"b\\c', "line\nend", "é", os.fsdecode(b"\xe9.py"), "a b"], ids=ascii)
def test_a_name_may_hold_anything(tmp_path: Path, name: str) -> None:
    tree = {name: Entry(content=b"a\n")}
    text = diff(b"a\n", b"b\n", name)
    assert render(tree, read_diff(text, lambda _: tree).edits) == {name: Entry(content=b"b\n")}
