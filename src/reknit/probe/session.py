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
from typing import Any, Dict, List, Optional

from .protocol import Message, encode, receive


class Channel:
    """The probe's end of the pipe to reknit."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.nonce = ""

    def send(self, message: Message) -> None:
        """Send `message` under the session's nonce."""
        self._sock.sendall(encode({**message, "nonce": self.nonce}))

    def receive(self) -> Optional[Message]:
        """The next order; None when reknit has gone."""
        return receive(self._sock.recv)


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
        from .suite import run  # noqa: PLC0415 - needs the project's pytest

        return run(channel, order)
    from .serve import serve  # noqa: PLC0415 - needs the project's pytest

    return serve(channel, order)


def _enter(order: Message) -> None:
    os.chdir(order["cwd"])
    sys.dont_write_bytecode = order["mode"] != "suite"
    # As `python -m pytest` does it, which every layout that works at all works with.
    sys.path.insert(0, order["cwd"])
    if order.get("remap"):
        from .remap import remap  # noqa: PLC0415 - only where mounts are unavailable

        remap(*order["remap"])


def pytest_arguments(order: Message, tests: Optional[List[str]]) -> List[str]:
    """The user's arguments, with the files of `tests` in place of their own, and plugins that would hide tests off."""
    args = list(order["args"])
    if tests is not None:
        args = [a for i, a in enumerate(args) if not _selects(a, args[i - 1] if i else "")]
        args += sorted({t.split("::")[0] for t in tests})
    if importlib.util.find_spec("xdist") and "no:xdist" not in args:
        args.append("-n0")
    if importlib.util.find_spec("pytest_cov") and "no:cov" not in args:
        args.append("--no-cov")
    return args


def _selects(argument: str, before: str) -> bool:
    if argument.startswith("-") or before in ("-k", "-m", "-p", "-o", "-c", "-n", "-W", "--rootdir", "--confcutdir"):
        return False
    return os.path.exists(argument.split("::")[0])


def decode_files(order: Message) -> Dict[str, bytes]:
    """Contents by absolute path."""
    return {path: base64.b64decode(text) for path, text in order.get("files", {}).items()}


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def facts() -> Message:
    """What there is to know of this interpreter."""
    packages: Dict[str, str] = {}
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
