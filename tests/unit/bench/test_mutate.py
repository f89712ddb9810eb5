"""Slips of the hand."""

from __future__ import annotations

import ast
import random

import pytest

from reknit.bench.mutate import Site, draw, mutated, sites

SOURCE = '''\
import os


def größe(items, limit, *, strict=False):
    """Ä < B and 1."""
    total = 0
    for item in items:
        if not item or item is None:
            continue
        if item in limit and item <= 10:
            total += item * -1
    return min(total, len(items)), f"{total + 1}", os.path.join("é", str(limit))
'''.encode()


def slips(source: bytes) -> set[tuple[str, str, str]]:
    return {(s.kind, s.before, s.after) for s in sites(source)}


@pytest.mark.parametrize(
    ("source", "slip"),
    [
        (b"a < b\n", ("comparison", "<", "<=")),
        (b"a == b\n", ("comparison", "==", "!=")),
        (b"a + b\n", ("arithmetic", "+", "-")),
        (b"a += b\n", ("arithmetic", "+=", "-=")),
        (b"a = 3\n", ("constant", "3", "4")),
        (b"a = 3\n", ("constant", "3", "2")),
        (b"a = True\n", ("word", "True", "False")),
        (b"a = b and c\n", ("word", "and", "or")),
        (b"a = not b\n", ("negation", "not b", "b")),
        (b"a = b not  in c\n", ("membership", "not  in", "in")),
        (b"a = b is not c\n", ("identity", "is not", "is")),
        (b"a = b is c\n", ("identity", "is", "is not")),
        (b"f(a, b)\n", ("arguments", "a, b", "b, a")),
        (b"def f(a, b):\n    return a\n", ("name", "a", "b")),
    ],
)
def test_each_kind(source: bytes, slip: tuple[str, str, str]) -> None:
    assert slip in slips(source)


@pytest.mark.parametrize(
    ("source", "slip"),
    [
        (b"a = -1\n", ("arithmetic", "-", "+")),
        (b"f(*a)\n", ("arithmetic", "*", "+")),
        (b"a = 0\n", ("constant", "0", "-1")),
        (b"a = b is not c\n", ("negation", "not c", "c")),
        (b"def f(self, a):\n    return self.a\n", ("name", "self", "a")),
        (b"f(a, a)\n", ("arguments", "a, a", "a, a")),
        (b"def f(a):\n    def g(b):\n        return a\n", ("name", "a", "b")),
    ],
)
def test_what_no_slip_would_do(source: bytes, slip: tuple[str, str, str]) -> None:
    assert slip not in slips(source)


def test_offsets_are_of_bytes_and_leave_the_rest_alone() -> None:
    found = sites(SOURCE)
    assert len(found) > 20
    for site in found:
        assert SOURCE[site.start : site.end].decode() == site.before
        assert SOURCE[: site.start].count(b"\n") + 1 == site.line
        changed = mutated(SOURCE, site)
        if changed is not None:
            assert changed.startswith(SOURCE[: site.start])
            assert changed.endswith(SOURCE[site.end :])
            assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(SOURCE))


def test_texts_are_not_code() -> None:
    assert {s.line for s in sites(SOURCE)} & {5} == set()


def test_line_ends_of_other_systems() -> None:
    source = SOURCE.replace(b"\n", b"\r\n")
    assert {(s.before, s.line) for s in sites(source)} == {(s.before, s.line) for s in sites(SOURCE)}
    assert all(source[s.start : s.end].decode() == s.before for s in sites(source))


def test_no_program_no_sites() -> None:
    assert sites(b"def f(:\n") == []
    assert sites("# -*- coding: latin-1 -*-\nx = 'é' + 1\n".encode("latin-1")) == []
    assert mutated(b"x = 1\n", Site(kind="k", start=4, end=5, line=1, before="1", after="(")) is None
    assert mutated(b"x = 1\n", Site(kind="k", start=4, end=5, line=1, before="1", after="(1)")) is None


def test_a_seed_draws_the_same_and_each_site_once() -> None:
    found = {"a.py": sites(SOURCE), "b.py": sites(b"x = 1 + 2\n")}
    drawn = list(draw(found, random.Random(3)))
    assert drawn == list(draw(dict(reversed(found.items())), random.Random(3)))
    assert drawn != list(draw(found, random.Random(4)))
    assert sorted(map(repr, drawn)) == sorted(repr((p, s)) for p, ss in found.items() for s in ss)
