"""What a worker gets: the whole file, and where one function changes, that function's new lines."""

from __future__ import annotations

import ast

import pytest

from reknit.lang.python import Source, functions, parse
from reknit.propose.base import Candidate, FunctionRef
from reknit.propose.trial import TrialMaker, render
from reknit.runner.base import Swap, Trial

TEXT = """\
# café
import functools


class Box:
    class Lid:
        @functools.cache
        def close(self, hard):
            def inner(x):
                return x > 1
            return inner(hard)

    async def open(self):
        return 2


def one(): return 3


def last(a):
    return a + 4"""

WAYS = {
    "plain": TEXT.encode(),
    "CRLF": TEXT.replace("\n", "\r\n").encode(),
    "CR": TEXT.replace("\n", "\r").encode(),
    "BOM": b"\xef\xbb\xbf" + TEXT.encode(),
    "latin-1": b"# -*- coding: latin-1 -*-\n" + TEXT.encode("latin-1"),
    "form feed": TEXT.replace("class Box", "\x0cclass Box").encode(),
}


def load(raw: bytes) -> Source:
    found = parse("pkg/a.py", raw)
    assert isinstance(found, Source)
    return found


def change(source: Source, old: bytes, new: bytes, qualname: str | None) -> Candidate:
    """The only place of `old`, in the function `qualname` or at import."""
    assert source.raw.count(old) == 1
    start = source.raw.index(old)
    ref = None
    if qualname:
        (function,) = (f for f in functions(source) if f.qualname == qualname)
        ref = FunctionRef(path=source.path, qualname=qualname, first_line=function.first_line)
    return Candidate(
        path=source.path, start=start, end=start + len(old), new=new, line=1, cost=0.0,
        operator="", note="", function=ref,
    )  # fmt: skip


def trial(raw: bytes, old: bytes, new: bytes, qualname: str | None) -> tuple[Trial, Swap | None]:
    source = load(raw)
    one = change(source, old, new, qualname)
    ((same, made),) = TrialMaker({source.path: source}, ("t",), lambda _c: ("keep",)).trials(iter([one]))
    assert same is one
    assert made.keep == ("keep",)
    assert made.content == raw.replace(old, new) == render(source, one)
    return made, made.swap


def words(swap: Swap) -> str:
    return " ".join(swap.snippet.split())


@pytest.mark.parametrize("raw", WAYS.values(), ids=WAYS)
class TestSwaps:
    def test_a_method_with_its_decorator_and_classes(self, raw: bytes) -> None:
        _, swap = trial(raw, b"x > 1", b"x >= 1", "Box.Lid.close")
        assert swap is not None
        assert (swap.name, swap.classes) == ("close", ("Box", "Lid"))
        assert words(swap) == "@functools.cache def close(self, hard): def inner(x): return x >= 1 return inner(hard)"
        assert swap.snippet.startswith("        @functools.cache")
        (function,) = (f for f in functions(load(raw)) if f.qualname == "Box.Lid.close")
        assert swap.line == function.first_line

    def test_an_async_method(self, raw: bytes) -> None:
        _, swap = trial(raw, b"return 2", b"return 7", "Box.open")
        assert swap is not None
        assert words(swap) == "async def open(self): return 7"

    def test_a_function_on_one_line(self, raw: bytes) -> None:
        _, swap = trial(raw, b"return 3", b"return 8", "one")
        assert swap is not None
        assert (swap.snippet.strip(), swap.classes) == ("def one(): return 8", ())

    def test_the_last_line_without_an_end(self, raw: bytes) -> None:
        _, swap = trial(raw, b"a + 4", b"a - 4", "last")
        assert swap is not None
        assert words(swap) == "def last(a): return a - 4"

    def test_lines_added(self, raw: bytes) -> None:
        newline = load(raw).newline.encode()
        new = b"if hard:" + newline + b"                return 5" + newline + b"            return inner(hard)"
        made, swap = trial(raw, b"return inner(hard)", new, "Box.Lid.close")
        assert swap is not None
        assert swap.snippet.splitlines()[-3:] == [
            "            if hard:", "                return 5", "            return inner(hard)",
        ]  # fmt: skip
        assert ast.parse(made.content).body

    def test_what_runs_at_import_has_none(self, raw: bytes) -> None:
        assert trial(raw, b"import functools", b"import functools as functools", None)[1] is None


def test_text_that_is_not_ascii_is_decoded_as_the_file_is() -> None:
    raw = "# coding: latin-1\ndef f():\n    return 'é' + 'a'\n".encode("latin-1")
    _, swap = trial(raw, b"'a'", "'ü'".encode("latin-1"), "f")
    assert swap is not None
    assert swap.snippet == "def f():\n    return 'é' + 'ü'\n"


def test_a_function_that_is_not_there_has_no_swap() -> None:
    source = load(b"def f():\n    return 1\n")
    ref = FunctionRef(path=source.path, qualname="g", first_line=1)
    one = Candidate(path=source.path, start=20, end=21, new=b"2", line=2, cost=0, operator="", note="", function=ref)
    ((_, made),) = TrialMaker({source.path: source}, ("t",), lambda _c: ()).trials(iter([one]))
    assert (made.swap, made.content) == (None, b"def f():\n    return 2\n")


def test_a_byte_order_mark_is_no_part_of_the_first_function() -> None:
    _, swap = trial(b"\xef\xbb\xbfdef f():\n    return 1\n", b"return 1", b"return 2", "f")
    assert swap is not None
    assert swap.snippet == "def f():\n    return 2\n"
