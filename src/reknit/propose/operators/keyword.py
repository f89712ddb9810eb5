"""Keyword arguments that are not passed on, or standard-library options that were left at their default."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator

from reknit.propose.operators.base import LOAD, Mutation, const, name, operator, with_arguments
from reknit.propose.scope import Scope

#: Options that people forget, by callee: (keyword, literal, cost).
_OPTIONS: dict[str, tuple[tuple[str, object, float], ...]] = {
    "open": (("encoding", "utf-8", 3.0), ("newline", "", 3.6), ("errors", "replace", 4.4)),
    "read_text": (("encoding", "utf-8", 3.0),), "write_text": (("encoding", "utf-8", 3.0),),
    "decode": (("errors", "replace", 3.6), ("errors", "ignore", 4.0)),
    "encode": (("errors", "replace", 4.0), ("errors", "ignore", 4.2)),
    "dumps": (("ensure_ascii", False, 3.2), ("sort_keys", True, 3.2), ("default", str, 4.0)),
    "dump": (("ensure_ascii", False, 3.2), ("sort_keys", True, 3.2)),
    "sorted": (("reverse", True, 2.8), ("key", str, 4.0)),
    "sort": (("reverse", True, 2.8), ("key", str, 4.0)),
    "max": (("default", None, 3.4), ("default", 0, 3.4)),
    "min": (("default", None, 3.4), ("default", 0, 3.4)),
    "zip": (("strict", True, 4.4),), "enumerate": (("start", 1, 2.6),),
    "makedirs": (("exist_ok", True, 2.6),), "mkdir": (("parents", True, 2.8), ("exist_ok", True, 2.6)),
    "split": (("maxsplit", 1, 3.2),), "rsplit": (("maxsplit", 1, 3.2),), "splitlines": (("keepends", True, 3.0),),
    "unlink": (("missing_ok", True, 3.0),), "urlsplit": (("allow_fragments", False, 4.0),),
    "parse_qs": (("keep_blank_values", True, 3.0),), "parse_qsl": (("keep_blank_values", True, 3.0),),
    "run": (("check", True, 3.4), ("text", True, 3.4)), "gather": (("return_exceptions", True, 3.4),),
    "dataclass": (("frozen", True, 3.6), ("eq", False, 4.2)),
}  # fmt: skip
_FLAGS = ("IGNORECASE", "MULTILINE", "DOTALL", "VERBOSE", "ASCII")
_REGEX = {"compile", "match", "search", "fullmatch", "sub", "subn", "findall", "finditer", "split"}


def _callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@operator(
    "keyword forwarded", floor=3.0, nodes=[ast.Call],
    examples=[("def f(a, key=None):\n    return g(a)", "def f(a, key=None):\n    return g(a, key=key)")],
)  # fmt: skip
def forwarded(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    """An option that the function takes is not passed on."""
    given = {k.arg for k in node.keywords} | {a.id for a in node.args if isinstance(a, ast.Name)}
    for rank, parameter in enumerate(scope.parameters[::-1]):
        if parameter not in given and parameter not in {"self", "cls"} and rank < 16:
            used = sum(1 for n in scope.nodes if isinstance(n, ast.Name) and n.id == parameter)
            passed = ast.keyword(arg=parameter, value=name(parameter))
            cost = (3.0 if not used else 4.2) + 0.3 * math.log(1 + rank)
            yield Mutation(cost, node, with_arguments(node, node.args, [*node.keywords, passed]))
    if scope.function and scope.function.node.args.kwarg and None not in {k.arg for k in node.keywords}:
        rest = ast.keyword(arg=None, value=name(scope.function.node.args.kwarg.arg))
        yield Mutation(3.6, node, with_arguments(node, node.args, [*node.keywords, rest]))


@operator(
    "option", floor=2.6, nodes=[ast.Call],
    examples=[("x = sorted(a)", "x = sorted(a, reverse=True)"), ("open(p)", "open(p, encoding='utf-8')")],
)  # fmt: skip
def option(node: ast.Call, _scope: Scope) -> Iterator[Mutation]:
    """An option of the standard library was left at its default."""
    given = {k.arg for k in node.keywords}
    for arg, value, cost in _OPTIONS.get(_callee(node), ()):
        if arg not in given:
            literal = name(value.__name__) if isinstance(value, type) else const(value)
            added = ast.keyword(arg=arg, value=literal)
            yield Mutation(cost, node, with_arguments(node, node.args, [*node.keywords, added]))


@operator(
    "keyword of a sibling call", floor=4.0, nodes=[ast.Call],
    examples=[("def f(a):\n    g(a, deep=True)\n    g(1)", "def f(a):\n    g(a, deep=True)\n    g(1, deep=True)")],
)  # fmt: skip
def sibling(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    """The same function is called with an option elsewhere, and without it here."""
    given, callee = {k.arg for k in node.keywords}, _callee(node)
    seen: set[str] = set()
    for other in scope.module.calls.get(callee, ()) if callee else ():
        for keyword in other.keywords:
            text = ast.dump(keyword)
            if keyword.arg and keyword.arg not in given and text not in seen and len(seen) < 12:
                seen.add(text)
                yield Mutation(
                    4.0 + 0.3 * math.log(len(seen)), node, with_arguments(node, node.args, [*node.keywords, keyword])
                )


@operator(
    "keyword that the test expects", floor=3.4, nodes=[ast.Call], examples=[],
)  # fmt: skip
def expected(node: ast.Call, scope: Scope) -> Iterator[Mutation]:
    """A call lacks a keyword that the failing test names, as the mock of a call does."""
    given = {k.arg for k in node.keywords}
    for rank, arg in enumerate(n for n in scope.hints.names if n not in given):
        for value, extra in ((True, 0.0), (False, 0.0), (None, 0.4)):
            added = ast.keyword(arg=arg, value=const(value))
            yield Mutation(3.4 + extra + 0.3 * rank, node, with_arguments(node, node.args, [*node.keywords, added]))


@operator(
    "regex flag", floor=2.8, nodes=[ast.Call],
    examples=[("import re\nP = re.compile('a')", "import re\nP = re.compile('a', re.IGNORECASE)")],
)  # fmt: skip
def regex_flag(node: ast.Call, _scope: Scope) -> Iterator[Mutation]:
    """A pattern lacks a flag."""
    func = node.func
    if not (isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id in {"re", "regex"}):
        return
    if func.attr not in _REGEX:
        return
    flags = next((k for k in node.keywords if k.arg == "flags"), None)
    for rank, flag in enumerate(_FLAGS):
        value = ast.Attribute(value=name(func.value.id), attr=flag, ctx=LOAD)
        cost = 2.8 + 0.4 * rank
        if flags is not None:
            yield Mutation(cost, flags.value, ast.BinOp(left=flags.value, op=ast.BitOr(), right=value))
        elif func.attr == "compile" and len(node.args) == 1:
            yield Mutation(cost, node, with_arguments(node, [*node.args, value]))
        elif func.attr == "compile" and len(node.args) == 2:
            yield Mutation(cost, node.args[1], ast.BinOp(left=node.args[1], op=ast.BitOr(), right=value))
        else:
            added = ast.keyword(arg="flags", value=value)
            yield Mutation(cost, node, with_arguments(node, node.args, [*node.keywords, added]))


OPERATORS = (forwarded, option, sibling, expected, regex_flag)
