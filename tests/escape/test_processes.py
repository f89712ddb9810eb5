"""Ways out through other processes, and ways to fill the machine: each works when free, and not from inside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.sandbox import Limits, Sandbox
from tests.escape.jail import CONFINED, Attempt, assert_stopped, is_root, nobody_writes, open_jail

VICTIM = """
import ctypes, sys, time
buffer = ctypes.create_string_buffer(b"before", 16)
print(ctypes.addressof(buffer), flush=True)
sys.stdin.readline()
print(buffer.value.decode(), flush=True)
"""

#: process_vm_writev(2) to a process and an address.
OVERWRITE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
class Vec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
data = ctypes.create_string_buffer(b"ESCAPED")
local, remote = Vec(ctypes.addressof(data), 7), Vec(int(sys.argv[2]), 7)
print("tried")
for pid in (int(sys.argv[1]), os.getppid()):
    if libc.process_vm_writev(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) == 7:
        print("ESCAPED")
    try:
        with open("/proc/%d/mem" % pid, "r+b") as memory:
            memory.seek(int(sys.argv[2]))
            memory.write(b"ESCAPED")
            print("ESCAPED")
    except (OSError, ValueError) as exc:
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


@pytest.fixture
def victim() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process outside, of the same user, and an address in it."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-I", "-c", VICTIM], stdin=pipe, stdout=pipe, text=True) as it:
        assert it.stdout is not None
        yield it, it.stdout.readline().strip()
        it.kill()


def test_writing_into_another_process(sandbox: Sandbox, root: Path, victim: tuple[subprocess.Popen[str], str]) -> None:
    """By system call and by /proc; the supervisor is tried too."""
    process, address = victim
    attempt = Attempt(code=OVERWRITE, args=[str(process.pid), address])
    assert_stopped(attempt, sandbox, root)


def test_tracing_another_process(sandbox: Sandbox, root: Path, victim: tuple[subprocess.Popen[str], str]) -> None:
    code = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
print("tried")
for pid in (int(sys.argv[1]), os.getppid()):
    if libc.ptrace(16, pid, 0, 0) == 0:
        os.waitpid(pid, 0)
        libc.ptrace(17, pid, 0, 0)
        print("ESCAPED")
        break
"""
    assert_stopped(Attempt(code=code, args=[str(victim[0].pid)]), sandbox, root)


def test_taking_a_descriptor_of_another_process(
    sandbox: Sandbox, root: Path, victim: tuple[subprocess.Popen[str], str]
) -> None:
    """pidfd_getfd(2), and reopening through /proc."""
    code = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
print("tried")
for pid in (int(sys.argv[1]), os.getppid()):
    for number in range(12):
        try:
            if libc.syscall(438, os.pidfd_open(pid), number, 0) >= 0:
                print("ESCAPED")
            os.open("/proc/%d/fd/%d" % (pid, number), os.O_RDONLY | os.O_NONBLOCK)
            print("ESCAPED")
        except OSError as exc:
            print(exc)
    if "free" in sys.argv:
        break
"""
    assert_stopped(Attempt(code=code, args=[str(victim[0].pid)]), sandbox, root)


def test_signalling_another_process(sandbox: Sandbox, root: Path, victim: tuple[subprocess.Popen[str], str]) -> None:
    """Outside and the supervisor; a pid namespace, another user or Landlock's scope (ABI 6) is in the way."""
    code = """
import os, signal, sys
print("tried")
for pid in map(int, sys.argv[1:]):
    try:
        os.kill(pid or os.getppid(), 0)
        print("ESCAPED")
    except OSError as exc:
        print(exc)
"""
    attempt = Attempt(code=code, args=[str(victim[0].pid)])
    assert_stopped(attempt, sandbox, root)
    assert victim[0].poll() is None
    assert "ESCAPED" not in Attempt(code=code, args=["0"]).inside(sandbox, root).output


def test_killing_everything(sandbox: Sandbox, root: Path, victim: tuple[subprocess.Popen[str], str]) -> None:
    """kill(-1), which would end the user's session; no control, for that reason."""
    code = "import os, signal\nprint('tried', flush=True)\ntry: os.kill(-1, signal.SIGKILL)\nexcept OSError: pass"
    if sandbox.level == "landlock" and not is_root():
        pytest.skip("at this level only Landlock's scope protects the user's processes: too dear to try")
    assert_stopped(Attempt(code=code), sandbox, root, control=False)
    assert victim[0].poll() is None


def test_a_fork_bomb(sandbox: Sandbox, root: Path) -> None:
    """One of a hundred, with a limit of twelve: the machine is shared, so even the control is small."""
    code = """
import os, time
made, children = 0, []
for _ in range(100):
    try:
        pid = os.fork()
    except BlockingIOError:
        break
    if pid == 0:
        time.sleep(600)
    children.append(pid)
print("tried")
if len(children) == 100:
    print("ESCAPED")
for pid in children:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
"""
    assert_stopped(Attempt(code=code, limits=Limits(processes=12)), sandbox, root)


def test_a_chain_of_forks(sandbox: Sandbox, root: Path) -> None:
    """Each child forks the next and ends, so that no list of processes is ever up to date; killed all the same."""
    code = """
import os, sys, time
for generation in range(200_000):
    if generation == 3:
        os.write(int(sys.argv[1]), b"x")
    if os.fork():
        time.sleep(0 if generation else 600)
        os._exit(0)
"""
    reading, writing = os.pipe()
    with sandbox.start(Attempt(code=code, args=[str(writing)], pass_fds=[writing]).job(root)) as running:
        os.close(writing)
        assert os.read(reading, 1) == b"x"
        running.kill()
        assert nobody_writes(reading)
    os.close(reading)


def test_a_memory_bomb(sandbox: Sandbox, root: Path) -> None:
    code = """
import mmap
print("tried", flush=True)
try:
    kept = [mmap.mmap(-1, 64 << 20) for _ in range(16)]
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    assert_stopped(Attempt(code=code, limits=Limits(memory=512 << 20)), sandbox, root)


def test_a_huge_file(sandbox: Sandbox, root: Path) -> None:
    code = """
print("tried", flush=True)
try:
    with open("huge", "wb") as stream:
        stream.truncate(64 << 20)
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    assert_stopped(Attempt(code=code, limits=Limits(file_size=1 << 20)), sandbox, root)


def test_filling_the_disk(sandbox: Sandbox, root: Path) -> None:
    """Many small files, at once and then kept open."""
    code = """
import os, time
print("tried", flush=True)
try:
    for number in range(300):
        with open(os.environ.get("TMPDIR", ".") + "/%d" % number, "wb") as stream:
            stream.write(bytes(100 << 10))
        time.sleep(0.003)
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    assert_stopped(Attempt(code=code, limits=Limits(disk=4 << 20)), sandbox, root)


@pytest.mark.needs_tool("bwrap")
def test_processes_of_its_own(root: Path) -> None:
    """Bubblewrap's jobs see themselves, the supervisor and the namespace's first process."""
    code = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
    assert Attempt(code=code).inside(open_jail("bubblewrap"), root).output == "3\n"
