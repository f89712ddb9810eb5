"""Laws of patches: applied and taken back is nothing; a conflict writes nothing; the content is the name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.errors import ConflictError, UsageError
from reknit.model import codec
from reknit.model.patch import (
    Create,
    Delete,
    Edit,
    Entry,
    Metadata,
    Mode,
    Origin,
    Patch,
    Relink,
    Rename,
    Span,
    Tree,
    check_path,
    invert,
    render,
)
from tests.unit.model.strategies import changes, entries, patches

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
FILE, LINK = Entry(content=b"one\r\n\xff"), Entry(content=b"target", is_link=True)
TREE = {"a.py": FILE, "pkg/b.py": FILE, "link": LINK}


def span(path: str, start: int, old: bytes, new: bytes) -> Span:
    return Span(path=path, start=start, end=start + len(old), old=old, new=new)


def patch(*edits: Edit, tree: Tree = TREE, confidence: float = 0.5) -> Patch:
    files = {e.path for e in edits} | {e.to for e in edits if isinstance(e, Rename)}
    return Patch(
        edits=edits,
        base={p: tree[p].digest() if p in tree else "" for p in files},
        confidence=confidence,
        origin=Origin(proposer="test"),
        metadata=Metadata(created=NOW, author="ada", version="0"),
    )


@given(changes())
def test_apply_then_invert_is_nothing(change: tuple[Tree, tuple[Edit, ...]]) -> None:
    tree, edits = change
    assert render(render(tree, edits), invert(edits)) == tree


@given(changes())
def test_the_inverse_of_the_inverse_does_the_same(change: tuple[Tree, tuple[Edit, ...]]) -> None:
    tree, edits = change
    assert render(tree, invert(invert(edits))) == render(tree, edits)


@given(changes())
def test_render_leaves_its_argument_alone(change: tuple[Tree, tuple[Edit, ...]]) -> None:
    tree, edits = change
    before = dict(tree)
    render(tree, edits)
    assert tree == before


@given(patches())
def test_a_patch_inverts(made: tuple[Tree, Patch]) -> None:
    """With its base: the inverse knows the tree that it is for."""
    tree, change = made
    inverse = change.invert(tree)
    assert inverse.render(change.render(tree)) == tree


@given(patches(), entries)
def test_a_file_that_changed_is_a_conflict(made: tuple[Tree, Patch], other: Entry) -> None:
    tree, change = made
    path = change.files[0]
    if path in tree and tree[path].digest() == other.digest():
        other = replace(other, content=other.content + b"!")
    with pytest.raises(ConflictError) as caught:
        change.render({**tree, path: other})
    assert "nothing was written" in caught.value.message


@pytest.mark.parametrize(
    "edits",
    [
        [span("a.py", 0, b"two", b"")],
        [span("a.py", 5, b"\xfe", b"")],
        [span("a.py", 0, b"one", b"x"), span("a.py", 2, b"e", b"y")],
        [span("a.py", 99, b"", b"beyond the end")],
        [span("gone.py", 0, b"", b"x")],
        [span("link", 0, b"target", b"x")],
        [Create(path="a.py", entry=FILE)],
        [Create(path="a.py/inside", entry=FILE)],
        [Create(path="pkg", entry=FILE)],
        [Delete(path="a.py", entry=replace(FILE, mode=0o755))],
        [Delete(path="gone.py", entry=FILE)],
        [Rename(path="gone.py", to="b.py")],
        [Rename(path="a.py", to="pkg/b.py")],
        [Rename(path="a.py", to="pkg/b.py/c")],
        [Mode(path="a.py", old=0o755, new=0o600)],
        [Mode(path="link", old=0o644, new=0o600)],
        [Relink(path="link", old=b"other", new=b"x")],
        [Relink(path="a.py", old=FILE.content, new=b"x")],
    ],
)
def test_what_does_not_fit_is_a_conflict(edits: Sequence[Edit]) -> None:
    with pytest.raises(ConflictError) as caught:
        render(TREE, edits)
    assert caught.value.slug == "conflict"
    assert caught.value.path


def test_a_file_may_make_way() -> None:
    """Only the tree at the end must be possible."""
    edits = (Rename(path="a.py", to="a.txt"), Create(path="a.py/__init__.py", entry=FILE))
    after = render(TREE, edits)
    assert set(after) == {"a.txt", "a.py/__init__.py", "pkg/b.py", "link"}
    assert render(after, invert(edits)) == TREE


@pytest.mark.parametrize(
    "edits",
    [
        (span("a.py", 0, b"one", b"1"), Rename(path="a.py", to="t"), Rename(path="t", to="u")),
        (
            span("a.py", 0, b"one", b"1"),
            span("pkg/b.py", 0, b"one", b"2"),
            Rename(path="a.py", to="t"),
            Rename(path="pkg/b.py", to="a.py"),
            Rename(path="t", to="pkg/b.py"),
        ),
        (span("a.py", 0, b"one", b"1"), Delete(path="a.py", entry=replace(FILE, content=b"1\r\n\xff"))),
        (span("a.py", 0, b"", b"x"), span("a.py", 0, b"", b"y"), span("a.py", 0, b"one", b"")),
    ],
    ids=["moved twice", "swapped", "edited and deleted", "three at one place"],
)
def test_hard_inverses(edits: tuple[Edit, ...]) -> None:
    assert render(render(TREE, edits), invert(edits)) == TREE


def test_bytes_outside_the_span_stay() -> None:
    assert render(TREE, [span("a.py", 0, b"one", b"two")])["a.py"].content == b"two\r\n\xff"


def test_the_id_never_changes() -> None:
    """Journals and stores of earlier versions are full of ids."""
    every = patch(
        span("a.py", 0, b"one", b"two"),
        Mode(path="a.py", old=0o644, new=0o755),
        Rename(path="pkg/b.py", to="pkg/\udcff.py"),
        Create(path="new", entry=LINK),
        Relink(path="link", old=b"target", new=b"\xff"),
        Delete(path="link", entry=replace(LINK, content=b"\xff")),
    )
    assert every.id == "e2df46f97d6448b6"


@given(patches())
def test_the_id_is_the_content(made: tuple[Tree, Patch]) -> None:
    """Not who made it, when, how sure; nor the way over the wire; nor where a span stands among the edits."""
    _, change = made
    later = Metadata(created=NOW + dt.timedelta(days=1), author="bob", version="9")
    same = replace(change, metadata=later, confidence=1.0, origin=Origin(proposer="user", note="x", cost=3.0))
    assert same.id == change.id
    assert codec.loads(Patch, codec.dumps(Patch, change)).id == change.id
    spans = [e for e in change.edits if isinstance(e, Span)]
    if len({(s.path, s.start) for s in spans}) == len(spans):
        others = [e for e in change.edits if not isinstance(e, Span)]
        assert replace(change, edits=(*others, *reversed(spans))).id == change.id


@pytest.mark.parametrize(
    "other",
    [
        patch(span("a.py", 0, b"one", b"too")),
        patch(span("a.py", 0, b"o", b"two")),
        patch(span("pkg/b.py", 0, b"one", b"two")),
        patch(span("a.py", 0, b"one", b"two"), tree={"a.py": LINK}),
        patch(span("a.py", 0, b"one", b"two"), Rename(path="a.py", to="b.py")),
    ],
)
def test_another_content_has_another_id(other: Patch) -> None:
    assert other.id != patch(span("a.py", 0, b"one", b"two")).id


@given(st.lists(entries, min_size=2, max_size=6))
def test_digests_tell_entries_apart(some: list[Entry]) -> None:
    keys = {(e.is_link, None if e.is_link else e.mode, e.content) for e in some}
    assert len({e.digest() for e in some}) == len(keys)


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/a",
        "//a",
        "../a",
        "a/../b",
        "a/..",
        "./a",
        "a//b",
        "a/",
        "a/./b",
        "a\0b",
        ".git/hooks/x",
        "a/.GIT/config",
    ],
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_path(path)
    assert caught.value.slug == "path"
    with pytest.raises(UsageError):
        patch(Create(path=path, entry=FILE))
    with pytest.raises(UsageError):
        patch(Rename(path="a.py", to=path))


@pytest.mark.parametrize("path", ["a", "a.py", "a/b.py", "..a", "a..", ".github/x", "\udcff.py", "with space", "a\\b"])
def test_paths_that_are_fine(path: str) -> None:
    check_path(path)
    assert patch(Create(path=path, entry=FILE)).files == (path,)


@pytest.mark.parametrize(("start", "end", "old"), [(-1, 0, b"x"), (3, 2, b""), (0, 2, b"x"), (0, 0, b"x")])
def test_spans_that_are_refused(start: int, end: int, old: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        Span(path="a", start=start, end=end, old=old, new=b"")
    assert caught.value.slug == "span"


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan"), float("inf")])
def test_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(UsageError) as caught:
        patch(Create(path="x", entry=FILE), confidence=confidence)
    assert caught.value.slug == "confidence"


def test_a_patch_changes_something() -> None:
    with pytest.raises(UsageError) as caught:
        patch()
    assert caught.value.slug == "empty-patch"
