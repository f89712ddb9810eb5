"""One probe over its socket: what is not under our nonce is ignored, and nothing outlives the session."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reknit.errors import SandboxError
from reknit.probe.protocol import Message, encode, receive
from reknit.runner.environments import Interpreter
from reknit.runner.session import Place, Session, amount, relative, text, texts, untrusted
from reknit.sandbox.base import Job, Level, Limits, ViewKind


class Fake:
    """A sandbox whose job is this test."""

    level = Level.NONE
    view_kind = ViewKind.COPY
    private = ()
    root = Path("/copy")
    pid = 0

    def __init__(self) -> None:
        self.ended = 0
        self.job: Job | None = None

    def start(self, job: Job) -> Fake:
        self.job = job
        self.theirs = socket.fromfd(job.pass_fds[0], socket.AF_UNIX, socket.SOCK_STREAM)
        return self

    def say(self, *frames: bytes) -> None:
        self.theirs.sendall(b"".join(frames))

    def hear(self) -> Message:
        message = receive(self.theirs.recv)
        assert message is not None
        return message

    def wait(self, timeout: float | None = None) -> int | None:
        return None

    def kill(self) -> None: ...

    def output(self) -> bytes:
        return b"last words"

    def __enter__(self) -> Fake:  # noqa: PYI034 - as the protocol has it
        return self

    def __exit__(self, *exc: object) -> None:
        self.ended += 1
        self.theirs.close()


def place(sandbox: Any) -> Place:
    python = Interpreter(python=Path(sys.executable), origin="the test's own")
    return Place(sandbox=sandbox, python=python, root=Path("/project"), env={}, readable=(), limits=Limits())


def soon() -> float:
    return time.monotonic() + 5


def test_the_order_names_the_copy() -> None:
    fake = Fake()
    with Session(place(fake), {"mode": "facts", "excluded": ["build", ".venv"]}):
        order = fake.hear()
    assert order["remap"] == ["/project", "/copy"]
    assert (order["root"], order["cwd"], order["roots"]) == ("/copy", "/copy", ["/copy"])
    assert order["excluded"] == ["/copy/build", "/copy/.venv"]
    assert (fake.ended, len(order["nonce"])) == (1, 32)


def test_only_our_nonce_counts() -> None:
    fake = Fake()
    with Session(place(fake), {}) as session:
        nonce = fake.hear()["nonce"]
        fake.say(encode({"event": "forged"}), encode({"event": "forged", "nonce": "0" * 32}))
        fake.say(encode({"event": "true", "nonce": nonce}))
        message = session.receive(soon())
    assert message is not None
    assert message["event"] == "true"


def test_nonces_are_not_used_twice() -> None:
    found = set()
    for _ in range(3):
        fake = Fake()
        with Session(place(fake), {}):
            found.add(fake.hear()["nonce"])
    assert len(found) == 3


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff\xff", b"\0\0\0\2{}"[:5], b"\0\0\0\1x"])
def test_an_end_and_a_broken_stream_are_none(data: bytes) -> None:
    fake = Fake()
    with Session(place(fake), {}) as session:
        fake.hear()
        fake.say(data)
        fake.theirs.shutdown(socket.SHUT_RDWR)
        assert session.receive(soon()) is None


def test_silence_is_a_timeout() -> None:
    fake = Fake()
    with Session(place(fake), {}) as session, pytest.raises(TimeoutError):
        session.receive(time.monotonic() + 0.05)


def test_a_probe_that_has_gone_is_no_traceback() -> None:
    fake = Fake()
    with Session(place(fake), {}) as session:
        fake.theirs.close()
        session.send({"a": "b" * 10_000_000})
        assert session.receive(soon()) is None
        assert "last words" in session.broken("asked").message


def test_an_order_that_cannot_be_sent_leaves_no_process() -> None:
    fake = Fake()
    with pytest.raises(TypeError):
        Session(place(fake), {"bad": object()})
    assert fake.ended == 1


def test_a_sandbox_that_does_not_start_leaves_no_socket() -> None:
    class Broken(Fake):
        def start(self, job: Job) -> Fake:
            super().start(job)
            raise SandboxError("no", slug="s")

    fake = Broken()
    with pytest.raises(SandboxError):
        Session(place(fake), {})
    fake.theirs.settimeout(5)
    assert fake.theirs.recv(1) == b""
    fake.theirs.close()


def test_paths() -> None:
    roots = (Path("/copy"), Path("/project"))
    assert relative("/copy/a/b.py", *roots) == relative("/project/a/b.py", *roots) == "a/b.py"
    assert relative("/projects/a.py", *roots) is None


def test_values_of_untrusted_messages() -> None:
    assert (text("a"), text(3), text(None)) == ("a", "", "")
    assert (texts(["a", 1, None, "b"]), texts("ab"), texts({"a": 1})) == (("a", "b"), (), ())
    assert [amount(v) for v in (1, 2.5, -1, float("nan"), float("inf"), "3", None)] == [1, 2.5, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("error", [KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError])
def test_untrusted_turns_errors_of_reading_into_one(error: type[Exception]) -> None:
    with pytest.raises(SandboxError) as caught, untrusted():
        raise error("x")
    assert caught.value.slug == "probe-garbled"
