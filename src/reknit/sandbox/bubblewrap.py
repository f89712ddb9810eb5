"""Level bubblewrap: namespaces and a file system of allowed paths by bwrap, the rest by the launcher inside."""

from __future__ import annotations

import json
import os
import pwd
import select
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from reknit.errors import SandboxError
from reknit.sandbox.base import Job, Level, Private, ViewKind
from reknit.sandbox.confine import CAPABILITIES_OF_ROOT, everything_here, filter_program
from reknit.sandbox.identity import Stranger
from reknit.sandbox.paths import ETC, SYSTEM, follow
from reknit.sandbox.process import START, LaunchedJob, Shown, launcher_needs
from reknit.sandbox.spec import Spec, patched_files, plain_spec, process_limit

_HOME = "/tmp/home"  # noqa: S108 - inside, on a tmpfs of the job's own
_SCRATCH = "/tmp/.reknit"  # noqa: S108 - likewise
_DEFAULT_DISK = 8 << 30
_SHARED_MEMORY = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubblewrap:
    """Starts jobs in namespaces of their own; `program` is bwrap."""

    program: str
    view_kind: ViewKind = ViewKind.OVERLAY
    level: Level = Level.BUBBLEWRAP

    def start(self, job: Job) -> LaunchedJob:
        """The job, running; `SandboxError` if it cannot be started."""
        root = job.view.root
        if root in (Path("/"), Path("/tmp")) or root.is_relative_to("/proc") or root.is_relative_to("/dev"):  # noqa: S108
            raise SandboxError(
                f"{root} cannot be shown as a project in a sandbox; nothing was run", slug="sandbox-root"
            )
        stranger = Stranger.fresh() if os.getuid() == 0 else None
        with _Descriptors() as fds:
            info_in, info_out = fds.pipe()
            block_in, block_out = fds.pipe()
            files = {"/etc/passwd": _passwd(root=stranger is not None), "/etc/group": _group(), "/etc/hosts": _HOSTS}
            shown_files = [(fds.file(text), path) for path, text in files.items()]
            inner = [info_out, *[fd for fd, _ in shown_files]] + ([block_in] if stranger else [])
            arguments = [
                *self._namespaces(info_out, block_in if stranger else None),
                *self._mounts(job, shown_files),
                "--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--",
            ]  # fmt: skip

            def started() -> int:
                fds.close(*inner)
                return _open_init(info_in, block_out, stranger)

            shown = Shown(level=self.level, view_kind=self.view_kind, root=root, private=self._private(root))
            spec = self._spec(job, stranger)
            return LaunchedJob(
                spec, shown, wrap=lambda c: [self.program, *arguments, *c], extra_fds=inner, started=started
            )

    def _namespaces(self, info: int, block: int | None) -> list[str]:
        names = ("user", "pid", "net", "ipc", "uts", "cgroup-try")
        mapped = [] if block is None else ["--userns-block-fd", str(block)]
        own = [f"--unshare-{name}" for name in names]
        return [*own, "--hostname", "sandbox", "--new-session", "--cap-add", "ALL", "--info-fd", str(info), *mapped]

    def _mounts(self, job: Job, files: Sequence[tuple[int, str]]) -> list[str]:
        """Mounts in the order in which none hides another: parents first, the project last."""
        root, disk = str(job.view.root), str(job.limits.disk or _DEFAULT_DISK)
        arguments: list[str] = []
        for path in SYSTEM:
            arguments += ["--symlink", os.readlink(path), path] if Path(path).is_symlink() else _read_only(path)
        for name in ETC:
            arguments += _read_only(f"/etc/{name}")
        for fd, path in files:
            arguments += ["--ro-bind-data", str(fd), path]
        arguments += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", str(_SHARED_MEMORY)]
        arguments += ["--tmpfs", "/dev/shm", "--perms", "1777", "--size", disk, "--tmpfs", "/tmp"]  # noqa: S108
        arguments += ["--symlink", "/tmp", "/var/tmp"]  # noqa: S108
        arguments += _readable(job)
        arguments += ["--perms", "700", "--dir", _SCRATCH, "--ro-bind", root, f"{_SCRATCH}/lower"]
        return [*arguments, "--ro-bind", root, root]

    def _spec(self, job: Job, stranger: Stranger | None) -> Spec:
        env = {**job.env, "HOME": _HOME, "TMPDIR": "/tmp"}  # noqa: S108
        spec = plain_spec(job, root=str(job.view.root), env=env, scratch=None)
        spec.update(
            {
                "pid_namespace": True,
                "view": self.view_kind.value,
                "files": patched_files(job),
                "scratch": _SCRATCH,
                "user": (0, 0) if stranger else None,
                "capabilities": CAPABILITIES_OF_ROOT if stranger else 0,
                "landlock": everything_here(writable=["/tmp", "/dev/shm", *self._writable(job)]),  # noqa: S108
                "seccomp": filter_program(own_namespaces=True),
            }
        )
        spec["rlimits"] += process_limit(job.limits, namespace=True, own_user=stranger is not None)
        return spec

    def _private(self, root: Path) -> list[Private]:
        found = [Private(path=path, changes=path) for path in ("/tmp", "/dev/shm")]  # noqa: S108 - the job's own
        if self.view_kind is ViewKind.OVERLAY:
            found.append(Private(path=str(root), changes=f"{_SCRATCH}/upper", before=f"{_SCRATCH}/lower"))
        return found

    def _writable(self, job: Job) -> list[str]:
        return [str(job.view.root)] if self.view_kind is ViewKind.OVERLAY else []


def _read_only(path: str) -> list[str]:
    return ["--ro-bind-try", path, path]


def _readable(job: Job) -> list[str]:
    """Mounts of what may be read besides the system; the launcher's own needs included."""
    links: dict[str, str] = {}
    wanted: set[Path] = set()
    for path in (*job.readable, *launcher_needs(), *([Path(job.argv[0])] if job.argv[0].startswith("/") else [])):
        wanted.add(follow(Path(os.path.normpath(path)), links))
    shown = [Path(p) for p in SYSTEM if not Path(p).is_symlink()]
    arguments: list[str] = []
    for path in sorted(wanted):  # a folder sorts before what is in it
        if path.exists() and not any(path.is_relative_to(s) for s in (*shown, job.view.root)):
            shown.append(path)
            arguments += _read_only(str(path))
    for link, target in links.items():
        if not any(Path(link).is_relative_to(s) for s in (*shown, job.view.root, Path("/proc"), Path("/dev"))):
            arguments += ["--symlink", target, link]
    return arguments


def _open_init(info: int, block: int, stranger: Stranger | None) -> int:
    """A pidfd of the namespace's first process, whose end is the end of all in it; its users are mapped first."""
    data = b""
    while not data.rstrip().endswith(b"}"):
        if not select.select([info], [], [], START)[0] or not (more := os.read(info, 4096)):
            raise EOFError("bwrap ended before it made its namespaces")
        data += more
    pid = int(json.loads(data)["child-pid"])
    init = os.pidfd_open(pid)
    if stranger is not None:
        stranger.map_into(pid)
        os.write(block, b"1")
    return init


class _Descriptors:
    """Descriptors that are closed at the end, those passed to `close` earlier."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close(*self._open)

    def pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._open |= {*ends}
        return ends

    def file(self, text: str) -> int:
        with tempfile.TemporaryFile() as stream:
            stream.write(text.encode())
            stream.seek(0)
            fd = os.dup(stream.fileno())
        self._open.add(fd)
        return fd

    def close(self, *fds: int) -> None:
        for fd in fds:
            os.close(fd)
            self._open.discard(fd)


_HOSTS = "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"


def _passwd(*, root: bool) -> str:
    lines = [f"root:x:0:0:root:{_HOME}:/bin/sh", "nobody:x:65534:65534:nobody:/nonexistent:/bin/false"]
    if not root:
        lines.append(f"{_name()}:x:{os.getuid()}:{os.getgid()}::{_HOME}:/bin/sh")
    return "\n".join(lines) + "\n"


def _group() -> str:
    return f"root:x:0:\nnogroup:x:65534:\nusers:x:{os.getgid() or 100}:\n"


def _name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "user"
