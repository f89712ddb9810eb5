"""Random values of every type that travels, harder than `st.from_type`: odd text, aware times, honest edits."""

from __future__ import annotations

import collections.abc
import datetime as dt
import enum
import types
import typing
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import strategies as st

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
    render,
)

#: Lone surrogates too: `os.fsdecode` makes them of names that are not UTF-8.
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
zones = st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)).map(
    lambda t: dt.timezone(dt.timedelta(minutes=t // dt.timedelta(minutes=1)))
)
instants = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2999, 1, 1), timezones=zones)  # noqa: DTZ001 - bounds
paths = st.lists(st.sampled_from(["a", "b", "é", "\udcff", " .py"]), min_size=1, max_size=3).map("/".join)
contents = st.binary(max_size=12) | st.sampled_from([b"", b"x\r\ny\r\n", b"\xff\xfe\n", "é\n".encode()])
entries = st.one_of(
    st.builds(Entry, content=contents, mode=st.sampled_from([0o644, 0o755, 0o600])),
    st.builds(Entry, content=contents, is_link=st.just(True)),
)
#: Names that cannot lie inside one another.
names = st.sampled_from(["a.py", "b.py", "pkg/c.py", "pkg/deep/d\udcff.py", "e", "f"])
trees: st.SearchStrategy[Tree] = st.dictionaries(names, entries, max_size=6)

_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    bytes: st.binary(max_size=8),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    dt.datetime: instants,
    type(None): st.none(),
}


@st.composite
def spans(draw: st.DrawFn, path: str, content: bytes) -> list[Span]:
    """Spans of one file that do not overlap; they may touch, be empty, or be mere insertions."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=6)))
    made = [
        Span(path=path, start=a, end=b, old=content[a:b], new=draw(st.binary(max_size=4)))
        for a, b in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    return draw(st.permutations(made)) if len({s.start for s in made}) == len(made) else made


@st.composite
def _whole(draw: st.DrawFn, tree: Tree) -> Edit | None:
    """One edit that fits the tree, or None where the kind that was drawn does not."""
    kind = draw(st.sampled_from([Create, Delete, Rename, Mode, Relink]))
    free = sorted({"a.py", "b.py", "pkg/c.py", "e", "new"} - tree.keys())
    here = [p for p, e in sorted(tree.items()) if kind not in (Mode, Relink) or e.is_link is (kind is Relink)]
    if kind is Create:
        return Create(path=draw(st.sampled_from(free)), entry=draw(entries)) if free else None
    if not here:
        return None
    path = draw(st.sampled_from(here))
    if kind is Delete:
        return Delete(path=path, entry=tree[path])
    if kind is Rename:
        return Rename(path=path, to=draw(st.sampled_from(free))) if free else None
    if kind is Mode:
        return Mode(path=path, old=tree[path].mode, new=draw(st.sampled_from([0o600, 0o755])))
    return Relink(path=path, old=tree[path].content, new=draw(contents))


@st.composite
def edits_of(draw: st.DrawFn, tree: Tree) -> tuple[Edit, ...]:
    """Edits of every kind that fit `tree`, one on top of the other: files edited, then moved, then deleted."""
    made: list[Edit] = []
    for path, entry in sorted(tree.items()):
        if not entry.is_link and draw(st.booleans()):
            made += draw(spans(path, entry.content))
    for _ in range(draw(st.integers(0, 6))):
        edit = draw(_whole(render(tree, made)))
        if edit is not None:
            made.append(edit)
    return tuple(made)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Tree, tuple[Edit, ...]]:
    """A tree, and edits that fit it."""
    tree = draw(trees)
    return tree, draw(edits_of(tree))


@st.composite
def patches(draw: st.DrawFn) -> tuple[Tree, Patch]:
    """A tree, and a patch that was made for it."""
    tree, edits = draw(changes().filter(lambda change: bool(change[1])))
    touched = {e.path for e in edits} | {e.to for e in edits if isinstance(e, Rename)}
    patch = Patch(
        edits=edits,
        base={p: tree[p].digest() if p in tree else "" for p in touched},
        confidence=draw(st.floats(0, 1)),
        origin=draw(of(Origin)),
        metadata=draw(of(Metadata)),
    )
    return tree, patch


@st.composite
def _span(draw: st.DrawFn) -> Span:
    start, old = draw(st.integers(0, 10**9)), draw(contents)
    return Span(path=draw(paths), start=start, end=start + len(old), old=old, new=draw(contents))


def of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of any type that the model uses."""
    if kind in _LEAVES:
        return _LEAVES[kind]
    if kind is Patch:
        return patches().map(lambda made: made[1])
    if kind is Span:
        return _span()
    if isinstance(kind, type) and is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return st.deferred(lambda: st.builds(kind, **{f.name: of(hints[f.name]) for f in fields(kind)}))
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    return _generic(typing.get_origin(kind), typing.get_args(kind))


def _generic(origin: Any, args: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is typing.Literal:
        return st.sampled_from(args)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*map(of, args))
    if origin is tuple and args[1:] == (...,):
        return st.lists(of(args[0]), max_size=2).map(tuple)
    if origin is collections.abc.Mapping:
        return st.dictionaries(of(args[0]), of(args[1]), max_size=2)
    raise TypeError(f"the model has a new kind of field, {origin}[{args}]: say here how to draw it")
