"""Statements in the wrong place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from reknit.propose.operators.base import Mutation, operator
from reknit.propose.operators.statement import is_docstring
from reknit.propose.scope import Scope

_MOVABLE = (
    ast.Expr,
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.If,
    ast.For,
    ast.While,
    ast.Return,
    ast.Raise,
    ast.With,
)


@operator(
    "statement order", floor=2.6, nodes=_MOVABLE,
    examples=[("a()\nb()", "b()\na()"), ("a()\nb()\nc()", "c()\na()\nb()")],
)  # fmt: skip
def order(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A statement comes too early or too late."""
    siblings, index = scope.siblings(node)
    rest = siblings[index + 1 : index + 5]
    if is_docstring(node) or isinstance(node, (ast.Return, ast.Raise)):
        return
    for distance, other in enumerate(rest, start=1):
        if not isinstance(other, _MOVABLE) or isinstance(other, (ast.Return, ast.Raise)):
            return
        between = siblings[index + 1 : index + distance]
        cost = 2.6 + 0.5 * (distance - 1)
        yield Mutation(cost, node, [other, node, *between], other)
        if between:
            yield Mutation(cost, node, [*between, other, node], other)


@operator(
    "statement level", floor=2.8, nodes=[ast.If, ast.For, ast.While, ast.With],
    examples=[("for x in y:\n    a()\n    b()", "for x in y:\n    a()\nb()"), ("if x:\n    a()\nb()", "if x:\n    a()\n    b()"),
              ("if x:\n    a()\n    b()", "a()\nif x:\n    b()")],
)  # fmt: skip
def level(node: ast.If | ast.For | ast.While | ast.With, scope: Scope) -> Iterator[Mutation]:
    """A statement is indented too far, or not far enough."""
    siblings, index = scope.siblings(node)
    body, orelse = node.body, getattr(node, "orelse", [])
    if len(body) > 1:
        if not orelse:
            yield Mutation(2.8, node, [_with_body(node, body[:-1]), body[-1]])
        yield Mutation(3.2, node, [body[0], _with_body(node, body[1:])])
    after = siblings[index + 1] if index + 1 < len(siblings) else None
    if after is not None and not orelse and not isinstance(after, (ast.FunctionDef, ast.ClassDef)):
        yield Mutation(2.8, node, [_with_body(node, [*body, after])], after)
    if (
        index
        and not isinstance(siblings[index - 1], (ast.FunctionDef, ast.ClassDef))
        and not is_docstring(siblings[index - 1])
    ):
        before = siblings[index - 1]
        yield Mutation(3.4, before, [_with_body(node, [before, *body])], node)


def _with_body(node: ast.stmt, body: list[ast.stmt]) -> ast.stmt:
    fields: dict[str, Any] = {field: getattr(node, field, None) for field in node._fields}
    return type(node)(**{**fields, "body": body})


OPERATORS = (order, level)
