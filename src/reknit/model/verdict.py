"""What the checks saw, and what was written."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from reknit.model.instant import check_instant
from reknit.model.patch import Edit, Patch


class Label(enum.StrEnum):
    """How much is known in favour of a patch; never "fixed"."""

    CORROBORATED = "corroborated"
    PLAUSIBLE = "plausible"
    REJECTED = "rejected"


class Safety(enum.StrEnum):
    """What may be done with a patch: applied, applied when asked for twice, or only shown."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    SHOW = "show"


SAFETY: Mapping[Label, Safety] = {
    Label.CORROBORATED: Safety.SAFE,
    Label.PLAUSIBLE: Safety.UNSAFE,
    Label.REJECTED: Safety.SHOW,
}


class CheckStatus(enum.StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One judge's word, with its evidence in a sentence."""

    check: str
    status: CheckStatus
    evidence: str
    #: Node ids, or places, that the evidence is about.
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the checks saw of one patch."""

    patch_id: str
    label: Label
    checks: tuple[CheckResult, ...]
    #: The isolation level that the tests ran under.
    isolation: str
    #: How the tests saw the project: overlay, bind, copy or direct.
    view: str
    #: Tests that failed without the patch and pass with it, those of other signals too.
    heals: tuple[str, ...] = ()
    #: What was left out, in words: parts of the suite, checks.
    not_run: tuple[str, ...] = ()

    @property
    def safety(self) -> Safety:
        """The label's safety: checks may lower the label, nothing raises this."""
        return SAFETY[self.label]

    @property
    def passed(self) -> bool:
        """Whether the patch may be offered."""
        return self.label is not Label.REJECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversible:
    """Whether a change can be taken back, and why not."""

    yes: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Edits that were written, on whose word, and whether they can be taken back."""

    #: Unique to the act, not the patch: a patch can be applied twice.
    id: str
    patch: Patch
    at: dt.datetime
    #: Empty: applied unjudged, on the user's own word.
    verdicts: tuple[Verdict, ...]
    reversible: Reversible
    #: Path → digest after the change; "" where nothing is left.
    after: Mapping[str, str] = field(default_factory=dict)
    #: False: written, and at once taken back.
    success: bool = True
    #: Why it was done, or taken back; one line for people, "" where nobody said.
    reason: str = ""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What was written."""
        return self.patch.edits

    def __post_init__(self) -> None:
        check_instant(self.at, "the time of a receipt")
