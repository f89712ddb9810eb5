"""The filter, run by a small interpreter of ours, so that both machine types are tested on either."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from reknit.sandbox.seccomp import AARCH64, ARCHITECTURES, X86_64, Architecture, assemble

ALLOW, KILL = "allow", "kill"
I386 = 0x40000003


def run(program: bytes, number: int, *arguments: int, audit: int) -> str | int:
    """What a filter answers: allow, kill, or an errno (classic BPF over struct seccomp_data)."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<iIQ6Q", number, audit, 0, *padded)
    accumulator, at = 0, 0
    answers: dict[int, str | int] = {0x7FFF0000: ALLOW, 0x80000000: KILL}
    code: list[tuple[int, int, int, int]] = list(struct.iter_unpack("<HBBI", program))
    while True:
        operation, yes, no, value = code[at]
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x15:
                at += yes if accumulator == value else no
            case 0x35:
                at += yes if accumulator >= value else no
            case 0x45:
                at += yes if accumulator & value else no
            case 0x06:
                return answers.get(value, value & 0xFFFF)
            case _:
                pytest.fail(f"unknown operation {operation:#x}")


@pytest.fixture(params=list(ARCHITECTURES))
def machine(request: pytest.FixtureRequest) -> Architecture:
    return ARCHITECTURES[request.param]


def test_refuses_each_call_of_the_table(machine: Architecture) -> None:
    program = assemble(machine, own_namespaces=True)
    answers = {name: run(program, number, audit=machine.audit) for name, number in machine.refused.items()}
    assert answers == dict.fromkeys(machine.refused, errno.EPERM)


def test_allows_the_rest(machine: Architecture) -> None:
    program = assemble(machine, own_namespaces=True)
    special = {*machine.refused.values(), machine.clone3, machine.socket}
    for number in set(range(470)) - special:
        assert run(program, number, audit=machine.audit) == ALLOW, number


def test_looks_at_arguments(machine: Architecture) -> None:
    program = assemble(machine, own_namespaces=True)
    table = [
        (machine.clone, (0x01200011,), ALLOW),  # fork
        (machine.clone, (0x003D0F00,), ALLOW),  # a thread
        (machine.clone, (0x10000011,), errno.EPERM),
        (machine.clone, (0x02000011,), errno.EPERM),
        (machine.clone3, (), errno.ENOSYS),
        (machine.socket, (1,), ALLOW),
        (machine.socket, (2,), ALLOW),
        (machine.socket, (10,), ALLOW),
        (machine.socket, (17,), errno.EACCES),
        (machine.socket, (16,), errno.EACCES),
        (machine.socket, (1 << 32 | 16,), errno.EACCES),
        (machine.ioctl, (0, 0x5412), errno.EPERM),
        (machine.ioctl, (0, 1 << 32 | 0x5412), errno.EPERM),  # the kernel looks at the low half only
        (machine.ioctl, (0, 0x541C), errno.EPERM),
        (machine.ioctl, (0, 0x5401), ALLOW),
    ]
    for number, arguments, answer in table:
        assert run(program, number, *arguments, audit=machine.audit) == answer, (number, arguments)


def test_refuses_what_reaches_others_where_nothing_else_keeps_them_apart(machine: Architecture) -> None:
    """Every socket, what outlives the process, and what is aimed at another one; a process may still limit itself."""
    program = assemble(machine, own_namespaces=False)
    assert run(program, machine.socket, 1, audit=machine.audit) == errno.EACCES
    assert {run(program, number, audit=machine.audit) for number in machine.shared.values()} == {errno.ENOSYS}
    assert {run(program, number, audit=machine.audit) for number in machine.labels.values()} == {errno.ENOTSUP}
    for name, (number, argument) in machine.aimed.items():
        before = [0] * ((argument - 16) // 8)
        assert run(program, number, *before, 7, audit=machine.audit) == errno.EPERM, name
        assert run(program, number, *before, 0, 7, audit=machine.audit) == ALLOW, name


def test_kills_foreign_tables(machine: Architecture) -> None:
    program = assemble(machine, own_namespaces=True)
    assert run(program, 20, audit=I386) == KILL


def test_kills_x32(machine: Architecture) -> None:
    program = assemble(machine, own_namespaces=True)
    assert run(program, 0x40000000 + 39, audit=machine.audit) == (KILL if machine is X86_64 else ALLOW)


@pytest.mark.parametrize(
    ("machine", "header"),
    [(X86_64, "x86_64-linux-gnu/asm/unistd_64.h"), (AARCH64, "asm-generic/unistd.h")],
    ids=["x86_64", "aarch64"],
)
def test_numbers_are_those_of_the_kernel(machine: Architecture, header: str) -> None:
    """asm-generic is aarch64's table."""
    path = Path("/usr/include") / header
    if not path.exists():
        pytest.skip("needs linux-libc-dev")
    known = {name: int(n) for name, n in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", path.read_text())}
    ours = (
        machine.refused
        | machine.shared
        | machine.labels
        | {name: number for name, (number, _) in machine.aimed.items()}
    )
    ours |= {name: getattr(machine, name) for name in ("clone", "clone3", "socket", "ioctl")}
    assert {name: known.get(name, number) for name, number in ours.items()} == ours
