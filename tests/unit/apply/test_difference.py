"""What a person changed: exact as edits, and never sure of a line that could be another one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reknit.apply.difference import difference
from reknit.model.patch import Create, Delete, Entry, Mode, Relink, Span, render

LINES = [b"line %d\n" % number for number in range(20)]
FILE = Entry(content=b"".join(LINES))
_text = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\xff\n", b"u1\n", b"u2\n", b"u3"]), max_size=24).map(
    b"".join
)


@settings(max_examples=300, deadline=None)
@given(old=_text, new=_text)
def test_difference_makes_the_one_into_the_other(old: bytes, new: bytes) -> None:
    tree = {"f": Entry(content=old)}
    assert render(tree, difference("f", tree["f"], Entry(content=new))) == {"f": Entry(content=new)}


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        (None, FILE, [Create]),
        (FILE, None, [Delete]),
        (FILE, FILE, []),
        (FILE, Entry(content=FILE.content, mode=0o755), [Mode]),
        (FILE, Entry(content=b"x", is_link=True), [Delete, Create]),
        (Entry(content=b"x", is_link=True), Entry(content=b"y", is_link=True), [Relink]),
        (FILE, Entry(content=FILE.content + b"end\n", mode=0o600), [Span, Mode]),
    ],
)
def test_kinds(old: Entry | None, new: Entry | None, kinds: list[type]) -> None:
    edits = difference("f", old, new)
    assert [type(edit) for edit in edits] == kinds
    assert render({"f": old} if old else {}, edits) == ({"f": new} if new else {})


def test_three_lines_next_to_a_change_belong_to_it() -> None:
    new = b"".join([*LINES[:10], b"mine\n", *LINES[11:]])
    (span,) = difference("f", FILE, Entry(content=new))
    assert isinstance(span, Span)
    assert span.old == b"".join(LINES[7:14])


def test_a_line_that_could_be_another_one_is_not_taken_for_unchanged() -> None:
    old = b"same\n" * 12
    (span,) = difference("f", Entry(content=old), Entry(content=old[5:]))
    assert isinstance(span, Span)
    assert span.old == old


def test_distant_changes_leave_what_is_between_them() -> None:
    new = b"".join([b"top\n", *LINES[:18], b"end\n", *LINES[18:]])
    spans = [edit.old for edit in difference("f", FILE, Entry(content=new)) if isinstance(edit, Span)]
    assert spans == [b"".join(LINES[:3]), b"".join(LINES[15:])]
