"""Frames between reknit and its probe: a 4-byte big-endian length, then JSON.

Every frame from the probe carries the session's nonce, so that stray writes are not taken for one. That stops
confusion, not forgery: a candidate shares its process with the probe, and only a clean process accepts a patch.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, Callable

#: Bytes; a longer frame is a broken stream.
MAX_FRAME = 512 << 20

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """The frame of `message`; lone surrogates are escaped."""
    data = json.dumps(message, separators=(",", ":")).encode("ascii")
    return struct.pack(">I", len(data)) + data


class Decoder:
    """Cuts a byte stream into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages completed by `data`; `ValueError` where the stream is no stream of frames."""
        self._buffer += data
        while len(self._buffer) >= 4:
            size = _size(self._buffer)
            if len(self._buffer) < 4 + size:
                return
            body = bytes(self._buffer[4 : 4 + size])
            del self._buffer[: 4 + size]
            yield _message(body)


def receive(read: Callable[[int], bytes]) -> Message | None:
    """The next message from a blocking `read(n)`; None at the end of the stream."""
    head = _exactly(read, 4)
    if head is None:
        return None
    body = _exactly(read, _size(head))
    return None if body is None else _message(body)


def _size(head: bytes | bytearray) -> int:
    (size,) = struct.unpack_from(">I", head)
    if size > MAX_FRAME:
        raise ValueError(f"frame of {size} bytes")
    return int(size)


def _message(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except RecursionError:
        message = None
    if not isinstance(message, dict):
        raise ValueError("frame is no object")  # noqa: TRY004 - one error for every broken stream
    return message


def _exactly(read: Callable[[int], bytes], size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        data = read(min(1 << 20, size - len(parts)))
        if not data:
            return None
        parts += data
    return bytes(parts)
