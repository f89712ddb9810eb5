"""Calls with wrong arguments, calls too many, and calls that are missing."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from reknit.propose.kinds import CONTAINERS
from reknit.propose.operators.base import LOAD, Mutation, call, name, operator, with_arguments
from reknit.propose.scope import Scope

_FAMILIES = (
    "strip lstrip rstrip removeprefix removesuffix", "startswith endswith", "find rfind index rindex",
    "append extend insert add", "keys values items", "get pop setdefault", "lower upper casefold title capitalize",
    "min max", "any all", "floor ceil trunc", "split rsplit splitlines partition", "partition rpartition",
    "remove discard pop", "update setdefault", "union intersection difference symmetric_difference",
    "isdigit isdecimal isnumeric isalnum isalpha isidentifier", "isupper islower", "ljust rjust center",
    "match search fullmatch", "findall finditer", "sub subn", "append appendleft", "pop popleft", "sorted reversed",
    "heappush heappop heappushpop", "bisect_left bisect_right", "islice takewhile dropwhile", "encode decode",
    "read readline readlines", "write writelines", "exists is_file is_dir", "dirname basename abspath realpath",
    "resolve absolute", "quote quote_plus", "unquote unquote_plus", "isinstance issubclass", "iter next list tuple",
    "str repr ascii", "int float", "list tuple set", "range enumerate", "isspace strip", "copy deepcopy",
    "monotonic time perf_counter", "sin cos tan", "log log2 log10", "sum len max", "round int floor ceil", "info debug warning error",
    "setattr getattr hasattr delattr", "now utcnow", "year month day", "parent name stem suffix", "rglob glob",
)  # fmt: skip
_RELATED: dict[str, list[str]] = {}
for _family in _FAMILIES:
    for _member in _family.split():
        _RELATED.setdefault(_member, []).extend(m for m in _family.split() if m != _member)


@operator(
    "function family", floor=1.8, nodes=[ast.Call, ast.Attribute],
    examples=[("x = min(a)", "x = max(a)"), ("x = any(a)", "x = all(a)"), ("a.append(b)", "a.extend(b)"),
              ("x = a.lstrip()", "x = a.strip()"), ("x = a.find(b)", "x = a.rfind(b)")],
)  # fmt: skip
def family(node: ast.Call | ast.Attribute, scope: Scope) -> Iterator[Mutation]:
    """A function or method of the same family is meant."""
    if isinstance(node, ast.Attribute):
        for rank, attr in enumerate(dict.fromkeys(_RELATED.get(node.attr, ()))):
            cost = 1.8 + 0.35 * rank + (0.0 if scope.field(node) == "func" else 2.0)
            yield Mutation(cost, node, ast.Attribute(value=node.value, attr=attr, ctx=node.ctx))
    elif isinstance(node.func, ast.Name):
        for rank, id_ in enumerate(dict.fromkeys(_RELATED.get(node.func.id, ()))):
            yield Mutation(1.8 + 0.35 * rank, node.func, name(id_))


@operator(
    "argument order", floor=1.8, nodes=[ast.Call],
    examples=[("f(a, b)", "f(b, a)"), ("f(a, b, c)", "f(c, b, a)"), ("x = a.join(b)", "x = b.join(a)")],
)  # fmt: skip
def order(node: ast.Call, _scope: Scope) -> Iterator[Mutation]:
    """Two arguments are exchanged."""
    args = node.args
    for i in range(len(args)):
        for j in range(i + 1, min(len(args), i + 4)):
            swapped = [*args[:i], args[j], *args[i + 1 : j], args[i], *args[j + 1 :]]
            yield Mutation(1.8 if j == i + 1 else 2.6, node, with_arguments(node, swapped))
    if len(args) == 2 and isinstance(args[1], ast.BinOp):
        yield Mutation(3.4, node, with_arguments(node, [args[1].right, args[0]]))
    if isinstance(node.func, ast.Attribute) and args and not isinstance(args[0], ast.Starred):
        turned = ast.Attribute(value=args[0], attr=node.func.attr, ctx=LOAD)
        swapped = [node.func.value, *args[1:]]
        yield Mutation(2.6, node, ast.Call(func=turned, args=swapped, keywords=node.keywords))


@operator(
    "argument dropped", floor=2.6, nodes=[ast.Call],
    examples=[("f(a, b)", "f(a)"), ("f(a, key=b)", "f(a)")],
)  # fmt: skip
def drop(node: ast.Call, _scope: Scope) -> Iterator[Mutation]:
    """An argument is too many."""
    args, keywords = node.args, node.keywords
    for index in range(len(args)):
        if len(args) + len(keywords) > 1 or isinstance(node.func, ast.Attribute):
            cost = 2.6 if index == len(args) - 1 else 3.0
            yield Mutation(cost, node, with_arguments(node, [*args[:index], *args[index + 1 :]]))
    for index in range(len(keywords)):
        yield Mutation(2.8, node, with_arguments(node, args, [*keywords[:index], *keywords[index + 1 :]]))


@operator(
    "argument added", floor=3.0, nodes=[ast.Call],
    examples=[("def f(a, b):\n    return g(a)", "def f(a, b):\n    return g(a, b)"), ("def f(a, b):\n    x = a.g()", "def f(a, b):\n    x = a.g(b)")],
)  # fmt: skip
def add(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    """An argument is missing."""
    if any(isinstance(a, (ast.Starred, ast.GeneratorExp)) for a in node.args):
        return
    given = {a.id for a in node.args if isinstance(a, ast.Name)}
    known = scope.callables().get(node.func.id) if isinstance(node.func, ast.Name) else None
    if known is not None and len(node.args) + 1 not in known:
        return
    base = 3.0 if known is not None else 3.8
    for value in scope.values(node.lineno)[:14]:
        if isinstance(value.expr, ast.Name) and value.expr.id in given:
            continue
        cost = base + 0.7 * value.cost
        yield Mutation(cost, node, with_arguments(node, [*node.args, value.expr]))
        if node.args:
            yield Mutation(cost + 0.6, node, with_arguments(node, [value.expr, *node.args]))
    for constant, cost in ((None, 5.0), (0, 5.0), (1, 4.6), (True, 5.2), (False, 5.2), ("", 5.2)):
        yield Mutation(cost, node, with_arguments(node, [*node.args, ast.Constant(value=constant)]))


@operator(
    "call too many", floor=2.2, nodes=[ast.Call],
    examples=[("x = f(a)", "x = a"), ("x = a.m()", "x = a"), ("x = a()", "x = a")],
)  # fmt: skip
def unwrap(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    """A value is passed through a function that should not see it."""
    if isinstance(scope.parent(node), ast.Expr):
        return
    for index, arg in enumerate(node.args[:3]):
        if not isinstance(arg, ast.Starred):
            yield Mutation(2.2 + 0.6 * index + (0.5 if isinstance(node.func, ast.Attribute) else 0.0), node, arg)
    if isinstance(node.func, ast.Attribute):
        yield Mutation(2.6, node, node.func.value)
    if not node.args and not node.keywords:
        yield Mutation(3.0, node, node.func)


@operator(
    "call missing", floor=3.6, nodes=[ast.Name, ast.Attribute, ast.Subscript, ast.Call],
    examples=[("def g(x): return x\ndef f(a):\n    return a", "def g(x): return x\ndef f(a):\n    return g(a)"),
              ("x = a.m", "x = a.m()")],
)  # fmt: skip
def apply(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A value should have passed through one of the project's functions, or a method was not called."""
    if not isinstance(getattr(node, "ctx", LOAD), ast.Load) or scope.field(node) in _NO_CALL:
        return
    if isinstance(scope.parent(node), (ast.Attribute, ast.Expr)):
        return
    if isinstance(node, (ast.Attribute, ast.Name)) and scope.kind(node) == "":
        yield Mutation(3.6 if isinstance(node, ast.Attribute) else 4.4, node, call(node))
    if scope.kind(node) in CONTAINERS and not isinstance(node, ast.Name):
        return
    known = {n: a for n, a in scope.callables().items() if 1 in a}
    for rank, id_ in enumerate(known):
        if rank < 12:
            yield Mutation(4.2 + 0.6 * math.log(1 + rank), node, call(id_, node))
    if scope.function and scope.function.cls and "self" in scope.parameters:
        for rank, (attr, method) in enumerate(scope.module.methods(scope.function.cls).items()):
            if len(method.args.args) == 2 and rank < 30:
                bound = ast.Attribute(value=name("self"), attr=attr, ctx=LOAD)
                yield Mutation(4.8 + 0.5 * math.log(1 + rank), node, call(bound, node))


@operator(
    "own class", floor=3.0, nodes=[ast.Name, ast.Call],
    examples=[("class C:\n    def f(self):\n        return C()", "class C:\n    def f(self):\n        return type(self)()"),
              ("class C:\n    def f(self, xs):\n        return [super().f(x) for x in xs]",
               "class C:\n    def f(self, xs):\n        return [super(C, self).f(x) for x in xs]")],
)  # fmt: skip
def own(node: ast.Name | ast.Call, scope: Scope) -> Iterator[Mutation]:
    """The class is named where a subclass's is meant, or `super()` stands where it cannot see its class."""
    function = scope.function.top if scope.function else None
    if function is None or function.cls is None or not scope.parameters:
        return
    cls, first = function.cls.name, scope.parameters[0]
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            inside = any(isinstance(n, _INNER_SCOPES) for n in scope.around(node))
            yield Mutation(3.0 if inside else 5.0, node, call("super", name(cls), name(first)))
    elif node.id == cls and isinstance(node.ctx, ast.Load):
        if first == "cls":
            yield Mutation(3.0, node, name("cls"))
        elif first == "self":
            yield Mutation(3.0, node, call("type", name("self")))
            yield Mutation(3.1, node, ast.Attribute(value=name("self"), attr="__class__", ctx=LOAD))


_INNER_SCOPES = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)


@operator(
    "await", floor=2.0, nodes=[ast.Call, ast.Await],
    examples=[("async def f(a):\n    a.g()", "async def f(a):\n    await a.g()"), ("async def f(a):\n    await a.g()", "async def f(a):\n    a.g()")],
)  # fmt: skip
def awaited(node: ast.Call | ast.Await, scope: Scope) -> Iterator[Mutation]:
    """A coroutine is not awaited, or something else is."""
    if isinstance(node, ast.Await):
        yield Mutation(2.4, node, node.value)
        return
    inside = scope.function and isinstance(scope.function.node, ast.AsyncFunctionDef)
    # A lambda within is a function of its own, and no coroutine.
    inside = inside and not any(isinstance(n, ast.Lambda) for n in scope.around(node))
    if inside and not isinstance(scope.parent(node), ast.Await):
        yield Mutation(2.0, node, ast.Await(value=node))


_NO_CALL = {"func", "annotation", "returns", "decorator_list", "bases", "type", "iter", "optional_vars", "slice"}

OPERATORS = (family, order, drop, add, unwrap, apply, own, awaited)
