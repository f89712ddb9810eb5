"""What a proposer gives: candidates to be tried, cheapest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRef:
    """A function as the interpreter knows it, to find its live objects."""

    #: Relative to the project, POSIX.
    path: str
    #: As in `__qualname__`.
    qualname: str
    #: `co_firstlineno`: the first decorator's line where there is one.
    first_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One span of one file replaced: a patch that nobody has tried."""

    #: Relative to the project, POSIX.
    path: str
    #: Byte offsets into the file as read, half open.
    start: int
    end: int
    new: bytes
    #: 1-based line of the change, for people.
    line: int
    #: −log prior of operator, ingredient and location, in nats.
    cost: float
    operator: str
    #: One line for people, such as "`<=` instead of `<`".
    note: str
    #: The outermost function whose code object holds the whole change; None where code that runs at import changes.
    function: FunctionRef | None


class Proposer(Protocol):
    """Yields candidates in order of cost."""

    def candidates(self) -> Iterator[Candidate]: ...
