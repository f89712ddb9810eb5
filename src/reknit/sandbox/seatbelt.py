"""Level seatbelt: macOS's sandbox-exec. Written from its documentation and other programs' profiles; never run by us."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reknit.sandbox.base import Job, Level, Private, ViewKind
from reknit.sandbox.landlock import private_folders
from reknit.sandbox.mirror import linked, mirror
from reknit.sandbox.process import LaunchedJob, Shown, drop, launcher_needs
from reknit.sandbox.spec import plain_spec

_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/System",
    "/Library",
    "/opt/homebrew",
    "/private/var/db/timezone",
    "/private/etc/ssl",
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seatbelt:
    """Starts jobs under a sandbox profile, on a copy below `scratch`."""

    scratch: Path
    level: Level = Level.SEATBELT

    def start(self, job: Job) -> LaunchedJob:
        """The job, running on a copy; `SandboxError` if it cannot be started."""
        folder = Path(tempfile.mkdtemp(prefix="reknit-", dir=self.scratch)).resolve()
        try:
            copy = folder / "project"
            mirror(job, copy, owner=None, link_git=True)
            env = private_folders(job, folder, owner=None)
            spec = plain_spec(job, root=str(copy), env=env, scratch=folder)
            readable = [*job.readable, *launcher_needs(), *linked(job.view.root)]
            text = profile(readable=readable, writable=[folder])
            private = [Private(path=path, changes=path) for path in (env["HOME"], env["TMPDIR"], str(copy))]
            shown = Shown(level=self.level, view_kind=ViewKind.COPY, root=copy, private=private, scratch=folder)
        except BaseException:  # - Ctrl-C too: nobody else knows of the folder
            drop(folder)
            raise
        return LaunchedJob(spec, shown, wrap=lambda command: ["/usr/bin/sandbox-exec", "-p", text, *command])


def profile(*, readable: Iterable[Path], writable: Iterable[Path]) -> str:
    """A profile that refuses everything but the allowed paths; no network, no other processes."""
    may_read = [*map(Path, _SYSTEM), *readable, *writable]
    named = {p for path in may_read for p in (path, path.resolve())}
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork process-exec sysctl-read)",
        "(allow signal (target same-sandbox))",
        "(allow file-read-metadata)",
        '(allow file-read* (literal "/"))',
        *(f"(allow file-read* (subpath {_quoted(path)}))" for path in sorted(named)),
        *(f"(allow file-write* (subpath {_quoted(path)}))" for path in writable),
        *(f"(allow file-read* file-write-data (literal {_quoted(Path(path))}))" for path in _DEVICES),
    ]
    return "\n".join(lines)


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
