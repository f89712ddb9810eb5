"""Differences for people to read."""

from __future__ import annotations

import difflib
import io


def unified_diff(path: str, before: bytes, after: bytes, *, context: int = 3) -> str:
    """A unified diff of one file; bytes that are no UTF-8 show as escapes, so it is for reading, not for applying."""
    old, new = _lines(before), _lines(after)
    lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", n=context)
    return "".join(x if x.endswith("\n") else f"{x}\n\\ No newline at end of file\n" for x in lines)


def _lines(raw: bytes) -> list[str]:
    text = raw.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return list(io.StringIO(text.replace("\r", "\n")))
