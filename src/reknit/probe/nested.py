"""A fence between a candidate and the process that it was forked from.

A child has its parent's user and rights, so without more it could write into its parent's memory, read its files or kill
it, and so decide over every candidate that comes after. Behind the fence it reaches only itself and what it starts; the
parent still reaches the child. Numbers are those of linux/landlock.h and linux/prctl.h.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_DUMPABLE = 4
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_MAKE_BLOCK, _REFER = 1 << 11, 1 << 13
#: Abstract Unix sockets and signals of processes outside.
_SCOPES = 3


class Fence:
    """Made before the first fork, so that a child needs two system calls to go behind it.

    By Landlock, whose nested domains cannot trace or open what is outside (from version 6 on, Linux 6.12, nor signal it or
    reach its abstract sockets), and by closing the parent's memory to its own user. Where the kernel has no Landlock, or
    refuses it, the second is all there is; outside Linux nothing is.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._ruleset = -1 if self._libc is None else _ruleset(self._libc)

    def close(self) -> None:
        """Close this process to all that are not more than it; later than what the project does in it itself."""
        if self._libc is not None:
            self._libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)

    def enter(self) -> None:
        """Go behind it, for good, with all that this process starts."""
        if self._libc is None:
            return
        self._libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # the child is its own to look at, as any process
        if self._ruleset >= 0:
            self._libc.syscall(_RESTRICT_SELF, self._ruleset, 0)
            os.close(self._ruleset)


def _ruleset(libc: ctypes.CDLL) -> int:
    """A descriptor of the domain's rules; negative where there is no Landlock."""
    version = int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))
    if version < 1:
        return -1
    # Something must be handled. To move files between folders is refused in any domain that does not allow it, handled
    # or not; before version 2 it cannot be allowed, and the sandbox around this refuses it anyway.
    handled = _REFER if version >= 2 else _MAKE_BLOCK
    attributes = (ctypes.c_uint64 * 3)(handled, 0, _SCOPES if version >= 6 else 0)
    ruleset = int(libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(24), 0))
    if ruleset < 0 or version < 2:
        return ruleset
    top = os.open("/", os.O_PATH | os.O_CLOEXEC)
    rule = _REFER.to_bytes(8, "little") + top.to_bytes(4, "little")
    libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    os.close(top)
    return ruleset
