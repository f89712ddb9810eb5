"""One session: read the order, run the suite once or serve candidates from forked children.

Steps of the ladder that live here:
    suite       pytest from disk, untouched: finds failures, traces coverage, and accepts
    collected   (Z1) forked after collection: the candidate's code is swapped into live functions
    fresh       (Z0) forked with pytest and third-party modules loaded: the child imports the candidate from memory
"""

from __future__ import annotations

import base64
import importlib
import importlib.util
import os
import platform
import resource
import socket
import sys
import tempfile
from typing import Any

from .protocol import Message, encode, receive


class Channel:
    """The probe's end of the pipe to reknit."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.nonce = ""

    def send(self, message: Message) -> None:
        """Send `message` under the session's nonce."""
        self._sock.sendall(encode({**message, "nonce": self.nonce}))

    def receive(self) -> Message | None:
        """The next order; None when reknit has gone."""
        return receive(self._sock.recv)

    def close(self) -> None:
        """Let go of this process's end; other processes keep theirs."""
        self._sock.close()


def main(fd: int) -> int:
    """Serve the session on descriptor `fd`; the exit status is pytest's, or 0."""
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)
    channel = Channel(sock)
    order = channel.receive()
    if order is None:
        return 0
    channel.nonce = order["nonce"]
    _enter(order)
    if order["mode"] == "facts":
        channel.send({"event": "facts", **facts()})
        return 0
    if importlib.util.find_spec("pytest") is None:
        channel.send({"event": "no-pytest", **facts()})
        return 0
    if order["mode"] == "suite":
        from .suite import run

        return run(channel, order)
    from .serve import serve

    return serve(channel, order)


def _enter(order: Message) -> None:
    os.chdir(order["cwd"])
    sys.argv[1:] = order.get("args", [])
    # For what the tests start; this process does so in `Sources.install`.
    os.environ["PYTHONPYCACHEPREFIX"] = bytecode_folder()
    # As `python -m pytest` does it, which every layout that works at all works with.
    sys.path.insert(0, order["cwd"])
    if order.get("remap"):
        from .remap import remap

        remap(*order["remap"])


def bytecode_folder() -> str:
    """Where bytecode of the project goes: bytecode that a worker has left elsewhere would load in place of its source."""
    return os.path.join(tempfile.gettempdir(), "pycache")


def decode_files(order: Message) -> dict[str, bytes]:
    """Contents by absolute path."""
    return {path: base64.b64decode(text) for path, text in order.get("files", {}).items()}


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def facts() -> Message:
    """What there is to know of this interpreter."""
    packages: dict[str, str] = {}
    metadata: Any = importlib.import_module("importlib.metadata")
    for dist in metadata.distributions():
        name = dist.metadata["Name"]
        if name:
            packages.setdefault(str(name), str(dist.version))
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "prefixes": sorted({sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}),
        "path": [os.path.realpath(p) for p in sys.path if p],
        "packages": packages,
    }
