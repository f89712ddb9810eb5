"""The sample project `shop`: data for `reknit demo`, with its own tests and seven mistakes such as people make."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from importlib.resources.abc import Traversable

_COMPILED = "__pycache__"


def files() -> Iterator[tuple[str, bytes]]:
    """Relative POSIX path and content of every file of `shop`, sorted; reads from a zipped wheel too."""
    yield from _walk(importlib.resources.files(__name__) / "shop", "")


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if item.is_dir():
            if item.name != _COMPILED:
                yield from _walk(item, f"{prefix}{item.name}/")
        else:
            yield prefix + item.name, item.read_bytes()
