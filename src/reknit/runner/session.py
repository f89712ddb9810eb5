"""One probe process: started in the sandbox, spoken to over a socket, gone when the session ends."""

from __future__ import annotations

import contextlib
import math
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reknit import probe
from reknit.errors import SandboxError
from reknit.probe.protocol import Decoder, Message, encode
from reknit.runner.environments import Interpreter
from reknit.sandbox.base import Job, Limits, Running, Sandbox, View, ViewKind

PROBE = Path(probe.__file__).parent
#: Seconds for a process that has said its last to come to its end.
_LAST_WORDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How to start Python on a project; the same for all sessions."""

    sandbox: Sandbox
    python: Interpreter
    root: Path
    env: dict[str, str]
    readable: tuple[Path, ...]
    limits: Limits


class Session:
    """A running probe; use as a context manager."""

    def __init__(
        self,
        place: Place,
        order: Message,
        *,
        files: dict[str, bytes | None] | None = None,
        sealed: Sequence[str] = (),
    ) -> None:
        self._place = place
        self._nonce = secrets.token_hex(16)
        self._decoder = Decoder()
        self._pending: list[Message] = []
        #: An order may be taken back from another thread.
        self._sending = threading.Lock()
        self._ours, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            job = Job(
                argv=[str(place.python.python), str(PROBE / "start.py"), str(fd)],
                view=View(root=place.root, files=files or {}),
                env=place.env,
                readable=(*place.readable, PROBE),
                pass_fds=(fd,),
                limits=place.limits,
                sealed=sealed,
            )
            try:
                self.running: Running = place.sandbox.start(job)
            except BaseException:  # - Ctrl-C too: nobody will close a session that was not made
                self._ours.close()
                raise
        self.root = self.running.root
        try:
            self.send(self._complete(order))
        except BaseException:  # - Ctrl-C too: the probe would live on without an owner
            self.close()
            raise

    def _complete(self, order: Message) -> Message:
        root, here = str(self._place.root), str(self.running.root)
        moved = {"remap": [root, here]} if self.running.view_kind is ViewKind.COPY else {}
        excluded = [str(self.running.root / folder) for folder in order.get("excluded", ())]
        return {
            **order,
            **moved,
            "nonce": self._nonce,
            "root": here,
            "cwd": here,
            "private": [[p.path, p.changes, p.before] for p in self.running.private],
            "roots": [here],
            "excluded": excluded,
        }

    def send(self, message: Message) -> None:
        """Give an order; one that no longer listens shows when the answer is read."""
        try:
            with self._sending:
                self._ours.settimeout(60)
                self._ours.sendall(encode(message))
        except OSError:
            self._ours.close()

    def receive(self, deadline: float) -> Message | None:
        """The next message under our nonce; None when the probe has gone. `TimeoutError` past `deadline`."""
        while True:
            while self._pending:
                message = self._pending.pop(0)
                if message.get("nonce") == self._nonce:
                    return message
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                self._ours.settimeout(left)
                data = self._ours.recv(1 << 20)
                self._pending += self._decoder.feed(data)
            except TimeoutError:
                raise
            except (OSError, ValueError):
                return None
            if not data:
                return None

    def output(self) -> str:
        """The end of what the process printed; of a process that ends by itself, all it had to say."""
        self.running.wait(_LAST_WORDS)
        return self.running.output().decode("utf-8", "replace")[-4000:]

    def broken(self, doing: str) -> SandboxError:
        """The error for a probe that ended without a word."""
        tail = self.output().strip()[-1500:]
        return SandboxError(
            f"the interpreter gave no answer when {doing}; nothing was changed" + (f"\n{tail}" if tail else ""),
            slug="probe-died",
            hint="run `python -m pytest` by hand with the same interpreter; or name another with --python",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._ours.close()
        self.running.__exit__(kind, exc, tb)

    def close(self) -> None:
        """End the probe and all that it started."""
        self.__exit__(None, None, None)


def printed(place: Place, program: str, seconds: float) -> str:
    """What the project's interpreter prints for a program that needs no probe, in the sandbox."""
    job = Job(
        argv=[str(place.python.python), "-c", program],
        view=View(root=place.root),
        env=place.env,
        readable=place.readable,
        limits=place.limits,
    )
    with place.sandbox.start(job) as running:
        running.wait(seconds)
        return running.output().decode("utf-8", "replace")


@contextlib.contextmanager
def untrusted() -> Iterator[None]:
    """Around reading a message: one that is not as the probe makes them is a `SandboxError`."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise SandboxError(
            f"a message of the test process cannot be read ({type(exc).__name__}: {exc}); nothing was changed",
            slug="probe-garbled",
            hint="something in the tests writes into descriptors that it did not open",
        ) from exc


def relative(path: str, *roots: Path) -> str | None:
    """`path` relative to the first root that holds it, as POSIX; None where none does."""
    for root in roots:
        prefix = f"{root}/"
        if path.startswith(prefix):
            return path[len(prefix) :]
    return None


def text(value: Any) -> str:
    """A string from an untrusted message."""
    return value if isinstance(value, str) else ""


def texts(value: Any) -> tuple[str, ...]:
    """Strings from an untrusted message."""
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def amount(value: Any) -> float:
    """A finite number that is not negative, from an untrusted message."""
    number = float(value) if isinstance(value, (int, float)) else 0.0
    return number if 0 <= number < math.inf else 0.0
