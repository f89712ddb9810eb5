"""Comparisons turned round, off by one, or between the wrong sides."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reknit.propose.kinds import CONTAINERS, NUMBERS, STR
from reknit.propose.operators.base import Mutation, const, method, operator
from reknit.propose.scope import Scope

_EQ, _NE, _LT, _LE, _GT, _GE = ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE
_SWAPS: dict[type[ast.cmpop], dict[type[ast.cmpop], float]] = {
    _LT: {_LE: 1.0, _GT: 1.8, _GE: 1.8, _NE: 3.0, _EQ: 3.5},
    _LE: {_LT: 1.0, _GE: 1.8, _GT: 1.8, _EQ: 3.0, _NE: 3.5},
    _GT: {_GE: 1.0, _LT: 1.8, _LE: 1.8, _NE: 2.8, _EQ: 3.5},
    _GE: {_GT: 1.0, _LE: 1.8, _LT: 1.8, _EQ: 3.0, _NE: 3.5},
    _EQ: {_NE: 1.6, _LE: 2.2, _GE: 2.2, ast.In: 2.8, ast.Is: 3.0, _LT: 3.0, _GT: 3.0},
    _NE: {_EQ: 1.6, _LT: 2.4, _GT: 2.4, ast.NotIn: 2.8, ast.IsNot: 3.0, _LE: 3.2, _GE: 3.2},
    ast.In: {ast.NotIn: 1.6, _EQ: 3.0},
    ast.NotIn: {ast.In: 1.6, _NE: 3.0},
    ast.Is: {ast.IsNot: 1.6, _EQ: 2.0},
    ast.IsNot: {ast.Is: 1.6, _NE: 2.0},
}
_ORDER = (_LT, _LE, _GT, _GE, _EQ, _NE)


def _with(node: ast.Compare, index: int, op: ast.cmpop, right: ast.expr | None = None) -> ast.Compare:
    ops, rights = list(node.ops), list(node.comparators)
    ops[index] = op
    if right is not None:
        rights[index] = right
    return ast.Compare(left=node.left, ops=ops, comparators=rights)


@operator(
    "comparison operator", floor=1.0, nodes=[ast.Compare],
    examples=[("if a < b: c()", "if a <= b: c()"), ("x = a in b", "x = a not in b"), ("x = a is b", "x = a == b")],
)  # fmt: skip
def swap(node: ast.Compare, scope: Scope) -> Iterator[Mutation]:
    """The comparison excludes or includes its bound, or points the wrong way."""
    for index, op in enumerate(node.ops):
        right = scope.kind(node.comparators[index])
        for other, cost in _SWAPS[type(op)].items():
            if other in {_LT, _LE, _GT, _GE} and right in {"none", "bool"}:
                continue
            if other in {ast.In, ast.NotIn} and right in NUMBERS | {"none", "bool"}:
                continue
            yield Mutation(cost, node, _with(node, index, other()))


@operator(
    "comparison and bound", floor=3.0, nodes=[ast.Compare],
    examples=[("if len(a) == 0: b()", "if len(a) <= 1: b()")],
)  # fmt: skip
def joint(node: ast.Compare, _scope: Scope) -> Iterator[Mutation]:
    """Both the comparison and its constant are off."""
    for index, op in enumerate(node.ops):
        right = node.comparators[index]
        if not isinstance(right, ast.Constant) or type(right.value) is not int or type(op) not in _ORDER:
            continue
        for other in _ORDER:
            for step in (1, -1):
                if other is not type(op):
                    yield Mutation(3.0, node, _with(node, index, other(), const(right.value + step)))


@operator(
    "comparison sides", floor=2.6, nodes=[ast.Compare],
    examples=[("x = a in b", "x = b in a"), ("x = a <= b < c", "x = a <= b"), ("x = a <= b < c", "x = b < c")],
)  # fmt: skip
def sides(node: ast.Compare, _scope: Scope) -> Iterator[Mutation]:
    """The two sides are exchanged, or a chain has a link too many."""
    if len(node.ops) == 1:
        if isinstance(node.ops[0], (ast.In, ast.NotIn)):
            swapped = ast.Compare(left=node.comparators[0], ops=node.ops, comparators=[node.left])
            yield Mutation(2.6, node, swapped)
        return
    yield Mutation(3.0, node, ast.Compare(left=node.left, ops=node.ops[:-1], comparators=node.comparators[:-1]))
    yield Mutation(3.0, node, ast.Compare(left=node.comparators[0], ops=node.ops[1:], comparators=node.comparators[1:]))


@operator(
    "comparison of normalised sides", floor=4.2, nodes=[ast.Compare],
    examples=[("x = a == b", "x = a.lower() == b.lower()"), ("x = a == b", "x = abs(a) == abs(b)")],
)  # fmt: skip
def normalised(node: ast.Compare, scope: Scope) -> Iterator[Mutation]:
    """Two spellings of one thing are compared as they stand."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (_EQ, _NE)):
        return
    left, right = node.left, node.comparators[0]
    kind = scope.kind(left) or scope.kind(right)
    if kind in CONTAINERS - {STR} | {"bool", "none"}:
        return
    wrappers = {"lower": 4.2, "strip": 4.4, "casefold": 5.0} if kind not in NUMBERS else {}
    for attr, cost in wrappers.items():
        yield Mutation(
            cost, node, ast.Compare(left=method(left, attr), ops=node.ops, comparators=[method(right, attr)])
        )
    for callee, cost in {"abs": 4.8, "str": 4.8, "sorted": 5.0, "set": 5.2, "int": 5.2, "type": 5.6}.items():
        a, b = (ast.Call(func=ast.Name(id=callee, ctx=ast.Load()), args=[e], keywords=[]) for e in (left, right))
        yield Mutation(cost, node, ast.Compare(left=a, ops=node.ops, comparators=[b]))


@operator(
    "case of what is compared", floor=2.6, nodes=[ast.Compare],
    examples=[("x = a == 'AS'", "x = a.upper() == 'AS'"), ("x = a in ('y', 'n')", "x = a.lower() in ('y', 'n')")],
)  # fmt: skip
def spelled(node: ast.Compare, _scope: Scope) -> Iterator[Mutation]:
    """Text of any case is compared with text of one case."""
    right = node.comparators[0]
    members = right.elts if isinstance(right, (ast.Tuple, ast.List, ast.Set)) else [right]
    words = [m.value for m in members if isinstance(m, ast.Constant) and isinstance(m.value, str)]
    if len(node.ops) != 1 or not words or len(words) != len(members) or isinstance(node.left, ast.Constant):
        return
    for attr, fits in (("upper", str.isupper), ("lower", str.islower)):
        if all(map(fits, words)):
            yield Mutation(2.6, node.left, method(node.left, attr))


OPERATORS = (swap, joint, sides, normalised, spelled)
