"""Faults at the n-th call into the system, put around `os` from outside: the product has no hooks for them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: Every call of the journal that reads or changes something outside the process.
CALLS = (
    "open", "read", "write", "fsync", "rename", "replace", "unlink", "symlink", "readlink", "stat", "listdir", "mkdir", "rmdir",
    "fchmod", "fchown", "utime",
)  # fmt: skip

#: Called before each call, with its number (from 1), name and arguments.
Before = Callable[[int, str, tuple[Any, ...]], None]


@contextmanager
def around_os(before: Before) -> Iterator[None]:
    """`before` runs ahead of every call in `CALLS` while the block runs."""
    real = {name: getattr(os, name) for name in CALLS}
    count = 0

    def wrap(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            before(count, name, args)
            return real[name](*args, **kwargs)

        return call

    try:
        for name in CALLS:
            setattr(os, name, wrap(name))
        yield
    finally:
        for name, function in real.items():
            setattr(os, name, function)


def killing(at: int) -> Before:
    """Dies at call `at`, as by a power cut or the OOM killer; a write is torn in the middle."""

    def before(number: int, name: str, args: tuple[Any, ...]) -> None:
        if number == at:
            if name == "write":
                _torn_write(args[0], bytes(args[1]))
            os.kill(os.getpid(), signal.SIGKILL)

    return before


def failing(at: int, error: int, *, forever: bool = False) -> Before:
    """Raises `error` at call `at`, and at every later one if `forever`."""

    def before(number: int, name: str, args: tuple[Any, ...]) -> None:
        if number == at or (forever and number > at):
            raise OSError(error, os.strerror(error))

    return before


def _torn_write(fd: int, data: bytes) -> None:
    with open(fd, "wb", buffering=0, closefd=False) as stream:
        stream.write(data[: len(data) // 2])
