"""Files and what is like them."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TextIO


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w", *, overwrite: bool = True) -> Iterator[IO[Any]]:
    """A file that is there whole, or not at all; permissions of one that was there stay."""
    target = Path(path)
    if not overwrite and target.exists():
        raise FileExistsError(f"{target} exists")
    encoding = None if "b" in mode else "utf-8"
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    part = Path(name)
    try:
        with os.fdopen(descriptor, mode, encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            part.chmod(target.stat().st_mode & 0o777)
        else:
            part.chmod(0o644)
        part.replace(target)
    except BaseException:  # Ctrl-C too: no half of a file is left
        part.unlink(missing_ok=True)
        raise


def read_backwards(file: IO[bytes], block: int = 4096, *, encoding: str = "utf-8") -> Iterator[str]:
    """The lines of a file from the last to the first, without ends, a block at a time."""
    position = file.seek(0, os.SEEK_END)
    rest = b""
    first = True
    while position > 0:
        size = min(block, position)
        position -= size
        file.seek(position)
        lines = (file.read(size) + rest).split(b"\n")
        rest = lines.pop(0)
        for line in reversed(lines):
            if first and not line:
                first = False
                continue
            first = False
            yield line.rstrip(b"\r").decode(encoding)
    if rest or not first:
        yield rest.rstrip(b"\r").decode(encoding)


class LineBuffer:
    """Pieces of text in, whole lines out to a function."""

    def __init__(self, sink: Callable[[str], None], *, longest: int = 10_000) -> None:
        self._sink = sink
        self._longest = longest
        self._rest = ""
        self.closed = False

    def write(self, text: str) -> int:
        """Take some text; lines that are complete go on."""
        if self.closed:
            raise ValueError("the buffer is closed")
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._sink(line)
        while len(self._rest) > self._longest:
            self._sink(self._rest[: self._longest])
            self._rest = self._rest[self._longest :]
        return len(text)

    def close(self) -> None:
        """Send what is left."""
        if not self.closed and self._rest:
            self._sink(self._rest)
            self._rest = ""
        self.closed = True

    def __enter__(self) -> LineBuffer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class MultiReader(io.RawIOBase):
    """Several files read as if they were one."""

    def __init__(self, *files: IO[bytes]) -> None:
        self._files = list(files)
        self._at = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, across the ends of files; all of them where it is negative."""
        parts: list[bytes] = []
        left = size
        while self._at < len(self._files) and (size < 0 or left > 0):
            data = self._files[self._at].read(left if size >= 0 else -1)
            if data:
                parts.append(data)
                left -= len(data)
            if size < 0 or not data:
                self._at += 1
        return b"".join(parts)

    def rewind(self) -> None:
        """Back to the start of the first."""
        for file in self._files:
            file.seek(0)
        self._at = 0


@contextlib.contextmanager
def tee(stream: TextIO | None = None) -> Iterator[io.StringIO]:
    """Standard output kept as well as printed."""
    real = stream or sys.stdout
    kept = io.StringIO()

    class Both(io.TextIOBase):
        def write(self, text: str) -> int:
            kept.write(text)
            return real.write(text)

        def flush(self) -> None:
            real.flush()

    before = sys.stdout
    sys.stdout = Both()  # type: ignore[assignment]
    try:
        yield kept
    finally:
        sys.stdout = before
