"""Fuel: a count of loop turns and function entries, after which a candidate is stopped.

Unlike a wall clock it gives the same answer under any load. `instrument` puts a call of the tick function at the
start of every function and loop body; the tick raises `OutOfFuel`, a `BaseException`, so that the program's own
`except Exception` does not swallow it.
"""

from __future__ import annotations

import ast
import builtins
from typing import Any

TICK = "__reknit_tick__"


class OutOfFuel(BaseException):
    """The candidate has used up its ticks."""


class Tank:
    """The process's fuel gauge."""

    def __init__(self) -> None:
        self.used = 0
        #: None = unlimited.
        self.limit: int | None = None
        self.exhausted = False

    def tick(self) -> None:
        """Count one turn; raise `OutOfFuel` past the limit, and again at each later tick."""
        self.used += 1
        if self.limit is not None and self.used > self.limit:
            self.exhausted = True
            raise OutOfFuel(f"out of fuel after {self.limit} ticks")

    def install(self) -> None:
        """Make the tick reachable from instrumented code."""
        setattr(builtins, TICK, self.tick)


def instrument(tree: ast.Module) -> ast.Module:
    """Add ticks to `tree` in place; line numbers and docstrings stay as they are."""
    # Statements only: to look into expressions, where no body is, would cost more than to parse them.
    pending: list[Any] = [tree]
    while pending:
        node = pending.pop()
        for name in _BODIES:
            pending += getattr(node, name, ())
        if isinstance(node, _FUNCTIONS):
            at = 1 if ast.get_docstring(node, clean=False) is not None else 0
            node.body.insert(at, _tick(node.body[min(at, len(node.body) - 1)].lineno))
        elif isinstance(node, _LOOPS):
            node.body.insert(0, _tick(node.body[0].lineno))
    return tree


#: Where statements, and the parts of some that hold statements, are kept.
_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def _tick(line: int) -> ast.stmt:
    where: Any = {"lineno": line, "end_lineno": line, "col_offset": 0, "end_col_offset": 0}
    name = ast.Name(id=TICK, ctx=ast.Load(), **where)
    return ast.Expr(value=ast.Call(func=name, args=[], keywords=[], **where), **where)
