"""What an act did to its files, as a unified diff in git's form, byte for byte: `reknit apply` and `git apply` read it.

It is made after every act, so it is made cheaply: what both sides begin and end with is found by comparing bytes, and only
the lines between are compared one by one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from reknit.model.patch import Entry

_CONTEXT = 3
#: Lines of both sides together; of more, all are shown as replaced: to compare them takes the square of it.
_MOST_COMPARED = 400
_QUOTED = {code: f"\\{code:03o}" for code in (*range(0x20), 0x7F)} | {ord("\\"): "\\\\", ord('"'): '\\"'}


def git_diff(before: Mapping[str, Entry | None], after: Mapping[str, Entry | None]) -> bytes:
    """The diff of every path of `before`, sorted; None where nothing is or was."""
    return b"".join(part for path in sorted(before) for part in _file(path, before[path], after.get(path)))


def _file(path: str, old: Entry | None, new: Entry | None) -> Iterator[bytes]:
    if old is not None and new is not None and old.is_link != new.is_link:
        yield from _file(path, old, None)
        yield from _file(path, None, new)
        return
    a, b = (_name(side + path) for side in ("a/", "b/"))
    mode = (None if old is None else _mode(old)), (None if new is None else _mode(new))
    if mode[0] != mode[1]:
        yield b"diff --git %s %s\n" % (a, b)
    match mode:
        case None, bytes(made):
            yield b"new file mode %s\n" % made
        case bytes(gone), None:
            yield b"deleted file mode %s\n" % gone
        case bytes(was), bytes(now) if was != now:
            yield b"old mode %s\nnew mode %s\n" % (was, now)
        case _:
            pass
    content = (b"" if old is None else old.content), (b"" if new is None else new.content)
    if content[0] != content[1]:
        yield b"--- %s\n+++ %s\n" % (b"/dev/null" if old is None else a, b"/dev/null" if new is None else b)
        yield from _hunks(*content)


def _name(path: str) -> bytes:
    quoted = path.translate(_QUOTED)
    return (path if quoted == path else f'"{quoted}"').encode("utf-8", "surrogateescape")


def _mode(entry: Entry) -> bytes:
    return b"120000" if entry.is_link else b"100%03o" % entry.mode


def _hunks(old: bytes, new: bytes) -> Iterator[bytes]:
    head = _line_start(old, _shared_start(old, new), back=_CONTEXT)
    tail = _tail(old[head:], new[head:])
    first = old.count(b"\n", 0, head)
    sides = _lines(old[head : len(old) - tail]), _lines(new[head : len(new) - tail])
    for group in _groups(*sides):
        spans = (group[0][1], group[-1][2]), (group[0][3], group[-1][4])
        yield b"@@ -%s +%s @@\n" % (_range(first, *spans[0]), _range(first, *spans[1]))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (_shown(b" ", line) for line in sides[0][i1:i2])
                continue
            yield from (_shown(b"-", line) for line in sides[0][i1:i2])
            yield from (_shown(b"+", line) for line in sides[1][j1:j2])


_Group = Sequence[tuple[str, int, int, int, int]]


def _groups(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[_Group]:
    shortest = min(len(old), len(new))
    first = next((at for at in range(shortest) if old[at] != new[at]), shortest)
    last = next((at for at in range(shortest - first) if old[-1 - at] != new[-1 - at]), shortest - first)
    i, j = len(old) - last, len(new) - last
    if min(i, j) - first > 1 and len(old) + len(new) <= _MOST_COMPARED:
        yield from difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT)
    else:
        yield [
            ("equal", 0, first, 0, first),
            ("replace", first, i, first, j),
            ("equal", i, len(old), j, len(new)),
        ]


def _range(first: int, start: int, end: int) -> bytes:
    if end == start:  # a range of nothing names the line before it
        return b"%d,0" % (first + start)
    return b"%d" % (first + start + 1) if end - start == 1 else b"%d,%d" % (first + start + 1, end - start)


def _shown(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _lines(text: bytes) -> list[bytes]:
    """Lines with their ends; a carriage return is a part of its line."""
    lines = [line + b"\n" for line in text.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _shared_start(old: bytes, new: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _line_start(text: bytes, at: int, *, back: int) -> int:
    """Where the line of `at` starts, or the one so many lines before it."""
    start = text.rfind(b"\n", 0, at) + 1
    for _ in range(back):
        start = text.rfind(b"\n", 0, max(start - 1, 0)) + 1
    return start


def _tail(old: bytes, new: bytes) -> int:
    """How many bytes both end with, in whole lines, `_CONTEXT` of them left out."""
    shared = _shared_end(old, new)
    start = len(old) - shared
    if not _starts_line(old, start) or not _starts_line(new, len(new) - shared):
        start = old.find(b"\n", start) + 1 or len(old)
    for _ in range(_CONTEXT):
        start = old.find(b"\n", start) + 1 or len(old)
    return len(old) - start


def _shared_end(old: bytes, new: bytes) -> int:
    """How many bytes both end with."""
    a, b = len(old), len(new)
    low, high = 0, min(a, b)
    while low < high:
        middle = (low + high + 1) // 2
        if old[a - middle : a - low] == new[b - middle : b - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _starts_line(text: bytes, at: int) -> bool:
    return at == 0 or text[at - 1 : at] == b"\n"
