"""Sandboxes to be tested, and attempts that run once free, as control, and once inside."""

from __future__ import annotations

import functools
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reknit.sandbox import Job, Limits, Sandbox, View, ViewKind
from reknit.sandbox.bubblewrap import Bubblewrap
from reknit.sandbox.find import trial
from reknit.sandbox.kernel import landlock_abi
from reknit.sandbox.landlock import Landlock
from reknit.sandbox.unconfined import Unconfined

#: Seconds; many times what any of these jobs needs.
PATIENCE = 30.0

_BIND = pytest.param("bubblewrap-bind", marks=pytest.mark.needs_tool("bwrap"))
CONFINED = [pytest.param("bubblewrap", marks=pytest.mark.needs_tool("bwrap")), "landlock"]
#: The two ways to show the project differ in what can be done to files only.
CONFINED_FILES = [*CONFINED, _BIND]
ALL = [*CONFINED_FILES, "none"]


@functools.cache
def _usable(name: str) -> Sandbox | str:
    """The sandbox of this name, or why this machine has none."""
    scratch = Path(tempfile.gettempdir())
    made: Mapping[str, Sandbox] = {
        "bubblewrap": Bubblewrap(program=shutil.which("bwrap") or "bwrap"),
        "bubblewrap-bind": Bubblewrap(program=shutil.which("bwrap") or "bwrap", view_kind=ViewKind.BIND),
        "landlock": Landlock(scratch=scratch),
        "none": Unconfined(scratch=scratch),
    }
    if name == "landlock" and not landlock_abi():
        return "this kernel has no Landlock"
    reason = None if name == "none" else trial(made[name])
    return reason or made[name]


def open_jail(name: str) -> Sandbox:
    """The sandbox of this name; skips where it does not work."""
    found = _usable(name)
    if isinstance(found, str) and os.environ.get("CI") == "true":
        pytest.fail(f"{name} does not work here: {found}", pytrace=False)
    if isinstance(found, str):
        pytest.skip(f"{name} does not work here: {found}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended."""

    status: int | None
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A Python program, with what it is given."""

    code: str
    args: Sequence[str] = ()
    pass_fds: Sequence[int] = ()
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    cwd: str = "."

    def job(self, root: Path) -> Job:
        """The attempt as a job on the project at `root`."""
        return Job(
            argv=[sys.executable, "-I", "-c", self.code, *self.args],
            view=View(root=root, files=self.files),
            env=self.env,
            cwd=self.cwd,
            readable=[Path(sys.base_prefix), Path(sys.prefix)],
            pass_fds=self.pass_fds,
            limits=self.limits,
        )

    def inside(self, sandbox: Sandbox, root: Path) -> Ended:
        """Run it in the sandbox."""
        with sandbox.start(self.job(root)) as running:
            status = running.wait(PATIENCE)
            return Ended(status=status, output=running.output().decode(errors="replace"))

    def free(self, root: Path) -> Ended:
        """Run it with all the rights of this process."""
        done = subprocess.run(
            [sys.executable, "-I", "-c", self.code, *self.args],
            cwd=root,
            env=dict(self.env),
            pass_fds=self.pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Ended(status=done.returncode, output=done.stdout)


def assert_stopped(attempt: Attempt, sandbox: Sandbox, root: Path, *, control: bool = True) -> Ended:
    """It gets out when free and not from inside; a program says ESCAPED when it is out, and before that `tried`."""
    inside = attempt.inside(sandbox, root)
    assert "tried" in inside.output, inside
    assert "ESCAPED" not in inside.output, inside
    free = attempt.free(root) if control else None
    if free and "ESCAPED" not in free.output:
        pytest.skip(f"tried and stopped, but closed to this user anyway: {free.output.strip()[-80:]!r} ({free.status})")
    return inside


def nobody_writes(pipe: int) -> bool:
    """Whether the last process that holds the other end goes away in time."""
    deadline = time.monotonic() + PATIENCE
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        if not os.read(pipe, 1 << 16):
            return True
    return False


def is_root() -> bool:
    """Whether these tests run as root."""
    return os.getuid() == 0
