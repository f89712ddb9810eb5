"""CPU seconds of a process and of all that it has started, seen from outside."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
#: Of `/proc/PID/stat`, counted after the name: the parent, and user and system time of the process and of the children
#: that it has waited for.
_PARENT, _TIMES = 1, slice(11, 15)


def cpu_seconds() -> float:
    """User and system time so far: this process, the children it has waited for, and all descendants that live.

    Living ones are read from `/proc`, in steps of 10 ms for each: measure many candidates at once. A descendant that
    ends and that nobody waits for is lost; the workers of a pool live as long as the pool.
    """
    ended = sum(_of(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return ended + sum(sum(times) for times in _descendants()) / _TICKS


def _of(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _descendants() -> Iterator[tuple[int, ...]]:
    """The times of every process below this one, in ticks."""
    parents: dict[int, int] = {}
    times: dict[int, tuple[int, ...]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (read := parsed(_stat(entry))) is not None:
            parents[int(entry.name)], times[int(entry.name)] = read
    wanted = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in wanted and pid not in wanted}:
        wanted |= more
    return (times[pid] for pid in wanted if pid != os.getpid())


def _stat(entry: Path) -> str:
    try:
        return (entry / "stat").read_text("utf-8", "replace")
    except OSError:  # it has ended
        return ""


def parsed(stat: str) -> tuple[int, tuple[int, ...]] | None:
    """Parent and times from a line of `/proc/PID/stat`; a name in it may hold anything, parentheses too."""
    fields = stat.rpartition(")")[2].split()
    if len(fields) < _TIMES.stop:
        return None
    return int(fields[_PARENT]), tuple(int(f) for f in fields[_TIMES])
