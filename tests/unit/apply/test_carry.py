"""Edits carried over other edits give the same tree in either order, or say that they touch."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reknit.apply.carry import based, carry, rebase
from reknit.model.patch import Create, Delete, Edit, Entry, Metadata, Mode, Origin, Patch, Relink, Rename, Span, render

TEXT = b"zero one two three four"


def _span(start: int, end: int, new: bytes, path: str = "a") -> Span:
    return Span(path=path, start=start, end=end, old=TEXT[start:end], new=new)


def _tree() -> dict[str, Entry]:
    return {"a": Entry(content=TEXT), "b": Entry(content=TEXT), "l": Entry(content=b"a", is_link=True)}


def _patch(edits: tuple[Edit, ...], tree: dict[str, Entry]) -> Patch:
    metadata = Metadata(created=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), author="t", version="0")
    bare = Patch(edits=edits, base={}, confidence=0.5, origin=Origin(proposer="test"), metadata=metadata)
    return based(bare, edits, tree)


def _edits() -> st.SearchStrategy[tuple[Edit, ...]]:
    """Edits that fit `_tree`: up to three spans apart, and perhaps a whole edit."""
    points = st.lists(st.integers(0, len(TEXT)), min_size=2, max_size=6, unique=True).map(sorted)
    path, new = st.sampled_from(["a", "b"]), st.sampled_from([b"", b"x", b"longer text"])
    spans = st.builds(
        lambda p, at, n: [_span(at[i], at[i + 1], n, p) for i in range(0, len(at) - 1, 2)], path, points, new
    )
    whole: st.SearchStrategy[list[Edit]] = st.sampled_from(
        [
            [],
            [Rename(path="a", to="c")],
            [Rename(path="b", to="c"), Mode(path="c", old=0o644, new=0o755)],
            [Mode(path="a", old=0o644, new=0o755)],
            [Create(path="c", entry=Entry(content=b"new"))],
            [Relink(path="l", old=b"a", new=b"b")],
            [Delete(path="l", entry=_tree()["l"])],
        ]
    )
    return st.builds(lambda s, w: (*s, *w), spans, whole)


@settings(max_examples=300, deadline=None)
@given(first=_edits(), second=_edits())
def test_either_order_gives_the_same_tree(first: tuple[Edit, ...], second: tuple[Edit, ...]) -> None:
    tree = _tree()
    one, two = carry(first, second), carry(second, first)
    assert (one is None) == (two is None)
    if one is not None and two is not None:
        assert render(render(tree, second), one) == render(render(tree, first), two)


@pytest.mark.parametrize(
    ("span", "over", "start"),
    [
        (_span(5, 8, b"ONE"), _span(0, 4, b"nil"), 4),
        (_span(5, 8, b"ONE"), _span(9, 12, b""), 5),
        (_span(5, 8, b"ONE"), _span(0, 5, b""), 0),
        (_span(5, 8, b"ONE"), _span(5, 5, b"++"), 7),
        (_span(5, 8, b"ONE"), _span(8, 8, b"++"), 5),
        (_span(5, 8, b"ONE"), _span(0, 4, b"nil", "b"), 5),
        (_span(5, 8, b"ONE"), _span(7, 9, b"x"), None),
        (_span(5, 8, b"ONE"), _span(6, 6, b"x"), None),
        (_span(6, 6, b"x"), _span(5, 8, b"ONE"), None),
        (_span(5, 5, b"x"), _span(5, 5, b"y"), None),
    ],
)
def test_spans_shift_exactly_or_touch(span: Span, over: Span, start: int | None) -> None:
    carried = carry([span], [over])
    if start is None:
        assert carried is None
    else:
        assert carried is not None
        (moved,) = carried
        assert isinstance(moved, Span)
        assert (moved.start, moved.end - moved.start) == (start, span.end - span.start)


@pytest.mark.parametrize(
    ("edit", "over"),
    [
        (_span(0, 4, b"x"), Delete(path="a", entry=_tree()["a"])),
        (Delete(path="a", entry=_tree()["a"]), _span(0, 4, b"x")),
        (Create(path="c", entry=Entry(content=b"")), Create(path="c", entry=Entry(content=b""))),
        (Create(path="c", entry=Entry(content=b"")), Rename(path="a", to="c")),
        (Rename(path="a", to="c"), Rename(path="a", to="d")),
        (Mode(path="a", old=0o644, new=0o600), Mode(path="a", old=0o644, new=0o755)),
    ],
)
def test_what_touches_is_not_carried(edit: Edit, over: Edit) -> None:
    assert carry([edit], [over]) is None


def test_names_follow_renames() -> None:
    over = [Rename(path="a", to="c")]
    assert carry([_span(0, 4, b"x"), Mode(path="a", old=0o644, new=0o755)], over) == (
        _span(0, 4, b"x", "c"),
        Mode(path="c", old=0o644, new=0o755),
    )
    assert carry([Relink(path="l", old=b"a", new=b"b")], [Rename(path="l", to="m")]) == (
        Relink(path="m", old=b"a", new=b"b"),
    )


def test_rebase_follows_known_patches_and_nothing_else() -> None:
    tree = _tree()
    mine = _patch((_span(13, 18, b"3"),), tree)
    first = _patch((_span(0, 4, b"nothing"),), tree)
    middle = first.render(tree)
    second = _patch((Rename(path="a", to="c"),), middle)
    now = second.render(middle)
    moved = rebase(mine, [first, second], now)
    assert moved is not None
    assert moved.render(now)["c"].content == b"nothing one two 3 four"
    assert rebase(mine, [second], now) is None
    assert rebase(mine, [first, second], {**now, "c": Entry(content=now["c"].content + b"!")}) is None
    assert rebase(_patch((_span(2, 6, b"x"),), tree), [first, second], now) is None


@pytest.mark.parametrize(("start", "end"), [(0, 6), (6, 12)])
def test_an_insertion_at_the_border_of_what_was_inferred_touches_it(start: int, end: int) -> None:
    """Where such a span ends is not certain: what is to be inserted may be in it already."""
    insertion = Span(path="a", start=6 if start == 0 else start, end=6 if start == 0 else start, old=b"", new=b"x\n")
    other = Span(path="a", start=start, end=end, old=b"y" * 6, new=b"x\nyyyyyy")
    assert carry([insertion], [other], inferred=True) is None
    assert carry([other], [insertion], inferred=True) is None
    assert carry([insertion], [other]) is not None
