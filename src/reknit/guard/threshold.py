"""The threshold that alerting and the first step of degradation go by, moved a little by what was seen of late."""

from __future__ import annotations

import math

from reknit.errors import GuardError
from reknit.guard.trend import Direction, Trend, Volatility

#: Times the baseline, where all is well, and where it is not.
_STRICTER, _LOOSER = 0.9, 1.1


def adapted(baseline: float, trend: Trend, *, low: float, high: float) -> float:
    """The baseline, stricter while things improve calmly, looser while they degrade or jump; always within the bounds.

    It is the baseline that is moved, each time anew: a slow decay cannot train it to accept failure. `GuardError` for a
    baseline or bounds that are no numbers in order.
    """
    if not all(map(math.isfinite, (baseline, low, high))) or not low <= high:
        raise GuardError(
            f"{baseline} within {low} and {high} is no threshold; nothing was decided", slug="guard-limits"
        )
    moved = baseline
    if trend.direction is Direction.DEGRADING or trend.volatility is Volatility.HIGH:
        moved = baseline * _LOOSER
    elif trend.direction is Direction.IMPROVING:
        moved = baseline * _STRICTER
    return min(max(moved, low), high)
