"""Nothing that a project says moves the cursor, changes colours or turns the direction of text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reknit.cli.text import printable


@given(st.text())
def test_only_what_can_be_seen_is_left(text: str) -> None:
    shown = printable(text)
    assert all(c in "\n\t" or c.isprintable() or c.isspace() or ord(c) > 0x9F for c in shown)
    shown.encode()


def test_colours_go_and_the_rest_is_escaped() -> None:
    assert printable("\x1b[31mred\x1b[0m") == "red"
    assert printable("\x1b]0;title\x07\x1b[2J\r") == "\\x1b]0;title\\x07\\x1b[2J\\x0d"
    assert printable("a\u202eb\u2066c\udcff") == "a\\x202eb\\x2066c\\xdcff"


def test_plain_text_stays() -> None:
    assert printable("“é”\n\t→ 漢字\r\n") == "“é”\n\t→ 漢字\n"
