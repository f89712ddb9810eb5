"""Unified diffs become exactly the edits that they stand for, or a clear refusal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reknit.errors import ConflictError, ReknitError, UsageError
from reknit.lang.diff import read_diff
from reknit.model.patch import Create, Delete, Edit, Entry, Mode, Relink, Rename, Span, invert, render
from tests.unit.apply.place import plant, scratch
from tests.unit.lang.diffs import CHANGE, TEN, Tree, after, file, reading_of


def test_a_change_is_a_span_of_the_changed_lines_only() -> None:
    reading = reading_of({"pkg/a.py": file(TEN)}, CHANGE)
    assert reading.edits == (Span(path="pkg/a.py", start=14, end=21, old=b"line 2\n", new=b"two\n"),)
    assert reading.notes == ()


def test_a_mail_has_a_subject() -> None:
    mail = b"From 0 Mon Sep 17\nFrom: A <a@example.org>\nSubject: [PATCH 1/2] Mend it\n\nBecause.\n---\n pkg/a.py | 2 +-\n\n"
    reading = reading_of({"pkg/a.py": file(TEN)}, mail + CHANGE)
    assert reading.subject == "Mend it"


def test_a_text_whose_line_ends_were_changed_on_its_way_fits() -> None:
    assert after({"pkg/a.py": file(TEN)}, CHANGE.replace(b"\n", b"\r\n")) == {
        "pkg/a.py": file(TEN.replace(b"line 2", b"two"))
    }


@pytest.mark.parametrize(
    ("old", "new", "body"),
    [
        (b"a\r\nb\r\n", b"a\r\nc\r\n", b" a\r\n-b\r\n+c\r\n"),
        (b"\xef\xbb\xbfa\nb\xff\n", b"\xef\xbb\xbfa\nc\xff\x0c\n", b" \xef\xbb\xbfa\n-b\xff\n+c\xff\x0c\n"),
        (b"a\rx\nb\n", b"a\rx\nc\n", b" a\rx\n-b\n+c\n"),
        (b"a\nb", b"a\nb\n", b" a\n-b\n\\ No newline at end of file\n+b\n"),
        (b"a\nb\n", b"a\nb", b" a\n-b\n+b\n\\ No newline at end of file\n"),
        (b"a\nb", b"a\nc", b" a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"),
        (b"--- a\n+++ b\n", b"--- a\n@@ c\n", b" --- a\n-+++ b\n+@@ c\n"),
    ],
)
def test_bytes_are_kept(old: bytes, new: bytes, body: bytes) -> None:
    diff = b"--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n" + body
    assert after({"x": file(old)}, diff) == {"x": file(new)}


def test_headers_of_git() -> None:
    tree: Tree = {
        "mode.sh": file(b"x\n"),
        "old name": file(b"a\nb\nc\nd\n", 0o755),
        "gone": file(b""),
        "from.py": file(b"one\n"),
        "link": Entry(content=b"here", is_link=True),
        "kind": file(b"file\n"),
        "ä.py": file(b"u\n"),
    }
    diff = b"""diff --git a/mode.sh b/mode.sh
old mode 100644
new mode 100755
diff --git a/old name b/new name
similarity index 75%
rename from old name
rename to new name
index 1234567..89abcde 100755
--- a/old name\t
+++ b/new name\t
@@ -1,4 +1,4 @@
 a
-b
+B
 c
 d
diff --git a/gone b/gone
deleted file mode 100644
index e69de29..0000000
diff --git a/from.py b/copy.py
similarity index 100%
copy from from.py
copy to copy.py
diff --git a/empty b/empty
new file mode 100755
index 0000000..e69de29
diff --git a/link b/link
index 1234567..89abcde 120000
--- a/link
+++ b/link
@@ -1 +1 @@
-here
\\ No newline at end of file
+there
\\ No newline at end of file
diff --git a/new b/new
new file mode 120000
index 0000000..1234567
--- /dev/null
+++ b/new
@@ -0,0 +1 @@
+gone
\\ No newline at end of file
diff --git a/kind b/kind
deleted file mode 100644
index 1234567..0000000
--- a/kind
+++ /dev/null
@@ -1 +0,0 @@
-file
diff --git a/kind b/kind
new file mode 120000
index 0000000..1234567
--- /dev/null
+++ b/kind
@@ -0,0 +1 @@
+link
\\ No newline at end of file
diff --git "a/\\303\\244.py" "b/\\303\\244.py"
index 1234567..89abcde 100644
--- "a/\\303\\244.py"
+++ "b/\\303\\244.py"
@@ -1 +1 @@
-u
+v
"""
    reading = reading_of(tree, diff)
    assert [type(edit) for edit in reading.edits] == [
        Mode, Span, Rename, Delete, Create, Create, Relink, Create, Delete, Create, Span,
    ]  # fmt: skip
    assert render(tree, reading.edits) == {
        "mode.sh": file(b"x\n", 0o755),
        "new name": file(b"a\nB\nc\nd\n", 0o755),
        "from.py": file(b"one\n"),
        "copy.py": file(b"one\n"),
        "empty": file(b"", 0o755),
        "link": Entry(content=b"there", is_link=True),
        "new": Entry(content=b"gone", is_link=True),
        "kind": Entry(content=b"link", is_link=True),
        "ä.py": file(b"v\n"),
    }


def test_diff_u_says_by_the_epoch_that_a_file_is_not_there() -> None:
    new = b"--- a.py\t1970-01-01 00:00:00.000000000 +0000\n+++ a.py\t2026-01-01 00:00:00 +0000\n@@ -0,0 +1 @@\n+one\n"
    assert after({}, new) == {"a.py": file(b"one\n")}
    gone = b"--- a.py\t2026-01-01 00:00:00 +0000\n+++ a.py\t1970-01-01 00:00:00.000000000 +0000\n@@ -1 +0,0 @@\n-one\n"
    assert after({"a.py": file(b"one\n")}, gone) == {}


def test_a_hunk_at_another_line_is_found_where_its_lines_are() -> None:
    tree = {"pkg/a.py": file(b"new\n" * 5 + TEN)}
    reading = reading_of(tree, CHANGE)
    assert reading.notes == ("hunk 1 of pkg/a.py fits at line 7, not 2",)
    assert render(tree, reading.edits) == {"pkg/a.py": file(b"new\n" * 5 + TEN.replace(b"line 2", b"two"))}


def test_hunks_after_one_that_moved_move_with_it() -> None:
    diff = CHANGE + b"@@ -7,3 +7,3 @@\n line 6\n-line 7\n+seven\n line 8\n"
    reading = reading_of({"pkg/a.py": file(b"new\n" + TEN)}, diff)
    assert len(reading.notes) == 1
    assert len(reading.edits) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x\nx\n" + b"line 1\nline 2\nline 3\n" * 2, r"hunk 1, which fits at lines 3, 6"),
        (TEN.replace(b"line 3", b"LINE 3"), r"is not as hunk 1 says, at line 4 or elsewhere"),
        (b"", r"is not as hunk 1 says"),
        (TEN.replace(b"\n", b"\r\n"), r"is not as hunk 1 says"),
    ],
)
def test_a_hunk_whose_place_is_not_certain_is_a_conflict(content: bytes, said: str) -> None:
    with pytest.raises(ConflictError, match=said):
        reading_of({"pkg/a.py": file(content)}, CHANGE)


@pytest.mark.parametrize(
    ("diff", "content", "said"),
    [
        (b"--- a/x\n+++ b/x\n@@ -7,3 +7,4 @@\n line 7\n line 8\n line 9\n+line 10\n", TEN, "is not as hunk 1 says"),
        (b"--- a/x\n+++ b/x\n@@ -8,3 +8,4 @@\n line 7\n line 8\n line 9\n+line 10\n", TEN + b"line 10\n", "already"),
        (b"--- a/x\n+++ b/x\n@@ -8,3 +8,4 @@\n line 7\n line 8\n line 9\n+line 10\n", TEN + b"more\n", "is not as"),
        (b"--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n+first\n line 0\n line 1\n", b"first\n" + TEN, "already"),
        (b"--- a/x\n+++ b/x\n@@ -3 +3 @@\n-line 2\n+two\n", TEN, "no context"),
    ],
)  # fmt: skip
def test_what_begins_or_ends_a_file_is_put_nowhere_else(diff: bytes, content: bytes, said: str) -> None:
    if diff.startswith(b"--- a/x\n+++ b/x\n@@ -7"):
        content = content[:-7]  # its last line is gone
    with pytest.raises(ConflictError, match=said):
        after({"x": file(content)}, diff)


def test_it_is_put_there_where_it_is_the_beginning_or_the_end() -> None:
    end = b"--- a/x\n+++ b/x\n@@ -8,3 +8,4 @@\n line 7\n line 8\n line 9\n+line 10\n"
    assert after({"x": file(b"new\n" + TEN)}, end) == {"x": file(b"new\n" + TEN + b"line 10\n")}


def test_a_copy_is_of_what_was_there_before() -> None:
    diff = (
        b"diff --git a/a b/a\nindex 1..2 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+two\n"
        b"diff --git a/a b/c\nsimilarity index 50%\ncopy from a\ncopy to c\n"
    )
    assert after({"a": file(b"one\n")}, diff) == {"a": file(b"two\n"), "c": file(b"one\n")}


def test_new_files_are_closed_to_whom_the_user_closes_files() -> None:
    diff = b"diff --git a/n b/n\nnew file mode 100755\nindex 0..1\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\n"
    (edit,) = read_diff(diff, lambda _paths: {}, umask=0o077).edits
    assert isinstance(edit, Create)
    assert edit.entry.mode == 0o700


def test_a_subject_is_decoded_and_unfolded() -> None:
    mail = b"Subject: [PATCH 1/2] =?UTF-8?q?Gr=C3=B6=C3=9Fe?=\n of it\n\nText.\n" + CHANGE
    assert reading_of({"pkg/a.py": file(TEN)}, mail).subject == "Größe of it"


def test_a_file_with_crlf_takes_a_diff_that_is_all_crlf() -> None:
    content = TEN.replace(b"\n", b"\r\n")
    left = after({"pkg/a.py": file(content)}, CHANGE.replace(b"\n", b"\r\n"))
    assert left == {"pkg/a.py": file(content.replace(b"line 2", b"two"))}


def test_a_hunk_without_context_is_not_guessed() -> None:
    diff = b"--- a/a.py\n+++ b/a.py\n@@ -5,0 +6 @@\n+new\n"
    with pytest.raises(ConflictError, match="no context"):
        reading_of({"a.py": file(TEN)}, diff)
    assert after({"a.py": file(b"")}, b"--- a/a.py\n+++ b/a.py\n@@ -0,0 +1 @@\n+new\n") == {"a.py": file(b"new\n")}


@pytest.mark.parametrize(
    ("tree", "diff"),
    [
        ({}, CHANGE),
        ({"a.py": file(b"there\n")}, b"--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+one\n"),
        ({"a.py": file(b"one\ntwo\n")}, b"--- a/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n"),
        (
            {"a": file(b""), "b": file(b"")},
            b"diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to b\n",
        ),
        (
            {"a": file(b"x\n")},
            b"diff --git a/a b/a\nindex 1..2 120000\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n",
        ),
    ],
)
def test_files_other_than_the_diff_says_are_a_conflict(tree: Tree, diff: bytes) -> None:
    with pytest.raises(ConflictError):
        after(tree, diff)


@pytest.mark.parametrize(
    ("diff", "said"),
    [
        (b"", "no unified diff"),
        (b"just words\n", "no unified diff"),
        (b"\0\xff" * 100, "no unified diff"),
        (CHANGE[:-15], "damaged"),
        (CHANGE.replace(b"-2,3", b"-2,2"), "damaged"),
        (CHANGE + CHANGE, "more than once"),
        (b"diff --cc a.py\nindex 1,2..3\n--- a/a.py\n+++ b/a.py\n@@@ -1,1 -1,1 +1,1 @@@\n  x\n", "combined"),
        (b"diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcmZQz0000X\n\n", "binary"),
        (b"diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n", "binary"),
        (b"diff --git a/s b/s\nindex 1..2 160000\n--- a/s\n+++ b/s\n@@ -1 +1 @@\n-Subproject 1\n+Subproject 2\n", "submodule"),
        (b"--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n", "no plain path"),
        (b"--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "no plain path"),
        (b"--- /dev/null\n+++ b/.git/hooks/pre-commit\n@@ -0,0 +1 @@\n+b\n", "no plain path"),
        (b"--- /dev/null\n+++ /dev/null\n@@ -0,0 +1 @@\n+b\n", "on no side"),
        (b"diff --git a/pkg/a.py b/pkg/a.py\nold mode 100644\nnew mode 100644\n", "changes nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(diff: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        reading_of({"pkg/a.py": file(TEN), "s": file(b"Subproject 1\n")}, diff)


def test_what_is_too_large_is_notreading_of() -> None:
    with pytest.raises(UsageError, match="MiB"):
        reading_of({}, b"x" * ((32 << 20) + 1))


@given(st.one_of(st.binary(), st.lists(st.sampled_from([*CHANGE.splitlines(keepends=True), b"@@ -0,0 +1 @@\n", b"+\n"])).map(b"".join)))  # fmt: skip
def test_nothing_is_raised_but_what_people_canreading_of(diff: bytes) -> None:
    tree = {"pkg/a.py": file(TEN)}
    said, edits = "", tuple[Edit, ...]()
    try:
        edits = reading_of(tree, diff).edits
    except ReknitError as exc:
        said = exc.message
    assert said.endswith("nothing was written") if said else render(render(tree, edits), invert(edits)) == tree


_LINES = st.lists(
    st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\xff\xfe\n", b"\n", b"d\x0c\n", b"--- x\n"]), max_size=12
)
_CONTENT = st.builds(lambda lines, end: b"".join(lines) + end, _LINES, st.sampled_from([b"", b"no newline"]))
_ENTRY = st.one_of(
    st.builds(Entry, content=_CONTENT, mode=st.sampled_from([0o644, 0o755])),
    st.builds(Entry, content=st.sampled_from([b"a", b"../b", b"nowhere"]), mode=st.just(0o644), is_link=st.just(True)),
)
_TREE = st.dictionaries(st.sampled_from(["a.py", "b.py", "pkg/c d.py", "ä", "x.sh", "pkg/deep/e"]), _ENTRY, max_size=5)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_TREE, _TREE, st.booleans())
def test_what_git_writes_leads_to_the_same_tree(old: Tree, new: Tree, renames: bool) -> None:
    with scratch() as folder:
        diff = _git_diff(folder, old, new, renames=renames)
    if not diff:
        return
    try:
        left = after(old, diff)
    except (ConflictError, UsageError) as exc:
        refused = exc
    else:
        assert {p: e.digest() for p, e in left.items()} == {p: e.digest() for p, e in new.items()}
        return
    # What git can write and a reader cannot be sure of: files that change names with one another.
    assert b"rename from" in diff or b"copy from" in diff, refused


def _git_diff(folder: Path, old: Tree, new: Tree, *, renames: bool) -> bytes:
    def git(*arguments: str) -> bytes:
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", "-c", "core.autocrlf=false", *arguments],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
        ).stdout

    git("init", "-q")
    trees = []
    for tree in (old, new):
        git("rm", "-q", "-r", "--cached", "--ignore-unmatch", ".")
        for path in folder.iterdir():
            if path.name != ".git":
                subprocess.run(["rm", "-rf", path], check=True)
        plant(folder, tree)
        git("add", "-A", "-f")
        trees.append(git("write-tree").decode().strip())
    return git("diff-tree", "-p", "--text", *(["-M", "-C"] if renames else ["--no-renames"]), *trees)
