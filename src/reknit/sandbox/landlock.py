"""Level landlock: no namespaces; the kernel refuses paths, sockets and signals, and the job works on a copy."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from reknit.sandbox.base import Job, Level, Private, ViewKind
from reknit.sandbox.confine import filter_program, only, reading_capability
from reknit.sandbox.identity import Stranger
from reknit.sandbox.mirror import linked, mirror
from reknit.sandbox.paths import ETC, SYSTEM, follow
from reknit.sandbox.process import LaunchedJob, Shown, drop
from reknit.sandbox.spec import plain_spec, process_limit

#: What interpreters and psutil read; of processes only its own.
_PROC = ("self", "cpuinfo", "meminfo", "stat", "filesystems", "version", "uptime", "loadavg", "sys")


@dataclass(frozen=True, slots=True, kw_only=True)
class Landlock:
    """Starts jobs in a Landlock domain of their own; copies go below `scratch`."""

    scratch: Path
    level: Level = Level.LANDLOCK

    def start(self, job: Job) -> LaunchedJob:
        """The job, running on a copy; `SandboxError` if it cannot be started."""
        stranger = Stranger.fresh() if os.getuid() == 0 else None
        owner = (stranger.user, stranger.group) if stranger else None
        folder = Path(tempfile.mkdtemp(prefix="reknit-", dir=self.scratch)).resolve()
        try:
            copy = folder / "project"
            mirror(job, copy, owner=owner, link_git=True)
            env = private_folders(job, folder, owner=owner)
            spec = plain_spec(job, root=str(copy), env=env, scratch=folder)
            spec.update(
                {
                    "user": owner,
                    "capabilities": reading_capability() if stranger else 0,
                    "landlock": only(readable=_readable(job), writable=[str(copy), env["HOME"], env["TMPDIR"]]),
                    # Landlock does not refuse connecting to a socket that has a path.
                    "seccomp": filter_program(own_namespaces=False),
                }
            )
            spec["rlimits"] += process_limit(job.limits, namespace=False, own_user=stranger is not None)
            private = [Private(path=path, changes=path) for path in (env["HOME"], env["TMPDIR"], str(copy))]
            shown = Shown(level=self.level, view_kind=ViewKind.COPY, root=copy, private=private, scratch=folder)
        except BaseException:  # - Ctrl-C too: nobody else knows of the folder
            drop(folder)
            raise
        return LaunchedJob(spec, shown)


def private_folders(job: Job, folder: Path, *, owner: tuple[int, int] | None) -> dict[str, str]:
    """The job's environment, with a home and a temporary folder of its own below `folder`."""
    env = dict(job.env)
    for name, variable in (("home", "HOME"), ("tmp", "TMPDIR")):
        (folder / name).mkdir()
        env[variable] = str(folder / name)
    if owner is not None:
        (folder / "home" / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
        for path in (folder, folder / "home", folder / "tmp"):
            os.chown(path, *owner)
    return env


def _readable(job: Job) -> list[str]:
    program = [Path(job.argv[0])] if job.argv[0].startswith("/") else []
    named = [str(follow(Path(os.path.normpath(p)), {})) for p in (*job.readable, *program)]
    root = str(job.view.root)
    # The user's own tree stays closed: code that is read there would be the code before the patch.
    outside = [n for n in named if not Path(root).is_relative_to(n)]
    system = [*SYSTEM, *(f"/etc/{name}" for name in ETC), "/etc/passwd", "/etc/group", "/etc/hosts"]
    return [*system, *(f"/proc/{name}" for name in _PROC), *outside, *map(str, linked(job.view.root))]
