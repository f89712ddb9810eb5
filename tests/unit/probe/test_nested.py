"""The fence between a candidate and its zygote, in processes of its own since it cannot be left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reknit.sandbox.kernel import landlock_abi

SOURCE = Path(__file__).parents[3] / "src"
#: A parent with a fence; its child tries `body` behind it, or, as a control, before.
PROGRAM = """
import ctypes, functools, os, signal, sys
print = functools.partial(print, flush=True)
sys.path.insert(0, sys.argv[1])
from reknit.probe.nested import Fence
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
secret = ctypes.create_string_buffer(b"before", 16)
fence = Fence()
if sys.argv[2] == "fenced":
    fence.close()
parent = os.getpid()
child = os.fork()
if child == 0:
    if sys.argv[2] == "fenced":
        fence.enter()
    try:
{body}
    except OSError as exc:
        print("refused", exc)
    os._exit(0)
os.waitpid(child, 0)
print(secret.value.decode())
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
scoped = pytest.mark.skipif(landlock_abi() < 6, reason="needs Landlock 6, Linux 6.12")
nested = pytest.mark.skipif(landlock_abi() < 2, reason="needs Landlock 2, Linux 5.19")


def run(body: str, how: str = "fenced") -> list[str]:
    """What it says, word by word."""
    indented = "".join(f"        {line}\n" for line in body.splitlines())
    code = PROGRAM.replace("{body}", indented)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(SOURCE), how], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


MEMORY = """
with open("/proc/%d/mem" % parent, "r+b", 0) as memory:
    memory.seek(ctypes.addressof(secret))
    memory.write(b"ESCAPED")
"""
CALL = """
class Vec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
data = ctypes.create_string_buffer(b"ESCAPED", 16)
local, remote = Vec(ctypes.addressof(data), 7), Vec(ctypes.addressof(secret), 7)
libc.process_vm_writev(parent, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)
"""
FILES = "os.readlink('/proc/%d/cwd' % parent)\nprint('ESCAPED')"
SIGNAL = "os.kill(parent, 0)\nprint('ESCAPED')"
GROUP = "group = os.getpgid(parent)\nos.setpgid(0, 0)\nos.killpg(group, 0)\nprint('ESCAPED')"


@linux
@nested
@pytest.mark.parametrize("body", [MEMORY, CALL, FILES], ids=["memory", "call", "files"])
def test_the_parent_cannot_be_written_into_or_read(body: str) -> None:
    assert "ESCAPED" in run(body, "free")
    assert "ESCAPED" not in run(body)


@linux
@scoped
@pytest.mark.parametrize("body", [SIGNAL, GROUP], ids=["process", "group"])
def test_the_parent_cannot_be_signalled(body: str) -> None:
    assert "ESCAPED" in run(body, "free")
    assert "ESCAPED" not in run(body)


@linux
@scoped
def test_nor_be_spoken_to_at_an_abstract_socket() -> None:
    body = f"""
import socket
socket.socket(socket.AF_UNIX).connect("\\0reknit-test-{os.getpid()}")
print("ESCAPED")
"""
    import socket

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0reknit-test-{os.getpid()}")
        listener.listen()
        assert "ESCAPED" in run(body, "free")
        assert "ESCAPED" not in run(body)


@linux
@pytest.mark.parametrize(
    "body",
    [
        "signal.signal(signal.SIGUSR1, lambda *_: print('fine'))\nos.kill(os.getpid(), signal.SIGUSR1)",
        "signal.signal(signal.SIGUSR1, lambda *_: print('fine'))\nos.killpg(os.setpgid(0, 0) or 0, signal.SIGUSR1)",
        "import subprocess\np = subprocess.Popen(['sleep', '99'])\np.terminate()\nprint('fine' if p.wait() == -15 else '')",
        (
            "import multiprocessing\nc = multiprocessing.get_context('fork')\nq = c.Queue()\n"
            "p = c.Process(target=q.put, args=['fine'])\np.start()\nprint(q.get())\np.join()"
        ),
        "import socket\na, b = socket.socketpair()\na.send(b'fine')\nprint(b.recv(4).decode())",
        (
            "import tempfile\nwith tempfile.TemporaryDirectory() as d:\n    os.makedirs(d + '/a/b'); os.mkdir(d + '/c')\n"
            "    os.rename(d + '/a/b', d + '/c/b')\nprint('fine')"
        ),
        "print('fine' if open('/proc/self/environ') and open('/proc/self/mem') else '')",
    ],
    ids=[
        "itself",
        "its group",
        "what it starts",
        "multiprocessing",
        "socket pairs",
        "moving folders",
        "its own memory",
    ],
)
def test_what_tests_do_to_themselves_still_works(body: str) -> None:
    assert "fine" in run(body)


@linux
def test_the_parent_still_reaches_the_child() -> None:
    body = "import time\nprint('up', flush=True)\ntime.sleep(60)"
    code = PROGRAM.replace("{body}", "".join(f"        {line}\n" for line in body.splitlines()))
    code = code.replace("os.waitpid(child, 0)", "os.kill(child, 9)\nprint(os.waitpid(child, 0)[1])")
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(SOURCE), "fenced"], capture_output=True, text=True, check=True
    )
    assert "9" in done.stdout.split()


def test_elsewhere_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from reknit.probe.nested import Fence

    monkeypatch.setattr(sys, "platform", "darwin")
    fence = Fence()
    fence.close()
    fence.enter()
    assert fence._libc is None
