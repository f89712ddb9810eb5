"""Pytest from disk in a clean process: the judge whose word counts."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from .channel import Channel
from .facts import bytecode_folder, cpu_seconds, facts
from .protocol import Message
from .reporter import Reporter
from .sources import Sources
from .trace import Tracer


def run(channel: Channel, order: Message) -> int:
    """Run the suite, or the tests named in the order, and stream what happens."""
    before = set(sys.modules)
    tests = order.get("tests")
    tracer = Tracer(order["roots"], order["excluded"]) if order.get("trace") else None
    reporter = Reporter(
        channel.send,
        order["root"],
        wanted=tests,
        on_test=tracer.switch if tracer else None,
        hang_seconds=order.get("hang_seconds"),
        hung=order.get("hung", ()),
    )
    Sources(order["roots"], order["excluded"], ticks=False).install(bytecode_folder())
    if tracer:
        tracer.start()
    status = pytest.main(list(order["args"]), plugins=[reporter])
    if tracer:
        tracer.stop()
        channel.send({"event": "coverage", "backend": tracer.backend, "lines": _jsonable(tracer.lines())})
    channel.send(
        {
            "event": "finish",
            "status": int(status),
            "cpu": cpu_seconds(),
            **_loaded(before, order["roots"], order["excluded"]),
            **facts(),
        }
    )
    return int(status)


def _jsonable(lines: Any) -> Any:
    return {test or "": paths for test, paths in lines.items()}


def _loaded(before: Any, roots: list[str], excluded: list[str]) -> Message:
    """Modules that the suite imported: the project's files, and the names of everybody else's."""
    inside = tuple(os.path.join(r, "") for r in roots)
    outside = tuple(os.path.join(e, "") for e in excluded)
    files, foreign, elsewhere = set(), [], {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str):
            continue
        path = os.path.realpath(path)
        if path.startswith(inside) and not path.startswith(outside):
            files.add(path)
        elif name not in before and not name.startswith("_reknit_probe") and name != "conftest":
            foreign.append(name)
            if "." not in name:
                elsewhere[name] = path
    return {"files": sorted(files), "modules": foreign, "elsewhere": elsewhere}
