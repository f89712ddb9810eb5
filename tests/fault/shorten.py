"""Short writes, by lowering the count of each write(2) as it enters the system; x86-64 Linux, with ptrace(2)."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_TRACEME, _PEEKUSER, _POKEUSER, _SYSCALL, _SETOPTIONS = 0, 3, 6, 24, 0x4200
_TRACESYSGOOD, _EXITKILL = 1, 0x100000
#: Offsets in `struct user` of the number of the call and of its third argument.
_ORIG_RAX, _RDX = 15 * 8, 12 * 8
_WRITE = 1


def run(work: Callable[[], None]) -> int:
    """Do `work` in a child in which every write takes half of what it is given; how many did. It must succeed."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    child = os.fork()
    if child == 0:
        try:
            libc.ptrace(_TRACEME, 0, None, None)
            os.kill(os.getpid(), signal.SIGSTOP)
            work()
        except BaseException as exc:  # noqa: BLE001 - any is a finding
            os.write(2, repr(exc).encode())
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
    libc.ptrace(_SETOPTIONS, child, None, _TRACESYSGOOD | _EXITKILL)
    shortened, entering = 0, True
    while True:
        libc.ptrace(_SYSCALL, child, None, None)
        _, status = os.waitpid(child, 0)
        if not os.WIFSTOPPED(status):
            assert os.waitstatus_to_exitcode(status) == 0, "the work failed under short writes"
            return shortened
        if os.WSTOPSIG(status) != signal.SIGTRAP | 0x80:
            continue
        if entering and libc.ptrace(_PEEKUSER, child, _ORIG_RAX, None) == _WRITE:
            count = libc.ptrace(_PEEKUSER, child, _RDX, None)
            if count > 1:
                libc.ptrace(_POKEUSER, child, _RDX, count // 2)
                shortened += 1
        entering = not entering
