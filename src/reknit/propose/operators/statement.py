"""Statements that are too many, of the wrong sort, or end the wrong thing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reknit.propose.operators.base import Mutation, const, name, operator
from reknit.propose.scope import Scope

_SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Break, ast.Continue, ast.Raise, ast.Delete, ast.Assert)
_BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try)


def is_docstring(node: ast.stmt) -> bool:
    """Whether a statement is only a literal."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@operator(
    "statement too many", floor=2.4, nodes=[*_SIMPLE, *_BLOCKS],
    examples=[("a()\nb()", "b()"), ("for x in y:\n    if a: break\n    b()", "for x in y:\n    b()")],
)  # fmt: skip
def delete(node: ast.stmt, _scope: Scope) -> Iterator[Mutation]:
    """A statement should not be there."""
    if is_docstring(node):
        return
    size = node.end_lineno - node.lineno + 1 if node.end_lineno else 1
    yield Mutation(2.4 + (0.25 * min(size, 20) if isinstance(node, _BLOCKS) else 0.0), node, [])


@operator(
    "jump", floor=1.6, nodes=[ast.Break, ast.Continue, ast.Return, ast.Raise],
    examples=[("for x in y:\n    break", "for x in y:\n    continue"), ("def f():\n    return 1", "def f():\n    yield 1")],
)  # fmt: skip
def jump(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """The wrong thing is ended."""
    if isinstance(node, ast.Break):
        yield Mutation(1.6, node, [ast.Continue()])
        yield Mutation(3.4, node, [ast.Return(value=None)])
    elif isinstance(node, ast.Continue):
        yield Mutation(1.6, node, [ast.Break()])
    elif isinstance(node, ast.Return) and scope.in_loop(node):
        yield Mutation(2.8, node, [ast.Continue()])
        yield Mutation(2.8, node, [ast.Break()])
    if isinstance(node, ast.Return) and node.value is not None:
        yield Mutation(3.0, node, [ast.Expr(value=ast.Yield(value=node.value))])
    if isinstance(node, ast.Raise):
        yield Mutation(3.4, node, [ast.Return(value=None)])


@operator(
    "result dropped", floor=1.8, nodes=[ast.Expr, ast.Return, ast.Assign],
    examples=[("def f(a):\n    g(a)", "def f(a):\n    return g(a)"), ("def f(a):\n    a.strip()", "def f(a):\n    a = a.strip()"),
              ("def f(a):\n    return", "def f(a):\n    return a"), ("def f(a):\n    a = a.sort()", "def f(a):\n    a.sort()")],
)  # fmt: skip
def dropped(node: ast.Expr | ast.Return | ast.Assign, scope: Scope) -> Iterator[Mutation]:
    """A result is computed and not used, or used where there is none."""
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Yield) and node.value.value:
            yield Mutation(2.2, node, [ast.Expr(value=ast.YieldFrom(value=node.value.value))])
            yield Mutation(2.6, node, [ast.Return(value=node.value.value)])
        elif isinstance(node.value, ast.YieldFrom):
            yield Mutation(2.2, node, [ast.Expr(value=ast.Yield(value=node.value.value))])
        elif isinstance(node.value, ast.Call) and scope.function:
            yield Mutation(1.8, node, [ast.Return(value=node.value)])
            if isinstance(node.value.func, ast.Attribute) and isinstance(node.value.func.value, ast.Name):
                own = ast.Name(id=node.value.func.value.id, ctx=ast.Store())
                yield Mutation(2.4, node, [ast.Assign(targets=[own], value=node.value)])
    elif isinstance(node, ast.Assign):
        if isinstance(node.value, ast.Call):
            yield Mutation(3.0, node, [ast.Expr(value=node.value)])
        if scope.function:
            yield Mutation(3.2, node, [ast.Return(value=node.value)])
    else:
        yield from _returned(node, scope)


def _returned(node: ast.Return, scope: Scope) -> Iterator[Mutation]:
    if node.value is None:
        for value in scope.values(node.lineno)[:10]:
            yield Mutation(2.4 + 0.6 * value.cost, node, [ast.Return(value=value.expr)])
        return
    if isinstance(node.value, (ast.Call, ast.Await)):
        yield Mutation(3.2, node, [ast.Expr(value=node.value)])
    if not isinstance(node.value, ast.Constant):
        for other, cost in ((const(None), 3.2), (const(True), 3.4), (const(False), 3.4), (const(0), 3.6)):
            yield Mutation(cost, node.value, other)
    for near in scope.near(scope.returned, node.lineno, 8):
        if near.expr is not node.value:
            yield Mutation(3.0 + near.cost, node.value, near.expr)


@operator(
    "shared instead of copied", floor=3.0, nodes=[ast.Expr],
    examples=[("a[0].update(b)", "a[0] = b"), ("a.extend(b)", "a = b")],
)  # fmt: skip
def rebound(node: ast.Expr, _scope: Scope) -> Iterator[Mutation]:
    """A container is changed in place where another should take its place."""
    value = node.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and len(value.args) == 1:
        owner = value.func.value
        if isinstance(owner, (ast.Name, ast.Subscript, ast.Attribute)):
            fields = {field: getattr(owner, field) for field in owner._fields}
            stored = type(owner)(**{**fields, "ctx": ast.Store()})
            cost = 3.0 if value.func.attr in {"update", "extend", "append", "add", "insert"} else 4.4
            yield Mutation(cost, node, [ast.Assign(targets=[stored], value=value.args[0])])


@operator(
    "last value", floor=3.2, nodes=[ast.stmt],
    examples=[("def f(a):\n    b = a", "def f(a):\n    b = a\n    return b")],
)  # fmt: skip
def last(node: ast.stmt, scope: Scope) -> Iterator[Mutation]:
    """A branch or a function does not end with its value."""
    if scope.function is None or isinstance(node, (ast.Return, ast.Raise, ast.FunctionDef, ast.ClassDef)):
        return
    siblings, index = scope.siblings(node)
    if index != len(siblings) - 1 or is_docstring(node):
        return
    at_end = scope.parent(node) is scope.root
    base = 3.2 if at_end else 4.2
    for value in scope.values(node.lineno)[:10]:
        yield Mutation(base + 0.6 * value.cost, node, [node, ast.Return(value=value.expr)])
    for near in scope.near(scope.returned, node.lineno, 6):
        yield Mutation(base + 0.3 + near.cost, node, [node, ast.Return(value=near.expr)])
    if "self" in scope.parameters:
        yield Mutation(base + 0.6, node, [node, ast.Return(value=name("self"))])
    if scope.in_loop(node):
        yield Mutation(4.0, node, [node, ast.Break()])
        yield Mutation(4.4, node, [node, ast.Continue()])


@operator(
    "if, while, elif", floor=2.6, nodes=[ast.If, ast.While],
    examples=[("if a: b()", "while a: b()"), ("while a: b()", "if a: b()"),
              ("if a:\n    b()\nif c:\n    d()", "if a:\n    b()\nelif c:\n    d()")],
)  # fmt: skip
def branch(node: ast.If | ast.While, scope: Scope) -> Iterator[Mutation]:
    """A branch should repeat, a loop should not, or two branches exclude each other."""
    siblings, index = scope.siblings(node)
    if isinstance(node, ast.While):
        yield Mutation(3.0, node, [ast.If(test=node.test, body=node.body, orelse=node.orelse)])
        return
    if not node.orelse:
        yield Mutation(2.6, node, [ast.While(test=node.test, body=node.body, orelse=[])])
        after = siblings[index + 1] if index + 1 < len(siblings) else None
        if isinstance(after, ast.If):
            yield Mutation(2.8, node, [ast.If(test=node.test, body=node.body, orelse=[after])], after)
        if after is not None:
            rest = siblings[index + 1 :]
            yield Mutation(3.6, node, [ast.If(test=node.test, body=node.body, orelse=rest)], rest[-1])
        return
    yield Mutation(2.4 + 0.2, node, [ast.If(test=node.test, body=node.orelse, orelse=node.body)])
    yield Mutation(3.0, node, [ast.If(test=node.test, body=node.body, orelse=[]), *node.orelse])
    yield Mutation(3.4, node, [ast.If(test=node.test, body=node.body, orelse=[])])
    yield Mutation(3.4, node, node.body)
    yield Mutation(3.6, node, node.orelse)


@operator(
    "exception", floor=2.6, nodes=[ast.ExceptHandler, ast.Raise],
    examples=[("try:\n    a()\nexcept KeyError:\n    b()", "try:\n    a()\nexcept (KeyError, TypeError):\n    b()"),
              ("def f():\n    raise KeyError(1)", "def f():\n    raise ValueError(1)")],
)  # fmt: skip
def exception(node: ast.ExceptHandler | ast.Raise, scope: Scope) -> Iterator[Mutation]:
    """The wrong exception is raised, or one too few is caught."""
    pool = [*scope.hints.exception_types, *(n for n in scope.module.exceptions), *_COMMON]
    if isinstance(node, ast.Raise):
        kind = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(kind, (ast.Name, ast.Attribute)):
            for rank, other in enumerate(dict.fromkeys(pool)):
                yield Mutation(
                    2.6 + 0.15 * rank, kind, ast.parse(other, mode="eval").body if "." in other else name(other)
                )
        return
    if node.type is None:
        return
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    for rank, other in enumerate(dict.fromkeys(pool)):
        if other.isidentifier():
            more = ast.Tuple(elts=[*caught, name(other)], ctx=ast.Load())
            yield Mutation(2.6 + 0.15 * rank, node.type, more)
            yield Mutation(3.4 + 0.15 * rank, node.type, name(other))


_COMMON = (
    "ValueError", "TypeError", "KeyError", "AttributeError", "IndexError", "OSError", "Exception", "RuntimeError",
    "StopIteration", "UnicodeDecodeError", "UnicodeError", "LookupError", "ImportError",
    "FileNotFoundError", "PermissionError", "OverflowError", "ZeroDivisionError", "AssertionError", "RecursionError",
    "MemoryError", "SyntaxError", "EOFError", "NameError", "TimeoutError", "ConnectionError",
)  # fmt: skip

OPERATORS = (delete, jump, dropped, rebound, last, branch, exception)
