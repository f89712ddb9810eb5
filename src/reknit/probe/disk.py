"""Candidates on disk, in this process's own view of the project: what a test starts reads nothing of our memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


class Disk:
    """Puts one candidate after the other in place of its file, and takes it away again."""

    def __init__(self) -> None:
        self._number = 0

    @contextlib.contextmanager
    def holding(self, files: dict[str, bytes]) -> Iterator[None]:
        """With these contents, by absolute path; `OSError` where one cannot be written."""
        self._number += 1
        before: dict[str, tuple[bytes, int]] = {}
        try:
            for path, content in files.items():
                with open(path, "rb") as file:
                    before[path] = file.read(), os.stat(path).st_mtime_ns
                # Each of its own second: that and the size is all by which bytecode is told to be another source's.
                _write(path, content, before[path][1] + self._number * 1_000_000_000)
            yield
        finally:
            for path, (content, mtime) in before.items():
                _write(path, content, mtime)


def _write(path: str, content: bytes, mtime: int) -> None:
    with open(path, "wb") as file:
        file.write(content)
    os.utime(path, ns=(mtime, mtime))
