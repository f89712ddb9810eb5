"""What a person changed between two images of a file, as edits that other edits can be carried over.

Two texts can be aligned in more than one way, and an undo that trusts a wrong alignment changes the wrong line. So only
what is certain counts as unchanged: runs of equal lines that hold a line which is unique in both texts (the anchors of
patience diff), less three lines next to every change. All else is one replaced span, which nothing can be carried over.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reknit.apply.base import same
from reknit.model.patch import Create, Delete, Edit, Entry, Mode, Relink, Span

#: Lines next to a change that count as part of it, as many as `diff -u` shows.
CONTEXT = 3


class _Run(NamedTuple):
    """Equal lines: `size` of them, from `old` in one text and from `new` in the other."""

    old: int
    new: int
    size: int


def difference(path: str, old: Entry | None, new: Entry | None) -> tuple[Edit, ...]:
    """Edits that make `old` into `new`."""
    if same(old, new):
        return ()
    if old is None or new is None or old.is_link != new.is_link:
        gone = (Delete(path=path, entry=old),) if old else ()
        come = (Create(path=path, entry=new),) if new else ()
        return (*gone, *come)
    if old.is_link:
        return (Relink(path=path, old=old.content, new=new.content),)
    mode = (Mode(path=path, old=old.mode, new=new.mode),) if old.mode != new.mode else ()
    return (*_spans(path, old.content, new.content), *mode)


def _spans(path: str, old: bytes, new: bytes) -> Iterator[Span]:
    olds, news = old.splitlines(keepends=True), new.splitlines(keepends=True)
    old_at, new_at = _offsets(olds), _offsets(news)
    start, fresh = 0, 0
    for run in (*_certain(olds, news), _Run(len(olds), len(news), 0)):
        text, text_new = old[start : old_at[run.old]], new[fresh : new_at[run.new]]
        if text or text_new:
            yield Span(path=path, start=start, end=start + len(text), old=text, new=text_new)
        start, fresh = old_at[run.old + run.size], new_at[run.new + run.size]


def _offsets(lines: Sequence[bytes]) -> list[int]:
    return list(itertools.accumulate(map(len, lines), initial=0))


def _certain(olds: Sequence[bytes], news: Sequence[bytes]) -> Iterator[_Run]:
    """Runs that are surely the same lines, less the context of the changes around them."""
    for run in _anchored(olds, news):
        old_end, new_end = run.old + run.size, run.new + run.size
        head = 0 if run.old == run.new == 0 else CONTEXT
        tail = 0 if (old_end, new_end) == (len(olds), len(news)) else CONTEXT
        if run.size > head + tail:
            yield _Run(run.old + head, run.new + head, run.size - head - tail)


def _anchored(olds: Sequence[bytes], news: Sequence[bytes]) -> Iterator[_Run]:
    """Maximal runs of equal lines around the anchors, in order."""
    old_end = new_end = 0
    for old, new in _rising(_anchors(olds, news)):
        if old < old_end or new < new_end:
            continue
        up, down = 0, 0
        while old - up > old_end and new - up > new_end and olds[old - up - 1] == news[new - up - 1]:
            up += 1
        while old + down < len(olds) and new + down < len(news) and olds[old + down] == news[new + down]:
            down += 1
        old_end, new_end = old + down, new + down
        yield _Run(old - up, new - up, up + down)


def _anchors(olds: Sequence[bytes], news: Sequence[bytes]) -> list[tuple[int, int]]:
    """Places of the lines that occur once in each text, in order of the first."""
    once_old, once_new = Counter(olds), Counter(news)
    place = {line: at for at, line in enumerate(news)}
    return [(at, place[line]) for at, line in enumerate(olds) if once_old[line] == 1 == once_new[line]]


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A longest subsequence in which the second numbers rise too (patience sorting)."""
    tops: list[int] = []
    piles: list[int] = []
    back: list[int] = []
    for index, (_, new) in enumerate(pairs):
        pile = bisect.bisect_left(tops, new)
        tops[pile : pile + 1] = [new]
        piles[pile : pile + 1] = [index]
        back.append(piles[pile - 1] if pile else -1)
    chain: list[tuple[int, int]] = []
    index = piles[-1] if piles else -1
    while index >= 0:
        chain.append(pairs[index])
        index = back[index]
    return chain[::-1]
