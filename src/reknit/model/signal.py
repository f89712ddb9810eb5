"""Evidence that a program is wrong, and all that is known about it."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from reknit.model.instant import check_instant


class SignalKind(enum.StrEnum):
    """Where a signal comes from."""

    TEST = "test"
    CRASH = "crash"
    INVARIANT = "invariant"
    FORECAST = "forecast"


class Severity(enum.StrEnum):
    """How bad it is, least first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One level of a call stack."""

    #: Relative to the project (POSIX) where it lies inside, else absolute.
    path: str
    line: int
    function: str
    #: The line's text, stripped.
    code: str = ""
    in_project: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """An exception as it was raised."""

    type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One piece of evidence that the code is wrong, such as a failing test."""

    kind: SignalKind
    error: ErrorInfo
    #: The innermost call last.
    frames: tuple[Frame, ...] = ()
    #: The failing test's node id, for tests.
    test: str | None = None
    #: Repr of each local of the innermost project frame, shortened by the probe.
    local_variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The same for the same mistake: kind, test, error type and the innermost project function."""
        inner = next((f for f in reversed(self.frames) if f.in_project), None)
        where = f"{inner.path}:{inner.function}" if inner else ""
        parts = (self.kind, self.test or "", self.error.type, where)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeContext:
    """Where in the code the error showed itself."""

    file: str
    line: int
    function: str
    local_variables: Mapping[str, str] = field(default_factory=dict)
    call_stack: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserContext:
    """Whose request met the error, where there was one."""

    #: A keyed hash; the plain id never enters reknit.
    user_hash: str | None = None
    method: str | None = None
    route: str | None = None
    release: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemState:
    """The machine and the interpreter at the time of the error."""

    interpreter: str
    platform: str
    packages: Mapping[str, str] = field(default_factory=dict)
    revision: str | None = None
    #: 1-minute load average.
    load: float | None = None
    #: Bytes.
    memory_available: int | None = None
    disk_free: int | None = None
    #: Names only: values may be secrets.
    environment_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSignal:
    """An earlier signal with the same fingerprint, and how it ended."""

    at: dt.datetime
    fingerprint: str
    #: Failing tests then, minus failing tests at the signal before.
    delta: float
    #: The tag of the `Outcome`.
    outcome: str

    def __post_init__(self) -> None:
        check_instant(self.at, "the time of a signal")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorContext:
    """All that is known about one signal."""

    signal: Signal
    error: ErrorInfo
    stack_trace: str
    code: CodeContext
    user: UserContext = UserContext()
    system: SystemState
    history: tuple[PastSignal, ...] = ()
