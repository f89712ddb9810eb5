"""A process that judges candidates in forked children, one after the other; a child never outlives its attempt."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import signal
import sys
import threading
import time
from typing import Any, Callable

from .channel import Channel, decode_files
from .children import pass_on
from .direct import forget_output
from .disk import Disk
from .facts import bytecode_folder, cpu_seconds
from .fuel import Tank
from .ground import Ground
from .nested import Fence
from .protocol import Decoder, Message, encode
from .reporter import Reporter, learn_paths
from .sources import Sources

#: Seconds between looks at whether a silent child still lives.
_GLANCE = 0.05
#: Modules whose threads Python does not know of, or that replace them.
_WITH_THREADS = ("gevent", "grpc")
#: Generations of orphans that are followed.
_ROUNDS = 1000
#: Of a candidate of which no more is known.
_NOTHING: Message = {
    "loaded": True, "finished": False, "timed_out": False, "exhausted": False, "ticks": 0, "results": [], "errors": [],
    "running": None, "status": 0,
}  # fmt: skip

#: Judges a candidate in the child, with what was made of its order before the fork; what cannot be made is an error.
Judge = Callable[[Message, Any], Message]
Prepare = Callable[[Message], Any]


class Pipe:
    """Where a child's reporter writes; the zygote itself reports to reknit."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.fd: int | None = None
        #: What is said while this is a list, goes there.
        self.aside: list[Message] | None = None
        self._held = bytearray()

    def send(self, message: Message) -> None:
        """Send to the zygote from a child, to reknit from the zygote."""
        if self.aside is not None:
            self.aside.append(message)
        elif self.fd is None:
            self._channel.send(message)
        else:
            self.hold(message)
            self.flush()

    def hold(self, message: Message) -> None:
        """Send with what is sent next, from a child: each write wakes the zygote."""
        if self.aside is not None:
            self.aside.append(message)
        else:
            self._held += encode(message)

    def flush(self) -> None:
        """Send what is held."""
        while self._held and self.fd is not None:
            del self._held[: os.write(self.fd, self._held)]


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
        self._fork = _forker()

    def reporter(self, wanted: list[str] | None = None) -> Reporter:
        """A plugin that reports through the pipe."""
        return Reporter(self.pipe.send, self.order["root"], wanted=wanted, tell_locals=False)

    def loop(self, judge: Judge, prepare: Prepare = lambda _order: None, **ready: Any) -> None:
        """Say what there is to know when `ready`, and answer orders until reknit hangs up.

        `judge` runs in the child; `prepare`, before the fork, may not run any of the candidate.
        """
        ground = Ground(self.order["private"])
        learn_paths()
        gc.collect()
        gc.freeze()
        self._kept = set(_children())
        self._fence.close()
        self.channel.send({**ready, "event": "ready", "threads": _threads(), "cpu": cpu_seconds()})
        while True:
            order = self.channel.receive()
            if order is None:
                return
            if order.get("cancel"):
                continue  # what it was to end has ended
            answer = self._answer_to(order, judge, prepare)
            original = not (order.get("swap") or order.get("files"))
            answer["clean"] = ground.restore(learn=original)
            self.channel.send({**answer, "event": "attempt", "id": order["id"], "cpu": cpu_seconds()})

    def _answer_to(self, order: Message, judge: Judge, prepare: Prepare) -> Message:
        try:
            prepared = prepare(order)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            return {**_NOTHING, "loaded": False, "why": str(exc) or type(exc).__name__}
        on_disk = decode_files(order) if self.order["on_disk"] else {}
        with self._disk.holding(on_disk):
            return self._attempt(order, judge, prepared)

    def _attempt(self, order: Message, judge: Judge, prepared: Any) -> Message:
        read, write = os.pipe()
        child = self._fork()
        if child == 0:
            try:
                os.close(read)
                self._child(order, judge, prepared, write)
            finally:
                os._exit(0)
        os.close(write)
        messages, timed_out = self._collect(read, child, time.monotonic() + order["timeout"])
        os.close(read)
        status = _end(child, self._kept)
        forget_output()
        return {**_answer(messages, order, timed_out=timed_out), "status": status}

    def _collect(self, read: int, child: int, deadline: float) -> tuple[list[Message], bool]:
        """Messages until the child is done, dead, late or unwanted; and whether it was one of the last two."""
        decoder = Decoder()
        messages: list[Message] = []
        heard: list[Any] = [read, self.channel]
        while True:
            # Asked before the pipe is read, so that nothing is missed that it wrote before it died.
            dead = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            ready, _, _ = select.select(heard, [], [], 0 if dead else _GLANCE)
            if read in ready:
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
            if self.channel in ready or time.monotonic() >= deadline:
                return messages, True

    def _child(self, order: Message, judge: Judge, prepared: Any, write: int) -> None:
        os.setpgid(0, 0)
        self.channel.close()  # a stray write of the candidate must not reach reknit
        self._fence.enter()
        self.pipe.fd = write
        self.tank.used = 0
        self.tank.limit = order.get("fuel")
        if order.get("child_cpu"):
            pass_on(cpu=order["child_cpu"])
        try:
            facts = judge(order, prepared)
        except BaseException as exc:  # noqa: BLE001 - a candidate may raise anything anywhere
            facts = {"loaded": True, "finished": False, "why": type(exc).__name__}
        self.tank.limit = None
        self.pipe.send({"event": "done", **self.seen(), "why": "", **facts})

    def seen(self) -> Message:
        """What the fuel gauge shows."""
        return {"ticks": self.tank.used, "exhausted": self.tank.exhausted}

    def stop_when(self, order: Message) -> Callable[[Message], bool]:
        """When a candidate has been seen through: at its first failure, or when it is out of fuel."""

        def enough(result: Message) -> bool:
            bad = result["outcome"] in ("failed", "error")
            return self.tank.exhausted or (bad and bool(order.get("stop_on_failure")))

        return enough


def _threads() -> list[str]:
    """What runs beside the main thread, and would be missing in a forked child."""
    threads = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    return [*threads, *(name for name in _WITH_THREADS if name in sys.modules)]


def _forker() -> Callable[[], int]:
    """A fork without what Python and modules do after one, which no process of its own would have done.

    They seed `random` anew, drop event loops, and make locks that threads may have held, of which there are none here.
    That touches, and so copies, as many pages as the smallest test.
    """
    if sys.platform != "linux" or sys.implementation.name != "cpython":
        return os.fork
    libc = ctypes.PyDLL(None, use_errno=True)

    def fork() -> int:
        child: int = libc.fork()
        if child < 0:
            raise OSError(ctypes.get_errno(), "fork")
        return child

    return fork


def _answer(messages: list[Message], order: Message, *, timed_out: bool) -> Message:
    """What the child has told of the candidate."""
    events: dict[Any, list[Message]] = {}
    for message in messages:
        events.setdefault(str(message.get("event")), []).append(message)
    results, started = events.get("result", []), [m.get("test") for m in events.get("start", ())]
    told = {**_NOTHING, **[*events.get("done", ()), *events.get("passed", ()), {"why": "died"}][0]}
    if order["direct"] and told["loaded"] and not told["finished"]:
        started = order["tests"][: len(results) + 1]  # they run in this order, and none says that it begins
    return {
        **told,
        # What comes after is the original's doing.
        "timed_out": timed_out and "passed" not in events,
        "results": results,
        "errors": events.get("collect-error", []),
        "running": started[-1] if len(started) > len(results) else None,
    }


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
