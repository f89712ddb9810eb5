"""Text for changed trees that keeps the text of everything unchanged.

A tree to be rendered is built from new nodes (which have no position) and nodes of the file (which have one). Nodes of
the file are written as they stand in it, with their comments, quotes and line breaks; only new nodes are formatted.
Where a new node takes its children from the node it replaces, the text between the children is kept as well.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from reknit.lang.python import Source, is_fresh, span

TEST, OR, AND, NOT, COMPARE, BIT_OR, BIT_XOR, BIT_AND, SHIFT, SUM, TERM, UNARY, POWER, AWAIT, ATOM = range(1, 16)
TUPLE = 0

SYMBOL: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not", ast.And: "and", ast.Or: "or",
    ast.Not: "not ", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~",
}  # fmt: skip
_BINARY: dict[type[ast.operator], int] = {
    ast.Add: SUM, ast.Sub: SUM, ast.Mult: TERM, ast.Div: TERM, ast.FloorDiv: TERM, ast.Mod: TERM, ast.MatMult: TERM,
    ast.Pow: POWER, ast.LShift: SHIFT, ast.RShift: SHIFT, ast.BitOr: BIT_OR, ast.BitXor: BIT_XOR, ast.BitAnd: BIT_AND,
}  # fmt: skip
_LEVELS: dict[type[ast.AST], int] = {
    ast.Compare: COMPARE, ast.IfExp: TEST, ast.Lambda: TEST, ast.Await: AWAIT, ast.Tuple: TUPLE,
}  # fmt: skip
_QUOTED = re.compile(r"([A-Za-z]*)('''|\"\"\"|'|\")")


def level(node: ast.AST) -> int:
    """How tightly a node binds: higher needs fewer parentheses."""
    match node:
        case ast.BinOp(op=op):
            return _BINARY[type(op)]
        case ast.BoolOp(op=op):
            return AND if isinstance(op, ast.And) else OR
        case ast.UnaryOp(op=op):
            return NOT if isinstance(op, ast.Not) else UNARY
        case ast.NamedExpr() | ast.Yield() | ast.YieldFrom() | ast.Starred():
            return TUPLE
        case _:
            return _LEVELS.get(type(node), ATOM)


class Renderer:
    """Writes expressions for one file; `like` is the node that will be replaced, whose layout is kept."""

    def __init__(self, source: Source, like: ast.AST | None = None) -> None:
        self.source = source
        self.like = like

    def expression(self, node: ast.AST, minimum: int = TUPLE) -> str:
        """`node` as text, in parentheses where its place binds tighter (`minimum`) than it does."""
        text = (self._reused(node) or self._fresh(node)) if is_fresh(node) else self.source.segment(node)
        bare = level(node) < minimum and not (isinstance(node, ast.Tuple) and text.startswith("("))
        return f"({text})" if bare else text

    def _fresh(self, node: ast.AST) -> str:
        writer = _WRITERS.get(type(node))
        if writer is None:
            return f"({ast.unparse(node)})"
        return writer(self, node)

    def _reused(self, node: ast.AST) -> str | None:
        like = self.like
        if like is None or type(node) is not type(like) or is_fresh(like):
            return None
        if isinstance(node, (ast.BinOp, ast.Compare, ast.BoolOp)):
            return self._new_operator(like, node)
        old, new = _items(like), _items(node)
        if not old or not new or _frame(like) != _frame(node) or all(map(is_fresh, new)):
            return None
        return self._same_layout(like, old, new)

    def _new_operator(self, like: Any, node: Any) -> str | None:
        """The old text with one operator's symbol exchanged, where nothing else differs."""
        old, new = _operands(like), _operands(node)
        if len(old) != len(new) or any(a is not b for a, b in zip(old, new, strict=True)):
            return None
        out = self.source.text(span(self.source, like)[0], span(self.source, old[0])[0])
        for before, after, was, now in zip(old, old[1:], _symbols(like), _symbols(node), strict=False):
            gap = self.source.text(span(self.source, before)[1], span(self.source, after)[0])
            pattern = r"\s+".join(map(re.escape, was.split()))
            out += self.source.segment(before) + re.sub(pattern, lambda _, now=now: now, gap, count=1)  # type: ignore[misc]
        return out + self.source.segment(old[-1]) + self._tail(like, old[-1])

    def _tail(self, like: ast.AST, last: ast.AST) -> str:
        return self.source.text(span(self.source, last)[1], span(self.source, like)[1])

    def _same_layout(self, like: ast.AST, old: Sequence[ast.AST], new: Sequence[ast.AST]) -> str | None:
        """The items of a call or display exchanged, the text between them kept."""
        spans = [span(self.source, item) for item in old]
        if any(a[1] > b[0] for a, b in itertools.pairwise(spans)):
            return None
        gaps = [self.source.text(a[1], b[0]) for a, b in itertools.pairwise(spans)]
        start, end = span(self.source, like)
        head, tail = self.source.text(start, spans[0][0]), self.source.text(spans[-1][1], end)
        if isinstance(like, ast.Tuple) and len(new) != len(old) and 1 in {len(new), len(old)}:
            return None
        spare = gaps[-1] if gaps and "#" not in gaps[-1] else ", "
        body = self._item(new[0])
        for index, item in enumerate(new[1:]):
            body += (gaps[index] if index < len(gaps) else spare) + self._item(item)
        return head + body + tail

    def _item(self, node: ast.AST) -> str:
        if isinstance(node, ast.keyword):
            value = self.expression(node.value, TEST)
            return f"{node.arg}={value}" if node.arg else f"**{self.expression(node.value, BIT_OR)}"
        if isinstance(node, ast.Starred):
            return f"*{self.expression(node.value, BIT_OR)}"
        return self.expression(node, TEST)

    def _join(self, nodes: Iterable[ast.AST]) -> str:
        return ", ".join(self._item(node) for node in nodes)

    def constant(self, node: ast.Constant) -> str:
        """A new constant, a string in the quotes and prefix of the string it replaces."""
        if not isinstance(node.value, (str, bytes)):
            return "..." if node.value is Ellipsis else repr(node.value)
        like = self.like
        if isinstance(like, ast.Constant) and type(like.value) is type(node.value) and not is_fresh(like):
            styled = _styled(self.source.segment(like), node.value)
            if styled is not None:
                return styled.replace("\n", self.source.newline)
        return self._string(node.value)

    def _string(self, value: str | bytes) -> str:
        text = repr(value)
        body = text[text.index("'") + 1 : -1] if text.endswith("'") else None
        if body is None or self.source.quote == "'" or '"' in body:
            return text
        return text[: text.index("'")] + '"' + body.replace("\\'", "'") + '"'

    def comprehensions(self, generators: Iterable[ast.comprehension]) -> str:
        """The `for … in … if …` clauses."""
        out = ""
        for clause in generators:
            out += " async for " if clause.is_async else " for "
            out += f"{self.expression(clause.target)} in {self.expression(clause.iter, OR)}"
            out += "".join(f" if {self.expression(test, OR)}" for test in clause.ifs)
        return out

    def slice(self, node: ast.AST) -> str:
        """What stands between the brackets of a subscript."""
        if isinstance(node, ast.Slice) and is_fresh(node):
            low, high, step = (self.expression(p, TEST) if p else "" for p in (node.lower, node.upper, node.step))
            return f"{low}:{high}" + (f":{step}" if step else "")
        if isinstance(node, ast.Tuple) and is_fresh(node) and node.elts:
            return ", ".join(map(self.slice, node.elts)) + ("," if len(node.elts) == 1 else "")
        return self.expression(node)

    def binary(self, node: ast.BinOp) -> str:
        """Both operands around the operator."""
        own, power = level(node), isinstance(node.op, ast.Pow)
        left = self.expression(node.left, own + 1 if power else own)
        right = self.expression(node.right, UNARY if power else own + 1)
        return f"{left} {SYMBOL[type(node.op)]} {right}"

    def lambda_(self, node: ast.Lambda) -> str:
        """A lambda, its arguments as `ast` writes them."""
        args = ast.unparse(node.args)
        return f"lambda{' ' if args else ''}{args}: {self.expression(node.body, TEST)}"

    def dict_(self, node: ast.Dict) -> str:
        """A dict display."""
        pairs = (
            f"{self.expression(k, TEST)}: {self.expression(v, TEST)}" if k else f"**{self.expression(v, BIT_OR)}"
            for k, v in zip(node.keys, node.values, strict=True)
        )  # fmt: skip
        return "{" + ", ".join(pairs) + "}"

    def compare(self, node: ast.Compare) -> str:
        """A comparison chain."""
        out = self.expression(node.left, BIT_OR)
        for op, right in zip(node.ops, node.comparators, strict=True):
            out += f" {SYMBOL[type(op)]} {self.expression(right, BIT_OR)}"
        return out

    def call(self, node: ast.Call) -> str:
        """A call; a lone generator needs no second pair of parentheses."""
        callee = self.expression(node.func, AWAIT)
        if len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.GeneratorExp):
            return callee + self.expression(node.args[0])
        return f"{callee}({self._join([*node.args, *node.keywords])})"

    def tuple_(self, node: ast.Tuple) -> str:
        """A tuple, always in parentheses unless it stands alone."""
        return f"({self._join(node.elts)}{',' if len(node.elts) == 1 else ''})"

    def attribute(self, node: ast.Attribute) -> str:
        """Attribute access; a number is put in parentheses."""
        number = isinstance(node.value, ast.Constant) and isinstance(node.value.value, (int, float))
        value = self.expression(node.value, AWAIT)
        return f"({value}).{node.attr}" if number else f"{value}.{node.attr}"


def _styled(old: str, value: str | bytes) -> str | None:
    head = _QUOTED.match(old)
    if head is None:
        return None
    prefix, quote = head.groups()
    raw = "r" in prefix.lower()
    text = value if isinstance(value, str) else value.decode("latin-1")
    bodies = [text] if raw else [text, text.replace("\\", "\\\\"), repr(value).lstrip("b")[1:-1]]
    for body in bodies:
        attempt = f"{prefix}{quote}{body}{quote}"
        try:
            if ast.literal_eval(attempt) == value:
                return attempt
        except (SyntaxError, ValueError):
            continue
    return None


def _items(node: Any) -> list[ast.AST]:
    if isinstance(node, ast.Call):
        if any(isinstance(arg, ast.GeneratorExp) for arg in node.args):
            return []
        return [*node.args, *node.keywords]
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return list(node.elts)
    return []


def _frame(node: Any) -> ast.AST | None:
    return node.func if isinstance(node, ast.Call) else None


def _operands(node: Any) -> list[ast.AST]:
    match node:
        case ast.BinOp():
            return [node.left, node.right]
        case ast.Compare():
            return [node.left, *node.comparators]
        case _:
            return list(node.values)


def _symbols(node: Any) -> list[str]:
    match node:
        case ast.BinOp(op=op):
            return [SYMBOL[type(op)]]
        case ast.Compare(ops=ops):
            return [SYMBOL[type(op)] for op in ops]
        case _:
            return [SYMBOL[type(node.op)]] * (len(node.values) - 1)


def _subscript(r: Renderer, n: Any) -> str:
    return f"{r.expression(n.value, AWAIT)}[{r.slice(n.slice)}]"


def _comprehension(opening: str, closing: str) -> Callable[[Renderer, Any], str]:
    def write(r: Renderer, n: Any) -> str:
        return f"{opening}{r.expression(n.elt, TEST)}{r.comprehensions(n.generators)}{closing}"

    return write


def _bool(r: Renderer, n: Any) -> str:
    return f" {SYMBOL[type(n.op)]} ".join(r.expression(v, level(n) + 1) for v in n.values)


def _if(r: Renderer, n: Any) -> str:
    return f"{r.expression(n.body, OR)} if {r.expression(n.test, OR)} else {r.expression(n.orelse, TEST)}"


def _set(r: Renderer, n: Any) -> str:
    return "{" + ", ".join(r._item(e) for e in n.elts) + "}"  # noqa: SLF001 - same module


_WRITERS: dict[type[ast.AST], Callable[[Renderer, Any], str]] = {
    ast.Name: lambda _, n: str(n.id),
    ast.Constant: Renderer.constant,
    ast.Attribute: Renderer.attribute,
    ast.Subscript: _subscript,
    ast.Slice: Renderer.slice,
    ast.Call: Renderer.call,
    ast.Starred: lambda r, n: f"*{r.expression(n.value, BIT_OR)}",
    ast.BinOp: Renderer.binary,
    ast.BoolOp: _bool,
    ast.UnaryOp: lambda r, n: SYMBOL[type(n.op)] + r.expression(n.operand, level(n)),
    ast.Compare: Renderer.compare,
    ast.IfExp: _if,
    ast.Lambda: Renderer.lambda_,
    ast.NamedExpr: lambda r, n: f"{r.expression(n.target)} := {r.expression(n.value, TEST)}",
    ast.Await: lambda r, n: f"await {r.expression(n.value, ATOM)}",
    ast.Yield: lambda r, n: f"yield {r.expression(n.value)}" if n.value else "yield",
    ast.YieldFrom: lambda r, n: f"yield from {r.expression(n.value, TEST)}",
    ast.JoinedStr: lambda _, n: ast.unparse(n),
    ast.List: lambda r, n: f"[{', '.join(r._item(e) for e in n.elts)}]",  # noqa: SLF001 - same module
    ast.Tuple: Renderer.tuple_,
    ast.Set: _set,
    ast.Dict: Renderer.dict_,
    ast.ListComp: _comprehension("[", "]"),
    ast.SetComp: _comprehension("{", "}"),
    ast.GeneratorExp: _comprehension("(", ")"),
    ast.DictComp: lambda r, n: (
        "{" + f"{r.expression(n.key, TEST)}: {r.expression(n.value, TEST)}{r.comprehensions(n.generators)}" + "}"
    ),
}
