"""Strings and regular expressions that are slightly off."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from reknit.propose.operators.base import Mutation, const, fresh, operator
from reknit.propose.scope import Scope

_PATTERN_USERS = {"compile", "match", "search", "fullmatch", "sub", "subn", "findall", "finditer", "split"}
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[a-zA-Z:=!<]+|[*+?]\??|\{\d*,?\d*\}\??|.", re.DOTALL)
_QUANTIFIERS = {
    "+": ("*", "+?", "?", "{2,}"), "*": ("+", "*?", "?"), "?": ("", "*"), "+?": ("+", "*?"), "*?": ("*", "+?"),
    ".": (r"\.", r"[^\n]", r"[\s\S]"), r"\d": (r"\w", "[0-9]"), r"\w": (r"[\w-]", r"\S", "[^\\W\\d_]"),
    r"\s": (r"[ \t]", " "), " ": (r"\s", r"\s*", r"\s+", " *", " +"), "$": (r"\Z", ""), "^": (r"\A", ""), r"\b": ("",),
    "(": ("(?:",), "(?:": ("(",), "(?=": ("(?!",), "(?!": ("(?=",), r"\.": (".",), r"\S": (r"\w", "."),
}  # fmt: skip
_ADDED = ("-", r"\s", "_", r"\d", r"\w", ".", "/", ":", "+", "'", '"', r"\n", ",", "@", "a-z", "A-Z", "0-9")


def compiles(node: ast.Constant) -> bool:
    """Whether a string is a pattern that Python accepts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(str(node.value))
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def is_pattern(node: ast.Constant, scope: Scope) -> bool:
    """Whether a string is a regular expression, by where it goes or by how it looks."""
    parent = scope.parent(node)
    if isinstance(parent, ast.Call) and parent.args and parent.args[0] is node:
        callee = parent.func
        if isinstance(callee, ast.Attribute) and callee.attr in _PATTERN_USERS and callee.attr != "split":
            return True
    text = node.value if isinstance(node.value, str) else ""
    return bool(re.search(r"\\[dwsbSWD]|\(\?[:P=!<]|[\])][*+?]|\[\^", text))


@operator(
    "regular expression", floor=2.6, nodes=[ast.Constant], accepts=compiles,
    examples=[("import re\nP = re.compile('a+b')", "import re\nP = re.compile('a*b')"),
              ("import re\nP = re.compile('[ab]')", "import re\nP = re.compile('[ab-]')"),
              ("import re\nP = re.compile('ab')", "import re\nP = re.compile('ab$')")],
)  # fmt: skip
def regex(node: ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """A pattern matches too much or too little: a quantifier, an anchor, a class member, an escape."""
    if not isinstance(node.value, str) or not 1 <= len(node.value) <= 400 or not is_pattern(node, scope):
        return
    tokens = _TOKEN.findall(node.value)
    for cost, changed in _variants(tokens, node.value):
        yield Mutation(cost, node, const(changed))


def _variants(tokens: list[str], text: str) -> Iterator[tuple[float, str]]:
    for cost, ends in (
        (2.6, (text + "$", "^" + text)),
        (3.2, (rf"\b{text}", rf"{text}\b", rf"{text}\Z", f"(?:{text})?")),
    ):
        yield from ((cost, end) for end in ends)
    for token in dict.fromkeys(t for t in tokens if tokens.count(t) > 1):
        for rank, other in enumerate(_QUANTIFIERS.get(token, ())):
            yield 3.2 + 0.3 * rank, "".join(other if t == token else t for t in tokens)
    for at, token in enumerate(tokens):
        head, tail = "".join(tokens[:at]), "".join(tokens[at + 1 :])
        for rank, other in enumerate(_QUANTIFIERS.get(token, ())):
            yield 2.6 + 0.3 * rank, head + other + tail
        if token.startswith("[") and len(token) > 2:
            yield from ((3.0 + 0.15 * rank, f"{head}{token[:-1]}{new}]{tail}") for rank, new in enumerate(_ADDED))
            yield from ((3.8, f"{head}{shorter}{tail}") for shorter in _smaller(token))
        if token not in {"|", "(", "(?:", "^", "*", "+", "?"} and not tail.startswith(("*", "+", "?", "{")):
            yield from ((3.4 + extra, head + token + new + tail) for new, extra in (("?", 0.0), ("*", 0.2), ("+", 0.2)))
        if re.fullmatch(r"[a-zA-Z ,;:/-]", token) or token.startswith(("[", "\\")):
            yield 3.8, head + tail


def _smaller(token: str) -> Iterator[str]:
    start = 2 if token.startswith("[^") else 1
    for at in range(start, len(token) - 1):
        if len(token) - start > 2:
            yield token[:at] + token[at + 1 :]
    yield "[^" + token[1:] if start == 1 else "[" + token[2:]


@operator(
    "string", floor=2.8, nodes=[ast.Constant],
    examples=[("x = 'ab '", "x = 'ab'"), ("x = 'Ab'", "x = 'ab'"), ("x = ','", "x = ', '"), ("x = a.strip('x')", "x = a.strip('x ')")],
)  # fmt: skip
def string(node: ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """A string is off by case, by white space, or by a character at one end."""
    text = node.value
    if not isinstance(text, str) or len(text) > 120 or isinstance(scope.parent(node), (ast.Expr, ast.JoinedStr)):
        return
    found: dict[str, float] = {}
    for other, cost in (
        (text.strip(), 2.8), (text.lower(), 2.8), (text.upper(), 2.8), (text.capitalize(), 3.2), (text[1:], 3.0),
        (text[:-1], 3.0), (text + " ", 3.2), (" " + text, 3.2), (text + "\n", 3.4), ("", 3.4), (text[::-1], 4.2),
        (text + "\r", 4.4), (text + "\t", 4.4), (text + ".", 4.0), (text + "/", 4.0), (text + "_", 4.2),
        ("_" + text, 4.2), (text + ":", 4.2), (text + "s", 4.0), (text + "-", 4.4), ("-" + text, 4.4),
        (text.replace("_", "-"), 3.4), (text.replace("-", "_"), 3.4),
    ):  # fmt: skip
        found.setdefault(other, cost)
    found.pop(text, None)
    yield from (Mutation(cost, node, const(other)) for other, cost in found.items())


@operator(
    "string merged with the test's", floor=3.4, nodes=[ast.Constant],
    examples=[("x = 'ab'\ny = 'c'", "x = 'abc'\ny = 'c'")],
)  # fmt: skip
def merged(node: ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """A set of characters or a phrase lacks a part that the test or the code around it names."""
    text = node.value
    if not isinstance(text, str) or len(text) > 120 or isinstance(scope.parent(node), (ast.Expr, ast.JoinedStr)):
        return
    pool = [*scope.hints.of(str), *(v for v in scope.constants if isinstance(v, str))]
    short = [v for v in dict.fromkeys(pool) if isinstance(v, str) and 0 < len(v) <= 3 and v not in text]
    for rank, part in enumerate(short[:20]):
        yield Mutation(3.4 + 0.1 * rank, node, const(text + part))
        yield Mutation(3.9 + 0.1 * rank, node, const(part + text))


@operator(
    "f-string", floor=2.0, nodes=[ast.Constant],
    examples=[("def f(a): return 'x {a}'", "def f(a): return f'x {a}'")],
)  # fmt: skip
def formatted(node: ast.Constant, scope: Scope) -> Iterator[Mutation]:
    """A string with names in braces lacks its `f`."""
    if not isinstance(node.value, str) or isinstance(scope.parent(node), (ast.Attribute, ast.JoinedStr, ast.Expr)):
        return
    names = re.findall(r"\{(\w+)[^{}]*\}", node.value)
    if names and all(n in scope.locals or n in scope.module.globals for n in names):
        try:
            found = ast.parse(f"f{node.value!r}", mode="eval").body
        except SyntaxError:
            return
        yield Mutation(2.0, node, fresh(found))


OPERATORS = (regex, string, merged, formatted)
