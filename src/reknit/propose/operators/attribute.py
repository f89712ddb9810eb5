"""The wrong attribute or method of the right object."""

from __future__ import annotations

import ast
import difflib
import functools
import math
from collections.abc import Iterator

from reknit.propose.operators.base import LOAD, Mutation, name, operator
from reknit.propose.scope import Scope

#: Attributes of other objects come in from this likeness on.
_SIMILAR = 0.4


@operator(
    "attribute", floor=2.4, nodes=[ast.Attribute],
    examples=[("def f(n, m):\n    m.inner\n    return n.outer", "def f(n, m):\n    m.inner\n    return n.inner")],
)  # fmt: skip
def attribute(node: ast.Attribute, scope: Scope) -> Iterator[Mutation]:
    """Another attribute that this module uses is meant."""
    base = ast.unparse(node.value)
    called = isinstance(scope.parent(node), ast.Call) and scope.field(node) == "func"
    own = scope.module.attributes.get(base, {})
    others = {a for attrs in scope.module.attributes.values() for a in attrs}
    pool = dict(own)
    if scope.function and scope.function.cls and base in {"self", "cls"}:
        pool.update(dict.fromkeys(scope.module.methods(scope.function.cls), 1))
    ordered = sorted((a for a in pool if a != node.attr), key=lambda a: (-_likeness(a, node.attr), a))
    for rank, attr in enumerate(ordered[:25]):
        yield Mutation(2.4 + 0.7 * math.log(1 + rank), node, _with(node, attr))
    likely = ((_likeness(a, node.attr), a) for a in others.difference(pool) if a != node.attr)
    close = [a for _, a in sorted(((-x, a) for x, a in likely if x >= _SIMILAR))[:12]]
    for rank, attr in enumerate(close):
        cost = 3.0 + (0.8 if called else 0.0) + 0.6 * math.log(1 + rank)
        yield Mutation(cost, node, _with(node, attr))


@functools.lru_cache(maxsize=65536)
def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


def _with(node: ast.Attribute, attr: str) -> ast.Attribute:
    return ast.Attribute(value=node.value, attr=attr, ctx=node.ctx)


@operator(
    "attribute's owner", floor=2.6, nodes=[ast.Attribute],
    examples=[("def f(self, other):\n    return self.x == self.x", "def f(self, other):\n    return self.x == other.x")],
)  # fmt: skip
def owner(node: ast.Attribute, scope: Scope) -> Iterator[Mutation]:
    """The attribute of another object is meant."""
    if not isinstance(node.value, ast.Name):
        return
    for base in scope.locals:
        if base != node.value.id and (base == "self" or node.attr in scope.module.attributes.get(base, {})):
            yield Mutation(2.6, node, ast.Attribute(value=name(base), attr=node.attr, ctx=node.ctx))
    for base in scope.parameters:
        if base != node.value.id:
            yield Mutation(2.8, node, ast.Attribute(value=name(base), attr=node.attr, ctx=node.ctx))


@operator(
    "missing attribute", floor=3.6, nodes=[ast.Name],
    examples=[("def f(n, m):\n    m.key\n    return g(n)", "def f(n, m):\n    m.key\n    return g(n.key)")],
)  # fmt: skip
def reached(node: ast.Name, scope: Scope) -> Iterator[Mutation]:
    """The object itself stands for something that it has."""
    if not isinstance(node.ctx, ast.Load) or scope.field(node) in {"func", "annotation", "returns"}:
        return
    if isinstance(scope.parent(node), ast.Attribute) or node.id in scope.called:
        return
    own = scope.module.attributes.get(node.id, {})
    here = {n.attr for n in scope.nodes if isinstance(n, ast.Attribute)} - set(own)
    for base, pool in ((3.6, sorted(own)), (4.8, sorted(here))):
        for rank, attr in enumerate(pool[:12]):
            cost = base + 0.5 * math.log(1 + rank)
            yield Mutation(cost, node, ast.Attribute(value=node, attr=attr, ctx=LOAD))


OPERATORS = (attribute, owner, reached)
