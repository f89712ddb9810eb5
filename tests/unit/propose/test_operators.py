"""Every operator proves itself by its own examples."""

from __future__ import annotations

import ast

import pytest

from reknit.lang.python import Source, functions, parse
from reknit.model.fault import Suspect
from reknit.propose.candidates import candidates
from reknit.propose.operators import OPERATORS, Operator

CASES = [
    pytest.param(op, before, after, id=f"{op.name}-{i}")
    for op in OPERATORS
    for i, (before, after) in enumerate(op.examples)
]

#: Operators that work on what a failing test says, with their own tests below.
BY_HINTS = {"keyword that the test expects"}


def suspects(source: Source) -> list[Suspect]:
    """All lines, all equally suspect."""
    names = ["<module>", *(f.qualname for f in functions(source))]
    return [
        Suspect(path=source.path, line=line, function=name, score=1.0, penalty=0.0, why="")
        for name in names
        for line in range(1, len(source.lines) + 1)
    ]


def results(op: Operator, before: str) -> list[str]:
    source = parse("a.py", before.encode())
    assert isinstance(source, Source)
    found = candidates({"a.py": source}, suspects(source), operators=[op])
    return [(source.raw[: c.start] + c.new + source.raw[c.end :]).decode() for c in found]


@pytest.mark.parametrize(("op", "before", "after"), CASES)
def test_example(op: Operator, before: str, after: str) -> None:
    """What the example says after is among what the operator makes of before."""
    wanted = ast.dump(ast.parse(after))
    assert any(ast.dump(ast.parse(text)) == wanted for text in results(op, before))


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.name)
def test_explained(op: Operator) -> None:
    """An operator has a doc, at least one example and a floor that is a cost."""
    assert op.doc
    assert op.examples or op.name in BY_HINTS
    assert 0.5 <= op.floor <= 7


def test_names_are_unique() -> None:
    """An operator is known by its name."""
    assert len({op.name for op in OPERATORS}) == len(OPERATORS)


def test_a_lambda_in_a_coroutine_awaits_nothing() -> None:
    """What parses and does not compile would only cost a trial."""
    before = "async def f(a, run):\n    await run(lambda: a.g(1))\n"
    (awaited,) = (op for op in OPERATORS if op.name == "await")
    made = results(awaited, before)
    assert made
    for text in made:
        compile(text, "a.py", "exec")
