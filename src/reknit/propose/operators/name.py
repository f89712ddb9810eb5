"""The wrong name, or the right name without its owner."""

from __future__ import annotations

import ast
import difflib
import functools
import math
from collections.abc import Iterator

from reknit.propose.operators.base import LOAD, Mutation, name, operator
from reknit.propose.scope import Scope

#: From this likeness on, names are mixed up more often.
_NEAR_NAME = 0.6
#: Where an expression of another kind cannot stand.
_FIXED = {"annotation", "returns", "decorator_list", "bases", "type", "name", "target", "targets", "optional_vars"}


def _is_value(node: ast.expr, scope: Scope) -> bool:
    return isinstance(getattr(node, "ctx", LOAD), ast.Load) and scope.field(node) not in _FIXED


@operator(
    "name", floor=1.8, nodes=[ast.Name],
    examples=[("def f(a, b):\n    return a", "def f(a, b):\n    return b"),
              ("def f(self, a):\n    self.b = 1\n    return a", "def f(self, a):\n    self.b = 1\n    return self.b")],
)  # fmt: skip
def other(node: ast.Name, scope: Scope) -> Iterator[Mutation]:
    """Another variable at hand is meant."""
    if not _is_value(node, scope) or node.id in scope.called or scope.field(node) == "func":
        return
    kind = scope.kind(node)
    for value in scope.values(node.lineno):
        if isinstance(value.expr, ast.Name):
            if value.expr.id == node.id:
                continue
            other_kind = scope.kind(value.expr)
            clash = 1.4 if kind and other_kind and kind != other_kind else 0.0
            near = 0.0 if _similar(node.id, value.expr.id) > _NEAR_NAME else 0.3
            yield Mutation(1.8 + near + clash + 0.6 * value.cost, node, value.expr)
        else:
            yield Mutation(3.2 + 0.6 * value.cost, node, value.expr)


@operator(
    "member of self", floor=4.0, nodes=[ast.Name, ast.Constant],
    examples=[("class C:\n    def g(self): self.x = 1\n    def f(self, a): return a",
               "class C:\n    def g(self): self.x = 1\n    def f(self, a): return self.x")],
)  # fmt: skip
def member(node: ast.Name | ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """What the object holds is meant, not a variable or a literal."""
    if not _is_value(node, scope) or isinstance(scope.parent(node), (ast.Attribute, ast.Expr, ast.JoinedStr)):
        return
    if scope.field(node) != "func":
        for rank, expr in enumerate(scope.members):
            yield Mutation(4.0 + 0.6 * math.log(1 + rank), node, expr)


@functools.lru_cache(maxsize=65536)
def _similar(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


@operator(
    "stored name", floor=3.0, nodes=[ast.Name],
    examples=[("def f(a):\n    b = 1\n    a = 2", "def f(a):\n    b = 1\n    b = 2")],
)  # fmt: skip
def stored(node: ast.Name, scope: Scope) -> Iterator[Mutation]:
    """The value goes into the wrong variable."""
    if not isinstance(node.ctx, ast.Store):
        return
    for value in scope.names(node.lineno):
        if isinstance(value.expr, ast.Name) and value.expr.id != node.id:
            yield Mutation(3.0 + 0.6 * value.cost, node, ast.Name(id=value.expr.id, ctx=ast.Store()))


@operator(
    "undefined name", floor=1.2, nodes=[ast.Name],
    examples=[("import os\ndef f(count):\n    return cuont", "import os\ndef f(count):\n    return count")],
)  # fmt: skip
def misspelt(node: ast.Name, scope: Scope) -> Iterator[Mutation]:
    """A name that exists nowhere is a slip for one that does."""
    module = scope.module.globals
    if not isinstance(node.ctx, ast.Load) or node.id in scope.locals or node.id in module or _is_builtin(node.id):
        return
    known = [*scope.locals, *module]
    for rank, near in enumerate(difflib.get_close_matches(node.id, known, n=4, cutoff=0.5)):
        yield Mutation(1.2 + 0.5 * rank, node, name(near))
    if scope.function and scope.function.cls and "self" in scope.parameters:
        yield Mutation(1.4, node, ast.Attribute(value=name("self"), attr=node.id, ctx=LOAD))


def _is_builtin(id_: str) -> bool:
    import builtins

    return hasattr(builtins, id_)


@operator(
    "global name", floor=4.0, nodes=[ast.Name],
    examples=[("A = 1\nB = 2\ndef f():\n    return A", "A = 1\nB = 2\ndef f():\n    return B"),
              ("def g(): pass\ndef h(): pass\ndef f():\n    return g()", "def g(): pass\ndef h(): pass\ndef f():\n    return h()")],
)  # fmt: skip
def global_(node: ast.Name, scope: Scope) -> Iterator[Mutation]:
    """Another function, class or constant of this module is meant."""
    module = scope.module.globals
    if not isinstance(node.ctx, ast.Load) or scope.field(node) in _FIXED - {"bases", "type"}:
        return
    wanted = module.get(node.id, "function" if scope.field(node) == "func" else "value")
    same = [n for n, kind in module.items() if kind == wanted and n != node.id]
    same.sort(key=lambda n: (-_similar(n, node.id), n))
    base = 3.4 if node.id in module else 4.4
    for rank, id_ in enumerate(same[:20]):
        yield Mutation(max(4.0, base + 0.6 * math.log(1 + rank)), node, name(id_))


@operator(
    "owner of a name", floor=2.4, nodes=[ast.Name],
    examples=[("class C:\n    def f(self, x):\n        self.y = 1\n        y = x\n        return y",
               "class C:\n    def f(self, x):\n        self.y = 1\n        y = x\n        return self.y")],
)  # fmt: skip
def owned(node: ast.Name, scope: Scope) -> Iterator[Mutation]:
    """The attribute of `self`, or of another object, is meant and not the variable."""
    if isinstance(node.ctx, ast.Del) or (scope.field(node) in _FIXED and not isinstance(node.ctx, ast.Store)):
        return
    for base in scope.locals:
        if base == node.id:
            continue
        if node.id in scope.module.attributes.get(base, {}):
            cost = 2.4 if base in {"self", "cls"} else 3.2
            yield Mutation(cost, node, ast.Attribute(value=name(base), attr=node.id, ctx=node.ctx))


@operator(
    "expression", floor=4.0, nodes=[ast.expr],
    examples=[("def f(a, b):\n    x = a[0]\n    return b", "def f(a, b):\n    x = a[0]\n    return a[0]")],
)  # fmt: skip
def expression(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """An expression that stands elsewhere in the function is meant."""
    if not _is_value(node, scope) or isinstance(node, (ast.Slice, ast.Starred, ast.JoinedStr, ast.FormattedValue)):
        return
    if scope.field(node) == "func" or isinstance(scope.parent(node), (ast.Expr, ast.JoinedStr)):
        return
    size = 0.15 * max(0, sum(1 for _ in ast.walk(node)) - 4)
    kind = scope.kind(node)
    for near in scope.near(scope.expressions, node.lineno):
        if near.expr is node or _holds(node, near.expr):
            continue
        clash = 1.2 if kind and scope.kind(near.expr) not in {"", kind} else 0.0
        yield Mutation(4.0 + size + clash + 0.7 * near.cost, node, near.expr)


def _holds(outer: ast.AST, inner: ast.AST) -> bool:
    """Whether `inner` is a part of `outer`: other operators do that cheaper."""
    return any(n is inner for n in ast.walk(outer))


@operator(
    "variable instead of an expression", floor=3.2, nodes=[ast.Call, ast.Subscript, ast.BinOp, ast.Attribute],
    examples=[("def f(a, b):\n    return a[0] + g(b)", "def f(a, b):\n    return a[0] + b")],
)  # fmt: skip
def variable(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A variable already holds what is computed, or something else."""
    if not _is_value(node, scope) or scope.field(node) == "func" or isinstance(scope.parent(node), ast.Expr):
        return
    kind = scope.kind(node)
    for value in scope.values(node.lineno)[:14]:
        clash = 1.2 if kind and scope.kind(value.expr) not in {"", kind} else 0.0
        yield Mutation(3.2 + clash + 0.6 * value.cost, node, value.expr)


@operator(
    "target", floor=3.4, nodes=[ast.Assign, ast.AugAssign],
    examples=[("def f(a, b):\n    a[0, 1] = g(b[1])", "def f(a, b):\n    b[1] = g(b[1])")],
)  # fmt: skip
def target(node: ast.Assign | ast.AugAssign, scope: Scope) -> Iterator[Mutation]:
    """The result goes to the wrong member or attribute."""
    old = node.targets[0] if isinstance(node, ast.Assign) else node.target
    for near in scope.near(scope.expressions, node.lineno):
        new = near.expr
        if isinstance(new, ast.Subscript):
            stored: ast.expr = ast.Subscript(value=new.value, slice=new.slice, ctx=ast.Store())
        elif isinstance(new, ast.Attribute):
            stored = ast.Attribute(value=new.value, attr=new.attr, ctx=ast.Store())
        else:
            continue
        yield Mutation(3.4 + 0.5 * near.cost, old, stored)


@operator(
    "part of an expression", floor=3.2, nodes=[ast.Call, ast.BinOp, ast.Subscript, ast.Attribute, ast.IfExp],
    examples=[("x = f(a[0])", "x = a[0]"), ("x = a.b.c", "x = a.b")],
)  # fmt: skip
def part(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """Only a part of the expression is meant."""
    if not _is_value(node, scope) or scope.field(node) == "func":
        return
    for child in ast.iter_child_nodes(node):
        callee = isinstance(node, ast.Call) and child is node.func and isinstance(child, ast.Name)
        if isinstance(child, ast.expr) and not isinstance(child, (ast.Slice, ast.Starred)) and not callee:
            yield Mutation(3.2, node, child)


@operator(
    "variable without its value", floor=3.4, nodes=[ast.Name],
    examples=[("def f(ks, d):\n    return [k for k in ks]", "def f(ks, d):\n    return [d[k] for k in ks]")],
)  # fmt: skip
def looked_up(node: ast.Name, scope: Scope) -> Iterator[Mutation]:
    """A key stands for the value that it leads to, or a container for one of its members."""
    if not _is_value(node, scope) or scope.field(node) in {"func", "iter"} or node.id in scope.called:
        return
    subscripted = {
        n.value.id for n in scope.nodes if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)
    }  # fmt: skip
    for rank, value in enumerate(scope.names(node.lineno)):
        if isinstance(value.expr, ast.Name) and value.expr.id != node.id:
            known = value.expr.id in subscripted or scope.kind(value.expr) in {"list", "dict"}
            if known or rank < 4:
                cost = (3.4 if known else 5.2) + 0.6 * value.cost
                yield Mutation(cost, node, ast.Subscript(value=value.expr, slice=name(node.id), ctx=LOAD))


OPERATORS = (other, member, stored, misspelt, global_, owned, expression, variable, target, part, looked_up)
