"""Where to change something: statements with a penalty each, from suspected lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reknit.lang.python import Function
from reknit.model.fault import Suspect
from reknit.propose.scope import Module

#: Added to a covered function's highest penalty for its lines that are no suspects, in nats.
UNSUSPECTED = 0.5
#: The same for module-level and class-body code that a covered function refers to by name.
REFERRED = 1.0

_MODULE = "<module>"
_INNER = re.compile(r"(\.<locals>)?\.<(?:lambda|listcomp|setcomp|dictcomp|genexpr)>")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Location:
    """A statement that may be changed, without the statements inside it."""

    statement: ast.stmt
    #: The statement, its expressions and clauses.
    nodes: tuple[ast.AST, ...]
    #: The function whose names it sees; for a `def`, that function itself; None at import.
    function: Function | None
    #: In nats.
    penalty: float


def locations(module: Module, suspects: Sequence[Suspect]) -> tuple[Location, ...]:
    """Every statement of the covered functions, and of the module where suspects lie there or names lead there."""
    lines: dict[int, float] = {}
    worst: dict[str, float] = {}
    for suspect in suspects:
        lines[suspect.line] = min(suspect.penalty, lines.get(suspect.line, suspect.penalty))
        covered = _INNER.sub("", suspect.function)
        worst[covered] = max(suspect.penalty, worst.get(covered, 0.0))
    owners: dict[ast.AST, Function] = {f.node: f for f in module.functions}
    referred = _referred(module, worst)
    found = []
    for statement, function in _statements(module.source.tree, None, owners):
        if function is not None and function.qualname not in worst:
            continue
        nodes = tuple(_own_nodes(statement))
        penalty = _penalty(statement, nodes, lines)
        if penalty is None:
            penalty = _fallback(statement, function, worst, referred)
        if penalty is not None:
            found.append(Location(statement=statement, nodes=nodes, function=function, penalty=penalty))
    return tuple(found)


def _statements(
    node: ast.AST, function: Function | None, owners: dict[ast.AST, Function]
) -> Iterator[tuple[ast.stmt, Function | None]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            owner = owners.get(child, function)
            yield child, owner
            yield from _statements(child, owner, owners)
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            yield from _statements(child, function, owners)


def _own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    yield statement
    todo = [*ast.iter_child_nodes(statement)][::-1]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.stmt, ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)):
            continue
        yield node
        if not isinstance(node, ast.JoinedStr):
            todo += [*ast.iter_child_nodes(node)][::-1]


def _penalty(statement: ast.stmt, nodes: Sequence[ast.AST], lines: dict[int, float]) -> float | None:
    first = statement.lineno
    last = max((n.end_lineno or 0 for n in nodes[1:] if isinstance(n, ast.expr)), default=first)
    if not isinstance(statement, _COMPOUND):
        last = statement.end_lineno or first
    return min((lines[at] for at in range(first, max(first, last) + 1) if at in lines), default=None)


_COMPOUND = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip


def _fallback(
    statement: ast.stmt, function: Function | None, worst: dict[str, float], referred: frozenset[str]
) -> float | None:
    if function is not None:
        return worst[function.qualname] + UNSUSPECTED
    if _MODULE in worst:
        return worst[_MODULE] + UNSUSPECTED
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if any(isinstance(t, ast.Name) and t.id in referred for t in targets):
            return max(worst.values(), default=0.0) + REFERRED
    return None


def _referred(module: Module, worst: dict[str, float]) -> frozenset[str]:
    """Names and attributes that the covered functions read."""
    found: set[str] = set()
    for function in module.functions:
        if function.qualname in worst:
            for node in ast.walk(function.node):
                if isinstance(node, ast.Name):
                    found.add(node.id)
                elif isinstance(node, ast.Attribute):
                    found.add(node.attr)
    return frozenset(found)
