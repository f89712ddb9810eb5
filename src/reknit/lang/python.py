"""Python source as bytes and as a tree at once, with exact positions between the two.

Positions are byte offsets into the file as read, whatever its encoding, byte order mark or line ends; the tree comes
from the interpreter that runs reknit. Nothing here is executed, and nothing changes a file.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Link(NamedTuple):
    """Where a node hangs in the tree."""

    parent: ast.AST
    field: str
    #: Position in the field's list; −1 for a field that holds one node.
    position: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A parsed file; two sources are equal only if they are the same object."""

    path: str
    raw: bytes
    #: As Python decodes it, without a byte order mark; "utf-8" where the two are the same bytes.
    encoding: str
    tree: ast.Module
    #: The line end that most lines have.
    newline: str
    #: The quotation mark that most strings have.
    quote: str
    #: Lines as Python counts them, ends included.
    lines: tuple[str, ...]
    #: Byte offset of each line; one more for the end of the file.
    starts: tuple[int, ...]
    #: Every node that has a parent; context and operator nodes, which the parser shares, excepted.
    links: dict[ast.AST, Link]

    def offset(self, line: int, column: int) -> int:
        """The byte offset of a position as `ast` gives it: 1-based line, column in bytes of UTF-8."""
        start = self.starts[line - 1]
        if self.encoding == "utf-8":
            return start + column
        head = self.lines[line - 1].encode()[:column].decode()
        return start + len(head.encode(self.encoding))

    def text(self, start: int, end: int) -> str:
        """The decoded bytes of a span."""
        return self.raw[start:end].decode(self.encoding)

    def segment(self, node: ast.AST) -> str:
        """A node's own text."""
        return self.text(*span(self, node))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unparsable:
    """A file that cannot be worked on, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Function:
    """A `def`, method or nested function."""

    #: As in `__qualname__`.
    qualname: str
    #: `co_firstlineno`: the first decorator's line where there is one.
    first_line: int
    node: FunctionNode
    #: The class whose body holds it.
    cls: ast.ClassDef | None
    #: The outermost function around it, or itself.
    outermost: Function | None

    @property
    def top(self) -> Function:
        """The outermost function around it, or itself."""
        return self.outermost or self


def parse(path: str, raw: bytes) -> Source | Unparsable:
    """Read one file's bytes; `Unparsable` where Python, or this exact mapping of bytes, refuses them."""
    try:
        name = tokenize.detect_encoding(io.BytesIO(raw).readline)[0]
        bom = raw.startswith(codecs.BOM_UTF8)
        encoding = codecs.lookup("utf-8" if bom else name).name
        text = raw[3 if bom else 0 :].decode(encoding)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(raw)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError) as exc:
        return Unparsable(path=path, reason=str(exc) or type(exc).__name__)
    lines = tuple(_LINE.findall(text))
    sizes = [len(line.encode(encoding)) for line in lines]
    starts = _sums(3 if bom else 0, sizes)
    if starts[-1] != len(raw):
        return Unparsable(path=path, reason=f"encoding {encoding} has no fixed bytes per line")
    return Source(
        path=path, raw=raw, encoding=encoding, tree=tree, newline=_newline(raw),
        quote='"' if raw.count(b'"') >= raw.count(b"'") else "'", lines=lines, starts=starts, links=dict(_links(tree)),
    )  # fmt: skip


def _sums(first: int, sizes: list[int]) -> tuple[int, ...]:
    starts = [first]
    for size in sizes:
        starts.append(starts[-1] + size)
    return tuple(starts)


def _newline(raw: bytes) -> str:
    crlf = raw.count(b"\r\n")
    lf, cr = raw.count(b"\n") - crlf, raw.count(b"\r") - crlf
    if crlf > max(lf, cr):
        return "\r\n"
    return "\r" if cr > lf else "\n"


def _links(tree: ast.AST) -> Iterator[tuple[ast.AST, Link]]:
    todo = [tree]
    while todo:
        parent = todo.pop()
        for field, value in ast.iter_fields(parent):
            if isinstance(value, list):
                for index, child in enumerate(value):
                    if isinstance(child, ast.AST) and not isinstance(child, _SHARED):
                        todo.append(child)
                        yield child, Link(parent, field, index)
            elif isinstance(value, ast.AST) and not isinstance(value, _SHARED):
                todo.append(value)
                yield value, Link(parent, field, -1)


_SHARED = (ast.expr_context, ast.operator, ast.boolop, ast.unaryop, ast.cmpop)


def span(source: Source, node: ast.AST) -> tuple[int, int]:
    """A node's half-open byte span; a decorated definition begins at its first `@`."""
    start = source.offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]
    end = source.offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
    decorators = getattr(node, "decorator_list", None)
    if decorators:
        first = source.offset(decorators[0].lineno, decorators[0].col_offset)
        start = source.raw.rindex(b"@", 0, first)
    return start, end


def functions(source: Source) -> tuple[Function, ...]:
    """Every function of a file in order of appearance."""
    return tuple(_functions(source.tree, "", None, None))


def _functions(node: ast.AST, prefix: str, cls: ast.ClassDef | None, outer: Function | None) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = child.decorator_list[0].lineno if child.decorator_list else child.lineno
            found = Function(
                qualname=prefix + child.name, first_line=first, node=child, cls=cls, outermost=outer
            )  # fmt: skip
            yield found
            yield from _functions(child, f"{found.qualname}.<locals>.", None, outer or found)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.", child, outer)
        elif isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            yield from _functions(child, prefix, cls, outer)


def is_fresh(node: ast.AST) -> bool:
    """Whether a node was made by us rather than read from a file."""
    return getattr(node, "end_lineno", None) is None
