"""System calls that `os` lacks, for the launcher: standard library only, nothing imported that starts slowly.

Numbers and layouts are those of the Linux UAPI headers: landlock.h, capability.h, prctl.h, seccomp.h, mount.h.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_NOSUID, MS_NODEV = 1, 2, 4
_MS_REMOUNT, _MS_BIND, _MS_RECURSIVE = 32, 4096, 16384

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS = 1, 4, 8
_PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER = 22, 24, 36
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 38, 47
_SECCOMP_MODE_FILTER, _CAP_AMBIENT_RAISE, _CAP_AMBIENT_CLEAR_ALL = 2, 2, 4
_CAPABILITY_VERSION_3, _LAST_CAPABILITY = 0x20080522, 40
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_CREATE_RULESET_VERSION, _LANDLOCK_RULE_PATH_BENEATH = 1, 1
_SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def _prctl(option: int, *args: int) -> int:
    padded = [ctypes.c_ulong(a) for a in (*args, 0, 0, 0, 0)[:4]]
    return int(_libc.prctl(option, *padded))


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags`, as unshare(2)."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """As mount(2)."""
    name = None if kind is None else os.fsencode(kind)
    where = (os.fsencode(source), os.fsencode(target))
    result = _libc.mount(*where, name, ctypes.c_ulong(flags), os.fsencode(data) or None)
    _check(result, f"mount {kind or 'bind'} on {target}")


def make_read_only(target: str) -> None:
    """What is mounted at `target`, for this mount namespace."""
    mount("none", target, None, _MS_BIND | _MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV)


def show_read_only(source: str, target: str) -> None:
    """Mount `source`, with what is mounted in it, at `target` too."""
    mount(source, target, None, _MS_BIND | _MS_RECURSIVE)
    make_read_only(target)


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends."""
    _check(_prctl(_PR_SET_PDEATHSIG, _SIGKILL), "pdeathsig")


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends."""
    _check(_prctl(_PR_SET_CHILD_SUBREAPER, 1), "child subreaper")


def forbid_inspection() -> None:
    """Close /proc/<this pid> and ptrace to processes with no more rights than this one."""
    _check(_prctl(_PR_SET_DUMPABLE, 0), "dumpable")


def keep_capabilities_over_setuid() -> None:
    """Let the permitted set outlive the next change from user 0 to another."""
    _check(_prctl(_PR_SET_KEEPCAPS, 1), "keepcaps")


def forbid_new_privileges() -> None:
    """Make set-user-id and file capabilities without effect, for good."""
    _check(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "no_new_privs")


def set_capabilities(kept: int) -> None:
    """Reduce every capability set to the bit mask `kept`; kept ones live on over exec."""
    for capability in range(_LAST_CAPABILITY + 1):
        if not kept >> capability & 1:
            _prctl(_PR_CAPBSET_DROP, capability)  # fails without CAP_SETPCAP, and then nothing can be gained anyway
    _prctl(_PR_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    data = (ctypes.c_uint32 * 6)(low, low, low, high, high, high)
    _check(_libc.capset(header, data), "capset")
    for capability in range(_LAST_CAPABILITY + 1):
        if kept >> capability & 1:
            _check(_prctl(_PR_CAP_AMBIENT, _CAP_AMBIENT_RAISE, capability), "ambient capability")


def effective_capabilities() -> int:
    """Those of this process, as a bit mask."""
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _check(_libc.capget(header, data), "capget")
    return int(data[0] | data[3] << 32)


def install_filter(program: bytes) -> None:
    """Install a seccomp filter: `program` is an array of struct sock_filter (8 bytes each)."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    pointer = Program(len(program) // 8, program)
    result = _libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(pointer), 0, 0)
    _check(result, "seccomp")


def open_events() -> int:
    """A descriptor to read events of files from, as inotify_init1(2); it never blocks."""
    return _check(int(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)), "inotify")


def watch(events: int, path: str, mask: int) -> int:
    """Number of the watch, the same for the same file: as inotify_add_watch(2); links are followed."""
    return _check(int(_libc.inotify_add_watch(events, os.fsencode(path), ctypes.c_uint32(mask))), f"watch {path}")


def landlock_abi() -> int:
    """Version of Landlock that the kernel speaks; 0 where there is none."""
    flag = _LANDLOCK_CREATE_RULESET_VERSION
    return max(0, int(_libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), flag)))


def restrict_paths(handled: tuple[int, int, int], rules: list[tuple[str, int]]) -> None:
    """Enter a Landlock domain: rights in `handled` (files, net, scopes) are denied but for `rules` (path, rights)."""
    attributes = (ctypes.c_uint64 * 3)(*handled)
    # An older kernel refuses a longer struct only where the part that it does not know is non-zero.
    ruleset = _libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(24), 0)
    _check(ruleset, "landlock ruleset")
    for path, rights in rules:
        _allow(ruleset, path, rights)
    _check(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock restriction")
    os.close(ruleset)


#: EXECUTE, WRITE_FILE, READ_FILE, TRUNCATE, IOCTL_DEV: the rights that a rule on a file may carry.
_FILE_RIGHTS = 1 | 2 | 4 | 1 << 14 | 1 << 15


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no permission
    try:
        if not os.path.isdir(f"/proc/self/fd/{beneath}"):
            rights &= _FILE_RIGHTS
        rule = rights.to_bytes(8, "little") + beneath.to_bytes(4, "little")
        result = _libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0)
        _check(result, f"landlock rule for {path}")
    finally:
        os.close(beneath)
