"""Pytest from disk in a clean process: the judge whose word counts."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import pytest

from .channel import Channel
from .children import Lines
from .facts import bytecode_folder, cpu_seconds, facts
from .protocol import Message
from .reporter import Reporter
from .sources import Sources
from .trace import Tracer
from .witness import Witness


def run(channel: Channel, order: Message) -> int:
    """Run the suite, or the tests named in the order, and stream what happens."""
    before = set(sys.modules)
    tests = order.get("tests")
    quick = bool(order.get("quick"))
    tracer = Tracer(order["roots"], order["excluded"], quick=quick) if order.get("trace") else None
    children = Lines(order["roots"], order["excluded"]) if tracer else None

    def switch(test: str | None) -> None:
        if tracer and children:
            children.switch(test)
            tracer.switch(test)

    reporter = Reporter(
        channel.send,
        order["root"],
        wanted=tests,
        on_test=switch if tracer else None,
        hang_seconds=order.get("hang_seconds"),
        hung=order.get("hung", ()),
    )
    sources = Sources(order["roots"], order["excluded"], ticks=False)
    # Each call of pytest's own start costs where Python's own means of tracing are used.
    sources.install(bytecode_folder(), at_first=tracer.start if tracer and quick else None)
    if tracer and not quick:
        tracer.start()
    witness = Witness(reporter) if order.get("witness") else None
    status = _main(list(order["args"]), [reporter, *([witness] if witness else [])])
    if tracer:
        tracer.stop()
        spawned = children.tests() if children else {}
        lines = _merged(tracer.lines(), spawned)
        channel.send({"event": "coverage", "backend": tracer.backend, "lines": lines, "spawning": sorted(spawned)})
    channel.send(
        {
            "event": "finish",
            "status": status,
            "cpu": cpu_seconds(),
            "changed": witness.changed() if witness else None,
            "marks": witness.marks() if witness else {},
            **_loaded(before, order["roots"], order["excluded"]),
            **facts(),
        }
    )
    return status


def _main(arguments: list[str], plugins: list[Any]) -> int:
    """Pytest's exit status; 3, as for other mistakes inside of it, where it breaks when all is said."""
    try:
        return int(pytest.main(arguments, plugins=plugins))
    except Exception:  # noqa: BLE001 - hooks of the project run in it, and its own cache cannot write every name
        traceback.print_exc()
        return 3


def _merged(lines: dict[str, dict[str, list[int]]], more: dict[str, dict[str, set[int]]]) -> Message:
    """The lines of each test, with those of the processes that it started."""
    for test, paths in more.items():
        known = lines.setdefault(test, {})
        for path, numbers in paths.items():
            known[path] = sorted(numbers.union(known.get(path, ())))
    return dict(lines)


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
