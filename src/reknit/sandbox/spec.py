"""What the launcher is told: plain values that marshal carries, all decisions already taken."""

from __future__ import annotations

import marshal
import os
import platform
import resource
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, TypedDict

from reknit.sandbox.base import Job, Limits

#: (path relative to the root, content or None to hide it, mtime in ns or None)
SpecFile = tuple[str, bytes | None, int | None]


class Spec(TypedDict):
    """One job as `launch.py` carries it out."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    pass_fds: list[int]
    #: Whether process control of Linux (prctl, /proc) may be used.
    linux: bool
    #: Whether the job has process ids of its own, so that `kill(-1)` reaches all of it and nothing else.
    pid_namespace: bool
    root: str
    #: How the root is shown by the launcher: overlay, bind; "" where that was done outside.
    view: str
    files: list[SpecFile]
    #: A folder of the launcher's, hidden from the job.
    scratch: str
    rlimits: list[tuple[int, int]]
    niceness: int
    #: Processors that may be used; empty: all of ours.
    cores: list[int]
    #: User and group to become; None: stay.
    user: tuple[int, int] | None
    #: Bit mask of those kept; None: leave all as they are.
    capabilities: int | None
    #: (handled rights of files, net, scopes), and the rules.
    landlock: tuple[tuple[int, int, int], list[tuple[str, int]]] | None
    seccomp: bytes | None
    #: Paths below the root that the job shall leave as they are.
    sealed: list[str]
    #: A folder, and the bytes that it may grow by; None where its file system has that size.
    disk: tuple[str, int] | None


def plain_spec(job: Job, *, root: str, env: dict[str, str], scratch: Path | None) -> Spec:
    """A spec that isolates nothing: limits only, on the disk those of the folder `scratch`."""
    return Spec(
        argv=list(job.argv),
        env=env,
        cwd=str(Path(root) / job.cwd),
        pass_fds=list(job.pass_fds),
        linux=sys.platform == "linux",
        pid_namespace=False,
        root=root,
        view="",
        files=[],
        scratch="",
        rlimits=rlimits(job.limits),
        niceness=job.limits.niceness,
        cores=_cores(job.limits),
        user=None,
        capabilities=None,
        landlock=None,
        seccomp=None,
        sealed=list(job.sealed),
        disk=None if scratch is None or job.limits.disk is None else (str(scratch), job.limits.disk),
    )


def write_spec(spec: Spec) -> BinaryIO:
    """The spec in an unlinked file, at its start."""
    stream = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    stream.write(marshal.dumps(dict(spec)))
    stream.seek(0)
    return stream


def patched_files(job: Job) -> list[SpecFile]:
    """The view's files, each dated one second after the original.

    A .pyc is taken as fresh when time (in seconds) and size agree, so a patched file must not share the original's time.
    """
    found: list[SpecFile] = []
    for path, content in job.view.files.items():
        try:
            mtime = (job.view.root / path).stat().st_mtime_ns + 1_000_000_000
        except OSError:
            mtime = None
        found.append((path, content, mtime))
    return found


def rlimits(limits: Limits) -> list[tuple[int, int]]:
    """(RLIMIT_*, bound) for each limit that is set; the processes are the caller's to add."""
    bounds = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_FSIZE: limits.file_size,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    result = []
    for kind, bound in bounds.items():
        if bound is not None:
            hard = resource.getrlimit(kind)[1]
            result.append((kind, bound if hard == resource.RLIM_INFINITY else min(bound, hard)))
    return result


def _cores(limits: Limits) -> list[int]:
    """The last half of the processors that this process may use, or as many as the limits say if these are more."""
    if sys.platform != "linux":
        return []
    ours = sorted(os.sched_getaffinity(0))
    return ours[-max(limits.cores, len(ours) // 2) :]


#: From 5.14 on, a user namespace counts its processes apart from those outside.
_COUNTS_APART = (5, 14)


def process_limit(limits: Limits, *, namespace: bool, own_user: bool) -> list[tuple[int, int]]:
    """RLIMIT_NPROC such that the job itself may have `limits.processes`."""
    if limits.processes is None or sys.platform != "linux":
        return []
    helpers = 2 if namespace else 1
    others = 0 if own_user or (namespace and _kernel() >= _COUNTS_APART) else _tasks_of(os.getuid())
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    bound = limits.processes + (0 if own_user else helpers + others)
    return [(resource.RLIMIT_NPROC, bound if hard == resource.RLIM_INFINITY else min(bound, hard))]


def _kernel() -> tuple[int, int]:
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()) or 0)


def _tasks_of(user: int) -> int:
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == user:
                    total += len(os.listdir(entry / "task"))
            except OSError:
                continue  # it ended meanwhile
    return total
