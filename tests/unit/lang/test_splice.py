"""Splices change what was meant and nothing else."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.lang.python import Source, parse
from reknit.lang.splice import Splice, Splicer, same
from reknit.model.fault import Suspect
from reknit.propose.candidates import candidates

PROGRAM = '''"""Dök."""
LIMIT = 3  # größe


def f(a, b, *, key=None):  # header
    """Doc ä."""
    total = 0

    # a comment é
    for i in range(len(a)):  # loop ü
        if a[i] < (b +  # why
                   1):
            total += g(a[i],   # first
                       key)
    \ttext = "ö" + 'x'
    return (total - b) * 2  # end


class C:
    names = ["a",
             "b"]  # tail

    def m(self): return self.x or []
'''.replace("    \ttext", "    text")


def source(raw: bytes) -> Source:
    found = parse("a.py", raw)
    assert isinstance(found, Source)
    return found


FORMS = {
    "utf-8": PROGRAM.encode(),
    "crlf": PROGRAM.replace("\n", "\r\n").encode(),
    "bom": b"\xef\xbb\xbf" + PROGRAM.encode(),
    "latin-1": ("# coding: latin-1\n" + PROGRAM).encode("latin-1"),
    "latin-1 crlf": ("# coding: latin-1\n" + PROGRAM).replace("\n", "\r\n").encode("latin-1"),
    "tabs": PROGRAM.replace("    ", "\t").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_candidates_parse_and_keep_the_rest(form: str) -> None:
    """Every candidate leaves the bytes outside its span, parses as a whole, and differs from the original."""
    here = source(FORMS[form])
    names = ["f", "C.m", "<module>"]
    suspects = [
        Suspect(path="a.py", line=line, function=name, score=1, penalty=0, why="")
        for name in names
        for line in range(1, len(here.lines) + 1)
    ]
    seen, before = set(), ast.dump(here.tree)
    for count, c in enumerate(candidates({"a.py": here}, suspects)):
        if count > 1500:
            break
        after = here.raw[: c.start] + c.new + here.raw[c.end :]
        assert after not in seen
        seen.add(after)
        assert ast.dump(ast.parse(after)) != before
        assert after.count(b"\r") == after.count(b"\n") or b"\r" not in FORMS[form]
    assert len(seen) > 1000


def test_the_same_edits_in_every_form() -> None:
    """Encoding and line ends make no difference to what is proposed."""
    made = []
    for form in ("utf-8", "crlf", "bom"):
        here = source(FORMS[form])
        suspects = [Suspect(path="a.py", line=i, function="f", score=1, penalty=0, why="") for i in range(5, 18)]
        found = candidates({"a.py": here}, suspects)
        made.append([(c.operator, c.note, c.line, c.cost) for c, _ in zip(found, range(300), strict=False)])
    assert made[0] == made[1] == made[2]


def check(before: str, after: str, splice: Splice | None) -> None:
    assert splice is not None
    raw = before.encode()
    assert (raw[: splice.start] + splice.new + raw[splice.end :]).decode() == after


def first(text: str) -> tuple[Splicer, ast.stmt]:
    here = source(text.encode())
    return Splicer(here), here.tree.body[0]


def test_operator_swap_keeps_comments() -> None:
    """Only the operator changes in a comparison over two lines."""
    before = "x = (a <  # why\n     b)\n"
    splicer, node = first(before)
    assert isinstance(node, ast.Assign)
    old = node.value
    assert isinstance(old, ast.Compare)
    new = ast.Compare(left=old.left, ops=[ast.LtE()], comparators=old.comparators)
    check(before, "x = (a <=  # why\n     b)\n", splicer.expression(old, new))


def test_parentheses_where_needed() -> None:
    """A looser expression in a tighter place is put in parentheses."""
    before = "x = a * b\n"
    splicer, node = first(before)
    assert isinstance(node, ast.Assign)
    assert isinstance(node.value, ast.BinOp)
    sum_ = ast.BinOp(left=node.value.right, op=ast.Sub(), right=ast.Constant(value=1))
    check(before, "x = a * (b - 1)\n", splicer.expression(node.value.right, sum_))


def test_lone_generator() -> None:
    """The parentheses of a call are not those of its generator."""
    before = "x = any(f(y) for y in z)\n"
    splicer, node = first(before)
    assert isinstance(node, ast.Assign)
    assert isinstance(node.value, ast.Call)
    check(before, "x = any(w)\n", splicer.expression(node.value.args[0], ast.Name(id="w", ctx=ast.Load())))


def test_statement_with_a_trailing_comment() -> None:
    """What is added after a statement comes after its comment."""
    before = "a()  # one\nb()\n"
    splicer, node = first(before)
    check(before, "a()  # one\npass\nb()\n", splicer.statements(node, node, [node, ast.Pass()]))


def test_delete_takes_the_line() -> None:
    """A deleted statement leaves no empty line; the only one of a block becomes `pass`."""
    before = "a()  # one\nif b:\n    c()\n"
    splicer, node = first(before)
    check(before, "if b:\n    c()\n", splicer.statements(node, node, []))
    inner = splicer.source.tree.body[1].body[0]  # type: ignore[attr-defined]
    check(before, "a()  # one\nif b:\n    pass\n", splicer.statements(inner, inner, []))


def test_wrapping_indents_but_not_strings() -> None:
    """A wrapped statement moves right; where that would change a string, there is no splice."""
    before = "f(a,\n  b)\n"
    splicer, node = first(before)
    wrapped = ast.If(test=ast.Name(id="c", ctx=ast.Load()), body=[node], orelse=[])
    check(before, "if c:\n    f(a,\n      b)\n", splicer.statements(node, node, [wrapped]))
    splicer, node = first('f("""a\nb""")\n')
    wrapped = ast.If(test=ast.Name(id="c", ctx=ast.Load()), body=[node], orelse=[])
    assert splicer.statements(node, node, [wrapped]) is None


def test_long_table() -> None:
    """In a long statement an item is proved alone, and no item becomes two."""
    rows = "".join(f"    ('a{i}', b),\n" for i in range(30))
    before = f"x = [\n{rows}]\n"
    splicer, node = first(before)
    assert isinstance(node, ast.Assign)
    assert isinstance(node.value, ast.List)
    row = node.value.elts[7]
    assert isinstance(row, ast.Tuple)
    check(before, before.replace("'a7'", "'c'"), splicer.expression(row.elts[0], ast.Constant(value="c")))
    pair = ast.Tuple(elts=list(row.elts[::-1]), ctx=ast.Load())
    check(before, before.replace("('a7', b)", "(b, 'a7')"), splicer.expression(row, pair))


def test_new_lines_in_strings() -> None:
    """A string over several lines keeps the file's line ends."""
    here = source(b'x = """a\r\nb"""\r\n')
    node = here.tree.body[0]
    assert isinstance(node, ast.Assign)
    splice = Splicer(here).expression(node.value, ast.Constant(value="a\nbc"))
    assert splice is not None
    assert here.raw[: splice.start] + splice.new + here.raw[splice.end :] == b'x = """a\r\nbc"""\r\n'


@pytest.mark.parametrize(
    "head",
    ["if a", "while a", "for b in c", "with a as b, c", "with a"],
    ids=["if", "while", "for", "with two", "with"],
)
def test_compound_statements_are_written(head: str) -> None:
    """A block statement with another body keeps its head and the comments between its statements."""
    before = f"{head}:\n    x()\n    # why\n    y()\n    z()\n"
    splicer, node = first(before)
    assert isinstance(node, (ast.If, ast.While, ast.For, ast.With))
    fields: dict[str, Any] = {f: getattr(node, f, None) for f in node._fields}
    shorter = type(node)(**{**fields, "body": node.body[:2]})
    after = f"{head}:\n    x()\n    # why\n    y()\nz()\n"
    check(before, after, splicer.statements(node, node, [shorter, node.body[2]]))


def test_comments_move_with_their_statements() -> None:
    """What lies between two statements is indented as they are."""
    before = "a()\n# why\nb()\n"
    splicer, node = first(before)
    last = splicer.source.tree.body[1]
    wrapped = ast.If(test=ast.Name(id="c", ctx=ast.Load()), body=[node, last], orelse=[])
    check(before, "if c:\n    a()\n    # why\n    b()\n", splicer.statements(node, last, [wrapped]))


def test_no_change_is_no_splice() -> None:
    """The same tree gives nothing."""
    splicer, node = first("x = a + b\n")
    assert isinstance(node, ast.Assign)
    assert isinstance(node.value, ast.BinOp)
    again = ast.BinOp(left=node.value.left, op=ast.Add(), right=node.value.right)
    assert splicer.expression(node.value, again) is None


def test_unencodable_is_no_splice() -> None:
    """A text that the file's encoding cannot hold is not proposed."""
    here = source(b"# coding: latin-1\nx = 'a'\n")
    node = here.tree.body[0]
    assert isinstance(node, ast.Assign)
    assert Splicer(here).expression(node.value, ast.Constant(value="€")) is None


@given(st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_same_tells_constants_apart(a: float, b: float) -> None:
    """Literals are the same when they print the same: 0.0 is not -0.0, nan is nan."""
    assert same(ast.Constant(value=a), ast.Constant(value=b)) == (repr(a) == repr(b))
    assert not same(ast.Constant(value=1), ast.Constant(value=True))
