"""Literals that are off: numbers, flags, empty displays, defaults, members of tables."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reknit.propose.operators.base import LOAD, Mutation, const, empties, fresh, operator, with_items
from reknit.propose.scope import Scope


@operator(
    "number", floor=1.5, nodes=[ast.Constant],
    examples=[("x = 3", "x = 4"), ("x = 0", "x = -1"), ("x = 10", "x = 5"), ("x = 0.5", "x = 1.0"),
              ("x = a - 1", "x = a")],
)  # fmt: skip
def number(node: ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """A number is off."""
    value = node.value
    if type(value) not in (int, float):
        return
    assert isinstance(value, (int, float))  # noqa: S101 - for the type checker
    costs: dict[float, float] = {value + 1: 1.5, value - 1: 1.5, value + 2: 3.2, value - 2: 3.4}
    for other, cost in ((0, 2.2), (1, 2.2), (-1, 2.6), (2, 2.8), (-value, 2.6), (value * 2, 3.4), (value * 10, 4.0)):
        costs.setdefault(other, cost)
    for factor in (2, 10):
        if value and value % factor == 0:
            costs.setdefault(value // factor, 3.6)
    for step in (3, 4, 5):
        costs.setdefault(value + step, 4.5)
        costs.setdefault(value - step, 4.7)
    for other, cost in costs.items():
        if other == value or (isinstance(scope.parent(node), ast.UnaryOp) and other < 0):
            continue
        if (rest := _without(node, other, scope)) is not None:
            yield Mutation(cost, scope.parent(node), rest)
        else:
            yield Mutation(cost, node, const(float(other) if isinstance(value, float) else other))


def _without(node: ast.Constant, value: float, scope: Scope) -> ast.expr | None:
    """What a person writes for `a + 0`, `a - 0` and `a * 1`."""
    parent = scope.parent(node)
    if not isinstance(parent, ast.BinOp) or parent.right is not node:
        return None
    neutral = {ast.Add: 0, ast.Sub: 0, ast.Mult: 1}.get(type(parent.op))
    return parent.left if neutral == value else None


@operator(
    "literal seen nearby", floor=2.4, nodes=[ast.Constant],
    examples=[("def f(a):\n    x = 7\n    return a + 40", "def f(a):\n    x = 7\n    return a + 7")],
)  # fmt: skip
def seen(node: ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """Another literal of this function, or one that the failing test names, belongs here."""
    if isinstance(scope.parent(node), (ast.Expr, ast.JoinedStr)) or node.value is None or node.value is Ellipsis:
        return
    kind = type(node.value)
    if kind is bool:
        return
    for rank, other in enumerate(scope.hints.of(kind)):
        if other != node.value:
            yield Mutation(2.4 + min(rank * 0.12, 3.0), node, const(other))
    others = [v for v in scope.constants if type(v) is kind and v != node.value]
    for rank, value in enumerate(others[:20]):
        yield Mutation(2.8 + min(rank * 0.12, 2.4), node, const(value))


@operator(
    "flag", floor=1.6, nodes=[ast.Constant],
    examples=[("x = True", "x = False"), ("def f(a=None): pass", "def f(a=''): pass"), ("x = None", "x = []")],
)  # fmt: skip
def flag(node: ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """A flag is inverted, or `None` stands for an empty value, or the other way round."""
    if isinstance(node.value, bool):
        yield Mutation(1.6, node, const(not node.value))
        yield Mutation(3.2, node, const(None))
    elif node.value is None:
        if isinstance(scope.parent(node), ast.Compare):
            return
        for other, extra in empties():
            if not (isinstance(other, ast.Constant) and other.value is None):
                yield Mutation(2.6 + extra, node, other)
    elif node.value in ("", 0) and not isinstance(scope.parent(node), (ast.Expr, ast.JoinedStr)):
        yield Mutation(2.8, node, const(None))


@operator(
    "flag is a condition", floor=3.4, nodes=[ast.Constant],
    examples=[("def f(q):\n    while True: q.pop()", "def f(q):\n    while q: q.pop()"),
              ("def f(d):\n    if d < 0: return False\n    return True",
               "def f(d):\n    if d < 0: return False\n    return d == 0")],
)  # fmt: skip
def computed(node: ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """A fixed `True` or `False` where the answer depends on something."""
    if not isinstance(node.value, bool):
        return
    for value in scope.values(node.lineno)[:12]:
        kind, extra = scope.kind(value.expr), 0.6 * value.cost
        yield Mutation(3.4 + extra, node, value.expr)
        yield Mutation(3.9 + extra, node, ast.UnaryOp(op=ast.Not(), operand=value.expr))
        if kind in {"int", "float", ""}:
            for op, more in ((ast.Eq(), 0.6), (ast.Gt(), 1.4), (ast.NotEq(), 1.6)):
                yield Mutation(3.4 + more + extra, node, ast.Compare(left=value.expr, ops=[op], comparators=[const(0)]))
    for test in scope.near(scope.conditions, node.lineno, 10):
        yield Mutation(4.0 + test.cost, node, test.expr)
        yield Mutation(4.4 + test.cost, node, ast.UnaryOp(op=ast.Not(), operand=test.expr))


@operator(
    "empty value", floor=3.6, nodes=[ast.Name, ast.Attribute, ast.Call, ast.Subscript],
    examples=[("x = a", "x = None"), ("f(a)", "f(None)"), ("x = a", "x = []")],
)  # fmt: skip
def emptied(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """Something is passed on or stored where nothing is meant."""
    parent, field = scope.parent(node), scope.field(node)
    assigned = isinstance(parent, (ast.Assign, ast.AnnAssign, ast.Return)) and field == "value"
    if assigned or (isinstance(parent, ast.Call) and field == "args") or isinstance(parent, ast.keyword):
        for other, extra in empties():
            yield Mutation((3.6 if assigned else 4.4) + extra, node, other)


_DISPLAY = (ast.List, ast.Tuple, ast.Set)


@operator(
    "members", floor=2.6, nodes=[*_DISPLAY],
    examples=[("def f(n):\n    return []", "def f(n):\n    return [n]"), ("x = []", "x = [[]]"),
              ("x = [a, b]", "x = [b, a]"), ("x = (a, b)", "x = (a,)")],
)  # fmt: skip
def members(node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Iterator[Mutation]:
    """A display lacks a member, has one too many, or two in the wrong order."""
    if isinstance(getattr(node, "ctx", None), ast.Store) or any(isinstance(e, ast.Slice) for e in node.elts):
        return
    items = node.elts
    for index in range(len(items) - 1):
        if index < 4:
            swapped = [*items[:index], items[index + 1], items[index], *items[index + 2 :]]
            yield Mutation(2.6, node, with_items(node, swapped))
    for index in range(min(len(items), 8)) if len(items) > 1 else ():
        yield Mutation(3.2, node, with_items(node, [*items[:index], *items[index + 1 :]]))
    if not items and isinstance(node, ast.List):
        yield Mutation(3.0, node, with_items(node, [ast.List(elts=[], ctx=ast.Load())]))
        yield Mutation(3.6, node, with_items(node, [const(0)]))
        yield Mutation(4.0, node, with_items(node, [const("")]))
        yield Mutation(4.0, node, const(None))
    for value in scope.values(node.lineno)[:12]:
        yield Mutation((2.8 if not items else 4.4) + 0.6 * value.cost, node, with_items(node, [*items, value.expr]))
        if items:
            yield Mutation(5.0 + 0.6 * value.cost, node, with_items(node, [value.expr, *items]))


@operator(
    "table entry", floor=3.2, nodes=[*_DISPLAY],
    examples=[("x = ['a', 'b']\ny = 'c'", "x = ['a', 'b', 'c']\ny = 'c'"), ("x = (m.A, m.B)\ny = m.C", "x = (m.A, m.B, m.C)\ny = m.C")],
)  # fmt: skip
def entry(node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Iterator[Mutation]:
    """A table of literals lacks one that the test or the code around it names."""
    items = node.elts
    if not items or isinstance(getattr(node, "ctx", None), ast.Store):
        return
    if not all(isinstance(e, ast.Constant) for e in items):
        yield from _named(node, items, scope)
        return
    present = {e.value for e in items if isinstance(e, ast.Constant)}
    kind = type(next(iter(present)))
    pool = [*scope.hints.of(kind), *(v for v in scope.constants if type(v) is kind)]
    for rank, value in enumerate(dict.fromkeys(pool)):
        if value not in present and rank < 60:
            yield Mutation(3.2 + min(0.1 * rank, 3.0), node, with_items(node, [*items, const(value)]))


def _named(node: ast.expr, items: list[ast.expr], scope: Scope) -> Iterator[Mutation]:
    """One more name like those in the table: of the same namespace, or a class of the module beside classes."""
    last = items[-1]
    present = {ast.unparse(e) for e in items}
    pool: list[str] = []
    if isinstance(last, ast.Attribute):
        base = ast.unparse(last.value)
        pool = [f"{base}.{attr}" for attr in sorted(scope.module.attributes.get(base, {}))]
    elif isinstance(last, ast.Name) and last.id[:1].isupper():
        pool = [n for n in scope.module.globals if n[:1].isupper()]
    for rank, text in enumerate(t for t in pool if t not in present):
        if rank < _MOST_NAMES and text[-1] != ".":
            more = ast.parse(text, mode="eval").body
            yield Mutation(3.6 + min(0.08 * rank, 2.4), node, with_items(node, [*items, fresh(more)]))


#: No more names are tried as members of one table.
_MOST_NAMES = 40


@operator(
    "one and a list of one", floor=3.4, nodes=[ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, *_DISPLAY],
    examples=[("x = a.b + c", "x = [a.b] + c"), ("x = [a]", "x = a"), ("def f(a): return g(a)", "def f(a): return (g(a),)"),
              ("a.extend(b)", "a.extend([b])")],
)  # fmt: skip
def displayed(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A single value stands for a list of one, or the other way round."""
    if not isinstance(getattr(node, "ctx", LOAD), ast.Load):
        return
    if isinstance(node, _DISPLAY):
        if len(node.elts) == 1 and not isinstance(node.elts[0], ast.Starred):
            yield Mutation(3.4, node, node.elts[0])
        return
    parent, field = scope.parent(node), scope.field(node)
    kind = scope.kind(node)
    if field not in {"value", "left", "right", "args", "body", "orelse", "iter"} or kind in {"list", "bool", "none"}:
        return
    if isinstance(parent, (ast.Attribute, ast.Subscript, ast.Expr, ast.Starred, ast.JoinedStr)):
        return
    base = 3.4 if isinstance(parent, (ast.BinOp, ast.Return)) else 4.0
    yield Mutation(base, node, ast.List(elts=[node], ctx=LOAD))
    yield Mutation(base + 0.8, node, ast.Tuple(elts=[node], ctx=LOAD))
    yield Mutation(base + 1.4, node, ast.Set(elts=[node]))


OPERATORS = (number, seen, flag, computed, emptied, members, entry, displayed)
