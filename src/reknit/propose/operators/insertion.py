"""Statements that are missing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reknit.propose.kinds import CONTAINERS, NUMBERS
from reknit.propose.operators.base import Mutation, binary, const, method, name, operator
from reknit.propose.operators.statement import is_docstring
from reknit.propose.scope import Scope

_ADDERS = {"list": ("append",), "set": ("add",), "": ("append", "add"), "dict": ()}
_PLACES = (
    ast.Expr,
    ast.Assign,
    ast.AugAssign,
    ast.If,
    ast.For,
    ast.While,
    ast.With,
    ast.Return,
    ast.Try,
    ast.AnnAssign,
)
_ENDS = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def _placed(base: float, node: ast.stmt, new: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """`new` after `node`, or before it where it begins a block."""
    siblings, index = scope.siblings(node)
    if is_docstring(node):
        return
    if not isinstance(node, _ENDS):
        yield Mutation(base, node, [node, new])
    if index == 0 or isinstance(node, _ENDS) or is_docstring(siblings[index - 1]):
        yield Mutation(base, node, [new, node])


@operator(
    "collecting forgotten", floor=3.6, nodes=_PLACES,
    examples=[("def f(a):\n    b = []\n    for x in a:\n        g(x)\n    return b",
               "def f(a):\n    b = []\n    for x in a:\n        g(x)\n        b.append(x)\n    return b")],
)  # fmt: skip
def collect(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A value is not put where it is looked for later."""
    if scope.function is None:
        return
    values = scope.values(node.lineno)[:10]
    for target in values:
        kind = scope.kind(target.expr)
        used = {"append", "add"} & set(scope.module.attributes.get(ast.unparse(target.expr), {}))
        adders = tuple(sorted(used)) or _ADDERS.get(kind, ())
        for attr in adders:
            for value in values:
                if value.expr is target.expr or scope.kind(value.expr) == kind != "":
                    continue
                base = 3.6 if used or kind else 4.6
                new = ast.Expr(value=method(target.expr, attr, value.expr))
                yield from _placed(base + 0.5 * (target.cost + value.cost), node, new, scope)


@operator(
    "assignment forgotten", floor=3.6, nodes=_PLACES,
    examples=[("def f(a):\n    b = 0\n    while a:\n        c = b\n        a = a.n\n    return b",
               "def f(a):\n    b = 0\n    while a:\n        c = b\n        b = a\n        a = a.n\n    return b")],
)  # fmt: skip
def assign(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A variable is not brought up to date."""
    if scope.function is None:
        return
    values = scope.values(node.lineno)[:10]
    for target in values:
        stored = _stored(target.expr)
        for value in values:
            if value.expr is not target.expr:
                new = ast.Assign(targets=[stored], value=value.expr)
                same = 0.0 if scope.kind(target.expr) == scope.kind(value.expr) else 0.8
                yield from _placed(4.0 + same + 0.5 * (target.cost + value.cost), node, new, scope)
        kind = scope.kind(target.expr)
        for rank, value_ in enumerate(_resets(kind)):
            new = ast.Assign(targets=[stored], value=value_)
            yield from _placed(4.4 + 0.4 * rank + 0.5 * target.cost, node, new, scope)
        if kind in NUMBERS | {""}:
            more = 0.0 if kind else 1.4
            for op, extra in ((ast.Add(), 0.0), (ast.Sub(), 0.6)):
                step = ast.AugAssign(target=stored, op=op, value=const(1))
                yield from _placed(3.6 + more + extra + 0.5 * target.cost, node, step, scope)


def _stored(expr: ast.expr) -> ast.Attribute | ast.Name:
    if isinstance(expr, ast.Attribute):
        return ast.Attribute(value=expr.value, attr=expr.attr, ctx=ast.Store())
    return ast.Name(id=getattr(expr, "id", ""), ctx=ast.Store())


def _resets(kind: str) -> list[ast.expr]:
    empty: dict[str, list[ast.expr]] = {
        "int": [const(0), const(1)], "float": [const(0.0)], "str": [const("")], "bool": [const(False), const(True)],
        "list": [ast.List(elts=[], ctx=ast.Load())], "dict": [ast.Dict(keys=[], values=[])],
    }  # fmt: skip
    return empty.get(kind, [const(None), const(True), const(False)])


@operator(
    "statement repeated elsewhere", floor=3.8, nodes=_PLACES,
    examples=[("def f(a, b):\n    a.clear()\n    if b:\n        b.go()", "def f(a, b):\n    a.clear()\n    if b:\n        b.go()\n        a.clear()")],
)  # fmt: skip
def copied(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A statement of this function is needed here too."""
    pool = [n for n in scope.nodes if isinstance(n, (ast.Expr, ast.Assign, ast.AugAssign, *_ENDS)) and n is not node]
    pool = [n for n in pool if not is_docstring(n)]
    pool.sort(key=lambda n: (abs(n.lineno - node.lineno), n.lineno))
    for rank, other in enumerate(pool[:12]):
        yield from _placed(3.8 + 0.15 * rank, node, other, scope)


@operator(
    "normalising forgotten", floor=4.6, nodes=_PLACES,
    examples=[("def f(a):\n    return g(a)", "def f(a):\n    a = list(a)\n    return g(a)")],
)  # fmt: skip
def normalise(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A parameter is used as it came."""
    siblings, index = scope.siblings(node)
    first = index == 0 or (index == 1 and is_docstring(siblings[0]))
    if scope.function is None or not first or scope.parent(node) is not scope.function.node or is_docstring(node):
        return
    for rank, parameter in enumerate(p for p in scope.parameters if p not in {"self", "cls"}):
        own, kind = name(parameter), scope.kind(name(parameter))
        fixes: list[ast.expr] = [
            ast.Call(func=name(f), args=[own], keywords=[])
            for f in ("list", "str", "abs", "int", "sorted", "dict", "set")
        ]
        if kind in {"str", ""}:
            fixes += [method(own, attr) for attr in ("lower", "strip", "upper", "copy")]
        if kind not in CONTAINERS:
            fixes.append(binary(own, ast.Add(), const(1)))
        for step, value in enumerate(fixes):
            new = ast.Assign(targets=[ast.Name(id=parameter, ctx=ast.Store())], value=value)
            yield Mutation(4.6 + 0.3 * rank + 0.12 * step, node, [new, node])


OPERATORS = (collect, assign, copied, normalise)
