"""Statements as text at a given indentation; see `render` for what is kept of the file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any

from reknit.lang.python import Source, is_fresh, span
from reknit.lang.render import SYMBOL, TEST, Renderer

COMPOUND = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match,
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip
_ONLY_COMMENTS = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:(?:\r\n|\r|\n)[ \t\f]*(?:#[^\r\n]*)?)*")


class BlockRenderer:
    """Writes statements for one file."""

    def __init__(self, source: Source, unit: str, like: ast.AST | None = None) -> None:
        self.source = source
        self.write = Renderer(source, like).expression
        self.like = like
        #: One step of indentation.
        self.unit = unit

    def block(self, body: Sequence[ast.stmt], indent: str) -> str:
        """The statements' lines without the first one's indentation; neighbours in the file keep what lies between."""
        out = ""
        for index, node in enumerate(body):
            if index:
                out += self._between(body[index - 1], node, indent) or f"{self.source.newline}{indent}"
            out += self.statement(node, indent)
        return out

    def _between(self, a: ast.stmt, b: ast.stmt, indent: str) -> str | None:
        """What lies between two neighbours of the file; None for others."""
        if is_fresh(a) or is_fresh(b):
            return None
        one, two = self.source.links[a], self.source.links[b]
        if one.parent is not two.parent or one.field != two.field or one.position + 1 != two.position:
            return None
        gap = self.source.text(span(self.source, a)[1], span(self.source, b)[0])
        if not _ONLY_COMMENTS.fullmatch(gap) or not ("\n" in gap or "\r" in gap):
            return None
        return _shifted(gap, indentation(self.source, b) or "", indent)

    def statement(self, node: ast.stmt, indent: str) -> str:
        """One statement, moved to `indent` where it stands elsewhere in the file."""
        if not is_fresh(node):
            return self._moved(node, indent)
        writer = _WRITERS.get(type(node))
        if writer is not None:
            return writer(self, node, indent)
        return ast.unparse(node).replace("\n", self.source.newline + indent)

    def _moved(self, node: ast.stmt, indent: str) -> str:
        text = self.source.segment(node)
        own = indentation(self.source, node)
        if own is None or own == indent:
            return text
        return _shifted(text, own, indent)

    def suite(self, body: Sequence[ast.stmt], indent: str) -> str:
        """The body of a compound statement, from the colon's line end on."""
        inner = indent + self.unit
        return f"{self.source.newline}{inner}{self.block(body, inner)}"

    def orelse(self, body: Sequence[ast.stmt], indent: str) -> str:
        """An `else` with its body; nothing for no body."""
        return f"{self.source.newline}{indent}else:{self.suite(body, indent)}" if body else ""


def _shifted(text: str, own: str, indent: str) -> str:
    """`text` with the indentation of all lines but the first changed."""
    if own == indent:
        return text
    first, *rest = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    return first + "".join(indent + x[len(own) :] if x.startswith(own) else x for x in rest)


def indentation(source: Source, node: ast.stmt) -> str | None:
    """White space before a statement; None where something else stands before it on its line."""
    head = source.text(source.starts[_first_line(node) - 1], span(source, node)[0])
    return head if not head.strip(" \t\f") else None


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", None)
    return int(decorators[0].lineno if decorators else node.lineno)


def indent_unit(source: Source) -> str:
    """One step of indentation as this file has it; four spaces where it has none."""
    for node in ast.walk(source.tree):
        body = getattr(node, "body", None)
        if isinstance(node, COMPOUND) and isinstance(body, list):
            outer, inner = indentation(source, node), indentation(source, body[0])
            if outer is not None and inner is not None and len(inner) > len(outer):
                return inner[len(outer) :]
    return "    "


def _if(r: BlockRenderer, node: Any, indent: str) -> str:
    out = f"if {r.write(node.test)}:{r.suite(node.body, indent)}"
    if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        inner = r.statement(node.orelse[0], indent)
        if inner.startswith("if"):
            return f"{out}{r.source.newline}{indent}el{inner}"
        return f"{out}{r.source.newline}{indent}{inner}"
    return out + r.orelse(node.orelse, indent)


def _while(r: BlockRenderer, node: Any, indent: str) -> str:
    return f"while {r.write(node.test)}:{r.suite(node.body, indent)}{r.orelse(node.orelse, indent)}"


def _for(r: BlockRenderer, node: Any, indent: str) -> str:
    head = f"for {r.write(node.target)} in {r.write(node.iter)}:"
    return head + r.suite(node.body, indent) + r.orelse(node.orelse, indent)


def _with(r: BlockRenderer, node: Any, indent: str) -> str:
    items = ", ".join(
        r.write(i.context_expr, TEST) + (f" as {r.write(i.optional_vars)}" if i.optional_vars else "")
        for i in node.items
    )
    return f"with {items}:{r.suite(node.body, indent)}"


def _try(r: BlockRenderer, node: Any, indent: str) -> str:
    line = r.source.newline + indent
    out = f"try:{r.suite(node.body, indent)}"
    for handler in node.handlers:
        kind = f" {r.write(handler.type, TEST)}" if handler.type else ""
        out += f"{line}except{kind}{f' as {handler.name}' if handler.name else ''}:{r.suite(handler.body, indent)}"
    out += r.orelse(node.orelse, indent)
    return out + (f"{line}finally:{r.suite(node.finalbody, indent)}" if node.finalbody else "")


def _augmented(r: BlockRenderer, node: Any, _: str) -> str:
    like = r.like
    symbol = f"{SYMBOL[type(node.op)]}="
    if isinstance(like, ast.AugAssign) and like.target is node.target and like.value is node.value:
        end, start = span(r.source, like.target)[1], span(r.source, like.value)[0]
        gap = r.source.text(end, start).replace(f"{SYMBOL[type(like.op)]}=", symbol, 1)
        head = r.source.text(span(r.source, like)[0], end)
        return head + gap + r.source.text(start, span(r.source, like)[1])
    return f"{r.write(node.target)} {symbol} {r.write(node.value)}"


def _raise(r: BlockRenderer, node: Any, _: str) -> str:
    cause = f" from {r.write(node.cause, TEST)}" if node.cause else ""
    return f"raise {r.write(node.exc, TEST)}{cause}" if node.exc else "raise"


def _function(r: BlockRenderer, node: Any, indent: str) -> str:
    """A function with other defaults and another body, its header kept."""
    like: Any = r.like
    if not isinstance(like, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return "pass"
    out, at = "", span(r.source, like)[0]
    for old, new in zip(like.args.defaults, node.args.defaults, strict=True):
        start, end = span(r.source, old)
        out += r.source.text(at, start) + r.write(new)
        at = end
    inner = indentation(r.source, like.body[0])
    head = out + r.source.text(at, span(r.source, like.body[0])[0])
    return head.rstrip() + r.suite(node.body, indent) if inner is None else head + r.block(node.body, inner)


def _assert(r: BlockRenderer, node: Any, _: str) -> str:
    return f"assert {r.write(node.test, TEST)}" + (f", {r.write(node.msg, TEST)}" if node.msg else "")


_WRITERS: dict[type[ast.AST], Callable[[BlockRenderer, Any, str], str]] = {
    ast.If: _if,
    ast.While: _while,
    ast.For: _for,
    ast.With: _with,
    ast.Try: _try,
    ast.AugAssign: _augmented,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.Return: lambda r, n, _: f"return {r.write(n.value)}" if n.value else "return",
    ast.Expr: lambda r, n, _: r.write(n.value),
    ast.Assign: lambda r, n, _: "".join(f"{r.write(t)} = " for t in n.targets) + r.write(n.value),
}
