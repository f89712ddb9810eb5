"""Slices, indexes, ranges and loops over the wrong part of a sequence."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reknit.propose.kinds import NUMBERS
from reknit.propose.operators.base import LOAD, Mutation, binary, call, const, method, operator, with_arguments
from reknit.propose.scope import Scope


def _sub(value: ast.expr, index: ast.expr) -> ast.Subscript:
    return ast.Subscript(value=value, slice=index, ctx=LOAD)


def _slice(low: ast.expr | None, high: ast.expr | None, step: ast.expr | None = None) -> ast.Slice:
    return ast.Slice(lower=low, upper=high, step=step)


@operator(
    "slice bounds", floor=2.2, nodes=[ast.Slice],
    examples=[("x = a[i:]", "x = a[i + 1:]"), ("x = a[1:]", "x = a[:1]"), ("x = a[:n]", "x = a"), ("x = a[i:j]", "x = a[i:]")],
)  # fmt: skip
def bounds(node: ast.Slice, scope: Scope) -> Iterator[Mutation]:
    """A slice begins or ends at the wrong place."""
    low, high, step = node.lower, node.upper, node.step
    if low and high:
        yield Mutation(2.6, node, _slice(low, None, step))
        yield Mutation(2.6, node, _slice(None, high, step))
    elif low or high:
        yield Mutation(2.2, node, _slice(high, low, step))
        parent = scope.parent(node)
        if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Load):
            yield Mutation(3.0, parent, parent.value)
    if low and not isinstance(low, ast.Constant):
        yield Mutation(2.2, low, binary(low, ast.Add(), const(1)))
    if low is None:
        yield Mutation(2.6, node, _slice(const(1), high, step))
    if high is None:
        yield Mutation(2.6, node, _slice(low, const(-1), step))
        values = [v for v in scope.values(node.lineno)[:8] if scope.kind(v.expr) in NUMBERS | {""}]
        for value in values:
            yield Mutation(3.6 + 0.6 * value.cost, node, _slice(low, value.expr, step))
    if step is None:
        yield Mutation(3.8, node, _slice(low, high, const(2)))
        yield Mutation(3.8, node, _slice(low, high, const(-1)))


@operator(
    "index or slice", floor=2.8, nodes=[ast.Subscript],
    examples=[("x = a[i]", "x = a[i:]"), ("x = a[i:]", "x = a[i]"), ("x = a[i]", "x = a")],
)  # fmt: skip
def index(node: ast.Subscript, _scope: Scope) -> Iterator[Mutation]:
    """A member is taken where a part is meant, or the other way round."""
    if not isinstance(node.ctx, ast.Load):
        return
    at = node.slice
    if isinstance(at, ast.Slice):
        for bound in (at.lower, at.upper):
            if bound is not None:
                yield Mutation(3.0, node, _sub(node.value, bound))
        return
    yield Mutation(2.8, node, _sub(node.value, _slice(at, None)))
    yield Mutation(2.8, node, _sub(node.value, _slice(None, at)))
    yield Mutation(3.2, node, node.value)
    if not isinstance(at, (ast.Constant, ast.UnaryOp, ast.Tuple)):
        yield Mutation(3.6, at, ast.UnaryOp(op=ast.USub(), operand=at))
        yield Mutation(4.2, at, binary(at, ast.Mod(), call("len", node.value)))


@operator(
    "part of a sequence", floor=3.0, nodes=[ast.Name, ast.Attribute, ast.Call],
    examples=[("def f(a, b):\n    return g(b)", "def f(a, b):\n    return g(b[1:])"),
              ("def f(a, k):\n    for x in a: g(x)", "def f(a, k):\n    for x in a[k:]: g(x)")],
)  # fmt: skip
def part(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """The whole is used where a part, a member or a reversed copy is meant."""
    if not isinstance(getattr(node, "ctx", LOAD), ast.Load) or scope.kind(node) in {"int", "float", "bool", "set"}:
        return
    field = scope.field(node)
    excluded = field in {"func", "value", "annotation", "returns", "slice", "test", "exc", "type", "keys"}
    if excluded and not isinstance(scope.parent(node), (ast.Return, ast.Assign)):
        return
    base = 3.0 if field in {"args", "iter"} else 3.8
    for extra, at in (
        (0.0, _slice(const(1), None)), (0.4, _slice(None, const(-1))), (0.8, _slice(None, None, const(-1))),
        (0.6, const(0)), (0.8, const(-1)), (1.0, const(1)), (1.6, _slice(None, None)), (1.6, _slice(None, const(1))),
    ):  # fmt: skip
        yield Mutation(base + extra, node, _sub(node, at))
    for value in scope.values(node.lineno)[:8]:
        if scope.kind(value.expr) in NUMBERS | {""} and ast.unparse(value.expr) != ast.unparse(node):
            yield Mutation(base + 1.0 + 0.6 * value.cost, node, _sub(node, _slice(value.expr, None)))
            yield Mutation(base + 1.1 + 0.6 * value.cost, node, _sub(node, _slice(None, value.expr)))


@operator(
    "range", floor=2.2, nodes=[ast.Call],
    examples=[("for i in range(n): f(i)", "for i in range(1, n): f(i)"),
              ("for i in range(a, b): f(i)", "for i in range(a + 1, b + 1): f(i)"),
              ("for i in range(n): f(i)", "for i in range(n - 1, -1, -1): f(i)")],
)  # fmt: skip
def range_(node: ast.Call, _scope: Scope) -> Iterator[Mutation]:
    """A range begins, ends or runs the wrong way."""
    if not (isinstance(node.func, ast.Name) and node.func.id == "range") or len(node.args) not in {1, 2}:
        return
    args: list[ast.expr] = node.args
    one = const(1)
    if len(args) == 1:
        yield Mutation(2.2, node, with_arguments(node, [one, args[0]]))
        yield Mutation(3.0, node, with_arguments(node, [one, binary(args[0], ast.Add(), one)]))
        down = [binary(args[0], ast.Sub(), one), const(-1), const(-1)]
        yield Mutation(3.2, node, with_arguments(node, down))
        return
    yield Mutation(2.2, node, with_arguments(node, args[1:]))
    for op in (ast.Add(), ast.Sub()):
        yield Mutation(3.0, node, with_arguments(node, [binary(a, op, one) for a in args]))
    yield Mutation(3.4, node, with_arguments(node, [*args, const(2)]))
    yield Mutation(3.4, node, with_arguments(node, [args[1], args[0], const(-1)]))


@operator(
    "iteration", floor=2.8, nodes=[ast.For, ast.comprehension],
    examples=[("for k in d: f(k)", "for k in list(d): f(k)"), ("for k, v in d: f(k)", "for k, v in d.items(): f(k)"),
              ("for k in d: f(k)", "for k in d.values(): f(k)"), ("for i, v in d: f(i)", "for i, v in enumerate(d): f(i)")],
)  # fmt: skip
def iteration(node: ast.For | ast.comprehension, _scope: Scope) -> Iterator[Mutation]:
    """A loop runs over the keys, the live container, or in the wrong order."""
    source = node.iter
    pair = isinstance(node.target, ast.Tuple)
    yield Mutation(2.8, source, method(source, "items") if pair else method(source, "values"))
    for callee, cost in (
        ("enumerate", 2.8 if pair else 4.4),
        ("list", 3.0),
        ("reversed", 3.0),
        ("sorted", 3.2),
        ("set", 3.8),
    ):
        yield Mutation(cost, source, call(callee, source))
    yield Mutation(3.4, source, method(source, "keys"))
    yield Mutation(4.0, source, method(source, "copy"))
    yield Mutation(4.4, source, ast.BoolOp(op=ast.Or(), values=[source, ast.Tuple(elts=[], ctx=LOAD)]))


OPERATORS = (bounds, index, part, range_, iteration)
