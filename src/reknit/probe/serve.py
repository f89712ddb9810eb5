"""Judges candidates: with everything collected (Z1), or with nothing of the project imported (Z0)."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys

import pytest

from .channel import Channel, decode_files
from .collected import Collected
from .protocol import Message
from .worker import Worker

_PR_SET_CHILD_SUBREAPER = 36


def serve(channel: Channel, order: Message) -> int:
    """Serve candidates in the order's mode."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    worker = Worker(channel, order)
    if order["mode"] == "fresh":
        _preload(order["modules"])
        worker.sources.warm(os.path.join(order["root"], f) for f in order["files_to_warm"])
        worker.loop(lambda o, _: _judge_fresh(worker, o))
        return 0
    reporter = worker.reporter(order["tests"])
    zygote = Collected(worker, reporter)
    status = pytest.main([*order["args"], "-q"], plugins=[reporter, zygote])
    if not zygote.served:
        channel.send({"event": "no-collection", "status": int(status)})
    return 0


def _judge_fresh(worker: Worker, order: Message) -> Message:
    files = decode_files(order)
    worker.sources.replace(files)
    reporter = worker.reporter(order["tests"])
    reporter.stop_when = worker.stop_when(order)
    reporter.hurried = bool(order.get("stop_on_failure"))
    status = int(pytest.main([*worker.order["args"], "-q"], plugins=[reporter]))
    # On disk it is there for all, and what a process imports is not told.
    loaded = worker.order["on_disk"] or worker.sources.loaded(files)
    return {"loaded": loaded, "finished": status in (0, 1, 2, 5)}


def _preload(modules: list[str]) -> None:
    for name in modules:
        try:
            importlib.import_module(name)
        except BaseException:  # noqa: BLE001, S112 - a foreign module may raise anything; the child will import it itself
            continue
