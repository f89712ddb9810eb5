"""The stream: cheapest first, lazy, deterministic, and true to its bounds."""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Iterator

import pytest

from reknit.lang.python import Source, parse
from reknit.model.fault import Suspect
from reknit.propose.base import Candidate, FunctionRef
from reknit.propose.candidates import Hints, candidates
from reknit.propose.operators.base import Mutation, operator
from reknit.propose.scope import Scope

TEXT = """
LIMIT = 10
OTHER = 3


class Box:
    size = 2

    def __init__(self, items=()):
        self.items = list(items)

    def full(self, extra):
        def inner(x):
            return x > LIMIT
        return len(self.items) + extra > self.size or inner(extra)


def unrelated(a):
    return a + 1
"""


def source(text: str = TEXT) -> Source:
    found = parse("a.py", text.encode())
    assert isinstance(found, Source)
    return found


def suspect(line: int, function: str, penalty: float = 0.0) -> Suspect:
    return Suspect(path="a.py", line=line, function=function, score=1.0, penalty=penalty, why="")


def run(*suspects: Suspect, text: str = TEXT, hints: Hints = Hints()) -> list[Candidate]:  # noqa: B008 - frozen
    return list(candidates({"a.py": source(text)}, suspects, hints=hints))


def test_costs_never_fall() -> None:
    """What comes is the cheapest that is left."""
    found = run(
        suspect(15, "Box.full", 0.3), suspect(14, "Box.full.<locals>.inner", 1.2), suspect(19, "unrelated", 0.7)
    )
    assert len(found) > 500
    assert all(a.cost <= b.cost for a, b in itertools.pairwise(found))


def test_the_same_twice() -> None:
    """The order is a function of the input alone."""
    once, again = (run(suspect(19, "unrelated", 0.5), suspect(2, "<module>")) for _ in range(2))
    assert once == again


def test_penalty_shifts_a_line() -> None:
    """Everything at a line costs its penalty more."""
    plain = run(suspect(19, "unrelated"))
    dear = run(suspect(19, "unrelated", 1.25))
    at = {(c.start, c.end, c.new): c.cost for c in plain if c.line == 19}
    assert at
    assert all(c.cost == pytest.approx(at[c.start, c.end, c.new] + 1.25) for c in dear if c.line == 19)


def test_uncovered_functions_stay_as_they_are() -> None:
    """No candidate outside what the tests reach, other functions of the module included."""
    lines = {c.line for c in run(suspect(19, "unrelated"))}
    assert 19 in lines
    assert lines <= {18, 19, 20}


def test_other_lines_of_a_covered_function_come_later() -> None:
    """A line that is no suspect costs the function's highest penalty and more."""
    text = "def f(a, b):\n    a = a + 1\n    b = b + 1\n    return a\n"
    found = run(suspect(2, "f", 0.4), text=text)
    swaps = {c.line: c.cost for c in found if c.operator == "arithmetic operator" and c.note.count("-") == 1}
    assert swaps[3] - swaps[2] == pytest.approx(0.5)


def test_constants_that_a_covered_function_reads() -> None:
    """A module-level value is changed where a suspect function refers to it, and not otherwise."""
    found = run(suspect(14, "Box.full.<locals>.inner"))
    assert 2 in {c.line for c in found}
    assert 3 not in {c.line for c in found}
    assert all(c.function is None for c in found if c.line == 2)


def test_function_is_the_outermost() -> None:
    """A nested function's change names the function whose code object holds it."""
    nested = [c for c in run(suspect(14, "Box.full.<locals>.inner")) if c.line == 14]
    assert {c.function for c in nested} == {FunctionRef(path="a.py", qualname="Box.full", first_line=12)}


def test_headers_run_at_import() -> None:
    """Defaults are no part of the function's code object."""
    found = run(suspect(10, "Box.__init__"))
    assert {c.function for c in found if c.line == 9} == {None}
    assert None not in {c.function for c in found if c.line == 10}


def test_class_bodies_and_module_code() -> None:
    """Code that runs at import is changed where suspects lie there."""
    found = run(suspect(7, "Box"), suspect(2, "<module>"))
    assert {2, 7} <= {c.line for c in found}
    assert all(c.function is None for c in found if c.line in {2, 7})


def test_hints_are_ingredients() -> None:
    """A literal of the failing test stands in for a literal of the same type, early."""
    plain, hinted = (
        [c.new for c in run(suspect(2, "<module>"), text="\nLIMIT = 10\n", hints=hints)]
        for hints in (Hints(), Hints(literals=(4711, "x")))
    )
    assert b"4711" not in b" ".join(plain)
    assert any(new == b"4711" for new in hinted[:12])


def test_keyword_of_the_test() -> None:
    """A keyword that the test passes or expects is tried on the suspect's calls."""
    found = run(suspect(1, "f"), text="def f(a): return g(a)\n", hints=Hints(names=("show",)))
    assert "`g(a, show=False)` instead of `g(a)`" in {c.note for c in found}


def test_no_suspects_no_candidates() -> None:
    """Nothing is changed where nothing is suspected."""
    assert run() == []
    assert list(candidates({}, [suspect(1, "f")])) == []


def test_notes_are_for_people() -> None:
    """One line that says what changes."""
    notes = {c.note for c in run(suspect(19, "unrelated"))}
    assert "`a - 1` instead of `a + 1`" in notes
    assert all("\n" not in note for note in notes)


def test_large_files_start_at_once() -> None:
    """The first candidate of 2,000 suspected lines comes in well under a second of CPU, and costs no memory."""
    text = "\n".join(
        f"def f{i}(a, b, c):\n    if a < b:\n        c = a + {i}\n    return g(a, c)\n" for i in range(400)
    )
    here = source(text)
    suspects = [suspect(line, f"f{(line - 1) // 5}", line % 7 / 5) for line in range(1, 2000)]
    start = time.process_time()
    first = list(itertools.islice(candidates({"a.py": here}, suspects), 200))
    assert len(first) == 200
    assert time.process_time() - start < 2.0


def test_one_long_function_is_lazy() -> None:
    """A function of hundreds of lines gives its first candidates without making all of them."""
    body = "".join(f"    v{i} = f(v{i - 1}, a) + {i}\n    if v{i} < a: b = v{i}[0]\n" for i in range(1, 300))
    text = f"def g(a, b, v0):\n{body}    return b\n"
    start = time.process_time()
    found = list(itertools.islice(run_lazily(text), 500))
    assert len(found) == 500
    assert time.process_time() - start < 3.0


def test_dear_mutations_wait() -> None:
    """Work that can only be dear is not begun before all that is cheaper was yielded."""
    begun: list[str] = []

    def dear(node: ast.Constant, _scope: Scope) -> Iterator[Mutation]:
        """Nothing in particular."""
        begun.append("dear")
        yield Mutation(2.0, node, ast.Constant(value=2))
        yield Mutation(6.0, node, ast.Constant(value=3))

    def middle(node: ast.Constant, _scope: Scope) -> Iterator[Mutation]:
        """Nothing in particular."""
        begun.append("middle")
        yield Mutation(4.0, node, ast.Constant(value=4))

    made = [
        operator(generate.__name__, floor=floor, nodes=[ast.Constant], examples=())(generate)
        for generate, floor in ((dear, 2.0), (middle, 4.0))
    ]
    stream = candidates({"a.py": source("x = 1\n")}, [suspect(1, "<module>")], operators=made)
    assert (next(stream).new, begun) == (b"2", ["dear"])
    assert (next(stream).new, begun) == (b"4", ["dear", "middle"])
    assert (next(stream).new, begun) == (b"3", ["dear", "middle", "dear"])
    assert next(stream, None) is None


def run_lazily(text: str) -> itertools.chain[Candidate]:
    suspects = [suspect(line, "g") for line in range(1, text.count("\n"))]
    return itertools.chain(candidates({"a.py": source(text)}, suspects))
