"""How a signal ends, as values to be matched exhaustively."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reknit.model.fault import Suspect
from reknit.model.instant import check_instant
from reknit.model.patch import Patch
from reknit.model.signal import Signal
from reknit.model.verdict import CheckResult, Receipt, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A candidate that came near, and what spoke against it."""

    path: str
    line: int
    note: str
    diff: str
    #: Such as "passes 3 of 4 failing tests; breaks tests/test_a.py::test_b".
    broke: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """What was looked at when no patch passed."""

    suspects: tuple[Suspect, ...]
    rejected: tuple[Rejected, ...]
    candidates: int
    #: Rejected by earlier runs on the same code, and not tried again.
    earlier: int = 0
    #: Whether the whole space was searched, or a budget ended it.
    exhausted: bool
    #: The one thing that would help.
    unblock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """Nothing fails."""

    tag: Literal["healthy"] = "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """A patch was applied and its tests pass."""

    patch: Patch
    verdict: Verdict
    receipt: Receipt
    tag: Literal["healed"] = "healed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A patch passes and was not applied."""

    patch: Patch
    verdict: Verdict
    #: Why this one, and who lost against it.
    why: str
    tag: Literal["proposed"] = "proposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHealed:
    """No patch passed."""

    why_not: WhyNot
    tag: Literal["not healed"] = "not healed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationFailed:
    """A patch was found but the clean run spoke against it."""

    errors: tuple[CheckResult, ...]
    tag: Literal["validation failed"] = "validation failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverted:
    """A patch was applied and taken back."""

    reason: str
    tag: Literal["reverted"] = "reverted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitOpen:
    """The breaker holds healing back."""

    level: str
    tag: Literal["circuit open"] = "circuit open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A policy forbids it."""

    policy: str
    tag: Literal["refused"] = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """The test's result changes by itself, so no patch can be judged by it."""

    flaky: str
    tag: Literal["quarantined"] = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Reknit itself could not go on."""

    error: str
    slug: str
    tag: Literal["failed"] = "failed"


Outcome = (
    Healthy | Healed | Proposed | NotHealed | ValidationFailed | Reverted | CircuitOpen | Refused | Quarantined | Failed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run has used."""

    model_calls: int = 0
    dollars: float = 0.0
    candidates: int = 0
    #: Candidates by the step of the runner's ladder that has judged them.
    steps: Mapping[str, int] = field(default_factory=dict)
    #: Wall clock.
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One signal and how it ended."""

    signal: Signal
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One row a signal, and the bill."""

    project: str
    started: dt.datetime
    rows: tuple[Row, ...]
    cost: Cost
    #: What was not done and should be known: tests not run, a budget that ended the search.
    notes: tuple[str, ...] = ()
    #: What a breaker or a budget held back, and until when.
    held: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_instant(self.started, "the start of a run")
