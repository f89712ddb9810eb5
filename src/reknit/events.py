"""What a run tells those who watch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A stage has got on."""

    #: detect, diagnose, propose, verify or apply.
    stage: str
    text: str
    #: Candidates tried, while the stage is propose.
    tried: int | None = None


Observer = Callable[[Progress], None]


def ignore(_event: Progress) -> None:
    """An observer that does nothing."""
