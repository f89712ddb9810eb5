"""Differences for people."""

from __future__ import annotations

from reknit.lang.difference import unified_diff


def test_diff() -> None:
    """A hunk names the file and shows the lines."""
    text = unified_diff("d/a.py", b"x = 1\r\ny = 2\r\n", b"x = 1\r\ny = 3\r\n")
    assert text == "--- a/d/a.py\n+++ b/d/a.py\n@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = 3\n"


def test_bytes_that_are_no_text() -> None:
    """Undecodable bytes are shown as escapes; a missing last line end is said."""
    text = unified_diff("a.py", b"x = '\xe9'", b"x = '\xe8'")
    assert "-x = '\\xe9'\n\\ No newline at end of file\n" in text
    assert "+x = '\\xe8'\n\\ No newline at end of file\n" in text
    assert unified_diff("a.py", b"x", b"x") == ""
