"""What the probe can say of its own process and interpreter."""

from __future__ import annotations

import importlib
import os
import platform
import resource
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from .protocol import Message


def bytecode_folder() -> str:
    """Where bytecode of the project goes: bytecode that a worker has left elsewhere would load in place of its source."""
    return os.path.join(tempfile.gettempdir(), "pycache")


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def facts() -> Message:
    """What there is to know of this interpreter."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "prefixes": sorted({sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}),
        "path": [os.path.realpath(p) for p in sys.path if p],
        "packages": packages(),
    }


def packages() -> dict[str, str]:
    """Name → version of each distribution that can be imported, the first on the path where there are several."""
    found: dict[str, str] = {}
    metadata: Any = importlib.import_module("importlib.metadata")
    for dist in metadata.distributions():
        # As `dist.metadata` reads it, whose parser for mail takes seven times as long.
        text = dist.read_text("METADATA") or dist.read_text("PKG-INFO") or dist.read_text("") or ""
        head = dict(_fields(text))
        if head.get("name"):
            found.setdefault(head["name"], head.get("version", ""))
    return found


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """The name and the version in a head of lines."""
    for line in text.splitlines():
        if not line:
            return
        key, colon, value = line.partition(":")
        if colon and key.lower() in ("name", "version"):
            yield key.lower(), value.strip()
