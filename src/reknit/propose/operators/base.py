"""What an operator is: one class of human mistakes, undone.

Costs are −log priors in nats: 1–2 for slips that everybody makes (a bound off by one, a comparison turned round), 5–7
for edits that need an arbitrary ingredient. An operator never yields below its floor, so its work can wait until the
search is that dear.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from reknit.propose.scope import Scope


class Mutation(NamedTuple):
    """A node replaced by an expression, or sibling statements (`target` to `last`) replaced by others."""

    cost: float
    target: ast.AST
    new: ast.AST | Sequence[ast.stmt]
    last: ast.stmt | None = None


Generator = Callable[[Any, Scope], Iterator[Mutation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One class of mistakes with what undoes it."""

    name: str
    doc: str
    #: No mutation is cheaper, in nats.
    floor: float
    #: The nodes that it works on.
    nodes: tuple[type[ast.AST], ...]
    generate: Generator
    #: Asked of a mutation's new node when its turn has come, where that is too dear to ask of all.
    accepts: Callable[[Any], bool] | None
    #: Before → after: on `before`, one of the results is `after`.
    examples: tuple[tuple[str, str], ...]


def operator(
    name: str, *, floor: float, nodes: Sequence[type[ast.AST]], examples: Iterable[tuple[str, str]],
    accepts: Callable[[Any], bool] | None = None,
) -> Callable[[Callable[[Any, Scope], Iterator[Mutation]]], Operator]:  # fmt: skip
    """Make a generator function an operator; its docstring says which mistake it undoes."""

    def wrap(generate: Generator) -> Operator:
        return Operator(
            name=name, doc=generate.__doc__ or "", floor=floor, nodes=tuple(nodes), generate=generate,
            accepts=accepts, examples=tuple(examples),
        )  # fmt: skip

    return wrap


LOAD = ast.Load()


def name(id_: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(id=id_, ctx=LOAD)


def const(value: object) -> ast.expr:
    """A literal; a negative number is a minus and a number, as Python parses it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=-value))
    return ast.Constant(value=value)  # type: ignore[arg-type]


def empties() -> list[tuple[ast.expr, float]]:
    """Values that stand for nothing, with what each costs more than the first."""
    return [
        (const(None), 0.0), (const(""), 0.4), (const(0), 0.4), (ast.List(elts=[], ctx=LOAD), 0.4),
        (ast.Dict(keys=[], values=[]), 0.5), (const(False), 0.6), (ast.Tuple(elts=[], ctx=LOAD), 0.8),
        (const(True), 0.8), (const(-1), 1.0), (const(1), 1.2),
    ]  # fmt: skip


def fresh(node: Any) -> Any:
    """A parsed tree without positions, which would be taken for those of the file."""
    fields: dict[str, Any] = {}
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, list):
            fields[field] = [fresh(v) if isinstance(v, ast.AST) else v for v in value]
        else:
            fields[field] = fresh(value) if isinstance(value, ast.AST) else value
    return type(node)(**fields)


def call(callee: str | ast.expr, *args: ast.expr) -> ast.Call:
    """A call with positional arguments."""
    func = name(callee) if isinstance(callee, str) else callee
    return ast.Call(func=func, args=list(args), keywords=[])


def method(value: ast.expr, attr: str, *args: ast.expr) -> ast.Call:
    """A method call."""
    return call(ast.Attribute(value=value, attr=attr, ctx=LOAD), *args)


def binary(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.BinOp:
    """An arithmetic expression."""
    return ast.BinOp(left=left, op=op, right=right)


def compare(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.Compare:
    """A comparison."""
    return ast.Compare(left=left, ops=[op], comparators=[right])


def negated(test: ast.expr) -> ast.expr:
    """The opposite of a condition, without a double `not`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _OPPOSITE:
        return compare(test.left, _OPPOSITE[type(test.ops[0])](), test.comparators[0])
    return ast.UnaryOp(op=ast.Not(), operand=test)


_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip


def with_items(node: ast.expr, items: Sequence[ast.expr]) -> ast.expr:
    """A list, tuple or set display with other members."""
    if isinstance(node, ast.Set):
        return ast.Set(elts=list(items))
    kind: Any = type(node)
    return kind(elts=list(items), ctx=LOAD)  # type: ignore[no-any-return]


def with_arguments(node: ast.Call, args: Sequence[ast.expr], keywords: Sequence[ast.keyword] | None = None) -> ast.Call:
    """The same callee called with other arguments."""
    return ast.Call(func=node.func, args=list(args), keywords=list(node.keywords if keywords is None else keywords))
