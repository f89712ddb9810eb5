"""Frames between reknit and its probe: a 4-byte big-endian length, then JSON.

Every frame from the probe carries the session's nonce, so that stray writes are not taken for one. That stops
confusion, not forgery: a candidate shares its process with the probe, and only a clean process accepts a patch.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Callable, Dict, Iterator, Optional

#: Bytes; a longer frame is a broken stream.
MAX_FRAME = 512 << 20

Message = Dict[str, Any]


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
            (size,) = struct.unpack_from(">I", self._buffer)
            if size > MAX_FRAME:
                raise ValueError("frame of %d bytes" % size)
            if len(self._buffer) < 4 + size:
                return
            body = bytes(self._buffer[4 : 4 + size])
            del self._buffer[: 4 + size]
            message = json.loads(body)
            if not isinstance(message, dict):
                raise ValueError("frame is no object")
            yield message


def receive(read: Callable[[int], bytes]) -> Optional[Message]:
    """The next message from a blocking `read(n)`; None at the end of the stream."""
    head = _exactly(read, 4)
    if head is None:
        return None
    (size,) = struct.unpack(">I", head)
    if size > MAX_FRAME:
        raise ValueError("frame of %d bytes" % size)
    body = _exactly(read, size)
    return None if body is None else json.loads(body)


def _exactly(read: Callable[[int], bytes], size: int) -> Optional[bytes]:
    parts = bytearray()
    while len(parts) < size:
        data = read(min(1 << 20, size - len(parts)))
        if not data:
            return None
        parts += data
    return bytes(parts)
