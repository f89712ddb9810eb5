"""What pytest need not look at to come to the wanted files: it would ask each neighbour of each folder on the way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import pytest


class OnTheWay:
    """Leaves out what lies beside the way from pytest's root to these files."""

    def __init__(self, root: str, files: Iterable[str]) -> None:
        self._wanted = {os.path.normpath(os.path.join(root, file)) for file in files}
        self._ways = {way for path in self._wanted for way in _up(path)}

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Any) -> bool | None:
        """True for what no wanted file lies in, and that lies in none; a package needs its own file in any case."""
        path = str(collection_path)
        if path in self._ways or os.path.basename(path) == "__init__.py" or not self._wanted.isdisjoint(_up(path)):
            return None
        return True


def _up(path: str) -> Iterator[str]:
    """The path and all folders above it."""
    while True:
        yield path
        above = os.path.dirname(path)
        if above == path:
            return
        path = above
