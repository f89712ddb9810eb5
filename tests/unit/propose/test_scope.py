"""Ingredients by nearness and kind."""

from __future__ import annotations

import ast

import pytest

from reknit.lang.python import Source, functions, parse
from reknit.propose.hints import Hints
from reknit.propose.kinds import kind_of, name_kinds
from reknit.propose.scope import Module, Scope

TEXT = """
import os
def helper(x, y=1, *rest): pass
def f(self, near, far: int):
    text = near.strip()
    items = []
    for i in range(3):
        items.append(far)
    helper(text)
    if near and self.flag:
        return [k for k in items]
    return text
"""


@pytest.fixture
def scope() -> Scope:
    source = parse("a.py", TEXT.encode())
    assert isinstance(source, Source)
    return Scope(Module(source, Hints()), functions(source)[1])


def test_values_nearest_first(scope: Scope) -> None:
    """Names and attributes of the function; no functions, no modules, no bare self."""
    names = [ast.unparse(v.expr) for v in scope.values(5)]
    assert names[:2] == ["near", "text"]
    assert set(names) == {"near", "far", "text", "items", "i", "k", "self.flag"}
    costs = [v.cost for v in scope.values(5)]
    assert costs == sorted(costs)
    assert costs[0] == 0


def test_conditions_and_results(scope: Scope) -> None:
    """Conditions with their parts; what is returned."""
    assert [ast.unparse(c) for c in scope.conditions] == ["near and self.flag", "near", "self.flag"]
    assert [ast.unparse(c) for c in scope.returned] == ["[k for k in items]", "text"]


def test_callables(scope: Scope) -> None:
    """Functions with the numbers of arguments that they take."""
    found = scope.callables()
    assert 1 in found["helper"]
    assert 50 in found["helper"]
    assert 0 not in found["helper"]


def test_kinds(scope: Scope) -> None:
    """Kinds come from annotations, assignments and use."""
    assert scope.kinds == {"far": "int", "text": "str", "items": "list", "i": "int", "near": "str"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1 + n", "int"), ("'a' % n", "str"), ("[1] * 3", "list"), ("a / 2", "float"), ("not a", "bool"), ("a[0]", ""),
        ("'ab'[0]", "str"), ("{}", "dict"), ("a.split()", "list"), ("len(a)", "int"), ("f(a)", ""), ("None", "none"),
        ("a if b else 1", "int"), ("-n", "int"), ("f'{a}'", "str"), ("{*a}", "set"), ("(1,)", "tuple"), ("a < b", "bool"),
    ],
)  # fmt: skip
def test_kind_of(text: str, kind: str) -> None:
    """The kind as far as the text tells."""
    assert kind_of(ast.parse(text, mode="eval").body, {"n": "int"}) == kind


def test_first_evidence_wins() -> None:
    """What is assigned counts before how it is used."""
    assert name_kinds(ast.parse("a = []\na.strip()\nb.items()\n"))["a"] == "list"
