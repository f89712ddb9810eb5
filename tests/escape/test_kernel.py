"""Ways out through parts of the kernel that tests have no need of: each works when free, and not from inside."""

from __future__ import annotations

import os
import platform
import pty
import shutil
from pathlib import Path

import pytest

from reknit.sandbox import Sandbox
from reknit.sandbox.seccomp import AARCH64, X86_64
from tests.escape.jail import CONFINED, Attempt, assert_stopped, open_jail

CALL = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
print("tried", flush=True)
def call(*args):
    result = libc.syscall(*args)
    print("ESCAPED" if result >= 0 else os.strerror(ctypes.get_errno()), flush=True)
    return result
"""


@pytest.fixture(params=CONFINED)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    return open_jail(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path.resolve() / "project"
    project.mkdir()
    return project


x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="needs x86_64")


def test_io_uring(sandbox: Sandbox, root: Path) -> None:
    """It makes system calls past every filter."""
    assert_stopped(Attempt(code=CALL + "call(425, 8, ctypes.create_string_buffer(256))"), sandbox, root)


def test_userfaultfd(sandbox: Sandbox, root: Path) -> None:
    number = 323 if platform.machine() == "x86_64" else 282
    assert_stopped(Attempt(code=CALL + f"call({number}, 1)"), sandbox, root)


def test_bpf(sandbox: Sandbox, root: Path) -> None:
    """BPF_MAP_CREATE of an array."""
    number = 321 if platform.machine() == "x86_64" else 280
    code = f"import struct; call({number}, 0, struct.pack('IIII', 2, 4, 4, 1) + bytes(112), 128)"
    assert_stopped(Attempt(code=CALL + code), sandbox, root)


def test_perf(sandbox: Sandbox, root: Path) -> None:
    """A software counter on itself."""
    number = 298 if platform.machine() == "x86_64" else 241
    code = f"import struct; call({number}, struct.pack('IIQ', 1, 112, 0) + bytes(96), 0, -1, -1, 0)"
    assert_stopped(Attempt(code=CALL + code), sandbox, root)


def test_keyrings(sandbox: Sandbox, root: Path) -> None:
    """The user's keyring holds credentials."""
    number = 248 if platform.machine() == "x86_64" else 217
    code = f"call({number}, b'user', b'reknit-test', b'x', ctypes.c_size_t(1), -2)"
    assert_stopped(Attempt(code=CALL + code), sandbox, root)


#: By name: x86-64's number, aarch64's, and arguments that would change nothing; another errno than a refusal's is a way in.
REACHED = {
    "open_tree": (428, 428, "-100, b'/', 1"),
    "move_mount": (429, 429, "-1, b'', -1, b'', 4"),
    "fsopen": (430, 430, "b'tmpfs', 0"),
    "fspick": (433, 433, "-100, b'/', 0"),
    "mount_setattr": (442, 442, "-100, b'/', 0, 0, 0"),
    "umount2": (166, 39, "b'/reknit-test', 0"),
    "pivot_root": (155, 41, "b'/reknit-test', b'/reknit-test'"),
    "setns": (308, 268, "os.open('/proc/self/ns/uts', os.O_RDONLY), 0"),
    "fanotify_init": (300, 262, "0, 0"),
    "kcmp": (312, 272, "os.getpid(), os.getpid(), 0, 0, 1"),
    "process_madvise": (440, 440, "os.pidfd_open(os.getpid()), 0, ctypes.c_size_t(0), 4, 0"),
    "add_key": (248, 217, "b'', 0, 0, ctypes.c_size_t(0), 0"),
    "request_key": (249, 218, "b'user', b'reknit-test', 0, 0"),
    "keyctl": (250, 219, "0, -3, 0"),
    "init_module": (175, 105, "b'', ctypes.c_size_t(0), b''"),
    "delete_module": (176, 106, "b'reknit-test', 0o4000"),
    "kexec_load": (246, 104, "0, 0, 0, -1"),
    "reboot": (169, 142, "0, 0, 0, 0"),
    "swapon": (167, 224, "b'/reknit-test', 0"),
    "swapoff": (168, 225, "b'/reknit-test'"),
    "syslog": (103, 116, "10, 0, 0"),
    "settimeofday": (164, 170, "0, 0"),
    "clock_settime": (227, 112, "99, 0"),
    "clock_adjtime": (305, 266, "0, ctypes.create_string_buffer(512)"),
    "adjtimex": (159, 171, "ctypes.create_string_buffer(512)"),
    "sethostname": (170, 161, "b'', ctypes.c_size_t(65)"),
    "setdomainname": (171, 162, "b'', ctypes.c_size_t(65)"),
    "quotactl": (179, 60, "0x80000100, 0, 0, 0"),
    "process_vm_readv": (310, 270, "os.getpid(), 0, 0, 0, 0, 0"),
}


@pytest.mark.parametrize("name", REACHED)
def test_calls_that_reach_further(sandbox: Sandbox, root: Path, name: str) -> None:
    """Refused before the kernel looks at what is asked."""
    on_x86, on_arm, arguments = REACHED[name]
    number = on_x86 if platform.machine() == "x86_64" else on_arm
    code = CALL.partition("def call")[0] + (
        f"result = libc.syscall({number}, {arguments})\n"
        "why = os.strerror(ctypes.get_errno())\n"
        "print(why if result < 0 and ctypes.get_errno() in (1, 13, 38) else 'ESCAPED')\n"
    )
    assert_stopped(Attempt(code=code), sandbox, root)


def test_the_filter_refuses_each_of_them() -> None:
    """Most need a capability too, which no job has: one layer does not hide that another is gone."""
    for machine, at in ((X86_64, 0), (AARCH64, 1)):
        assert {name: numbers[at] for name, numbers in REACHED.items()}.items() <= machine.refused.items()


@x86_64
def test_ports(sandbox: Sandbox, root: Path) -> None:
    """ioperm(2) and iopl(2) lead to the hardware."""
    for call in ("call(173, 0, 1, 0)", "call(172, 0)"):
        assert_stopped(Attempt(code=CALL + call), sandbox, root)


def test_core_dumps(sandbox: Sandbox, root: Path) -> None:
    """They are written by the kernel, or handed to a program outside."""
    code = """
import resource
print("tried")
try:
    resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    print("ESCAPED")
except (ValueError, OSError) as exc:
    print(exc)
"""
    assert_stopped(Attempt(code=code), sandbox, root)


def test_other_bounds_of_its_memory(sandbox: Sandbox, root: Path) -> None:
    """prctl(PR_SET_MM) lets a process name another program as its own; needs a capability."""
    code = CALL.partition("def call")[0] + (
        "import mmap\npage = mmap.mmap(-1, 4096)\n"
        "at = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "if libc.prctl(35, 8, ctypes.c_ulong(at), ctypes.c_ulong(0), ctypes.c_ulong(0)) == 0:\n    print('ESCAPED')\n"
    )
    assert_stopped(Attempt(code=code), sandbox, root)


def test_another_landlock_domain_lifts_nothing(sandbox: Sandbox, root: Path) -> None:
    """Domains nest: one that allows all gives nothing back; nor can no_new_privs or the filter be undone."""
    secret = root.parent / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    code = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
print("tried")
rights = (1 << 13) - 1
ruleset = libc.syscall(444, (ctypes.c_uint64 * 1)(rights), ctypes.c_size_t(8), 0)
top = os.open("/", os.O_PATH)
libc.syscall(445, ruleset, 1, rights.to_bytes(8, "little") + top.to_bytes(4, "little"), 0)
libc.syscall(446, ruleset, 0)
libc.prctl(38, 0, 0, 0, 0)
libc.prctl(22, 0, 0, 0, 0)
try:
    open(sys.argv[1]).close()
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    assert_stopped(Attempt(code=code, args=[str(secret)]), sandbox, root)


def test_programs_that_change_the_user(sandbox: Sandbox, root: Path) -> None:
    """A set-user-id copy of `id` in the project: it must stay who started it."""
    if os.getuid():
        pytest.skip("needs root, to make one")
    program = root / "id"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    code = """
import os, subprocess
print("tried")
if os.getuid() == 0 and "CapEff:\t0000000000000000" not in open("/proc/self/status").read():
    try:
        os.setresuid(65534, 65534, 65534)
    except OSError as exc:
        print(exc)
if os.getuid() and subprocess.run(["./id", "-u"], capture_output=True).stdout == b"0\\n":
    print("ESCAPED")
"""
    assert_stopped(Attempt(code=code), sandbox, root)


def test_a_program_from_memory(sandbox: Sandbox, root: Path) -> None:
    """memfd_create(2) and execve of it: a program without a path has no more rights than one with."""
    secret = root.parent / "secret"
    secret.write_text("ESCAPED")
    secret.chmod(0o600)
    code = """
import os, sys
print("tried", flush=True)
memory = os.memfd_create("program")
os.write(memory, open("/bin/cat", "rb").read())
os.execve(memory, ["cat", sys.argv[1]], {})
"""
    assert_stopped(Attempt(code=code, args=[str(secret)]), sandbox, root)


def test_mounting(sandbox: Sandbox, root: Path) -> None:
    """With a mount namespace of its own, so that the control changes nothing; a new user namespace where need be."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print("tried", flush=True)
if libc.unshare(0x20000) and libc.unshare(0x10020000):
    print(os.strerror(ctypes.get_errno()))
libc.mount(b"none", b"/", None, 0x44000, None)
if libc.mount(b"tmpfs", b".", b"tmpfs", 0, None) == 0:
    print("ESCAPED")
"""
    assert_stopped(Attempt(code=code), sandbox, root)


@pytest.mark.parametrize("flags", ["0x10000000", "0x20000", "0x20000000", "0x40000000", "0x02000000", "0x08000000"])
def test_new_namespaces(sandbox: Sandbox, root: Path, flags: str) -> None:
    """A user namespace gives every capability inside it, and with them the rest of the kernel."""
    code = CALL + f"print('ESCAPED' if libc.unshare({flags}) == 0 else os.strerror(ctypes.get_errno()))"
    assert_stopped(Attempt(code=code), sandbox, root)


def test_new_namespaces_by_clone(sandbox: Sandbox, root: Path) -> None:
    """clone(2) with a flag, and clone3(2), whose flags no filter can read."""
    clone = 56 if platform.machine() == "x86_64" else 220
    code = CALL + (
        "import signal, struct\n"
        f"for args in (({clone}, 0x10000000 | 17, 0, 0, 0, 0), (435, struct.pack('Q', 0x10000000) + bytes(24)"
        " + struct.pack('Q', 17) + bytes(24), ctypes.c_size_t(64))):\n"
        "    result = libc.syscall(*args)\n"
        "    if result == 0: os._exit(0)\n"
        "    if result > 0: print('ESCAPED'); os.waitpid(result, 0)\n"
    )
    assert_stopped(Attempt(code=code), sandbox, root)


def test_terminal_input(sandbox: Sandbox, root: Path) -> None:
    """TIOCSTI types a command into the user's shell (CVE-2017-5226)."""
    code = """
import fcntl, sys
print("tried")
try:
    fcntl.ioctl(int(sys.argv[1]), 0x5412, b"x")
    print("ESCAPED")
except OSError as exc:
    print(exc)
"""
    controller, terminal = pty.openpty()
    try:
        inside = assert_stopped(Attempt(code=code, args=[str(terminal)], pass_fds=[terminal]), sandbox, root)
        assert "not permitted" in inside.output
    finally:
        os.close(controller)
        os.close(terminal)


@x86_64
def test_the_32_bit_door(sandbox: Sandbox, root: Path) -> None:
    """`int 0x80` reaches the 32-bit table, whose numbers mean other calls than the filter's."""
    code = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid); int 0x80; ret
print("tried", flush=True)
run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
import os
if run() == os.getpid():
    print("ESCAPED", flush=True)
"""
    inside = assert_stopped(Attempt(code=code), sandbox, root)
    assert inside.status == -31  # SIGSYS


@x86_64
def test_the_x32_door(sandbox: Sandbox, root: Path) -> None:
    """The x32 numbers: the same calls, with a bit that a careless filter does not know."""
    inside = assert_stopped(Attempt(code=CALL + "call(0x40000000 + 39)"), sandbox, root, control=False)
    assert inside.status == -31


def test_no_capabilities_that_matter(sandbox: Sandbox, root: Path) -> None:
    """What is left reaches only the project's own files; a set-user-id program gives nothing back."""
    code = "print(*(line for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNewPrivs', 'Seccomp:'))))"
    lines = dict(line.split() for line in Attempt(code=code).inside(sandbox, root).output.splitlines() if line)
    files_only = 0b11111  # CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID
    for kind in ("CapPrm:", "CapEff:", "CapAmb:", "CapInh:"):
        assert int(lines[kind], 16) & ~files_only == 0
    assert lines["NoNewPrivs:"] == "1"
    assert lines["Seccomp:"] == "2"


def test_kernel_settings(sandbox: Sandbox, root: Path) -> None:
    """Opened, not written: core_pattern would run a program as root outside."""
    code = """
import os
print("tried")
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/oom_score_adj", "/sys/power/state"):
    try:
        os.close(os.open(path, os.O_WRONLY))
        print("ESCAPED", path)
    except OSError as exc:
        print(exc)
"""
    assert_stopped(Attempt(code=code), sandbox, root)
