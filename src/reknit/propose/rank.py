"""Which of the patches that pass is offered first. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
