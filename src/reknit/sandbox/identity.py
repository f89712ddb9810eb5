"""A user that nobody else is, so that limits bind though root started the job.

RLIMIT_NPROC is not enforced for the real user 0 (kernel/fork.c), and counts all processes of a user: a user of the
job's own makes the count exact, and lets everything that the job left be found.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """An unused user and group, by their numbers in this process's user namespace."""

    user: int
    group: int

    @classmethod
    def fresh(cls) -> Stranger:
        """One from the upper end of what is mapped here."""
        return cls(user=_pick("/proc/self/uid_map")[2], group=_pick("/proc/self/gid_map")[2])

    def map_into(self, pid: int) -> None:
        """Make it user and group 0 of the new user namespace of `pid`.

        Everyone else keeps a place one number higher, so that the job can still use what root could.
        """
        for name, chosen in (("uid_map", self.user), ("gid_map", self.group)):
            start, count, _ = _pick(f"/proc/self/{name}")
            Path(f"/proc/{pid}/{name}").write_text(f"0 {chosen} 1\n1 {start} {count}\n")


def _pick(path: str) -> tuple[int, int, int]:
    """(first, count) of the ids that stay for others in the largest extent of an id map, and one of the rest."""
    extents = [[int(n) for n in line.split()] for line in Path(path).read_text().splitlines()]
    start, _, count = max(extents, key=lambda e: e[2])
    spare = min(1 << 16, count // 2)
    return start, count - spare, start + count - spare + secrets.randbelow(spare)
