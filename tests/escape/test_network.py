"""Ways out over sockets: each works when free, and not from inside."""

from __future__ import annotations

import socket
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.sandbox import Sandbox
from tests.escape.jail import CONFINED, Attempt, assert_stopped, open_jail

#: Connects; ESCAPED where somebody outside answers.
CONNECT = """
import socket, sys
family, kind, address = sys.argv[1:4]
where = {"AF_UNIX": address, "ABSTRACT": "\\0" + address}.get(family) or ("127.0.0.1", int(address))
family = "AF_UNIX" if family == "ABSTRACT" else family
print("tried")
try:
    it = socket.socket(getattr(socket, family), getattr(socket, kind))
    it.settimeout(10)
    it.connect(where)
    it.send(b"x")
    if it.recv(7) == b"ESCAPED":
        print("ESCAPED")
except OSError as exc:
    print(exc)
"""

#: Opens a socket of a family, a type and a protocol.
OPEN = """
import socket, sys
print("tried")
try:
    socket.socket(getattr(socket, sys.argv[1]), getattr(socket, sys.argv[2]), int(sys.argv[3]))
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""


@pytest.fixture(params=CONFINED)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "project"
    project.mkdir()
    return project


class Server:
    """Answers ESCAPED to whoever gets through, from a thread."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.listener.settimeout(0.2)
        self.running = True

    def serve(self) -> None:
        while self.running:
            try:
                if self.listener.type == socket.SOCK_DGRAM:
                    _, sender = self.listener.recvfrom(1)
                    self.listener.sendto(b"ESCAPED", sender)
                else:
                    client, _ = self.listener.accept()
                    with client:
                        client.sendall(b"ESCAPED")
                        client.recv(1)
            except OSError:
                continue


@pytest.fixture(params=["tcp", "udp", "unix", "abstract"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """A server outside; the arguments for CONNECT."""
    kind = socket.SOCK_DGRAM if request.param == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET if request.param in {"tcp", "udp"} else socket.AF_UNIX
    with socket.socket(family, kind) as listener, tempfile.TemporaryDirectory(prefix="rk-") as short:
        if request.param in {"tcp", "udp"}:
            listener.bind(("127.0.0.1", 0))
            arguments = ["AF_INET", kind.name, str(listener.getsockname()[1])]
        else:
            name = f"reknit-{uuid.uuid4().hex}" if request.param == "abstract" else f"{short}/s"
            listener.bind("\0" + name if request.param == "abstract" else name)
            arguments = ["ABSTRACT" if request.param == "abstract" else "AF_UNIX", "SOCK_STREAM", name]
        if kind == socket.SOCK_STREAM:
            listener.listen()
        server = Server(listener)
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield arguments
        server.running = False
        thread.join()


def test_connecting(sandbox: Sandbox, root: Path, way: list[str]) -> None:
    """To TCP, UDP, a socket with a path (such as Docker's) and one without (such as a session bus)."""
    assert_stopped(Attempt(code=CONNECT, args=way), sandbox, root)


@pytest.mark.parametrize(
    ("family", "kind", "protocol"),
    [
        ("AF_INET", "SOCK_RAW", 1),
        ("AF_PACKET", "SOCK_RAW", 0),
        ("AF_NETLINK", "SOCK_RAW", 0),
        ("AF_VSOCK", "SOCK_STREAM", 0),
        ("AF_ALG", "SOCK_SEQPACKET", 0),
    ],
)
def test_opening(sandbox: Sandbox, root: Path, family: str, kind: str, protocol: int) -> None:
    """Families that reach others, or rarely used parts of the kernel."""
    assert_stopped(Attempt(code=OPEN, args=[family, kind, str(protocol)]), sandbox, root)


def test_resolving_a_name(sandbox: Sandbox, root: Path) -> None:
    """A look-up carries data out too; no control, since these tests use no network."""
    code = """
import socket
print("tried")
try:
    socket.getaddrinfo("example.invalid.", 80)
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    assert_stopped(Attempt(code=code), sandbox, root, control=False)


def test_a_descriptor_sent_back_is_all_there_is(sandbox: Sandbox, root: Path) -> None:
    """Socket pairs work: only what was inherited can carry words out."""
    code = "import socket; a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))"
    assert Attempt(code=code).inside(sandbox, root).output == "b'x'\n"


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_opening_without_a_network_of_its_own(root: Path, family: str) -> None:
    """Where the network is the machine's, no socket is made at all."""
    assert_stopped(Attempt(code=OPEN, args=[family, "SOCK_STREAM", "0"]), open_jail("landlock"), root)


@pytest.mark.needs_tool("bwrap")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_server_for_the_tests_themselves(root: Path, address: str) -> None:
    """Many suites start a server on the loop-back; in a network of its own it is reached by the job alone."""
    code = """
import socket, sys
server = socket.create_server((sys.argv[1], 0), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
client = socket.create_connection(server.getsockname()[:2])
server.accept()[0].sendall(b"hello")
print(client.recv(5).decode())
"""
    assert Attempt(code=code, args=[address]).inside(open_jail("bubblewrap"), root).output == "hello\n"


@pytest.mark.needs_tool("bwrap")
def test_a_network_of_its_own(root: Path) -> None:
    """Bubblewrap's jobs would see no network even without the filter: one layer does not hide that another is gone."""
    code = "print([line.split(':')[0].strip() for line in open('/proc/net/dev').readlines()[2:]])"
    assert Attempt(code=code).inside(open_jail("bubblewrap"), root).output == "['lo']\n"
