"""Iterables cut, joined and looked into."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_MISSING: Any = object()


def chunked(items: Iterable[Any], size: int, *, fill: Any = _MISSING) -> Iterator[list[Any]]:
    """Lists of `size` items; the last may be shorter, unless `fill` makes it up."""
    if size < 1:
        raise ValueError("size must be at least 1")
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        lacking = size - len(chunk)
        if lacking > 0 and fill is not _MISSING:
            chunk.extend([fill] * lacking)
        yield chunk


def windowed(items: Iterable[Any], size: int, step: int = 1) -> Iterator[tuple[Any, ...]]:
    """Overlapping tuples of `size` neighbours, every `step` items; none where there are too few."""
    if size < 1 or step < 1:
        raise ValueError("size and step must be at least 1")
    window: deque[Any] = deque(maxlen=size)
    due = size
    for item in items:
        window.append(item)
        due -= 1
        if due == 0:
            yield tuple(window)
            due = step


def flatten(nested: Iterable[Any], depth: int = -1) -> Iterator[Any]:
    """The leaves of nested lists, tuples, sets and generators; strings are leaves."""
    for item in nested:
        is_leaf = isinstance(item, (str, bytes, dict)) or not isinstance(item, Iterable)
        if is_leaf or depth == 0:
            yield item
        else:
            yield from flatten(item, depth - 1)


def unique(items: Iterable[Any], key: Callable[[Any], Any] | None = None) -> Iterator[Any]:
    """The first of each kind, in order; what cannot be hashed is compared one by one."""
    seen: set[Any] = set()
    unhashable: list[Any] = []
    for item in items:
        mark = item if key is None else key(item)
        try:
            if mark in seen:
                continue
            seen.add(mark)
        except TypeError:
            if mark in unhashable:
                continue
            unhashable.append(mark)
        yield item


def partition(test: Callable[[Any], bool], items: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Those that fail the test and those that pass it."""
    no: list[Any] = []
    yes: list[Any] = []
    for item in items:
        (yes if test(item) else no).append(item)
    return no, yes


def one(items: Iterable[Any], default: Any = _MISSING) -> Any:
    """The only item; `ValueError` where there are more, or none and no default."""
    iterator = iter(items)
    first = next(iterator, _MISSING)
    if first is _MISSING:
        if default is _MISSING:
            raise ValueError("there is no item")
        return default
    if next(iterator, _MISSING) is not _MISSING:
        raise ValueError("there is more than one item")
    return first


class peekable:  # noqa: N801 - named like an iterator function
    """An iterator whose next items can be looked at and put back."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)
        self._ahead: deque[Any] = deque()

    def __iter__(self) -> peekable:
        return self

    def __next__(self) -> Any:
        if self._ahead:
            return self._ahead.popleft()
        return next(self._items)

    def __bool__(self) -> bool:
        return self.peek(_MISSING) is not _MISSING

    def peek(self, default: Any = None, *, offset: int = 0) -> Any:
        """The item that is `offset` ahead, without taking it."""
        while len(self._ahead) <= offset:
            item = next(self._items, _MISSING)
            if item is _MISSING:
                return default
            self._ahead.append(item)
        return self._ahead[offset]

    def prepend(self, *items: Any) -> None:
        """Put items back; the first of them comes next."""
        self._ahead.extendleft(reversed(items))
