"""Conditions that are inverted, too narrow, too wide, or ask the wrong question."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reknit.propose.operators.base import Mutation, compare, const, negated, operator
from reknit.propose.predicates import predicates
from reknit.propose.scope import Scope

_TESTED = (ast.If, ast.While, ast.IfExp, ast.Assert)


def _tests(node: ast.AST) -> list[ast.expr]:
    """The conditions that a node decides by."""
    if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        return [node.test]
    return list(node.ifs) if isinstance(node, ast.comprehension) else []


@operator(
    "negation", floor=1.8, nodes=[*_TESTED, ast.comprehension, ast.UnaryOp, ast.BoolOp, ast.Return],
    examples=[("if a: b()", "if not a: b()"), ("x = not a", "x = a"), ("x = a and b", "x = a and not b")],
)  # fmt: skip
def negation(node: ast.AST, scope: Scope) -> Iterator[Mutation]:
    """A condition is the wrong way round."""
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            yield Mutation(1.8, node, node.operand)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield Mutation(2.2, value, negated(value))
    elif isinstance(node, ast.Return):
        if isinstance(node.value, (ast.Compare, ast.Call)) and scope.kind(node.value) == "bool":
            yield Mutation(2.2, node.value, negated(node.value))
    else:
        for test in _tests(node):
            yield Mutation(1.8, test, negated(test))


@operator(
    "and, or", floor=1.5, nodes=[ast.BoolOp],
    examples=[("x = a and b", "x = a or b"), ("x = a and b", "x = a"), ("x = a and b and c", "x = a and (b or c)"),
              ("x = a and b", "x = b and a")],
)  # fmt: skip
def connective(node: ast.BoolOp, _scope: Scope) -> Iterator[Mutation]:
    """`and` and `or` are confused, or a part is too many."""
    values = node.values
    other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield Mutation(1.5, node, ast.BoolOp(op=other, values=values))
    for index in range(len(values)):
        rest = [*values[:index], *values[index + 1 :]]
        yield Mutation(2.2, node, rest[0] if len(rest) == 1 else ast.BoolOp(op=node.op, values=rest))
    for index in range(len(values) - 1):
        swapped = [*values[:index], values[index + 1], values[index], *values[index + 2 :]]
        yield Mutation(2.6, node, ast.BoolOp(op=node.op, values=swapped))
        if len(values) > 2:
            pair = ast.BoolOp(op=other, values=values[index : index + 2])
            yield Mutation(2.8, node, ast.BoolOp(op=node.op, values=[*values[:index], pair, *values[index + 2 :]]))


@operator(
    "fixed condition", floor=3.2, nodes=[*_TESTED],
    examples=[("if a: b()", "if True: b()")],
)  # fmt: skip
def fixed(node: ast.If | ast.While | ast.IfExp | ast.Assert, _scope: Scope) -> Iterator[Mutation]:
    """A condition should not be there at all."""
    if not isinstance(node.test, ast.Constant) and not isinstance(node, ast.Assert):
        yield Mutation(3.2, node.test, const(True))
        yield Mutation(3.2, node.test, const(False))


@operator(
    "truth or None", floor=2.0, nodes=[*_TESTED, ast.comprehension, ast.BoolOp, ast.Compare, ast.UnaryOp],
    examples=[("if a: b()", "if a is not None: b()"), ("if not a: b()", "if a is None: b()"),
              ("if a is None: b()", "if not a: b()"), ("if a is not None: b()", "if a: b()")],
)  # fmt: skip
def truthiness(node: ast.AST, scope: Scope) -> Iterator[Mutation]:
    """An empty or zero value is taken for a missing one, or the other way round."""
    if isinstance(node, ast.Compare):
        if len(node.ops) == 1 and isinstance(node.comparators[0], ast.Constant):
            if isinstance(node.ops[0], ast.Is) and node.comparators[0].value is None:
                yield Mutation(2.2, node, ast.UnaryOp(op=ast.Not(), operand=node.left))
            elif isinstance(node.ops[0], ast.IsNot) and node.comparators[0].value is None:
                yield Mutation(2.2, node, node.left)
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not) and isinstance(node.operand, _VALUE):
            yield Mutation(2.0, node, compare(node.operand, ast.Is(), const(None)))
    else:
        for test in node.values if isinstance(node, ast.BoolOp) else _tests(node):
            if isinstance(test, _VALUE):
                yield Mutation(2.0, test, compare(test, ast.IsNot(), const(None)))
                if scope.kind(test) in {"", "int"}:
                    yield Mutation(3.6, test, compare(test, ast.Gt(), const(0)))


_VALUE = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)


@operator(
    "condition extended", floor=3.0, nodes=[*_TESTED, ast.comprehension, ast.Return],
    examples=[("def f(n, c):\n    if n < 0: return 1", "def f(n, c):\n    if n < 0 or not c: return 1"),
              ("def f(h):\n    if h.s is None: return 1", "def f(h):\n    if h is None or h.s is None: return 1")],
)  # fmt: skip
def extended(node: ast.AST, scope: Scope) -> Iterator[Mutation]:
    """A condition forgets a case."""
    tests = _tests(node)
    if isinstance(node, ast.Return) and isinstance(node.value, (ast.Compare, ast.BoolOp)):
        tests = [node.value]
    for test in tests:
        for predicate, cost in predicates(scope, test):
            for op in (ast.Or(), ast.And()):
                for first, second, extra in ((test, predicate, 0.0), (predicate, test, 0.5)):
                    yield Mutation(3.0 + extra + cost, test, _joined(op, first, second))


def _joined(op: ast.boolop, first: ast.expr, second: ast.expr) -> ast.BoolOp:
    """`first op second` without a nested pair of the same operator."""
    parts: list[ast.expr] = []
    for part in (first, second):
        if isinstance(part, ast.BoolOp) and type(part.op) is type(op):
            parts += part.values
        else:
            parts.append(part)
    return ast.BoolOp(op=op, values=parts)


@operator(
    "condition replaced", floor=4.2, nodes=[*_TESTED],
    examples=[("def f(a, b):\n    if a: return b", "def f(a, b):\n    if not b: return b")],
)  # fmt: skip
def replaced(node: ast.If | ast.While | ast.IfExp | ast.Assert, scope: Scope) -> Iterator[Mutation]:
    """A condition asks about the wrong thing."""
    if not isinstance(node, ast.Assert):
        for predicate, cost in predicates(scope, node.test):
            yield Mutation(4.2 + cost, node.test, predicate)
            yield Mutation(4.6 + cost, node.test, negated(predicate))


@operator(
    "comprehension filter", floor=3.6, nodes=[ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp],
    examples=[("x = [a for a in b]", "x = [a for a in b if a]"), ("x = [a for a in b if c]", "x = [a for a in b]")],
)  # fmt: skip
def filtered(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope) -> Iterator[Mutation]:
    """A comprehension takes members that it should leave out, or leaves out too many."""
    last = node.generators[-1]
    for index in range(len(last.ifs)):
        yield Mutation(3.6, node, _with_filters(node, [*last.ifs[:index], *last.ifs[index + 1 :]]))
    for item in ast.walk(last.target):
        if isinstance(item, ast.Name):
            value = ast.Name(id=item.id, ctx=ast.Load())
            tests = [value, compare(value, ast.IsNot(), const(None)), *_against(value, scope, node.lineno)]
            for rank, test in enumerate(tests):
                yield Mutation(3.6 + 0.2 * rank, node, _with_filters(node, [*last.ifs, test]))


def _against(value: ast.expr, scope: Scope, line: int) -> list[ast.expr]:
    tables = [ast.Name(id=n, ctx=ast.Load()) for n in scope.module.tables[:8]]
    found: list[ast.expr] = [
        compare(value, op(), v.expr) for v in scope.values(line)[:4] for op in (ast.NotEq, ast.NotIn)
    ]
    return found + [compare(value, op(), table) for table in tables for op in (ast.NotIn, ast.In)]


def _with_filters(node: ast.expr, tests: list[ast.expr]) -> ast.expr:
    fields = {field: getattr(node, field) for field in node._fields}
    *first, last = fields["generators"]
    clause = ast.comprehension(target=last.target, iter=last.iter, ifs=tests, is_async=last.is_async)
    fields["generators"] = [*first, clause]
    return type(node)(**fields)


@operator(
    "conditional expression", floor=2.0, nodes=[ast.IfExp],
    examples=[("x = a if c else b", "x = b if c else a"), ("x = a if c else b", "x = a")],
)  # fmt: skip
def arms(node: ast.IfExp, _scope: Scope) -> Iterator[Mutation]:
    """The arms are exchanged, or only one of them is right."""
    yield Mutation(2.0, node, ast.IfExp(test=node.test, body=node.orelse, orelse=node.body))
    yield Mutation(3.0, node, node.body)
    yield Mutation(3.0, node, node.orelse)


OPERATORS = (negation, connective, fixed, truthiness, extended, replaced, filtered, arms)
