"""Cases that need to be left early, skipped or caught."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reknit.propose.operators.base import Mutation, const, name, operator
from reknit.propose.operators.statement import is_docstring
from reknit.propose.predicates import predicates
from reknit.propose.scope import Scope

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


def _answers(scope: Scope, line: int) -> list[tuple[ast.stmt, float]]:
    """What an early exit can give back."""
    kinds = {scope.kind(e) for e in scope.returned}
    found: list[tuple[ast.stmt, float]] = [
        (ast.Return(value=near.expr), 0.2 + 0.7 * near.cost) for near in scope.near(scope.returned, line, 5)
    ]
    if not scope.returned:
        found.append((ast.Return(value=None), 0.2))
    empty: list[tuple[ast.expr, str, float]] = [
        (const(None), "none", 0.6), (const(True), "bool", 1.0), (const(False), "bool", 0.9), (const(0), "int", 1.2),
        (ast.List(elts=[], ctx=ast.Load()), "list", 1.2), (const(""), "str", 1.2), (const(1), "int", 1.6),
        (ast.Dict(keys=[], values=[]), "dict", 1.6), (const(-1), "int", 1.8),
    ]  # fmt: skip
    found += [(ast.Return(value=e), cost - (0.5 if kind in kinds else 0.0)) for e, kind, cost in empty]
    parameters = [p for p in scope.parameters if p not in {"self", "cls"}][:3]
    found += [(ast.Return(value=name(p)), 0.9 + 0.3 * rank) for rank, p in enumerate(parameters)]
    return found


@operator(
    "early exit", floor=4.0, nodes=_PLACES,
    examples=[("def f(a):\n    return a[0]", "def f(a):\n    if not a:\n        return None\n    return a[0]"),
              ("for x in y:\n    f(x)", "for x in y:\n    if not x:\n        continue\n    f(x)")],
)  # fmt: skip
def leave(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A special case is not left early."""
    if is_docstring(node):
        return
    line = node.lineno
    exits: list[tuple[ast.stmt, float]] = _answers(scope, line) if scope.function else []
    if scope.in_loop(node):
        exits = [(ast.Continue(), 0.0), (ast.Break(), 0.4), *exits]
    tests = sorted(_tests(scope, node), key=lambda pair: pair[1])[:60]
    first = 0.0 if scope.siblings(node)[1] == 0 else 0.4
    for test, cost in tests:
        for exit_, extra in exits:
            yield Mutation(4.0 + first + cost + extra, node, [ast.If(test=test, body=[exit_], orelse=[]), node])


def _tests(scope: Scope, node: ast.stmt) -> list[tuple[ast.expr, float]]:
    header = node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and isinstance(node, (ast.If, ast.For, ast.While)):
            return [(p.expr, p.cost) for p in predicates(scope, child)]
    return [(p.expr, p.cost) for p in predicates(scope, header)]


@operator(
    "raise", floor=4.4, nodes=_PLACES,
    examples=[("def f(a):\n    return a[0]", "def f(a):\n    if not a:\n        raise ValueError()\n    return a[0]")],
)  # fmt: skip
def refuse(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A value that should be refused is accepted."""
    if is_docstring(node) or scope.function is None:
        return
    hinted = scope.hints.exception_types
    kinds = [*hinted, *(k for k in ("ValueError", "TypeError") if k not in hinted)]
    tests = sorted(_tests(scope, node), key=lambda pair: pair[1])[:30]
    for rank, kind in enumerate(kinds):
        if not kind.isidentifier():
            continue
        base = 4.4 if rank < len(hinted) else 6.0
        error = ast.Raise(exc=ast.Call(func=name(kind), args=[], keywords=[]), cause=None)
        for test, cost in tests:
            yield Mutation(base + 0.3 * rank + cost, node, [ast.If(test=test, body=[error], orelse=[]), node])


@operator(
    "only if", floor=3.8, nodes=[ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.For, ast.Raise],
    examples=[("def f(a):\n    a.go()\n    return 1", "def f(a):\n    if a:\n        a.go()\n    return 1")],
)  # fmt: skip
def only_if(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A statement is for some cases only."""
    if is_docstring(node):
        return
    for test, cost in sorted(_tests(scope, node), key=lambda pair: pair[1])[:60]:
        yield Mutation(3.8 + cost, node, [ast.If(test=test, body=[node], orelse=[])])


@operator(
    "catch", floor=4.4, nodes=[ast.Expr, ast.Assign, ast.AugAssign, ast.Return],
    examples=[("def f(a):\n    return int(a)", "def f(a):\n    try:\n        return int(a)\n    except ValueError:\n        return None")],
)  # fmt: skip
def catch(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A failure that is to be expected is not caught."""
    if is_docstring(node) or scope.function is None:
        return
    hinted = [k for k in scope.hints.exception_types if k.isidentifier()]
    kinds = [
        *hinted,
        *(k for k in ("ValueError", "KeyError", "TypeError", "IndexError", "AttributeError") if k not in hinted),
    ]
    exits = sorted(_answers(scope, node.lineno), key=lambda pair: pair[1])[:6]
    if isinstance(node, ast.Expr):
        exits = [(ast.Pass(), 0.0), *exits]
    if scope.in_loop(node):
        exits = [(ast.Continue(), 0.0), *exits]
    for rank, kind in enumerate(kinds):
        for exit_, extra in exits:
            handler = ast.ExceptHandler(type=name(kind), name=None, body=[exit_])
            base = 4.4 if rank < len(hinted) else 5.6
            new = ast.Try(body=[node], handlers=[handler], orelse=[], finalbody=[])
            yield Mutation(base + 0.2 * rank + extra, node, [new])


OPERATORS = (leave, refuse, only_if, catch)
