"""A seccomp filter, assembled here: which system calls a job may not make (seccomp(2), linux/filter.h).

A list of refusals, not of permissions: tests use nearly everything, and the file system, the network and the
processes outside are already out of reach. What is refused is what widens that reach or speaks to rarely used
parts of the kernel.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from dataclasses import dataclass

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
#: Offsets in struct seccomp_data; both architectures are little-endian, so the low half of an argument comes first.
_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24
_X32_BIT = 0x40000000

_NEW_NAMESPACES = 0x7E020000
#: Unix, IPv4, IPv6: what reaches nobody outside in a network namespace of the job's own.
_OWN_FAMILIES = (1, 2, 10)
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One machine type: its AUDIT_ARCH_* number and its system calls."""

    audit: int
    #: Refused whatever the arguments, by name.
    refused: dict[str, int]
    #: Memory, semaphores and queues that outlive the process: refused where they are not the job's alone.
    shared: dict[str, int]
    #: What can be aimed at another process of the user, and the argument with its number (0: oneself): likewise.
    aimed: dict[str, tuple[int, int]]
    #: Extended attributes of files, wherever these are: likewise, since Landlock does not look at them.
    labels: dict[str, int]
    clone: int
    clone3: int
    socket: int
    ioctl: int
    has_x32: bool = False


_SAME_EVERYWHERE = {
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "mount_setattr": 442, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "pidfd_getfd": 438, "process_madvise": 440, "quotactl_fd": 443,
}  # fmt: skip

X86_64 = Architecture(
    audit=0xC000003E,
    refused=_SAME_EVERYWHERE
    | {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "mount": 165, "umount2": 166,
        "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308, "add_key": 248, "request_key": 249,
        "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "kexec_load": 246,
        "kexec_file_load": 320, "init_module": 175, "finit_module": 313, "delete_module": 176, "reboot": 169,
        "swapon": 167, "swapoff": 168, "open_by_handle_at": 304, "fanotify_init": 300, "quotactl": 179, "acct": 163,
        "syslog": 103, "settimeofday": 164, "clock_settime": 227, "clock_adjtime": 305, "adjtimex": 159,
        "sethostname": 170, "setdomainname": 171, "vhangup": 153, "iopl": 172, "ioperm": 173,
    },
    shared={
        "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66, "semtimedop": 220, "msgget": 68,
        "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "mq_open": 240, "mq_unlink": 241,
    },
    aimed={
        "prlimit64": (302, _ARGUMENT_0), "setpriority": (141, _ARGUMENT_1), "ioprio_set": (251, _ARGUMENT_1),
        "sched_setaffinity": (203, _ARGUMENT_0), "sched_setparam": (142, _ARGUMENT_0),
        "sched_setscheduler": (144, _ARGUMENT_0), "sched_setattr": (314, _ARGUMENT_0),
        "migrate_pages": (256, _ARGUMENT_0), "move_pages": (279, _ARGUMENT_0),
    },
    labels={
        "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198,
        "fremovexattr": 199, "setxattrat": 463, "removexattrat": 466,
    },
    clone=56, clone3=435, socket=41, ioctl=16, has_x32=True,
)  # fmt: skip

AARCH64 = Architecture(
    audit=0xC00000B7,
    refused=_SAME_EVERYWHERE
    | {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "mount": 40, "umount2": 39,
        "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268, "add_key": 217, "request_key": 218,
        "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "kexec_load": 104,
        "kexec_file_load": 294, "init_module": 105, "finit_module": 273, "delete_module": 106, "reboot": 142,
        "swapon": 224, "swapoff": 225, "open_by_handle_at": 265, "fanotify_init": 262, "quotactl": 60, "acct": 89,
        "syslog": 116, "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266, "adjtimex": 171,
        "sethostname": 161, "setdomainname": 162, "vhangup": 58,
    },
    shared={
        "shmget": 194, "shmat": 196, "shmctl": 195, "semget": 190, "semop": 193, "semctl": 191, "semtimedop": 192,
        "msgget": 186, "msgsnd": 189, "msgrcv": 188, "msgctl": 187, "mq_open": 180, "mq_unlink": 181,
    },
    aimed={
        "prlimit64": (261, _ARGUMENT_0), "setpriority": (140, _ARGUMENT_1), "ioprio_set": (30, _ARGUMENT_1),
        "sched_setaffinity": (122, _ARGUMENT_0), "sched_setparam": (118, _ARGUMENT_0),
        "sched_setscheduler": (119, _ARGUMENT_0), "sched_setattr": (274, _ARGUMENT_0),
        "migrate_pages": (238, _ARGUMENT_0), "move_pages": (239, _ARGUMENT_0),
    },
    labels={
        "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16,
        "setxattrat": 463, "removexattrat": 466,
    },
    clone=220, clone3=435, socket=198, ioctl=29,
)  # fmt: skip

#: By `platform.machine()`.
ARCHITECTURES = {"x86_64": X86_64, "aarch64": AARCH64}


def assemble(architecture: Architecture, *, own_namespaces: bool) -> bytes:
    """The filter as an array of struct sock_filter; `own_namespaces`: what only reaches the job itself is allowed."""
    a = architecture
    code = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_JUMP_EQUAL, a.audit, yes=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if a.has_x32:
        code += [_step(_JUMP_AT_LEAST, _X32_BIT, no=1), _step(_RETURN, _KILL)]
    # glibc and CPython fall back to clone where clone3 is unknown, and only clone's flags can be read by a filter.
    code += _answer(a.clone3, errno.ENOSYS)
    for number in a.refused.values():
        code += _answer(number, errno.EPERM)
    code += _when(a.clone, _ARGUMENT_0, [_step(_JUMP_ANY_BIT, _NEW_NAMESPACES, no=1), _refuse(errno.EPERM)])
    if own_namespaces:
        code += _when(a.socket, _ARGUMENT_0, [*_any_of(_OWN_FAMILIES), _refuse(errno.EACCES)])
    else:
        code += _answer(a.socket, errno.EACCES)
        for number in a.shared.values():
            code += _answer(number, errno.ENOSYS)  # as of a kernel without them
        for number in a.labels.values():
            code += _answer(number, errno.ENOTSUP)  # as of a file system without them
        for number, argument in a.aimed.values():
            code += _when(number, argument, [*_any_of((0,)), _refuse(errno.EPERM)])
    terminal = [_step(_JUMP_EQUAL, _TIOCSTI, yes=1), _step(_JUMP_EQUAL, _TIOCLINUX, no=1), _refuse(errno.EPERM)]
    code += _when(a.ioctl, _ARGUMENT_1, terminal)
    code.append(_step(_RETURN, _ALLOW))
    return b"".join(code)


def _step(operation: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """One struct sock_filter; `yes` and `no` count the instructions to skip."""
    return struct.pack("<HBBI", operation, yes, no, value)


def _refuse(code: int) -> bytes:
    return _step(_RETURN, _ERRNO | code)


def _answer(number: int, code: int) -> list[bytes]:
    return [_step(_JUMP_EQUAL, number, no=1), _refuse(code)]


def _any_of(values: Sequence[int]) -> list[bytes]:
    """Skip one instruction where the accumulator is one of `values`."""
    return [_step(_JUMP_EQUAL, value, yes=len(values) - at) for at, value in enumerate(values)]


def _when(number: int, argument: int, body: Sequence[bytes]) -> list[bytes]:
    """For system call `number`: load the low half of an argument, run `body`, allow what it lets through."""
    inner = [_step(_LOAD, argument), *body, _step(_RETURN, _ALLOW)]
    return [_step(_JUMP_EQUAL, number, no=len(inner)), *inner]
