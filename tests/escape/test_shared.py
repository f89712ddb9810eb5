"""Ways out through what the kernel shares among processes: memory, queues, limits; each works when free."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.sandbox import Sandbox
from tests.escape.jail import CONFINED, Attempt, assert_stopped, open_jail

#: IPC_CREAT | 0666, IPC_RMID
_CREATE, _REMOVE = 0o1666, 0
_libc = ctypes.CDLL(None, use_errno=True)
KINDS = {"memory": ("shm", (4096,)), "semaphores": ("sem", (1,)), "a queue": ("msg", ())}

MAKE = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
kind, key, *size = sys.argv[1:]
print("tried", getattr(libc, kind + "get")(int(key), *map(int, size), 0o1666))
"""


@pytest.fixture(params=CONFINED)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "project"
    project.mkdir()
    return project


def found(kind: str, key: int) -> int:
    """The number of what is there under a System V key; -1 where there is nothing."""
    sizes = [0] * (kind != "msg")
    return int(getattr(_libc, f"{kind}get")(key, *sizes, 0))


def removed(kind: str, number: int) -> None:
    control = getattr(_libc, f"{kind}ctl")
    control(number, 0, _REMOVE) if kind == "sem" else control(number, _REMOVE, None)


@pytest.mark.parametrize("what", KINDS)
def test_what_outlives_the_process(sandbox: Sandbox, root: Path, what: str) -> None:
    """System V objects stay until somebody removes them."""
    kind, size = KINDS[what]
    key = 0x52000000 | os.getpid() & 0xFFFFFF
    attempt = Attempt(code=MAKE, args=[kind, str(key), *map(str, size)])
    assert "tried" in attempt.inside(sandbox, root).output
    assert found(kind, key) == -1
    attempt.free(root)
    there = found(kind, key)
    removed(kind, there)
    assert there >= 0


@pytest.mark.parametrize("what", KINDS)
def test_what_others_have_made(sandbox: Sandbox, root: Path, what: str) -> None:
    """Open to all users, as some programs leave them."""
    kind, size = KINDS[what]
    key = 0x53000000 | os.getpid() & 0xFFFFFF
    number = getattr(_libc, f"{kind}get")(key, *size, _CREATE)
    assert number >= 0
    code = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
kind, number, key = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("tried")
if kind == "shm":
    libc.shmat.restype = ctypes.c_ssize_t
    reached = libc.shmat(number, None, 0) != -1
elif kind == "sem":
    reached = libc.semctl(number, 0, 16, 1) != -1
else:
    reached = libc.msgsnd(number, ctypes.create_string_buffer(bytes([1]) + bytes(15)), ctypes.c_size_t(1), 0o4000) != -1
print("ESCAPED" if reached else os.strerror(ctypes.get_errno()))
"""
    try:
        assert_stopped(Attempt(code=code, args=[kind, str(number), str(key)]), sandbox, root)
    finally:
        removed(kind, number)


def test_a_queue_with_a_name(sandbox: Sandbox, root: Path) -> None:
    """POSIX message queues (mq_overview(7)) outlive the process too."""
    numbers = (240, 241) if platform.machine() == "x86_64" else (180, 181)
    name = f"reknit-test-{os.getpid()}".encode()
    code = f"""
import ctypes
print("tried", ctypes.CDLL(None).syscall({numbers[0]}, {name!r}, 0o102, 0o666, None))
"""
    attempt = Attempt(code=code)
    assert "tried" in attempt.inside(sandbox, root).output
    assert _libc.syscall(numbers[1], name) == -1
    attempt.free(root)
    if _libc.syscall(numbers[1], name) == -1:
        pytest.skip("tried and stopped, but this kernel makes no queues anyway")


def test_shared_memory_with_a_name(sandbox: Sandbox, root: Path) -> None:
    """/dev/shm, both ways: what is there is not seen, what is made does not stay."""
    theirs, ours = (Path("/dev/shm") / f"reknit-test-{os.getpid()}-{n}" for n in "ab")
    theirs.write_text("the secret")
    theirs.chmod(0o666)
    code = """
import sys
print("tried")
try:
    open(sys.argv[2], "w").close()
except OSError as exc:
    print(exc)
try:
    open(sys.argv[1], "r+").close()
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    try:
        attempt = Attempt(code=code, args=[str(theirs), str(ours)])
        assert "ESCAPED" not in attempt.inside(sandbox, root).output
        assert not ours.exists()
        assert "ESCAPED" in attempt.free(root).output
        assert ours.exists()
    finally:
        theirs.unlink()
        ours.unlink(missing_ok=True)


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process outside, of the same user, in a session of its own."""
    code = "import time; print('up', flush=True); time.sleep(600)"
    command = [sys.executable, "-I", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == b"up\n"
        yield it
        it.kill()


AIMED = {
    "limits": "resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))",
    "reading limits": "resource.prlimit(pid, resource.RLIMIT_NOFILE)",
    "niceness": "os.setpriority(os.PRIO_PROCESS, pid, 19)",
    "niceness of its group": "os.setpriority(os.PRIO_PGRP, pid, 19)",
    "processors": "os.sched_setaffinity(pid, os.sched_getaffinity(0))",
    "scheduling": "os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))",
    "a signal to its group": "os.killpg(pid, 0)",
    "a signal by a descriptor": "signal.pidfd_send_signal(os.pidfd_open(pid), 0)",
    "a signal with a value": "libc.sigqueue(pid, 0, None) and os.kill(pid, 0)",
    "its memory map": "open('/proc/%d/maps' % pid).read(1)",
    "its programs": "os.readlink('/proc/%d/exe' % pid)",
    "its descriptors": "os.listdir('/proc/%d/fd' % pid)",
    "its stack": "open('/proc/%d/syscall' % pid).read(1)",
    "its kill order": "open('/proc/%d/oom_score_adj' % pid, 'w').write('1000')",
    "its memory": "open('/proc/%d/mem' % pid, 'r+b')",
    "its core": "open('/proc/%d/coredump_filter' % pid, 'r+')",
    "its name": "open('/proc/%d/comm' % pid, 'r+')",
    "its namespaces": "os.open('/proc/%d/ns/mnt' % pid, os.O_RDONLY)",
    "its command line": "open('/proc/%d/cmdline' % pid).read(1)",
}


@pytest.mark.parametrize("statement", AIMED.values(), ids=list(AIMED))
def test_aimed_at_another_process(
    sandbox: Sandbox, root: Path, victim: subprocess.Popen[bytes], statement: str
) -> None:
    """The victim ends with the test, so the control may change it."""
    code = f"""
import ctypes, os, resource, signal, sys
libc, pid = ctypes.CDLL(None), int(sys.argv[1])
print("tried")
try:
    {statement}
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    assert_stopped(Attempt(code=code, args=[str(victim.pid)]), sandbox, root)
    assert victim.poll() is None
    os.kill(victim.pid, signal.SIGKILL)
