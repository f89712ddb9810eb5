"""What a job keeps: Landlock rights (linux/landlock.h), capabilities, the system call filter."""

from __future__ import annotations

import platform
from collections.abc import Iterable

from reknit.sandbox import kernel
from reknit.sandbox.seccomp import ARCHITECTURES, assemble

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL_DEV = 1, 2, 4, 8, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICE = _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV

_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER, _CAP_FSETID = 0, 1, 2, 3, 4
#: Inside a user namespace: what root can do to its own project's files, which here are another user's.
CAPABILITIES_OF_ROOT = 1 << _CAP_CHOWN | 1 << _CAP_DAC_OVERRIDE | 1 << _CAP_FOWNER | 1 << _CAP_FSETID

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
_TERMINALS = ("/dev/ptmx", "/dev/pts")

Domain = tuple[tuple[int, int, int], list[tuple[str, int]]]


def handled(abi: int) -> tuple[int, int, int]:
    """Rights that version `abi` of Landlock can refuse: on files, on TCP, across domains."""
    files = (1 << 13) - 1  # EXECUTE … MAKE_SYM
    if abi >= 2:  # REFER
        files |= 1 << 13
    if abi >= 3:
        files |= _TRUNCATE
    if abi >= 5:
        files |= _IOCTL_DEV
    network = 3 if abi >= 4 else 0  # BIND_TCP, CONNECT_TCP
    scopes = 3 if abi >= 6 else 0  # ABSTRACT_UNIX_SOCKET, SIGNAL
    return files, network, scopes


def domain(*, readable: Iterable[str], writable: Iterable[str], devices: Iterable[str], abi: int) -> Domain:
    """A Landlock domain over the allowed paths."""
    rights = handled(abi)
    files = rights[0]
    rules = [(path, _READ & files) for path in readable]
    rules += [(path, files) for path in writable]
    rules += [(path, _DEVICE & files) for path in devices]
    return rights, rules


def everything_here(*, writable: Iterable[str]) -> Domain | None:
    """The domain for a file system that shows only what may be read anyway, and a network of the job's own.

    None where there is no Landlock.
    """
    abi = kernel.landlock_abi()
    if not abi:
        return None
    (files, _, scopes), rules = domain(readable=["/"], writable=writable, devices=(*_DEVICES, *_TERMINALS), abi=abi)
    return (files, 0, scopes), rules


def only(*, readable: Iterable[str], writable: Iterable[str]) -> Domain:
    """The domain where Landlock alone says what may be read."""
    return domain(readable=readable, writable=writable, devices=_DEVICES, abi=kernel.landlock_abi())


def filter_program(*, own_namespaces: bool) -> bytes | None:
    """The system call filter for this machine; None on a machine type that we have no table for."""
    architecture = ARCHITECTURES.get(platform.machine())
    return assemble(architecture, own_namespaces=own_namespaces) if architecture else None


def reading_capability() -> int:
    """The least of this process's capabilities that lets it read files of any user; 0 where it has none."""
    effective = kernel.effective_capabilities()
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        if effective >> capability & 1:
            return 1 << capability
    return 0
