"""Arithmetic off by one, with the wrong operator, or in the wrong order."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from reknit.propose.kinds import CONTAINERS, FLOAT, INT, LIST, NUMBERS, STR
from reknit.propose.operators.base import Mutation, binary, call, const, name, operator
from reknit.propose.scope import Scope

_SWAPS: dict[type[ast.operator], dict[type[ast.operator], float]] = {
    ast.Add: {ast.Sub: 1.4, ast.Mult: 2.4, ast.BitOr: 4.0, ast.FloorDiv: 4.5, ast.Mod: 4.5},
    ast.Sub: {ast.Add: 1.4, ast.Mult: 3.0, ast.Div: 3.5, ast.Mod: 3.5, ast.FloorDiv: 4.0},
    ast.Mult: {ast.Div: 1.8, ast.Add: 2.2, ast.Pow: 2.4, ast.FloorDiv: 2.4, ast.Sub: 3.5, ast.Mod: 3.5},
    ast.Div: {ast.FloorDiv: 1.2, ast.Mult: 1.8, ast.Mod: 3.0, ast.Sub: 3.5},
    ast.FloorDiv: {ast.Div: 1.4, ast.Mod: 1.8, ast.Mult: 2.4, ast.Sub: 3.5, ast.RShift: 4.0},
    ast.Mod: {ast.FloorDiv: 1.8, ast.Div: 2.4, ast.Mult: 3.0, ast.Sub: 3.5, ast.Add: 3.5},
    ast.Pow: {ast.Mult: 1.8, ast.Div: 4.0, ast.Add: 3.5, ast.BitXor: 4.0},
    ast.BitAnd: {ast.BitOr: 1.6, ast.BitXor: 1.8, ast.Sub: 3.0},
    ast.BitOr: {ast.BitAnd: 1.6, ast.BitXor: 1.8, ast.Add: 3.5},
    ast.BitXor: {ast.BitAnd: 1.6, ast.BitOr: 1.6, ast.Pow: 2.0},
    ast.LShift: {ast.RShift: 1.4}, ast.RShift: {ast.LShift: 1.4}, ast.MatMult: {ast.Mult: 1.5},
}  # fmt: skip
_COMMUTE = (ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)


@operator(
    "arithmetic operator", floor=1.2, nodes=[ast.BinOp, ast.AugAssign],
    examples=[("x = a + b", "x = a - b"), ("n ^= m", "n &= m"), ("x = a / b", "x = a // b")],
)  # fmt: skip
def swap(node: ast.BinOp | ast.AugAssign, scope: Scope) -> Iterator[Mutation]:
    """The wrong arithmetic operator."""
    value = node.left if isinstance(node, ast.BinOp) else node.value
    right = node.right if isinstance(node, ast.BinOp) else node.value
    if scope.kind(value) in CONTAINERS and isinstance(node.op, (ast.Add, ast.Mod)):
        return
    if scope.kind(right) in CONTAINERS and isinstance(node.op, ast.Add):
        return
    for other, cost in _SWAPS[type(node.op)].items():
        if isinstance(node, ast.BinOp):
            yield Mutation(cost, node, binary(node.left, other(), node.right))
        else:
            yield Mutation(cost, node, [ast.AugAssign(target=node.target, op=other(), value=node.value)])


@operator(
    "operands", floor=2.0, nodes=[ast.BinOp],
    examples=[("x = a - b", "x = b - a"), ("x = 1 + f(a)", "x = f(a)"), ("x = a + b", "x = a")],
)  # fmt: skip
def operands(node: ast.BinOp, scope: Scope) -> Iterator[Mutation]:
    """The operands are in the wrong order, or one is too many."""
    if not isinstance(node.op, _COMMUTE) and scope.kind(node) not in {INT, FLOAT} | (
        {STR} if isinstance(node.op, ast.Mod) else set()
    ):
        yield Mutation(2.0, node, binary(node.right, node.op, node.left))
    elif isinstance(node.op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod)) and scope.kind(node) != STR:
        yield Mutation(2.2, node, binary(node.right, node.op, node.left))
    yield Mutation(2.6, node, node.left)
    yield Mutation(2.6, node, node.right)


@operator(
    "grouping", floor=2.8, nodes=[ast.BinOp],
    examples=[("x = (a + b) * c", "x = a + b * c"), ("x = a + b * c", "x = (a + b) * c")],
)  # fmt: skip
def regroup(node: ast.BinOp, _scope: Scope) -> Iterator[Mutation]:
    """Parentheses are missing, or around the wrong part."""
    if isinstance(node.left, ast.BinOp):
        inner = node.left
        yield Mutation(2.8, node, binary(inner.left, inner.op, binary(inner.right, node.op, node.right)))
    if isinstance(node.right, ast.BinOp):
        inner = node.right
        yield Mutation(2.8, node, binary(binary(node.left, node.op, inner.left), inner.op, inner.right))


def _is_number(node: ast.expr, scope: Scope) -> bool:
    """Whether a sum with an integer makes sense here."""
    if isinstance(node, ast.Constant) or scope.kind(node) in CONTAINERS | {"none", "bool"}:
        return False
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    parent = scope.parent(node)
    if isinstance(parent, (ast.Attribute, ast.Expr, ast.keyword, ast.Starred, ast.withitem)):
        return isinstance(parent, ast.keyword)
    field = scope.field(node)
    return field not in {
        "func",
        "iter",
        "annotation",
        "decorator_list",
        "returns",
        "bases",
        "exc",
        "test",
        "keys",
        "type",
    }


def _likely(node: ast.expr, scope: Scope) -> bool:
    parent = scope.parent(node)
    if scope.kind(node) == INT or scope.field(node) == "slice" or isinstance(parent, ast.Slice):
        return True
    if isinstance(parent, ast.Call):
        return isinstance(parent.func, ast.Name) and parent.func.id == "range"
    return isinstance(parent, ast.Compare) and isinstance(parent.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE))


_NUMERIC = (ast.Name, ast.Attribute, ast.Call, ast.BinOp, ast.Subscript)


@operator(
    "off by one", floor=1.8, nodes=_NUMERIC,
    examples=[("x = a[i]", "x = a[i - 1]"), ("for i in range(n): f(i)", "for i in range(n + 1): f(i)")],
)  # fmt: skip
def one(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A number is one too small or too large."""
    if not _is_number(node, scope):
        return
    cost = 1.8 if _likely(node, scope) else 3.2
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) and isinstance(node.right, ast.Constant):
        cost += 1.5
    yield Mutation(cost, node, binary(node, ast.Add(), const(1)))
    yield Mutation(cost, node, binary(node, ast.Sub(), const(1)))


@operator(
    "missing operand", floor=3.6, nodes=_NUMERIC,
    examples=[("def f(a, k, n):\n    return f(a, k, n)", "def f(a, k, n):\n    return f(a, k - n, n)")],
)  # fmt: skip
def combine(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A number lacks a summand or a factor that is at hand."""
    if not _is_number(node, scope):
        return
    base = 3.6 if _likely(node, scope) else 4.2
    for value in scope.values(node.lineno)[:12]:
        if scope.kind(value.expr) in CONTAINERS | {"bool"} or ast.unparse(value.expr) == ast.unparse(node):
            continue
        for op, extra in ((ast.Sub(), 0.0), (ast.Add(), 0.0), (ast.Mult(), 0.7)):
            yield Mutation(base + extra + 0.6 * value.cost, node, binary(node, op, value.expr))
    if isinstance(node, (ast.Name, ast.Attribute)):
        yield Mutation(4.4, node, binary(node, ast.Pow(), const(2)))
        yield Mutation(4.6, node, binary(node, ast.Mult(), const(2)))
        yield Mutation(4.6, node, binary(node, ast.FloorDiv(), const(2)))


@operator(
    "clamp", floor=4.0, nodes=_NUMERIC,
    examples=[("def f(a, b):\n    a = b + 1", "def f(a, b):\n    a = max(a, b + 1)"), ("x = a + b", "x = max(0, a + b)")],
)  # fmt: skip
def clamp(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A number leaves the range that it must stay in."""
    if not _is_number(node, scope):
        return
    parent = scope.parent(node)
    assigned = isinstance(parent, (ast.Assign, ast.Return, ast.AugAssign)) or _likely(node, scope)
    base = 4.0 if assigned else 5.0
    yield Mutation(base + 0.4, node, call("max", const(0), node))
    yield Mutation(base + 1.0, node, call("max", const(1), node))
    yield Mutation(base + 0.4, node, call("abs", node))
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        own = name(parent.targets[0].id)
        yield Mutation(base, node, call("max", own, node))
        yield Mutation(base, node, call("min", own, node))
    for value in scope.values(node.lineno)[:8]:
        if scope.kind(value.expr) not in CONTAINERS | {"bool"}:
            yield Mutation(base + 0.8 + 0.6 * value.cost, node, call("max", value.expr, node))
            yield Mutation(base + 0.8 + 0.6 * value.cost, node, call("min", value.expr, node))


@operator(
    "sum with a value", floor=3.8, nodes=[ast.ListComp, ast.List, ast.Call, ast.BinOp, ast.Name, ast.JoinedStr],
    examples=[("def f(xs, ys):\n    return [x for x in xs]", "def f(xs, ys):\n    return ys + [x for x in xs]")],
)  # fmt: skip
def concatenated(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A list or string is returned or assigned without a part that is at hand."""
    parent = scope.parent(node)
    if not isinstance(parent, (ast.Return, ast.Assign)) or isinstance(getattr(node, "ctx", None), ast.Store):
        return
    kind = scope.kind(node)
    if kind not in {LIST, STR, ""}:
        return
    for value in scope.values(node.lineno)[:8]:
        other = scope.kind(value.expr)
        if other in {kind, ""} or (not kind and other not in NUMBERS):
            cost = 3.8 + (0.0 if kind == LIST else 0.8) + 0.6 * value.cost
            yield Mutation(cost, node, binary(value.expr, ast.Add(), node))
            yield Mutation(cost, node, binary(node, ast.Add(), value.expr))


@operator(
    "augmented assignment", floor=2.0, nodes=[ast.AugAssign, ast.Assign],
    examples=[("x += y", "x = y"), ("def f(x, y):\n    x = y", "def f(x, y):\n    x += y")],
)  # fmt: skip
def augmented(node: ast.AugAssign | ast.Assign, scope: Scope) -> Iterator[Mutation]:
    """A sum is overwritten, or a value is added up that should replace."""
    if isinstance(node, ast.AugAssign):
        yield Mutation(2.0, node, [ast.Assign(targets=[node.target], value=node.value)])
        return
    target = node.targets[0]
    if len(node.targets) != 1 or not isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        return
    bool_or_none = scope.kind(node.value) in {"none", "bool", "dict"}
    if bool_or_none or (isinstance(target, ast.Name) and len(scope.locals.get(target.id, ())) < 2):
        return
    for op, cost in ((ast.Add(), 2.4), (ast.Sub(), 3.4), (ast.Mult(), 4.0), (ast.BitOr(), 4.4)):
        yield Mutation(cost, node, [ast.AugAssign(target=target, op=op, value=node.value)])


@operator(
    "sign", floor=3.0, nodes=[ast.Name, ast.Attribute, ast.Call, ast.UnaryOp, ast.Subscript],
    examples=[("x = -a", "x = a"), ("def f(a): return a", "def f(a): return -a")],
)  # fmt: skip
def sign(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A sign is missing or too many."""
    if isinstance(node, ast.UnaryOp):
        if not isinstance(node.op, ast.Not):
            yield Mutation(3.0, node, node.operand)
        return
    if _is_number(node, scope):
        cost = 3.4 if scope.kind(node) in NUMBERS else 4.0
        yield Mutation(cost + math.log(1.5), node, ast.UnaryOp(op=ast.USub(), operand=node))


OPERATORS = (swap, operands, regroup, one, combine, clamp, concatenated, augmented, sign)
