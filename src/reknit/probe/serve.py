"""Judges candidates in forked children, one after the other; a child never outlives its attempt."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import select
import signal
import sys
import time
from typing import Any, Callable

import pytest

from . import swap
from .channel import Channel, decode_files
from .children import pass_on
from .disk import Disk
from .facts import bytecode_folder, cpu_seconds
from .fuel import Tank
from .ground import Ground
from .nested import Fence
from .protocol import Decoder, Message, encode
from .reporter import Reporter
from .sources import Sources

_PR_SET_CHILD_SUBREAPER = 36
#: Seconds between looks at whether a silent child still lives.
_GLANCE = 0.05
#: Generations of orphans that are followed.
_ROUNDS = 1000


class Pipe:
    """Where a child's reporter writes; the zygote itself reports to reknit."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.fd: int | None = None

    def send(self, message: Message) -> None:
        """Send to the zygote from a child, to reknit from the zygote."""
        if self.fd is None:
            self._channel.send(message)
        else:
            data = memoryview(encode(message))
            while data:
                data = data[os.write(self.fd, data) :]


class Worker:
    """What every attempt needs, set up before the first fork."""

    def __init__(self, channel: Channel, order: Message) -> None:
        self.channel = channel
        self.order = order
        self.pipe = Pipe(channel)
        self.tank = Tank()
        self.tank.install()
        self.sources = Sources(order["roots"], order["excluded"], ticks=True)
        self.sources.install(bytecode_folder())
        #: Processes that the project has started before the first attempt: they stay.
        self._kept: set[int] = set()
        self._disk = Disk()
        self._fence = Fence()

    def reporter(self, wanted: list[str] | None = None) -> Reporter:
        """A plugin that reports through the pipe."""
        return Reporter(self.pipe.send, self.order["root"], wanted=wanted)

    def loop(self, judge: Callable[[Message], Message]) -> None:
        """Answer orders until reknit hangs up; `judge` runs in the child."""
        ground = Ground(self.order["private"])
        gc.collect()
        gc.freeze()
        self._kept = set(_children())
        self._fence.close()
        self.channel.send({"event": "ready", "cpu": cpu_seconds()})
        while True:
            order = self.channel.receive()
            if order is None:
                return
            answer = self._on_disk(order, judge) if self.order["on_disk"] else self._attempt(order, judge)
            original = not (order.get("swap") or order.get("files"))
            answer["clean"] = ground.restore(learn=original)
            self.channel.send({**answer, "event": "attempt", "id": order["id"], "cpu": cpu_seconds()})

    def _on_disk(self, order: Message, judge: Callable[[Message], Message]) -> Message:
        with self._disk.holding(decode_files(order)):
            return self._attempt(order, judge)

    def _attempt(self, order: Message, judge: Callable[[Message], Message]) -> Message:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(read)
                self._child(order, judge, write)
            finally:
                os._exit(0)
        os.close(write)
        messages, timed_out = _collect(read, child, time.monotonic() + order["timeout"])
        os.close(read)
        status = _end(child, self._kept)
        events: dict[Any, list[Message]] = {}
        for message in messages:
            events.setdefault(str(message.get("event")), []).append(message)
        results, started = events.get("result", []), events.get("start", [])
        done = events.get("done", [{"loaded": True, "ticks": 0, "exhausted": False, "why": "died", "finished": False}])
        return {
            **done[0],
            "results": results,
            "errors": events.get("collect-error", []),
            "running": started[-1].get("test") if len(started) > len(results) else None,
            "timed_out": timed_out,
            "status": status,
        }

    def _child(self, order: Message, judge: Callable[[Message], Message], write: int) -> None:
        os.setpgid(0, 0)
        self.channel.close()  # a stray write of the candidate must not reach reknit
        self._fence.enter()
        self.pipe.fd = write
        self.tank.used = 0
        self.tank.limit = order.get("fuel")
        if order.get("child_cpu"):
            pass_on(cpu=order["child_cpu"])
        try:
            facts = judge(order)
        except BaseException as exc:  # noqa: BLE001 - a candidate may raise anything anywhere
            facts = {"loaded": True, "finished": False, "why": type(exc).__name__}
        self.tank.limit = None
        self.pipe.send({"event": "done", "ticks": self.tank.used, "exhausted": self.tank.exhausted, "why": "", **facts})

    def stop_when(self, order: Message) -> Callable[[Message], bool]:
        """When a candidate has been seen through: at its first failure, or when it is out of fuel."""

        def enough(result: Message) -> bool:
            bad = result["outcome"] in ("failed", "error")
            return self.tank.exhausted or (bad and bool(order.get("stop_on_failure")))

        return enough


def serve(channel: Channel, order: Message) -> int:
    """Serve candidates in the order's mode."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    worker = Worker(channel, order)
    if order["mode"] == "fresh":
        _preload(order["modules"])
        worker.sources.warm(os.path.join(order["root"], f) for f in order["files_to_warm"])
        worker.loop(lambda o: _judge_fresh(worker, o))
        return 0
    reporter = worker.reporter(order["tests"])
    zygote = Collected(worker, reporter)
    status = pytest.main([*order["args"], "-q"], plugins=[reporter, zygote])
    if not zygote.served:
        channel.send({"event": "no-collection", "status": int(status)})
    return 0


class Collected:
    """Z1: takes the place of pytest's loop over the collected tests."""

    def __init__(self, worker: Worker, reporter: Reporter) -> None:
        self._worker = worker
        self._reporter = reporter
        self._live: dict[swap.Key, Any] = {}
        self.served = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        """Serve candidates instead of running the tests."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return True
        self.served = True
        terminal = session.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            session.config.pluginmanager.unregister(terminal)
        items = {item.nodeid: item for item in session.items}
        self._live = swap.index(self._worker.sources.covers)
        self._worker.loop(lambda order: self._judge(order, items, session))
        return True

    def _judge(self, order: Message, items: dict[str, Any], session: Any) -> Message:
        if order.get("swap"):
            try:
                self._swap(order["swap"])
            except (SyntaxError, ValueError) as exc:
                return {"loaded": False, "finished": False, "why": str(exc)}
        missing = [t for t in order["tests"] if t not in items]
        if missing:
            return {"loaded": False, "finished": False, "why": f"{missing[0]} was not collected"}
        self._reporter.stop_when = self._worker.stop_when(order)
        chosen = [items[t] for t in order["tests"]]
        for item, following in zip(chosen, [*chosen[1:], None]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                break
        return {"loaded": True, "finished": True}

    def _swap(self, order: Message) -> None:
        path, line, name = order["path"], order["line"], order["name"]
        old = swap.original(self._live, path, line, name)
        if old is None:
            msg = f"{name} is not a live function"
            raise ValueError(msg)
        new = swap.compile_function(order["snippet"], order["classes"], path, line, name, old.co_flags)
        swap.swap(self._live, old, new)


def _judge_fresh(worker: Worker, order: Message) -> Message:
    files = decode_files(order)
    worker.sources.replace(files)
    reporter = worker.reporter(order["tests"])
    reporter.stop_when = worker.stop_when(order)
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


def _collect(read: int, child: int, deadline: float) -> tuple[list[Message], bool]:
    """Messages until the child is done, dead or late; and whether it was late."""
    decoder = Decoder()
    messages: list[Message] = []
    while True:
        # Asked before the pipe is read, so that nothing is missed that it wrote before it died.
        dead = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        ready, _, _ = select.select([read], [], [], 0 if dead else _GLANCE)
        if ready:
            data = os.read(read, 1 << 16)
            if not data:
                return messages, False
            try:
                messages += decoder.feed(data)
            except ValueError:
                return messages, False  # the candidate wrote into our pipe: what came before it stands
            if messages and messages[-1].get("event") == "done":
                return messages, False
        elif dead:
            return messages, False
        if time.monotonic() >= deadline:
            return messages, True


def _end(child: int, kept: set[int]) -> int:
    """Kill the child and all that it started; its exit status."""
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)  # all there is where no subreaper is
    with contextlib.suppress(OSError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    # What lost its parent is ours now, as we are the subreaper; its own children follow when it is gone.
    for _ in range(_ROUNDS):
        orphans = [pid for pid in _children() if pid not in kept]
        if not orphans:
            break
        for pid in orphans:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    return status


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []
