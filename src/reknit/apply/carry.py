"""Edits carried over other edits that were made to the same tree.

If `a` and `b` are both made for the tree t, `carry(a, b)` is `a` made for t after `b`: offsets shift and names follow
renames, exactly, and None says that the two touch each other. Either order then gives the same tree:

    render(render(t, b), carry(a, b)) == render(render(t, a), carry(b, a))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reknit.apply.base import digest
from reknit.errors import ConflictError
from reknit.model.patch import Create, Delete, Edit, Mode, Patch, Relink, Rename, Span, Tree, invert, render

_Whole = Create | Delete | Rename | Mode | Relink
#: What `render` does at a time: all spans together, then one whole edit after the other.
_Step = tuple[Span, ...] | _Whole


def carry(edits: Sequence[Edit], over: Sequence[Edit], *, inferred: bool = False) -> tuple[Edit, ...] | None:
    """`edits` for the tree that `over` leaves behind; None if they touch each other.

    `inferred`: one of the two was found by comparing (`difference`). Where such a span ends is not certain at either end of
    a file, so what is inserted at its border touches it.
    """
    steps = _steps(edits)
    for other in _steps(over):
        obstacle, carried = other, []
        for step in steps:
            moved = _carry_step(step, obstacle, inferred)
            obstacle_moved = _carry_step(obstacle, step, inferred)
            if moved is None or obstacle_moved is None:
                return None
            carried.append(moved)
            obstacle = obstacle_moved
        steps = carried
    return tuple(edit for step in steps for edit in (step if isinstance(step, tuple) else (step,)))


def rebase(patch: Patch, applied: Sequence[Patch], tree: Tree) -> Patch | None:
    """`patch` for `tree`, which differs from the one it was made for by `applied`, oldest first, and nothing else.

    None if they touch each other, or if the tree has changed in another way. `tree` holds the files of all of them.
    """
    edits = patch.edits
    for known in applied:
        carried = carry(edits, known.edits)
        if carried is None:
            return None
        edits = carried
    moved = based(patch, edits, tree)
    try:
        origin = tree
        for known in reversed(applied):
            origin = render(origin, invert(known.edits))
        patch.render(origin)
        moved.render(tree)
    except ConflictError:
        return None
    return moved


def based(patch: Patch, edits: tuple[Edit, ...], tree: Tree) -> Patch:
    """`patch` with other edits, made for `tree`."""
    return replace(patch, edits=edits, base={path: digest(tree.get(path)) for path in sorted(paths_of(edits))})


def paths_of(edits: Sequence[Edit]) -> set[str]:
    """Every path that the edits read or write."""
    return {e.path for e in edits} | {e.to for e in edits if isinstance(e, Rename)}


def _steps(edits: Sequence[Edit]) -> list[_Step]:
    spans = tuple(edit for edit in edits if isinstance(edit, Span))
    whole: list[_Step] = [edit for edit in edits if not isinstance(edit, Span)]
    return [spans, *whole] if spans else whole


def _carry_step(step: _Step, over: _Step, inferred: bool) -> _Step | None:
    if isinstance(step, tuple):
        return _carry_spans(step, over, inferred)
    if isinstance(over, tuple):
        touched = any(span.path == step.path for span in over)
        return None if touched and isinstance(step, Create | Delete) else step
    if not paths_of([step]) & paths_of([over]):
        return step
    if isinstance(over, Rename) and isinstance(step, Mode | Relink) and step.path == over.path:
        return replace(step, path=over.to)
    if isinstance(step, Rename) and isinstance(over, Mode | Relink) and step.path == over.path:
        return step
    return None


def _carry_spans(spans: tuple[Span, ...], over: _Step, inferred: bool) -> tuple[Span, ...] | None:
    if isinstance(over, tuple):
        moved = [_slide(span, over, inferred) for span in spans]
    elif isinstance(over, Rename):
        moved = [replace(s, path=over.to) if s.path == over.path else s for s in spans]
    elif isinstance(over, Create | Delete):
        moved = [None if s.path == over.path else s for s in spans]
    else:
        return spans
    kept = tuple(span for span in moved if span is not None)
    return kept if len(kept) == len(spans) else None


def _slide(span: Span, others: Sequence[Span], inferred: bool) -> Span | None:
    """`span` shifted by what is inserted and removed before it; None where bytes, or the order of them, are shared."""
    shift = 0
    for other in others:
        if other.path != span.path:
            continue
        if other.start == other.end == span.start == span.end:
            return None  # two insertions at one point: nothing says which comes first
        is_insertion = other.start == other.end or span.start == span.end
        if inferred and is_insertion and other.start <= span.end and span.start <= other.end:
            return None
        if other.end <= span.start:
            shift += len(other.new) - len(other.old)
        elif other.start < span.end:
            return None
    return replace(span, start=span.start + shift, end=span.end + shift)
