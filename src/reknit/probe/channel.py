"""The probe's end of the pipe to reknit."""

from __future__ import annotations

import base64
import socket

from .protocol import Message, encode, receive


class Channel:
    """Messages to and from reknit, under the session's nonce."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.nonce = ""

    def send(self, message: Message) -> None:
        """Send `message` under the session's nonce."""
        self._sock.sendall(encode({**message, "nonce": self.nonce}))

    def receive(self) -> Message | None:
        """The next order; None when reknit has gone."""
        return receive(self._sock.recv)

    def fileno(self) -> int:
        """For `select`."""
        return self._sock.fileno()

    def close(self) -> None:
        """Let go of this process's end; other processes keep theirs."""
        self._sock.close()


def decode_files(order: Message) -> dict[str, bytes]:
    """Contents by absolute path."""
    return {path: base64.b64decode(text) for path, text in order.get("files", {}).items()}
