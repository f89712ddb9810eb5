"""A changed tree back into the file: one span of bytes, proved to parse to exactly what was meant.

The proof is local: the statement around the change is written, parsed on its own and compared with the tree that was
meant. A statement that parses alone, at its place's indentation, parses the same inside the file; so does an item between brackets.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reknit.lang.blocks import COMPOUND, BlockRenderer, indent_unit, indentation
from reknit.lang.python import Source, span
from reknit.lang.render import Renderer

_COMMENT = re.compile(rb"[ \t]*#[^\r\n]*")
_REST = re.compile(rb"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")
#: Lines from which on a statement is proved item by item.
_LONG = 12
_HEADED = (
    ast.If, ast.While, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith,
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """A span of a file replaced, with the texts that a person compares."""

    #: Byte offsets, half open, cut down to what differs.
    start: int
    end: int
    new: bytes
    #: The whole node or statement before and after.
    before: str
    after: str


class Splicer:
    """Turns changes of one file's tree into splices."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._unit = indent_unit(source)

    def expression(self, target: ast.AST, new: ast.AST) -> Splice | None:
        """`target` replaced by `new`; None where no text says that, or nothing changes."""
        unit = self._unit_of(target)
        if unit is None:
            return None
        meant = _bare(self._replaced(unit, target, new))
        if same(meant, _bare(unit)):
            return None
        start, end = span(self.source, target)
        text = Renderer(self.source, target).expression(new)
        bracketed = self._lone_generator(target)
        for attempt in (f"({text})",) if bracketed else (text, f"({text})"):
            if self._parses(unit, start, end, attempt, meant):
                return self._cut(start, end, attempt)
        return None

    def statements(self, first: ast.stmt, last: ast.stmt, new: Sequence[ast.stmt]) -> Splice | None:
        """The siblings from `first` to `last` replaced by `new`, which may hold them; None as above."""
        source = self.source
        start, end = span(source, first)[0], span(source, last)[1]
        if source.raw[start : start + 4] == b"elif" and isinstance(first, ast.If):
            return None
        if not new:
            return self._deleted(first, last, start, end)
        indent = indentation(source, first)
        rest = _COMMENT.match(source.raw, end)
        written = BlockRenderer(source, self._unit, first if first is last else None)
        if indent is None or not _REST.match(source.raw, end):
            if any(isinstance(node, COMPOUND) for node in new):
                return None
            text = "; ".join(written.statement(node, "") for node in new)
        elif rest and last in new[:-1]:
            cut = new.index(last) + 1
            end = rest.end()
            text = written.block(new[:cut], indent) + rest.group().decode(source.encoding)
            text += f"{source.newline}{indent}{written.block(new[cut:], indent)}"
        else:
            text = written.block(new, indent)
        meant = ast.Module(body=list(new), type_ignores=[])
        parsed = _parse_block(text, indent or "")
        return self._cut(start, end, text) if parsed and same(parsed, meant) else None

    def _deleted(self, first: ast.stmt, last: ast.stmt, start: int, end: int) -> Splice | None:
        link = self.source.links[first]
        siblings = getattr(link.parent, link.field)
        rest = _REST.match(self.source.raw, end)
        indent = indentation(self.source, first)
        if (siblings[0] is first and siblings[-1] is last) or indent is None or rest is None:
            return self._cut(start, end, "pass")
        return self._cut(start - len(indent.encode(self.source.encoding)), rest.end(), "")

    def _unit_of(self, target: ast.AST) -> ast.AST | None:
        """What is written and parsed to prove a change: the statement, or in a long one an item between its brackets."""
        statement = self._statement_of(target)
        if statement is None or isinstance(statement, COMPOUND):
            return statement
        if (statement.end_lineno or 0) - statement.lineno < _LONG:
            return statement
        node = target
        while node is not statement:
            link = self.source.links[node]
            if isinstance(link.parent, (ast.List, ast.Set, ast.Dict, ast.keyword)) and isinstance(node, ast.expr):
                return node
            node = link.parent
        return statement

    def _statement_of(self, node: ast.AST) -> ast.stmt | None:
        while not isinstance(node, ast.stmt):
            if isinstance(node, (ast.JoinedStr, ast.FormattedValue)) and node is not None:
                parent = self.source.links[node].parent
                if isinstance(parent, (ast.JoinedStr, ast.FormattedValue)):
                    return None
            link = self.source.links.get(node)
            if link is None:
                return None
            node = link.parent
        return node

    def _lone_generator(self, target: ast.AST) -> bool:
        parent = self.source.links[target].parent
        return (
            isinstance(target, ast.GeneratorExp)
            and isinstance(parent, ast.Call)
            and span(self.source, target)[1] == span(self.source, parent)[1]
        )

    def _replaced(self, unit: ast.AST, target: ast.AST, new: ast.AST) -> ast.AST:
        node: ast.AST = new
        while target is not unit:
            link = self.source.links[target]
            copy = _copy(link.parent)
            if link.position < 0:
                setattr(copy, link.field, node)
            else:
                items = list(getattr(link.parent, link.field))
                items[link.position] = node
                setattr(copy, link.field, items)
            target, node = link.parent, copy
        return node

    def _parses(self, unit: ast.AST, start: int, end: int, text: str, meant: ast.AST) -> bool:
        source = self.source
        first, last = span(source, unit)
        if not isinstance(unit, ast.stmt):
            return _is_item(source.text(first, start) + text + source.text(end, last), meant)
        indent = indentation(source, unit) or ""
        suffix = ""
        if isinstance(unit, _HEADED):
            last, suffix, indent = span(source, unit.body[0])[0], "pass", ""
        if end > last:
            return False
        head, tail = source.text(first, start), source.text(end, last)
        if isinstance(unit, ast.If) and head.startswith("elif"):
            head = head[2:]
        parsed = _parse_block(head + text + tail + suffix, indent if isinstance(unit, COMPOUND) else "")
        return parsed is not None and len(parsed.body) == 1 and same(parsed.body[0], meant)

    def _cut(self, start: int, end: int, text: str) -> Splice | None:
        """The splice without what the old and the new text begin and end with."""
        source, old = self.source, self.source.text(start, end)
        head = _same_beginning(old, text)
        tail = _same_beginning(old[head:][::-1], text[head:][::-1])
        try:
            new = text[head : len(text) - tail].encode(source.encoding)
        except UnicodeEncodeError:
            return None
        if old == text:
            return None
        return Splice(
            start=start + len(old[:head].encode(source.encoding)),
            end=end - len(old[len(old) - tail :].encode(source.encoding)),
            new=new, before=old, after=text,
        )  # fmt: skip


def _same_beginning(a: str, b: str) -> int:
    """Length of the common beginning."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _parse_block(text: str, indent: str) -> ast.Module | None:
    wrapped = f"if 1:\n{indent}{text}\n" if indent else f"{text}\n"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(wrapped)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not indent:
        return tree
    inner = tree.body[0]
    if len(tree.body) != 1 or not isinstance(inner, ast.If) or inner.orelse:
        return None
    return ast.Module(body=inner.body, type_ignores=[])


def _is_item(text: str, meant: ast.AST) -> bool:
    """Whether a text between brackets is exactly this one item."""
    parsed = _parse_block(f"[{text}\n]", "")
    if parsed is None or len(parsed.body) != 1 or not isinstance(parsed.body[0], ast.Expr):
        return False
    items = parsed.body[0].value
    return isinstance(items, ast.List) and len(items.elts) == 1 and same(items.elts[0], meant)


def _copy(node: Any) -> Any:
    return type(node)(**{field: getattr(node, field, None) for field in node._fields})


def _bare(unit: ast.AST) -> ast.AST:
    """The statement without the bodies below its header, which are not part of the proof."""
    if not isinstance(unit, _HEADED):
        return unit
    copy = _copy(unit)
    copy.body = [ast.Pass()]
    if hasattr(copy, "orelse"):
        copy.orelse = []
    return copy  # type: ignore[no-any-return]


def same(a: Any, b: Any) -> bool:
    """Whether two trees are equal but for positions and the `u` before a string."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, ast.AST):
        return all(f == "kind" or same(getattr(a, f, None), getattr(b, f, None)) for f in a._fields)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b) if isinstance(a, (float, complex)) else bool(a == b)
