"""The import contract of ARCHITECTURE.md, which is a test and not a wish."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "reknit"


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a module imports anywhere, `from a import b` as "a.b"."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from (f"{start}.{alias.name}" for alias in node.names)


def modules(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.rglob("*.py")) if not p.is_relative_to(SRC / "demo" / "shop")]


def strangers(names: Iterator[str], allowed: set[str]) -> set[str]:
    """Roots of absolute imports that are neither of the standard library nor allowed."""
    roots = {name.split(".")[0] for name in names if not name.startswith(".")}
    return roots - set(sys.stdlib_module_names) - allowed


def test_layers_and_purity() -> None:
    """import-linter keeps every contract of pyproject.toml."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", modules(SRC / "probe"), ids=lambda p: p.name)
def test_probe_needs_only_what_the_project_has(path: Path) -> None:
    """It runs inside the project's interpreter: the standard library, the project's pytest; coverage and Hypothesis if there."""
    # `_reknit_probe` is the name that start.py gives the folder: `reknit.probe` would run our __init__ there.
    assert strangers(imports(path), {"pytest", "_pytest", "coverage", "hypothesis", "_reknit_probe"}) == set()


def test_only_runner_knows_the_probe_and_only_its_protocol() -> None:
    """The rest of it would run in the wrong interpreter; the package itself only says in which folder it lies."""
    wrong = []
    for path in modules(SRC):
        room = path.relative_to(SRC).parts[0]
        for name in imports(path):
            if not name.startswith("reknit.probe") or room == "probe":
                continue
            if room != "runner" or not (name == "reknit.probe" or name.startswith("reknit.probe.protocol.")):
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert wrong == []


def test_imports_are_seen(tmp_path: Path) -> None:
    """The tests above can fail."""
    path = tmp_path / "m.py"
    path.write_text("import json\ndef f():\n    from numpy import array\nfrom . import x\n")
    assert set(imports(path)) == {"json", "numpy.array", "..x"}
    assert strangers(imports(path), {"pytest"}) == {"numpy"}
