"""What a failing test says about the code that it wants."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reknit.model.patch import Tree

Literal = str | bytes | int | float | bool | None

_RAISES = frozenset({"raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns"})
_LIMIT = 60
#: Failing tests that are read; the rest says the same.
_TESTS = 10
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """Ingredients from the failing tests."""

    #: Seen in the failing tests, in order of appearance.
    literals: tuple[Literal, ...] = ()
    #: Raised or expected.
    exception_types: tuple[str, ...] = ()
    #: Identifiers that messages expect.
    names: tuple[str, ...] = ()

    def of(self, kind: type) -> tuple[Literal, ...]:
        """The literals of exactly one type."""
        return tuple(value for value in self.literals if type(value) is kind)


def hints_from(test_source: str, qualname: str) -> Hints:
    """Literals, exception types and keyword names in one test function; none where it cannot be found."""
    try:
        tree = ast.parse(test_source)
    except (SyntaxError, ValueError, RecursionError):
        return Hints()
    function = _find(tree, re.sub(r"\[.*\]$", "", qualname).replace("::", ".").split("."))
    if function is None:
        return Hints()
    literals = list(dict.fromkeys((type(v), v) for v in _literals(function)))
    return Hints(
        literals=tuple(value for _, value in literals[:_LIMIT]),
        exception_types=tuple(dict.fromkeys(_exceptions(function))),
        names=tuple(dict.fromkeys(k.arg for k in ast.walk(function) if isinstance(k, ast.keyword) and k.arg)),
    )


def _find(tree: ast.AST, parts: list[str]) -> ast.AST | None:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == parts[0]:
            found = node if len(parts) == 1 else _find(ast.Module(body=node.body, type_ignores=[]), parts[1:])
            if found is not None:
                return found
    return None


def _literals(function: ast.AST) -> Iterator[Literal]:
    """Literals in order of appearance, the negative numbers whole; the docstring too, as it may quote what is wanted."""
    match function:
        case ast.Constant(value=str() | bytes() as text) if len(text) <= _LONGEST:
            yield text
        case ast.Constant(value=int() | float() as number):
            yield number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            yield -number
        case _:
            for child in ast.iter_child_nodes(function):
                yield from _literals(child)


def _exceptions(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and node.args:
            callee = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if callee in _RAISES:
                first = node.args[0]
                for kind in first.elts if isinstance(first, ast.Tuple) else [first]:
                    yield ast.unparse(kind)


def hints_for(tests: Sequence[str], read: Callable[[list[str]], Tree]) -> Hints:
    """The hints of several tests together, each once; `read` gives the entries of test files."""
    found: list[Hints] = []
    for path, name in sorted({(t.split("::")[0], t.partition("::")[2]) for t in tests})[:_TESTS]:
        entry = read([path]).get(path)
        if entry is not None and not entry.is_link:
            found.append(hints_from(entry.content.decode("utf-8", "replace"), name))
    return Hints(
        literals=tuple(v for _, v in dict.fromkeys((type(v), v) for h in found for v in h.literals)),
        exception_types=tuple(dict.fromkeys(v for h in found for v in h.exception_types)),
        names=tuple(dict.fromkeys(v for h in found for v in h.names)),
    )
