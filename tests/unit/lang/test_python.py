"""Positions, encodings and functions of Python files."""

from __future__ import annotations

import ast

import pytest

from reknit.lang.python import Source, Unparsable, functions, parse, span

LINES = "x = 'é€'; y = 1\nz = [\n    'ä',  # ü\n    2,\n]\n"


def source(raw: bytes) -> Source:
    found = parse("a.py", raw)
    assert isinstance(found, Source)
    return found


@pytest.mark.parametrize(
    "raw",
    [
        LINES.encode(),
        LINES.replace("\n", "\r\n").encode(),
        LINES.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + LINES.encode(),
        ("# coding: latin-1\n" + LINES.replace("€", "ß")).encode("latin-1"),
        ("# -*- coding: cp1252 -*-\n" + LINES).encode("cp1252"),
        ("# coding: utf-8\n\x0c\n" + LINES).encode(),
        ("# coding: shift_jis\nx = '日本'; y = 1\nz = [2]\n").encode("shift_jis"),
    ],
    ids=["utf-8", "crlf", "cr", "bom", "latin-1", "cp1252", "form feed", "shift_jis"],
)
def test_segment_is_the_node(raw: bytes) -> None:
    """The bytes of a node's span are the node: they parse to it."""
    here = source(raw)
    for node in ast.walk(here.tree):
        if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store):
            text = here.segment(node)
            assert ast.dump(ast.parse(f"({text}\n)", mode="eval").body) == ast.dump(node)
            assert here.raw[slice(*span(here, node))].decode(here.encoding) == text


@pytest.mark.parametrize(
    "raw",
    [b"x = (", b"x = '\xff'", b"# coding: nonsense\n", b"x = 1\0", b"# coding: latin-1\n" + b"(" * 5000],
    ids=["syntax", "bytes", "encoding", "null", "depth"],
)
def test_unparsable_is_a_value(raw: bytes) -> None:
    """What Python refuses is refused with its reason, not raised."""
    found = parse("a.py", raw)
    assert isinstance(found, Unparsable)
    assert found.reason


def test_newline_is_the_usual_one() -> None:
    """The line end that most lines have."""
    assert source(b"a\r\nb\r\nc\n").newline == "\r\n"
    assert source(b"a\nb\nc\r\n").newline == "\n"
    assert source(b"").newline == "\n"


def test_functions() -> None:
    """Methods, nested functions and decorated ones, named as Python names them."""
    text = b"""
class C:
    @one
    @two
    def m(self):
        def inner(): pass
        class D:
            async def deep(self): pass
if x:
    def f(): pass
"""
    found = {f.qualname: f for f in functions(source(text))}
    assert list(found) == ["C.m", "C.m.<locals>.inner", "C.m.<locals>.D.deep", "f"]
    assert found["C.m"].first_line == 3
    assert found["C.m"].cls is not None
    assert found["C.m.<locals>.inner"].top is found["C.m"]
    assert found["C.m.<locals>.D.deep"].top is found["C.m"]
    assert found["f"].top is found["f"]


def test_names_agree_with_the_interpreter() -> None:
    """`qualname` and `first_line` find the live function."""
    text = "def deco(f): return f\nclass A:\n    class B:\n        @deco\n        def m(self): return lambda: 0\n"
    space: dict[str, type] = {}
    exec(compile(text, "a.py", "exec"), space)
    live = space["A"].B.m  # type: ignore[attr-defined]
    found = next(f for f in functions(source(text.encode())) if f.qualname == live.__qualname__)
    assert found.first_line == live.__code__.co_firstlineno
