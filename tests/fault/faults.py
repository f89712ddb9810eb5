"""Somebody else at work between two steps of an act: put around its calls from outside, the product has no hooks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from reknit.apply import exchange

#: Every call of the journal that reads or changes something outside the process.
CALLS = (
    "open", "read", "write", "fsync", "rename", "replace", "unlink", "symlink", "readlink", "stat", "listdir", "mkdir", "rmdir",
    "fchmod", "fchown", "utime",
)  # fmt: skip

#: Called before each call, with its number (from 1), name and arguments.
Before = Callable[[int, str, tuple[Any, ...]], None]


@contextmanager
def around_os(before: Before) -> Iterator[None]:
    """`before` runs ahead of every call in `CALLS`, and of every exchange of names, while the block runs."""
    places: list[tuple[Any, str]] = [*((os, name) for name in CALLS), (exchange, "_rename")]
    real = [getattr(place, name) for place, name in places]
    count = 0

    def wrap(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            before(count, name, args)
            return function(*args, **kwargs)

        return call

    try:
        for (place, name), function in zip(places, real, strict=True):
            setattr(place, name, wrap(name, function))
        yield
    finally:
        for (place, name), function in zip(places, real, strict=True):
            setattr(place, name, function)
