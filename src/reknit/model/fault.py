"""A signal with the places that may have caused it."""

from __future__ import annotations

from dataclasses import dataclass

from reknit.model.signal import ErrorContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A line that may be wrong."""

    #: Relative to the project, POSIX.
    path: str
    line: int
    #: Qualified name as in `__qualname__`; "<module>" for code that runs at import.
    function: str
    #: Suspiciousness in [0, 1].
    score: float
    #: Penalty added to the cost of every change made here, in nats, ≥ 0.
    penalty: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Failing tests that share a cause, and the suspects, most suspicious first."""

    contexts: tuple[ErrorContext, ...]
    suspects: tuple[Suspect, ...]

    @property
    def tests(self) -> tuple[str, ...]:
        """Node ids of the failing tests."""
        return tuple(c.signal.test for c in self.contexts if c.signal.test is not None)
