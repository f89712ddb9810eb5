"""Where the hunks of a diff belong in a file, and the bytes that they replace there.

A hunk is put where its line number says, or else at the only other place where all its lines are; context is never left
out to make it fit ("fuzz"), and of two places none is guessed. As git reads it, a hunk from line 1 begins the file, and one
without context at its end ends it: a line that was added at the end is not added again further on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reknit.errors import ConflictError
from reknit.model.patch import Entry, Span


@dataclass(frozen=True, slots=True)
class Hunk:
    """One `@@`: its place by line, from 0, and lines with a mark (' ', '-' or '+') and their bytes."""

    at: int
    lines: tuple[tuple[str, bytes], ...]

    @property
    def old(self) -> list[bytes]:
        return [line for mark, line in self.lines if mark != "+"]

    @property
    def new(self) -> list[bytes]:
        return [line for mark, line in self.lines if mark != "-"]

    @property
    def ends(self) -> bool:
        """Whether nothing comes after it in the file."""
        return bool(self.lines) and self.lines[-1][0] != " "


def unfit(path: str, why: str) -> ConflictError:
    """A file is not as a diff says."""
    return ConflictError(path, why=why, hint="make the diff anew for the file as it is now, or edit the file by hand")


def spans_of(path: str, entry: Entry, hunks: Sequence[Hunk], notes: list[str]) -> Iterator[Span]:
    """What the hunks replace, as bytes; each hunk is looked for after the one before it."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+$", entry.content)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    after, shift = 0, 0
    for number, hunk in enumerate(hunks, start=1):
        at = _place(path, lines, hunk, number, after=after, guess=hunk.at + shift)
        if at != hunk.at + shift:
            notes.append(f"hunk {number} of {path} fits at line {at + 1}, not {hunk.at + 1}")
            shift = at - hunk.at
        yield from _replaced(path, starts, hunk, at)
        after = at + len(hunk.old)


def _place(path: str, lines: Sequence[bytes], hunk: Hunk, number: int, *, after: int, guess: int) -> int:
    """The line at which a hunk belongs, from 0; `ConflictError` where that is not certain."""
    old = hunk.old
    if not old:
        if lines:
            raise unfit(path, f"cannot be changed by hunk {number}, which has no context to find its place by")
        return 0

    def fits(at: int) -> bool:
        end = at + len(old)
        return lines[at:end] == old and (at == 0 or hunk.at > 0) and (end == len(lines) or not hunk.ends)

    if guess >= after and fits(guess):
        return guess
    first = old[0]
    found = [at for at in range(after, len(lines) - len(old) + 1) if lines[at] == first and fits(at)]
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(str(at + 1) for at in found[:3])
        raise unfit(path, f"has no line {hunk.at + 1} as in hunk {number}, which fits at lines {places}")
    if all(mark != " " for mark, _ in hunk.lines) and lines[guess : guess + len(old)] == old:
        raise unfit(path, f"cannot be changed by hunk {number}, which has no context to find its place by")
    if hunk.new and lines[guess : guess + len(hunk.new)] == hunk.new:
        raise unfit(path, f"holds already what hunk {number} makes of it")
    raise unfit(path, f"is not as hunk {number} says, at line {_nearest(lines, hunk, guess) + 1} or elsewhere")


def _nearest(lines: Sequence[bytes], hunk: Hunk, guess: int) -> int:
    """The first line that differs where the hunk says that it belongs."""
    for offset, line in enumerate(hunk.old):
        if guess + offset >= len(lines) or lines[guess + offset] != line:
            return guess + offset
    return guess


def _replaced(path: str, starts: Sequence[int], hunk: Hunk, at: int) -> Iterator[Span]:
    old: list[bytes] = []
    new: list[bytes] = []
    begin = at

    def span() -> Iterator[Span]:
        if old or new:
            start = starts[begin]
            yield Span(path=path, start=start, end=start + sum(map(len, old)), old=b"".join(old), new=b"".join(new))

    for mark, line in hunk.lines:
        if mark == " ":
            yield from span()
            old, new = [], []
            at += 1
            begin = at
        elif mark == "-":
            old.append(line)
            at += 1
        else:
            new.append(line)
    yield from span()
