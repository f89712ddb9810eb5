"""Which level of isolation works here: found by trying, strongest first, each time anew."""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from reknit.errors import SandboxError
from reknit.sandbox.base import Job, Level, Sandbox, View, ViewKind
from reknit.sandbox.bubblewrap import Bubblewrap
from reknit.sandbox.confine import filter_program
from reknit.sandbox.kernel import landlock_abi
from reknit.sandbox.landlock import Landlock
from reknit.sandbox.seatbelt import Seatbelt
from reknit.sandbox.unconfined import Unconfined

#: Makes the sandboxes of one level, best first; or says by a SandboxError why there is none.
Maker = Callable[[Path], Iterator[Sandbox]]

#: Ends with a sentence where something was possible that must not be.
_TRIAL = """
import os, socket, sys
if open("probe.txt").read() != "patched":
    sys.exit("it does not show the patched file")
try:
    open(sys.argv[1], "r+").close()
except OSError:
    pass
else:
    sys.exit("a file outside can be written")
try:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).connect(("127.0.0.1", int(os.environ["PORT"])))
except OSError:
    pass
else:
    sys.exit("the network can be reached")
"""
_TRIAL_SECONDS = 20.0


def find(
    preferred: Level | None = None, *, scratch: Path | None = None, makers: Mapping[Level, Maker] | None = None
) -> Sandbox:
    """The strongest level that works here, or `preferred` alone; `SandboxError` names what was tried and why it failed.

    Level.NONE is never found, only preferred. `scratch` is a folder for copies of the project.
    """
    found, failures = survey(preferred, scratch=scratch, makers=makers)
    if found is not None:
        return found
    raise SandboxError(
        "no isolation works here, so the project's code was not run; tried " + "; ".join(failures),
        slug="no-sandbox",
        hint="install bubblewrap, or run with `--isolation none` if you trust this repository with your account",
    )


def survey(
    preferred: Level | None = None, *, scratch: Path | None = None, makers: Mapping[Level, Maker] | None = None
) -> tuple[Sandbox | None, tuple[str, ...]]:
    """What `find` finds, and why each that is stronger does not work: "level: reason"."""
    folder = scratch or Path(tempfile.gettempdir())
    known = makers or MAKERS
    wanted = [preferred] if preferred else [level for level in Level if level is not Level.NONE]
    failures: list[str] = []
    for level in wanted:
        try:
            for sandbox in known[level](folder):
                reason = None if level is Level.NONE else trial(sandbox)
                if reason is None:
                    return sandbox, tuple(failures)
                failures.append(f"{level}: {reason}")
        except (SandboxError, OSError) as exc:
            failures.append(f"{level}: {exc}")
    return None, tuple(failures)


def trial(sandbox: Sandbox) -> str | None:
    """Why `sandbox` cannot be relied on here, found by running a small program in it; None if it can."""
    try:
        return _run(sandbox)
    except (SandboxError, OSError) as exc:
        return str(exc)


def _run(sandbox: Sandbox) -> str | None:
    # Resolved, because a view's root must be; not below the system's folders, which every job may read.
    with tempfile.TemporaryDirectory(prefix="reknit-trial-") as name, socket.create_server(("127.0.0.1", 0)) as server:
        root, canary = Path(name).resolve() / "project", Path(name).resolve() / "canary"
        root.mkdir()
        (root / "probe.txt").write_text("original")
        canary.write_text("alive")
        job = Job(
            argv=[sys.executable, "-I", "-S", "-c", _TRIAL, str(canary)],
            view=View(root=root, files={"probe.txt": b"patched"}),
            env={"PORT": str(server.getsockname()[1])},
            readable=[Path(sys.base_prefix)],
        )
        with sandbox.start(job) as running:
            status = running.wait(_TRIAL_SECONDS)
            said = running.output().decode(errors="replace").strip()
        if status is None:
            return f"a trial run did not end within {_TRIAL_SECONDS:g} s"
        if (root / "probe.txt").read_text() != "original":
            return "a write reached the user's tree"
        return None if status == 0 else said or f"a trial run ended with status {status}"


def _bubblewrap(_scratch: Path) -> Iterator[Sandbox]:
    if sys.platform != "linux":
        raise SandboxError("works on Linux only", slug="sandbox-platform")
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError("bwrap is not installed", slug="sandbox-tool")
    for kind in (ViewKind.OVERLAY, ViewKind.BIND):
        yield Bubblewrap(program=program, view_kind=kind)


def _landlock(scratch: Path) -> Iterator[Sandbox]:
    if sys.platform != "linux":
        raise SandboxError("works on Linux only", slug="sandbox-platform")
    if not landlock_abi():
        raise SandboxError("this kernel has no Landlock, or it is switched off", slug="sandbox-kernel")
    if filter_program(own_namespaces=False) is None:
        raise SandboxError("there is no system call filter for this machine type", slug="sandbox-kernel")
    yield Landlock(scratch=scratch)


def _seatbelt(scratch: Path) -> Iterator[Sandbox]:
    if sys.platform != "darwin":
        raise SandboxError("works on macOS only", slug="sandbox-platform")
    yield Seatbelt(scratch=scratch)


def _unconfined(scratch: Path) -> Iterator[Sandbox]:
    yield Unconfined(scratch=scratch)


MAKERS: Mapping[Level, Maker] = {
    Level.BUBBLEWRAP: _bubblewrap,
    Level.LANDLOCK: _landlock,
    Level.SEATBELT: _seatbelt,
    Level.NONE: _unconfined,
}
