"""Values that lack a conversion or a method call of the standard library."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reknit.propose.kinds import BYTES, CONTAINERS, DICT, LIST, NUMBERS, SET, STR, TUPLE
from reknit.propose.operators.base import LOAD, Mutation, call, const, method, operator
from reknit.propose.scope import Scope

_NOWHERE = {"func", "annotation", "returns", "decorator_list", "bases", "type", "optional_vars", "exc", "cause", "keys"}
_CONVERSIONS: dict[str, tuple[tuple[str, float], ...]] = {
    STR: (("int", 0.6), ("list", 1.0), ("len", 0.8), ("float", 1.2), ("ord", 1.6), ("set", 1.8), ("repr", 1.2)),
    BYTES: (("list", 1.2), ("len", 0.8), ("str", 1.4), ("bytearray", 2.2)),
    LIST: (("len", 0.6), ("sorted", 0.4), ("set", 0.6), ("tuple", 0.6), ("sum", 1.2), ("max", 1.2), ("min", 1.2),
           ("reversed", 1.2), ("list", 0.8), ("any", 1.6), ("all", 1.6), ("iter", 1.8)),
    TUPLE: (("list", 0.6), ("len", 0.8), ("set", 1.0), ("sorted", 1.0)),
    SET: (("sorted", 0.4), ("list", 0.6), ("len", 0.8), ("frozenset", 1.2)),
    DICT: (("list", 0.8), ("len", 0.8), ("sorted", 0.8), ("dict", 0.8)),
    "int": (("str", 0.4), ("abs", 0.8), ("float", 1.2), ("bool", 1.2), ("chr", 1.8)),
    "float": (("int", 0.4), ("round", 0.6), ("abs", 0.6), ("str", 0.8)),
    "bool": (("int", 1.2), ("str", 1.6)),
    "": (("str", 0.4), ("int", 0.4), ("list", 0.5), ("len", 0.7), ("tuple", 0.8), ("set", 0.9), ("sorted", 0.8),
         ("bool", 0.9), ("float", 1.0), ("abs", 1.2), ("dict", 1.4), ("reversed", 1.5), ("repr", 1.4), ("iter", 1.8),
         ("type", 1.9), ("sum", 1.6), ("max", 1.8), ("min", 1.8), ("bytes", 2.0), ("next", 2.2), ("callable", 2.4)),
}  # fmt: skip
_METHODS: dict[str, tuple[tuple[str, float], ...]] = {
    STR: (("strip", 0.0), ("lower", 0.2), ("rstrip", 0.6), ("upper", 0.6), ("lstrip", 0.6), ("split", 0.8), ("encode", 1.0),
          ("casefold", 1.2), ("splitlines", 1.2), ("title", 1.6), ("isdigit", 1.6), ("capitalize", 1.6)),
    BYTES: (("decode", 0.0), ("strip", 0.6)),
    LIST: (("copy", 0.4), ("pop", 1.6)), SET: (("copy", 0.4),),
    DICT: (("items", 0.2), ("values", 0.2), ("keys", 0.4), ("copy", 0.4)),
    "": (("strip", 0.4), ("lower", 0.6), ("copy", 0.9), ("items", 1.0), ("values", 1.0), ("keys", 1.2), ("decode", 1.2), ("rstrip", 1.0),
         ("upper", 1.2), ("split", 1.2), ("lstrip", 1.2), ("encode", 1.4), ("pop", 2.0)),
}  # fmt: skip


def _fits(node: ast.expr, scope: Scope) -> bool:
    if not isinstance(getattr(node, "ctx", LOAD), ast.Load) or scope.field(node) in _NOWHERE:
        return False
    parent = scope.parent(node)
    if isinstance(parent, (ast.Expr, ast.Starred, ast.withitem, ast.JoinedStr)):
        return False
    return not (isinstance(parent, ast.Attribute) and isinstance(node, ast.Name))


def _receives(node: ast.expr, scope: Scope) -> bool:
    """Whether a method of strings is called on it."""
    parent = scope.parent(node)
    return isinstance(parent, ast.Attribute) and parent.attr in _TEXTUAL and scope.field(parent) == "func"


_TEXTUAL = {
    "lower",
    "upper",
    "split",
    "startswith",
    "endswith",
    "replace",
    "strip",
    "splitlines",
    "rstrip",
    "lstrip",
    "encode",
}
_VALUES = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.BinOp, ast.ListComp, ast.GeneratorExp)


@operator(
    "conversion", floor=3.4, nodes=_VALUES,
    examples=[("x = a + b", "x = str(a) + b"), ("x = f(a)", "x = list(f(a))"), ("def f(a): return a", "def f(a): return sorted(a)")],
)  # fmt: skip
def conversion(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A value has the wrong type."""
    if not _fits(node, scope):
        return
    done = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    parent = scope.parent(node)
    base = 3.4 if isinstance(parent, (ast.Return, ast.Assign, ast.Call, ast.BinOp, ast.Compare)) else 4.0
    for callee, cost in _CONVERSIONS.get(scope.kind(node), _CONVERSIONS[""]):
        if callee != done:
            yield Mutation(base + cost, node, call(callee, node))
    if scope.kind(node) in NUMBERS | {""} and not done:
        for digits, cost in ((2, 1.2), (1, 2.2), (3, 2.4)):
            yield Mutation(base + cost, node, call("round", node, const(digits)))


@operator(
    "method missing", floor=3.6, nodes=_VALUES,
    examples=[("x = f(a)", "x = f(a.strip())"), ("x = a.lower()", "x = a.strip().lower()")],
)  # fmt: skip
def methods(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A value is used before it was stripped, lowered, copied, decoded."""
    received = _receives(node, scope)
    if not (received or _fits(node, scope)) or scope.kind(node) in NUMBERS | {"bool", "none"}:
        return
    for attr, cost in _METHODS.get(scope.kind(node), _METHODS[""] if scope.kind(node) not in CONTAINERS else ()):
        if not received or attr in _TEXTUAL:
            yield Mutation(3.6 + cost, node, method(node, attr))


@operator(
    "joined or replaced text", floor=4.2, nodes=_VALUES,
    examples=[("def f(a): return a", "def f(a): return ''.join(a)"), ("x = f(a)", "x = f(a).rstrip('\\n')")],
)  # fmt: skip
def joined(node: ast.expr, scope: Scope) -> Iterator[Mutation]:
    """A list of characters stands for a string, or a string keeps characters that it must not have."""
    if not _fits(node, scope) or scope.kind(node) in NUMBERS | {"bool", "none", DICT}:
        return
    if scope.kind(node) != STR:
        for rank, glue in enumerate(("", " ", ", ", "\n", ",")):
            yield Mutation(4.2 + 0.3 * rank, node, method(const(glue), "join", node))
    if scope.kind(node) in {STR, ""}:
        for rank, (attr, *args) in enumerate(_CLEANINGS):
            yield Mutation(4.2 + 0.2 * rank, node, method(node, attr, *map(const, args)))


_CLEANINGS = (
    ("rstrip", "\n"), ("strip", "/"), ("rstrip", "/"), ("replace", "\r\n", "\n"), ("replace", " ", ""),
    ("replace", "-", "_"), ("replace", "_", "-"), ("replace", "\\", "/"), ("replace", ",", ""), ("replace", '"', '\\"'),
    ("rstrip", "\r\n"), ("strip", '"'), ("strip", "'"), ("replace", "\n", " "), ("rstrip", "."), ("replace", "\t", " "),
)  # fmt: skip


@operator(
    "replacement forgotten", floor=3.4, nodes=[ast.Call],
    examples=[("x = a.replace(' ', '')", "x = a.replace(' ', '').replace('-', '')"),
              ("x = a.replace('q', 'b')", "x = a.replace('q', 'b').replace('\\n', '\\\\n')")],
)  # fmt: skip
def repeated(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    """A string is cleaned of one thing and not of another."""
    if not (isinstance(node.func, ast.Attribute) and node.func.attr == "replace" and len(node.args) == 2):
        return
    new = node.args[1]
    short = [v for v in scope.hints.of(str) if isinstance(v, str) and len(v) == 1]
    for rank, char in enumerate(dict.fromkeys([*"-_ \n.\t\r'\"/,:", *short])):
        extra = 0.1 * rank
        yield Mutation(3.4 + extra, node, method(node, "replace", const(char), new))
        escaped = repr(char)[1:-1] if char in "\n\t\r" else f"\\{char}"
        yield Mutation(3.8 + extra, node, method(node, "replace", const(char), const(escaped)))
        yield Mutation(4.0 + extra, node, method(node, "replace", const(char), const("")))


OPERATORS = (conversion, methods, joined, repeated)
