"""How a project is laid out, by looking at it: where its own packages lie."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reknit.runner.exposure import editable

_NO_PROGRAM = frozenset({"setup", "conftest", "noxfile", "tasks", "fabfile", "docs", "doc", "examples", "scripts"})
_MANY = 50


class Layout(enum.StrEnum):
    """Where packages lie."""

    SRC = "src"
    FLAT = "flat"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package or module of the project that can be imported by its name."""

    name: str
    #: Relative to the project.
    path: str
    #: A folder without `__init__.py`.
    namespace: bool = False


def packages(root: Path, is_test: Callable[[str], bool]) -> tuple[Layout, tuple[Package, ...]]:
    """The layout and the project's own packages, tests left out; at most 50 of them."""
    for layout, base in ((Layout.SRC, root / "src"), (Layout.FLAT, root)):
        found = [p for p in _below(base, root) if not is_test(p.path) and not is_test(f"{p.path}/x.py")]
        if found:
            return layout, tuple(found[:_MANY])
    return Layout.NONE, ()


def _below(base: Path, root: Path) -> Iterator[Package]:
    try:
        entries = sorted(base.iterdir())
    except OSError:
        return
    for entry in entries:
        path, name = entry.relative_to(root).as_posix(), entry.stem
        if not name.isidentifier() or name in _NO_PROGRAM:
            continue
        if entry.is_file() if entry.suffix == ".py" else (entry / "__init__.py").is_file():
            yield Package(name=name, path=path)
        elif entry.is_dir() and base != root and any(entry.glob("**/*.py")):
            yield Package(name=name, path=path, namespace=True)  # beside others in a flat layout it may be any folder


def is_editable(python: Path, root: Path) -> bool:
    """Whether the interpreter's environment has the project installed as editable."""
    sites = (python.parent.parent / "lib").glob("python*/site-packages")
    return any(link.is_relative_to(root) for site in sites for link in editable(site))
