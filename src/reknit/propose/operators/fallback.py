"""Missing values: lookups without a default, `or` that swallows an empty value, defaults that are shared."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from reknit.propose.operators.base import LOAD, Mutation, call, compare, const, empties, method, name, operator
from reknit.propose.scope import Scope


@operator(
    "lookup without default", floor=2.8, nodes=[ast.Subscript, ast.Call],
    examples=[("x = d[k]", "x = d.get(k)"), ("x = d[k]", "x = d.get(k, 0)"), ("x = d.get(k)", "x = d.get(k, '')"),
              ("x = d.get(k, 1)", "x = d[k]"), ("x = d.pop(k)", "x = d.pop(k, None)"), ("x = next(a)", "x = next(a, None)")],
)  # fmt: skip
def lookup(node: ast.Subscript | ast.Call, _scope: Scope) -> Iterator[Mutation]:
    """A lookup fails on a missing key."""
    if isinstance(node, ast.Subscript):
        if isinstance(node.ctx, ast.Load) and not isinstance(node.slice, (ast.Slice, ast.Tuple)):
            cost = 2.8 if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str) else 3.2
            yield Mutation(cost, node, method(node.value, "get", node.slice))
            for default, extra in empties()[1:]:
                yield Mutation(cost + 0.2 + extra, node, method(node.value, "get", node.slice, default))
        return
    callee = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    wanted = {"get": 1, "pop": 1, "next": 1, "getattr": 2}.get(callee)
    if wanted is None or node.keywords:
        return
    if len(node.args) == wanted:
        for default, extra in empties():
            if callee != "get" or extra:
                yield Mutation(2.8 + extra, node, call(node.func, *node.args, default))
    if callee == "get" and node.args and isinstance(node.func, ast.Attribute):
        yield Mutation(3.0, node, ast.Subscript(value=node.func.value, slice=node.args[0], ctx=LOAD))


@operator(
    "or", floor=2.8, nodes=[ast.BoolOp],
    examples=[("x = a or b", "x = b if a is None else a"), ("x = a[k] or b", "x = a.get(k, b)")],
)  # fmt: skip
def swallowed(node: ast.BoolOp, _scope: Scope) -> Iterator[Mutation]:
    """`or` replaces a zero or an empty value that is meant."""
    if isinstance(node.op, ast.Or) and len(node.values) == 2 and isinstance(node.values[0], _SIMPLE):
        first, second = node.values
        missing = compare(first, ast.Is(), const(None))
        yield Mutation(2.8, node, ast.IfExp(test=missing, body=second, orelse=first))
        if isinstance(first, ast.Subscript) and not isinstance(first.slice, ast.Slice):
            yield Mutation(2.8, node, method(first.value, "get", first.slice, second))


_SIMPLE = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)


@operator(
    "missing value", floor=4.2, nodes=[ast.Name, ast.Attribute, ast.Call, ast.Subscript],
    examples=[("def f(a): return a", "def f(a): return a or ''"), ("x = f(a.b)", "x = f(a.b or [])"),
              ("x = a.b", "x = getattr(a, 'b', None)")],
)  # fmt: skip
def default(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A value may be missing, and the code goes on as if it were there."""
    if not isinstance(getattr(node, "ctx", LOAD), ast.Load) or scope.kind(node) == "bool":
        return
    if scope.field(node) in {"func", "annotation", "returns", "test", "decorator_list", "bases", "type", "slice"}:
        return
    parent = scope.parent(node)
    if isinstance(parent, (ast.Expr, ast.Compare, ast.BoolOp, ast.JoinedStr)):
        return
    for other, extra in empties():
        yield Mutation(4.2 + extra, node, ast.BoolOp(op=ast.Or(), values=[node, other]))
    if isinstance(node, ast.Attribute):
        for other, extra in empties()[:6]:
            yield Mutation(4.4 + extra, node, call("getattr", node.value, const(node.attr), other))
    for value in scope.names(node.lineno)[:6]:
        missing = compare(node, ast.Is(), const(None))
        yield Mutation(4.8 + 0.6 * value.cost, node, ast.BoolOp(op=ast.Or(), values=[node, value.expr]))
        fallback = ast.IfExp(test=missing, body=value.expr, orelse=node)
        yield Mutation(5.6 + 0.6 * value.cost, node, fallback)


@operator(
    "value of a missing object", floor=4.0, nodes=[ast.Attribute, ast.Call, ast.Subscript, ast.Return],
    examples=[("def f(a): return a.b", "def f(a): return a.b if a is not None else None"),
              ("def f(a): return g(a)", "def f(a): return g(a) if a else None")],
)  # fmt: skip
def conditional(node: ast.expr | ast.Return, scope: Scope) -> Iterator[Mutation]:
    """An object may be missing, and something is asked of it."""
    if isinstance(node, ast.Return) or scope.field(node) in {"func", "annotation", "returns", "test"}:
        return
    if not isinstance(getattr(node, "ctx", LOAD), ast.Load) or isinstance(scope.parent(node), (ast.Expr, ast.Compare)):
        return
    bases = [n for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Attribute)) and n is not node]
    plain = [n for n in bases if not (isinstance(node, ast.Call) and n is node.func)]
    plain = [n for n in plain if not (isinstance(n, ast.Name) and n.id in scope.called | {"self", "cls"})]
    for rank, base in enumerate(plain[:3]):
        for test, extra in ((base, 0.0), (compare(base, ast.IsNot(), const(None)), 0.1)):
            for other, more in empties()[:5]:
                cost = 4.0 + extra + more + 0.4 * rank
                yield Mutation(cost, node, ast.IfExp(test=test, body=node, orelse=other))


@operator(
    "shared default", floor=2.0, nodes=[ast.FunctionDef, ast.AsyncFunctionDef],
    examples=[("def f(a=[]):\n    return a", "def f(a=None):\n    if a is None:\n        a = []\n    return a")],
)  # fmt: skip
def shared(node: ast.FunctionDef | ast.AsyncFunctionDef, _scope: Scope) -> Iterator[Mutation]:
    """A mutable default is shared by all calls."""
    args = [*node.args.posonlyargs, *node.args.args]
    pairs = list(zip(args[len(args) - len(node.args.defaults) :], node.args.defaults, strict=True))
    for index, (arg, value) in enumerate(pairs):
        if not isinstance(value, (ast.List, ast.Dict, ast.Set, ast.Call)):
            continue
        defaults = [*node.args.defaults[:index], const(None), *node.args.defaults[index + 1 :]]
        header = _with(node.args, defaults=defaults)
        fill = ast.Assign(targets=[ast.Name(id=arg.arg, ctx=ast.Store())], value=value)
        test = compare(name(arg.arg), ast.Is(), const(None))
        guard = ast.If(test=test, body=[fill], orelse=[])
        body = list(node.body)
        at = 1 if ast.get_docstring(node, clean=False) is not None else 0
        yield Mutation(2.0, node, [_with(node, args=header, body=[*body[:at], guard, *body[at:]])])


@operator(
    "default not filled in", floor=3.4, nodes=[ast.FunctionDef, ast.AsyncFunctionDef],
    examples=[("def f(a=None):\n    return a", "def f(a=None):\n    if a is None:\n        a = {}\n    return a")],
)  # fmt: skip
def unfilled(node: ast.FunctionDef | ast.AsyncFunctionDef, _scope: Scope) -> Iterator[Mutation]:
    """A parameter that may be missing is used as if it were given."""
    args = [*node.args.posonlyargs, *node.args.args]
    pairs = [*zip(args[len(args) - len(node.args.defaults) :], node.args.defaults, strict=True)]
    pairs += [(arg, value) for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value]
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body:
        return
    for rank, (arg, value) in enumerate(pairs):
        if not isinstance(value, ast.Constant) or value.value is not None:
            continue
        test = compare(name(arg.arg), ast.Is(), const(None))
        for other, extra in [*empties()[1:], (call("set"), 0.8)]:
            fill = ast.Assign(targets=[ast.Name(id=arg.arg, ctx=ast.Store())], value=other)
            guard = ast.If(test=test, body=[fill], orelse=[])
            yield Mutation(3.4 + 0.3 * rank + extra, body[0], [guard, body[0]])


def _with(node: Any, **changes: object) -> Any:
    fields = {field: getattr(node, field, None) for field in node._fields}
    return type(node)(**{**fields, **changes})


OPERATORS = (lookup, swallowed, default, conditional, shared, unfilled)
