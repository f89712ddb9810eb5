"""Fuel: a count of loop turns and function entries, after which a candidate is stopped.

Unlike a wall clock it gives the same answer under any load. `instrument` puts a call of the tick function at the
start of every function and loop body; the tick raises `OutOfFuel`, a `BaseException`, so that the program's own
`except Exception` does not swallow it.
"""

from __future__ import annotations

import ast
import builtins

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
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            at = 1 if ast.get_docstring(node, clean=False) is not None else 0
            node.body.insert(at, _tick(node.body[min(at, len(node.body) - 1)]))
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            node.body.insert(0, _tick(node.body[0]))
    return tree


def _tick(near: ast.stmt) -> ast.stmt:
    call = ast.Call(func=ast.Name(id=TICK, ctx=ast.Load()), args=[], keywords=[])
    return _at(ast.Expr(value=call), near.lineno)


def _at(node: ast.stmt, line: int) -> ast.stmt:
    nodes: list[ast.AST] = list(ast.walk(node))
    for part in nodes:
        if isinstance(part, (ast.stmt, ast.expr)):
            part.lineno = part.end_lineno = line
            part.col_offset = part.end_col_offset = 0
    return node
