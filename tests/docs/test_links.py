"""Links between pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?![a-z]+:)([^)#]+)", page.read_text())
    assert [t for t in targets if not (page.parent / t).exists()] == []


def test_paths_on_the_map_exist() -> None:
    """The table of ARCHITECTURE.md names files of ours."""
    table = (ROOT / "ARCHITECTURE.md").read_text().partition("## Where the report's parts live")[2]
    named = re.findall(r"`([a-z_]+(?:/[a-z_./]*|\.py))`", table)
    assert len(named) > 10
    assert [n for n in named if not (ROOT / "src" / "reknit" / n).exists()] == []
