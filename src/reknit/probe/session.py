"""One session: read the order, run the suite once or serve candidates from forked children.

Steps of the ladder that live here:
    suite       pytest from disk, untouched: finds failures, traces coverage, and accepts
    collected   (Z1) forked after collection: the candidate's code is swapped into live functions
    fresh       (Z0) forked with pytest and third-party modules loaded: the child imports the candidate from memory
Either of the last two may also put the candidate in its file's place: processes that the tests start read it there.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
import traceback

from .channel import Channel
from .children import pass_on
from .facts import bytecode_folder, facts
from .protocol import Message


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
    if (broken := _broken_pytest()) is not None:
        channel.send({"event": "broken-pytest", "text": broken, **facts()})
        return 0
    if order["mode"] == "suite":
        from .suite import run

        return run(channel, order)
    from .serve import serve

    return serve(channel, order)


def _broken_pytest() -> str | None:
    """Why a pytest that is there cannot be used; None where it can."""
    try:
        from . import reporter
    except Exception as exc:  # noqa: BLE001 - an installation that is broken, or of another time, may raise anything
        return "".join(traceback.format_exception_only(type(exc), exc)).strip()
    del reporter
    return None


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
        pass_on(remap=order["remap"])
