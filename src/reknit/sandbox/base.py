"""What the rest of reknit may ask of a sandbox."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self


class Level(enum.StrEnum):
    """How a process is isolated, strongest first."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    SEATBELT = "seatbelt"
    NONE = "none"


class ViewKind(enum.StrEnum):
    """How a process sees the project; all but COPY show it at its own absolute path."""

    OVERLAY = "overlay"  # writes go to a scratch layer and are dropped
    BIND = "bind"  # read-only, patched files bound over it
    COPY = "copy"  # a private copy elsewhere: imports must be remapped
    DIRECT = "direct"  # the tree itself (`--isolation none` without patched files)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The project as a process shall see it: the user's tree with some files replaced."""

    #: Absolute, resolved.
    root: Path
    #: Path relative to `root` (POSIX) → content; None hides the file.
    files: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds that hold for root too; None = unlimited."""

    #: Bytes of address space a process.
    memory: int | None = 4 << 30
    #: Processes and threads of the whole job.
    processes: int | None = 128
    #: Bytes a file.
    file_size: int | None = 256 << 20
    #: Bytes written in total to scratch space.
    disk: int | None = 1 << 30
    open_files: int | None = 1024
    #: Processors that may be used though they are more than half of those there are.
    cores: int = 2
    #: What is added to the nice value: whoever else wants a processor comes first.
    niceness: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One process to start in a sandbox."""

    argv: Sequence[str]
    view: View
    #: The whole environment of the process; nothing is inherited.
    env: Mapping[str, str]
    #: Relative to the view's root.
    cwd: str = "."
    #: Folders and files that may be read besides the system's and the view: interpreter, site-packages, probe.
    readable: Sequence[Path] = ()
    #: Open descriptors that the process keeps, under the same numbers.
    pass_fds: Sequence[int] = ()
    limits: Limits = field(default_factory=Limits)
    #: Relative to the view's root: files, there or not, that the job shall leave as they are; `Running.broken` tells.
    sealed: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """A folder that the job has for itself, as the job sees it; what is written there is dropped with the job."""

    path: str
    #: Where what was changed in it shows, by itself; and what was there before, "" where that is not shown.
    changes: str
    before: str = ""


class Running(Protocol):
    """A started job; leaving the `with` block kills everything in it and drops its scratch space."""

    level: Level
    view_kind: ViewKind
    #: Where the process finds the project: the view's root, or the copy of it.
    root: Path
    private: Sequence[Private]

    @property
    def pid(self) -> int: ...

    def wait(self, timeout: float | None = None) -> int | None:
        """Exit status (negative: signal), or None if it still runs after `timeout` seconds."""

    def kill(self) -> None:
        """End the job, every descendant included, new sessions too."""

    def broken(self) -> tuple[str, ...] | None:
        """End the job: those of its sealed files that are not what they were, written and put back included.

        None where it could not be seen.
        """

    def output(self) -> bytes:
        """What it wrote to stdout and stderr so far, the last 64 KiB."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


class Sandbox(Protocol):
    """Starts jobs at one isolation level."""

    @property
    def level(self) -> Level: ...

    def start(self, job: Job) -> Running: ...
