"""Faults at the border of the system: strace attaches to a child that was forked with all that it needs loaded.

`strace -e inject` counts the calls of each name; so one run is recorded, and then each call of each name is a point.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

#: Calls that write, rename, link, sync, make or remove; those that open count where they may make or change a file.
CHANGING = (
    "open", "openat", "creat", "write", "pwrite64", "writev", "pwritev", "rename", "renameat", "renameat2", "link", "linkat",
    "symlink", "symlinkat", "fsync", "fdatasync", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "truncate", "ftruncate",
    "fallocate", "chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "setxattr", "fsetxattr", "utimensat",
)  # fmt: skip
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")
_READS = re.compile(r"\bopen(at)?\((?!.*(O_CREAT|O_WRONLY|O_RDWR))")
#: Exit status of a child that met an error made for people, and of one that met any other.
TOLD, BARE = 3, 4


class Point(NamedTuple):
    """One call: its name, and its number among the calls of that name, from 1."""

    name: str
    number: int


class Ending(NamedTuple):
    """How a child ended: its exit status or minus the signal, what it said, and the calls that were traced."""

    status: int
    said: str
    calls: list[str]


def run(work: Callable[[], None], scratch: Path, *injection: str, options: tuple[str, ...] = ()) -> Ending:
    """Do `work` in a child, under strace with these `-e inject=` expressions."""
    said, trace = scratch / "said", scratch / "trace"
    for path in (said, trace):
        path.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        _work(work, said)
    os.waitpid(child, os.WUNTRACED)
    known = ",".join(f"?{name}" for name in CHANGING)
    more = [word for expression in injection for word in ("-e", f"inject={expression}")]
    tracer = subprocess.Popen(
        ["strace", "-p", str(child), "-o", str(trace), "-e", f"trace={known}", *more, *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracer.stderr is not None
    line = tracer.stderr.readline()
    if "attached" not in line:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sys.exit(f"strace cannot attach: {line}{tracer.stderr.read()}")
    os.kill(child, signal.SIGCONT)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    tracer.stderr.close()
    tracer.wait()
    return Ending(status, said.read_text() if said.exists() else "", trace.read_text(errors="replace").splitlines())


def _work(work: Callable[[], None], said: Path) -> None:
    """In the child: stop until the tracer is there, work, and end without a trace of the parent's."""
    from reknit.errors import ReknitError

    status = 0
    try:
        os.kill(os.getpid(), signal.SIGSTOP)
        work()
    except ReknitError as exc:
        status = TOLD
        said.write_text(f"{exc.slug}: {exc.message}")
    except BaseException as exc:  # noqa: BLE001 - any is a finding
        status = BARE
        said.write_text(repr(exc))
    finally:
        os._exit(status)


def points(ending: Ending) -> Iterator[Point]:
    """Every call of a run that changes something, in order."""
    seen: Counter[str] = Counter()
    for line in ending.calls:
        found = _CALL.match(line)
        if found:
            seen[found[1]] += 1
            if not _READS.search(line):
                yield Point(found[1], seen[found[1]])
