"""Whatever program has written a diff, its names are those of the project, or it is said that they may be two."""

from __future__ import annotations

import pytest

from reknit.errors import UsageError
from tests.unit.lang.diffs import CHANGE, TEN, after, file


@pytest.mark.parametrize(
    "head",
    [
        b"--- a/pkg/a.py\n+++ b/pkg/a.py\n",
        b"--- pkg/a.py\n+++ pkg/a.py\n",
        b"--- pkg/a.py\t2026-01-01 00:00:00.000000000 +0000\n+++ pkg/a.py\t2026-01-02 00:00:00.000000000 +0000\n",
        b"--- pkg/a.py.orig\n+++ pkg/a.py\n",
        b"--- old/pkg/a.py\n+++ new/pkg/a.py\n",
        b"Index: pkg/a.py\n=====\n--- pkg/a.py\t(revision 1)\n+++ pkg/a.py\t(working copy)\n",
        b"diff --git a/pkg/a.py b/pkg/a.py\nindex 1234567..89abcde 100644\n--- a/pkg/a.py\n+++ b/pkg/a.py\n",
        b"diff --git pkg/a.py pkg/a.py\nindex 1234567..89abcde 100644\n--- pkg/a.py\n+++ pkg/a.py\n",
        b"diff --git i/pkg/a.py w/pkg/a.py\nindex 1234567..89abcde 100644\n--- i/pkg/a.py\n+++ w/pkg/a.py\n",
        b"Words before it.\n\n--- a/pkg/a.py\n+++ b/pkg/a.py\n",
    ],
)
def test_names_are_read_in_every_usual_form(head: bytes) -> None:
    diff = head + CHANGE.split(b"\n", 2)[2] + b"-- \n2.39.5\n"
    assert after({"pkg/a.py": file(TEN)}, diff) == {"pkg/a.py": file(TEN.replace(b"line 2", b"two"))}


_NEW = b"new file mode 100644\nindex 0000000..1234567\n--- /dev/null\n"


@pytest.mark.parametrize(
    ("diff", "there", "left"),
    [
        (
            b"diff --git a/s/a.py b/s/b.py\nsimilarity index 100%\nrename from s/a.py\nrename to s/b.py\n"
            b"diff --git a/s/new.py b/s/new.py\n" + _NEW + b"+++ b/s/new.py\n@@ -0,0 +1 @@\n+new\n",
            {"s/a.py"},
            {"s/b.py", "s/new.py"},
        ),
        (b"diff --git b/new.py b/new.py\n" + _NEW + b"+++ b/new.py\n@@ -0,0 +1 @@\n+new\n", {"x"}, {"x", "b/new.py"}),
        (b"diff --git n w n w\nnew file mode 100644\nindex 0000000..e69de29\n", {"x"}, {"x", "n w"}),
        (b"diff --git s/x s/x\ndeleted file mode 100644\nindex e69de29..0000000\n", {"x", "s/x"}, {"x"}),
        (b"diff --git a/s/x b/s/x\ndeleted file mode 100644\nindex e69de29..0000000\n", {"x", "s/x"}, {"x"}),
    ],
)  # fmt: skip
def test_git_says_whether_names_have_a_prefix(diff: bytes, there: set[str], left: set[str]) -> None:
    assert after({path: file(b"") for path in there}, diff).keys() == left


def test_of_two_files_that_can_be_meant_none_is_guessed() -> None:
    diff = b"--- t/x\n+++ t/x\n@@ -1 +1 @@\n-a\n+b\n"
    with pytest.raises(UsageError, match="may mean t/x or x"):
        after({"x": file(b"a\n"), "t/x": file(b"a\n")}, diff)
