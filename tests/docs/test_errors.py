"""Every error slug leads to a section of docs/errors.md, and every section is one that can happen."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text()
SECTIONS = set(re.findall(r"^### (\S+)$", PAGE, re.MULTILINE))


def _trees() -> Iterator[ast.Module]:
    src = ROOT / "src" / "reknit"
    for path in src.rglob("*.py"):
        if not path.is_relative_to(src / "demo" / "shop"):
            yield ast.parse(path.read_bytes())


def _pattern(node: ast.expr) -> str | None:
    """What a slug may be: a literal, or an f-string with anything in its holes; None where only a run can tell."""
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else "[a-z-]+" for p in node.values)
    return None


def patterns(tree: ast.Module) -> set[str]:
    """One regular expression a `slug=…` in a call."""
    found = (
        _pattern(k.value) for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords if k.arg == "slug"
    )
    return {pattern for pattern in found if pattern is not None}


def literals(tree: ast.Module) -> set[str]:
    """Every string of a module: slugs that come from a table are among them."""
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def test_every_slug_has_a_section() -> None:
    wanted = set().union(*map(patterns, _trees()))
    assert len(wanted) > 20
    assert {p for p in wanted if not any(re.fullmatch(p, section) for section in SECTIONS)} == set()


def test_every_section_can_happen() -> None:
    trees = list(_trees())
    wanted = set().union(*map(patterns, trees))
    named = set().union(*map(literals, trees))
    assert {s for s in SECTIONS if s not in named and not any(re.fullmatch(p, s) for p in wanted)} == set()


def test_every_section_says_something() -> None:
    empty = re.findall(r"^### (\S+)\n+(?=#|\Z)", PAGE, re.MULTILINE)
    assert empty == []
    assert len(re.findall(r"^### ", PAGE, re.MULTILINE)) == len(SECTIONS), "a slug has two sections"


def test_slugs_are_seen() -> None:
    tree = ast.parse('raise E("x", slug="a-b")\nE(slug=f"to-{verb}")\nE(slug=slug)')
    assert patterns(tree) == {r"a\-b", r"to\-[a-z-]+"}


def test_every_section_says_what_was_not_done_and_what_to_do() -> None:
    parts = re.split(r"^### (\S+)\n", PAGE, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert [s for s, text in sections.items() if not re.search(r"\n- Not done: .+\n(?:  .+\n)?- Do: .", text)] == []
