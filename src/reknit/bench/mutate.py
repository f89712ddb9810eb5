"""One-token mistakes, written apart from the engine's operators: what a slip of the hand changes, not what they undo.

A site is a place in a file's bytes with what stands there and what might wrongly stand there instead. Sites come from
tokens, and from nodes where a slip needs more than a token's text: which names a function binds, where arguments end.
"""

from __future__ import annotations

import ast
import io
import keyword
import random
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED = {
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "==": ("!=",),
    "!=": ("==",),
}
_COMPUTED = {
    "+": ("-",),
    "-": ("+",),
    "*": ("+", "//"),
    "/": ("//", "*"),
    "//": ("/", "%"),
    "%": ("//",),
    "+=": ("-=", "="),
    "-=": ("+=",),
    "*=": ("+=",),
    "&": ("|",),
    "|": ("&",),
    "<<": (">>",),
    ">>": ("<<",),
}
_WORDS = {
    "and": ("or",),
    "or": ("and",),
    "True": ("False",),
    "False": ("True",),
    "break": ("continue",),
    "continue": ("break",),
    "min": ("max",),
    "max": ("min",),
    "any": ("all",),
    "all": ("any",),
    "append": ("extend",),
    "keys": ("values",),
    "startswith": ("endswith",),
    "endswith": ("startswith",),
    "lstrip": ("rstrip",),
    "rstrip": ("lstrip",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A span of a file, and what a slip would leave there."""

    kind: str
    #: Byte offsets, half open.
    start: int
    end: int
    #: 1-based.
    line: int
    before: str
    after: str


def sites(content: bytes) -> list[Site]:
    """Every one-token mistake that might be made, in the order of the text; none in files that are not UTF-8.

    Some leave no program: `mutated` tells.
    """
    try:
        tree = ast.parse(content)
        text = content.decode("utf-8")
        tokens = list(tokenize.generate_tokens(io.StringIO(text, newline="").readline))
    except (SyntaxError, ValueError, tokenize.TokenError):
        return []
    place = _Places(text)
    found = [*_token_sites(tokens, content, place), *_name_sites(tree, place), *_argument_sites(tree, content, place)]
    return sorted(set(found), key=lambda s: (s.start, s.end, s.kind, s.after))


def draw(found: dict[str, list[Site]], rng: random.Random) -> Iterator[tuple[str, Site]]:
    """Paths and sites until none is left: a kind by chance, then one of its sites.

    Kinds weigh the same, or names, of which there are most, would be nearly all that is drawn.
    """
    by_kind: dict[str, list[tuple[str, Site]]] = {}
    for path in sorted(found):
        for site in found[path]:
            by_kind.setdefault(site.kind, []).append((path, site))
    while by_kind:
        kind = rng.choice(sorted(by_kind))
        pool = by_kind[kind]
        yield pool.pop(rng.randrange(len(pool)))
        if not pool:
            del by_kind[kind]


def mutated(content: bytes, site: Site) -> bytes | None:
    """The file with the mistake in it; None where that is no program, or the same one."""
    changed = content[: site.start] + site.after.encode() + content[site.end :]
    try:
        return changed if ast.dump(ast.parse(changed)) != ast.dump(ast.parse(content)) else None
    except (SyntaxError, ValueError):
        return None


class _Places:
    """Offsets in bytes of (line, column) pairs, columns in characters as tokens have them or in bytes as nodes do."""

    def __init__(self, text: str) -> None:
        self.lines = io.StringIO(text, newline="").readlines()
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line.encode()))

    def token(self, at: tuple[int, int]) -> int:
        line, column = at
        return self.starts[line - 1] + len(self.lines[line - 1][:column].encode())

    def node(self, node: ast.expr) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[end_line - 1] + end_column


def _token_sites(tokens: list[tokenize.TokenInfo], content: bytes, place: _Places) -> Iterator[Site]:
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}
    code = [tokens[-1], *(t for t in tokens if t.type not in layout)]
    for before, token, following in zip(code, code[1:], code[2:], strict=False):
        for kind, after, last in _slips(token, before, following):
            start, end = place.token(token.start), place.token(last.end)
            replaced = content[start:end].decode()
            yield Site(kind=kind, start=start, end=end, line=token.start[0], before=replaced, after=after)


def _slips(
    token: tokenize.TokenInfo, before: tokenize.TokenInfo, following: tokenize.TokenInfo
) -> Iterator[tuple[str, str, tokenize.TokenInfo]]:
    """Kind, text instead, and the last token replaced."""
    text = token.string
    if token.type == tokenize.OP:
        yield from (("comparison", after, token) for after in _COMPARED.get(text, ()))
        if _ends_operand(before):
            yield from (("arithmetic", after, token) for after in _COMPUTED.get(text, ()))
    elif token.type == tokenize.NUMBER and text.isdigit():
        yield from (("constant", str(int(text) + step), token) for step in (1, -1) if int(text) + step >= 0)
    elif text == "not" and following.string == "in":
        yield "membership", "in", following
    elif text == "not" and before.string != "is":
        yield "negation", following.string, following
    elif text == "is":
        after, last = ("is", following) if following.string == "not" else ("is not", token)
        yield "identity", after, last
    elif token.type == tokenize.NAME:
        yield from (("word", after, token) for after in _WORDS.get(text, ()))


def _ends_operand(token: tokenize.TokenInfo) -> bool:
    """Whether an operator after `token` has a left operand: `-1`, `*args` and `/` in a signature have none."""
    if token.type == tokenize.NAME:
        return not keyword.iskeyword(token.string) or token.string in {"True", "False", "None"}
    return token.type in {tokenize.NUMBER, tokenize.STRING} or token.string in {")", "]", "}"}


def _name_sites(tree: ast.Module, place: _Places) -> Iterator[Site]:
    """A name read in a function, for another name that the function binds."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        bound = sorted(_bound(function))
        for node in _own_nodes(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in bound:
                start, end = place.node(node)
                for other in bound:
                    if other not in {node.id, "self", "cls"} and node.id not in {"self", "cls"}:
                        yield Site(kind="name", start=start, end=end, line=node.lineno, before=node.id, after=other)


def _own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _bound(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    spec = function.args
    names = {a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}
    stored = (n for n in _own_nodes(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return {name for name in names | {n.id for n in stored} if not keyword.iskeyword(name)}


def _argument_sites(tree: ast.Module, content: bytes, place: _Places) -> Iterator[Site]:
    """Two neighbouring positional arguments exchanged."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        for first, second in zip(call.args, call.args[1:], strict=False):
            if isinstance(first, ast.Starred) or isinstance(second, ast.Starred):
                continue
            (start, middle), (after, end) = place.node(first), place.node(second)
            one, gap, two = content[start:middle], content[middle:after], content[after:end]
            if one != two:
                before, swapped = (one + gap + two).decode(), (two + gap + one).decode()
                yield Site(kind="arguments", start=start, end=end, line=first.lineno, before=before, after=swapped)
