"""Folders that the project's own pytest settings put on the path of its tests."""

from __future__ import annotations

import configparser
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reknit import bounded

_SECTIONS = {"pytest.ini": "pytest", ".pytest.ini": "pytest", "tox.ini": "pytest", "setup.cfg": "tool:pytest"}


def named_by_pytest(root: Path) -> Iterator[str]:
    """What `pythonpath` says in the settings of pytest at `root`, relative to it; nothing where they cannot be read."""
    for name, section in _SECTIONS.items():
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(bounded.text(root / name, below=root) or "")
            yield from shlex.split(parser.get(section, "pythonpath", fallback=""))
        except (configparser.Error, ValueError):
            continue
    try:
        found: Any = tomllib.loads(bounded.text(root / "pyproject.toml", below=root) or "")
        for key in ("tool", "pytest", "ini_options", "pythonpath"):
            found = found.get(key, {})
        named = shlex.split(found) if isinstance(found, str) else found
        yield from (n for n in named if isinstance(n, str)) if isinstance(named, list) else ()
    except (ValueError, RecursionError, AttributeError):
        return
