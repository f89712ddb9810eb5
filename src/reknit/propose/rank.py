"""Which of the patches that pass is offered first. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reknit.model.patch import Patch
from reknit.propose.base import Candidate

#: Until confidence is calibrated on fixes that people made, nothing is claimed above this.
CEILING = 0.9


def order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The most probable first: least cost, then the shortest text, then the earliest place."""
    return sorted(candidates, key=lambda c: (c.cost, len(c.new) - (c.end - c.start), c.path, c.start, c.new))


def confidence(candidate: Candidate, among: Sequence[Candidate]) -> float:
    """The candidate's share of the prior of all that pass, at most `CEILING`; not calibrated."""
    total = sum(math.exp(candidate.cost - c.cost) for c in among)
    return min(CEILING, 1.0 / total) if total else 0.0


def why(patch: Patch, passing: Sequence[Patch], refused: int) -> str:
    """Why `patch` is offered and not another of those that pass; `refused` of them failed in a clean process."""
    text = f"the most probable of {len(passing)} that pass, by the prior of its kind and place"
    if refused:
        text += f"; {refused} more probable did not pass in a clean process"
    other = next((p for p in passing[refused:] if p.id != patch.id), None)
    return f"{text}; next: {other.origin.note}" if other else text
