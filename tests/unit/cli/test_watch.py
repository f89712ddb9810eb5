"""What counts as a save, and what a run is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reknit.cli.watch import _saves, child_words, is_noise, watch_verb
from reknit.errors import CannotJudgeError, UsageError


@pytest.mark.parametrize(
    ("path", "noise"),
    [
        ("calc.py", False),
        ("src/build/env.py", False),
        ("tests/data/prices.csv", False),
        ("pyproject.toml", False),
        (".git/HEAD", True),
        ("src/.mypy_cache/x.json", True),
        ("src/__pycache__/calc.cpython-311.pyc", True),
        ("web/node_modules/a/b.js", True),
        ("build/lib/calc.py", True),
        ("calc.egg-info/PKG-INFO", True),
        (".calc.py.swp", True),
        ("calc.py~", True),
        (".coverage", True),
        ("named/lib/python3.12/x.py", True),
        ("", True),
        ("../elsewhere.py", True),
    ],
)
def test_noise(tmp_path: Path, path: str, noise: bool) -> None:
    root = tmp_path / "project"
    (root / "named").mkdir(parents=True)
    (root / "named" / "pyvenv.cfg").touch()
    changed = tmp_path / path[3:] if path.startswith("../") else root / path
    assert is_noise(root, changed) is noise


def test_a_run_neither_watches_nor_applies() -> None:
    """Whatever the settings say; what is pytest's stays."""
    words = ["heal", "-C", "x", "--watch", "--yes", "--", "-k", "--watch"]
    assert child_words(words) == ["heal", "--no-apply", "-C", "x", "--yes", "--", "-k", "--watch"]


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(UsageError) as caught:
        watch_verb(tmp_path, ["heal", "--watch"], apply=False, as_json=False)
    assert (caught.value.slug, caught.value.hint) == ("no-watchfiles", "pip install 'reknit[watch]'")


def test_a_system_that_does_not_let_us(tmp_path: Path) -> None:
    def watch(*_: object, **__: object) -> Iterator[set[tuple[Any, str]]]:
        raise OSError("OS file watch limit reached.")

    with pytest.raises(CannotJudgeError, match="limit reached") as caught:
        next(_saves(tmp_path, watch))
    assert caught.value.slug == "watch"
