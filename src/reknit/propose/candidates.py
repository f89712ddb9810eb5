"""The stream of one-edit candidates, cheapest first.

Three kinds of work wait in one heap, ordered by the least cost that may come out of them: a statement (to be split into
statement × operator), a statement with one operator (to be split into mutations, those of the next nat only, so that
dear ones take no room before their turn), a mutation (to be written, proved and yielded). Each step's results cost no less than the step's own bound, so what is popped is cheapest among all that
there is, and nothing dear is made before everything cheap was yielded. Ties go by file, line and order of generation.
"""

from __future__ import annotations

import ast
import heapq
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from reknit.lang.python import Function, Source
from reknit.lang.splice import Splice, Splicer, same
from reknit.model.fault import Suspect
from reknit.propose.base import Candidate, FunctionRef
from reknit.propose.hints import Hints, hints_from
from reknit.propose.locations import Location, locations
from reknit.propose.operators import OPERATORS
from reknit.propose.operators.base import Mutation, Operator
from reknit.propose.scope import Module, Scope

__all__ = ["Hints", "candidates", "hints_from"]

_NOTE = 60
#: Mutations of one operator at one statement are made in bands of this many nats.
_BAND = 1.0


def candidates(
    sources: Mapping[str, Source],
    suspects: Sequence[Suspect],
    *,
    hints: Hints = Hints(),  # noqa: B008 - frozen
    operators: Sequence[Operator] = OPERATORS,
) -> Iterator[Candidate]:
    """Every one-edit change near the suspects, in order of cost; the same order for the same input."""
    stream = _Stream(tuple(operators))
    for path in sorted(sources):
        here = [s for s in suspects if s.path == path]
        if here:
            stream.add_file(_File(sources[path], here, hints))
    return stream.run()


class _File:
    """One file's share of the search."""

    def __init__(self, source: Source, suspects: Sequence[Suspect], hints: Hints) -> None:
        self.source = source
        self.module = Module(source, hints)
        self.splicer = Splicer(source)
        self.locations = locations(self.module, suspects)
        self._scopes: dict[Function | None, Scope] = {}

    def scope(self, function: Function | None) -> Scope:
        """The ingredients of a function, found at the first call."""
        if function not in self._scopes:
            self._scopes[function] = Scope(self.module, function)
        return self._scopes[function]


_Work = Location | tuple[Location, Operator, float] | tuple[Location, Operator, Mutation]


class _Stream:
    def __init__(self, operators: tuple[Operator, ...]) -> None:
        self.operators = operators
        self.floor = min((o.floor for o in operators), default=0.0)
        self.heap: list[tuple[float, int, int, int, _Work]] = []
        self.files: list[_File] = []
        self.count = 0
        self.seen: set[tuple[int, int, int, bytes]] = set()
        self._indexes: dict[type[ast.AST], tuple[int, ...]] = {}

    def for_type(self, kind: type[ast.AST]) -> tuple[int, ...]:
        """Which operators work on this type of node."""
        if kind not in self._indexes:
            self._indexes[kind] = tuple(i for i, o in enumerate(self.operators) if issubclass(kind, o.nodes))
        return self._indexes[kind]

    def add_file(self, file: _File) -> None:
        """Queue every location of a file."""
        self.files.append(file)
        for location in file.locations:
            self._push(location.penalty + self.floor, len(self.files) - 1, location.statement.lineno, location)

    def _push(self, cost: float, file: int, line: int, work: _Work) -> None:
        self.count += 1
        heapq.heappush(self.heap, (cost, file, line, self.count, work))

    def run(self) -> Iterator[Candidate]:
        """Pop until nothing is left."""
        while self.heap:
            cost, file, _, _, work = heapq.heappop(self.heap)
            if isinstance(work, Location):
                self._split(file, work)
                continue
            location, operator, what = work
            if isinstance(what, float):
                self._expand(file, location, operator, what)
            elif (found := self._write(file, cost, location, operator, what)) is not None:
                yield found

    def _split(self, file: int, location: Location) -> None:
        wanted = {index for node in location.nodes for index in self.for_type(type(node))}
        for index in sorted(wanted):
            operator = self.operators[index]
            cost = location.penalty + operator.floor
            self._push(cost, file, location.statement.lineno, (location, operator, float(operator.floor)))

    def _expand(self, file: int, location: Location, operator: Operator, low: float) -> None:
        """Queue the mutations of the band that begins at `low`, and the operator again for the next one."""
        scope = self.files[file].scope(location.function)
        later = math.inf
        for node in location.nodes:
            if isinstance(node, operator.nodes):
                for mutation in operator.generate(node, scope):
                    cost = max(mutation.cost, operator.floor)
                    if low <= cost < low + _BAND:
                        line = getattr(mutation.target, "lineno", location.statement.lineno)
                        self._push(location.penalty + cost, file, line, (location, operator, mutation))
                    elif cost >= low:
                        later = min(later, cost)
        if later < math.inf:
            self._push(location.penalty + later, file, location.statement.lineno, (location, operator, later))

    def _write(
        self, index: int, cost: float, location: Location, operator: Operator, mutation: Mutation
    ) -> Candidate | None:
        file = self.files[index]
        if operator.accepts is not None and not operator.accepts(mutation.new):
            return None
        splice = _splice(file.splicer, mutation)
        if splice is None:
            return None
        key = (index, *_canonical(file.source.raw, splice))
        if key in self.seen:
            return None
        self.seen.add(key)
        return Candidate(
            path=file.source.path, start=splice.start, end=splice.end, new=splice.new,
            line=bisect_right(file.source.starts, splice.start), cost=cost, operator=operator.name,
            note=note(splice), function=_reference(file.source.path, location),
        )  # fmt: skip


def _splice(splicer: Splicer, mutation: Mutation) -> Splice | None:
    target, new = mutation.target, mutation.new
    if isinstance(new, ast.AST):
        return splicer.expression(target, new)
    if not isinstance(target, ast.stmt):
        return None
    if len(new) == 1 and mutation.last is None and same(new[0], target):
        return None
    return splicer.statements(target, mutation.last or target, new)


def _canonical(raw: bytes, splice: Splice) -> tuple[int, int, bytes]:
    """The same triple for the same resulting file: insertions and deletions are slid as far right as they go."""
    start, end, new = splice.start, splice.end, splice.new
    if start == end:
        while end < len(raw) and raw[end] == new[0]:
            new = new[1:] + new[:1]
            start = end = end + 1
    elif not new:
        while end < len(raw) and raw[start] == raw[end]:
            start, end = start + 1, end + 1
    return start, end, new


def _reference(path: str, location: Location) -> FunctionRef | None:
    function = location.function
    if function is None or location.statement is function.top.node:
        return None
    return FunctionRef(path=path, qualname=function.top.qualname, first_line=function.top.first_line)


def note(splice: Splice) -> str:
    """A splice in one line for people."""
    before, after = (" ".join(text.split()) for text in (splice.before, splice.after))
    if after in {"", "pass"}:
        return f"without `{_short(before)}`"
    if after.endswith(before) and len(after) > len(before) + 4:
        return f"`{_short(after[: -len(before)].strip())}` before `{_short(before)}`"
    if after.startswith(before) and len(after) > len(before) + 4:
        return f"`{_short(after[len(before) :].strip())}` after `{_short(before)}`"
    return f"`{_short(after)}` instead of `{_short(before)}`"


def _short(text: str) -> str:
    return text if len(text) <= _NOTE else f"{text[: _NOTE - 1]}…"
