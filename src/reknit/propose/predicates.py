"""Conditions that could be asked at a place, with what each costs in nats."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from reknit.propose.kinds import CONTAINERS, NUMBERS
from reknit.propose.scope import Ingredient, Scope

_TYPES = ("str", "int", "list", "dict", "tuple", "bytes", "float", "bool")
_QUESTIONS = ("isdigit", "isspace", "isalpha", "isupper", "islower", "isalnum")


def predicates(scope: Scope, at: ast.AST) -> Iterator[Ingredient]:
    """The function's own conditions, then questions about what is at hand; what `at` itself says is left out."""
    line = at.lineno  # type: ignore[attr-defined]
    mentioned = {ast.unparse(n) for n in ast.walk(at) if isinstance(n, (ast.Name, ast.Attribute))}
    for test in scope.near(scope.conditions, line, 10):
        if test.expr is not at:
            yield Ingredient(test.expr, 0.6 + test.cost)
            yield Ingredient(ast.UnaryOp(op=ast.Not(), operand=test.expr), 1.4 + test.cost)
    values = scope.values(line)[:14]
    for value in values:
        nearer = -0.6 if ast.unparse(value.expr) in mentioned else 0.0
        for expr, cost in _about(value.expr, scope.kind(value.expr)):
            yield Ingredient(expr, max(0.0, 0.4 + cost + nearer + 0.6 * value.cost))
    for rank, member in enumerate(scope.members):
        yield Ingredient(_not(member), 2.0 + 0.5 * math.log(1 + rank))
        yield Ingredient(member, 2.0 + 0.5 * math.log(1 + rank))
        yield Ingredient(_compared(member, ast.IsNot(), ast.Constant(value=None)), 2.8 + 0.5 * math.log(1 + rank))
    yield from _pairs(values[:7], scope)
    yield from _listed(values[:5], scope)
    for value in values[:6]:
        yield from (Ingredient(e, 2.6 + c + 0.6 * value.cost) for e, c in _types(value.expr))


def _not(expr: ast.expr) -> ast.expr:
    return ast.UnaryOp(op=ast.Not(), operand=expr)


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(left=left, ops=[op], comparators=[right])


def _call(callee: str, *args: ast.expr) -> ast.expr:
    return ast.Call(func=ast.Name(id=callee, ctx=ast.Load()), args=list(args), keywords=[])


def _about(expr: ast.expr, kind: str) -> Iterator[tuple[ast.expr, float]]:
    """Questions about one value, by its kind."""
    yield _not(expr), 0.3
    yield expr, 0.5
    if kind in {"", "none"}:
        yield _compared(expr, ast.Is(), ast.Constant(value=None)), 0.4
        yield _compared(expr, ast.IsNot(), ast.Constant(value=None)), 0.5
    if kind in NUMBERS | {""}:
        more = 0.4 if kind == "" else 0.0
        for op, right, cost in (
            (ast.Eq(), 0, 0.9), (ast.Lt(), 0, 1.0), (ast.LtE(), 0, 1.0), (ast.Gt(), 0, 1.1), (ast.Eq(), 1, 1.4),
            (ast.LtE(), 1, 1.6), (ast.Lt(), 2, 1.8), (ast.NotEq(), 0, 1.4), (ast.Gt(), 1, 1.6),
        ):  # fmt: skip
            yield _compared(expr, op, ast.Constant(value=right)), cost + more
    if kind in CONTAINERS | {""} and isinstance(expr, (ast.Name, ast.Attribute)):
        more = 0.8 if kind == "" else 0.0
        for op, right, cost in ((ast.Eq(), 1, 1.2), (ast.Gt(), 1, 1.2), (ast.LtE(), 1, 1.5), (ast.Lt(), 2, 1.8)):
            yield _compared(_call("len", expr), op, ast.Constant(value=right)), cost + more
        yield _call("any", expr), 1.8 + more
        yield _call("all", expr), 1.9 + more
    if kind == "str":
        for attr in _QUESTIONS:
            asked = ast.Call(func=ast.Attribute(value=expr, attr=attr, ctx=ast.Load()), args=[], keywords=[])
            yield asked, 2.2
            yield _not(asked), 2.4


def _pairs(values: list[Ingredient], scope: Scope) -> Iterator[Ingredient]:
    """Questions about two values."""
    for left in values:
        for right in values:
            if left.expr is right.expr:
                continue
            cost = 2.0 + 0.5 * (left.cost + right.cost)
            kinds = {scope.kind(left.expr), scope.kind(right.expr)}
            if values.index(left) < values.index(right):
                yield Ingredient(_compared(left.expr, ast.Eq(), right.expr), cost)
                yield Ingredient(_compared(left.expr, ast.NotEq(), right.expr), cost + 0.2)
            if not kinds & (CONTAINERS | {"bool"}):
                yield Ingredient(_compared(left.expr, ast.Lt(), right.expr), cost + 0.2)
                yield Ingredient(_compared(left.expr, ast.LtE(), right.expr), cost + 0.3)
            if scope.kind(right.expr) in CONTAINERS | {""}:
                yield Ingredient(_compared(left.expr, ast.In(), right.expr), cost + 0.3)
                yield Ingredient(_compared(left.expr, ast.NotIn(), right.expr), cost + 0.3)


def _listed(values: list[Ingredient], scope: Scope) -> Iterator[Ingredient]:
    """Whether a value is in one of the module's tables."""
    for rank, table in enumerate(scope.module.tables[:6]):
        for value in values:
            cost = 2.6 + 0.3 * rank + 0.6 * value.cost
            yield Ingredient(_compared(value.expr, ast.In(), ast.Name(id=table, ctx=ast.Load())), cost)
            yield Ingredient(_compared(value.expr, ast.NotIn(), ast.Name(id=table, ctx=ast.Load())), cost)


def _types(expr: ast.expr) -> Iterator[tuple[ast.expr, float]]:
    for rank, kind in enumerate(_TYPES):
        asked = _call("isinstance", expr, ast.Name(id=kind, ctx=ast.Load()))
        yield asked, 0.2 * rank
        yield _not(asked), 0.2 + 0.2 * rank
    yield _call("callable", expr), 2.0
