"""How bad a signal is: where it comes from, and whether it grows.

A table, so that it can be read, and argued with:

                      falling   steady    rising    surging
    one test          low       low       low       medium
    many tests        low       medium    medium    high
    in service        medium    medium    high      critical
    invariant broken  high      high      critical  critical

"Falling" and "rising" go by Δ, the change since the last time. "Surging": the trend is degrading and the last window stands
out, or Δ is half of all there was to fail. An invariant that the user declared is worse than any exception: it says that
data may be wrong.
"""

from __future__ import annotations

import enum
import math

from reknit.errors import UsageError
from reknit.model.signal import Severity, SignalKind

#: Of all tests, or of all calls: from here on it is many, and a growth by so much is a surge.
_MANY, _SURGE = 0.2, 0.5


class Growth(enum.StrEnum):
    """How the failures change."""

    FALLING = "falling"
    STEADY = "steady"
    RISING = "rising"
    SURGING = "surging"


class Scope(enum.StrEnum):
    """What is hurt."""

    ONE_TEST = "one test"
    MANY_TESTS = "many tests"
    SERVICE = "in service"
    INVARIANT = "invariant broken"


_LOW, _MEDIUM, _HIGH, _CRITICAL = Severity
TABLE = {
    Scope.ONE_TEST: (_LOW, _LOW, _LOW, _MEDIUM),
    Scope.MANY_TESTS: (_LOW, _MEDIUM, _MEDIUM, _HIGH),
    Scope.SERVICE: (_MEDIUM, _MEDIUM, _HIGH, _CRITICAL),
    Scope.INVARIANT: (_HIGH, _HIGH, _CRITICAL, _CRITICAL),
}


def severity(scope: Scope, growth: Growth) -> Severity:
    """The table's entry."""
    return TABLE[scope][list(Growth).index(growth)]


def scope(kind: SignalKind, failing: float) -> Scope:
    """What is hurt, where the share `failing` of all tests, or of all calls, fails. `UsageError` where that is none."""
    if not 0 <= failing <= 1:
        raise UsageError(f"{failing} is no share; nothing was judged", slug="signal")
    match kind:
        case SignalKind.INVARIANT:
            return Scope.INVARIANT
        case SignalKind.CRASH | SignalKind.FORECAST:
            return Scope.SERVICE
        case _:
            return Scope.MANY_TESTS if failing >= _MANY else Scope.ONE_TEST


def growth(delta: float, *, degrading: bool = False, spike: bool = False) -> Growth:
    """How failures change, by the change of their share and what the trend says. `UsageError` where it is no number."""
    if not math.isfinite(delta):
        raise UsageError(f"{delta} is no change; nothing was judged", slug="signal")
    if (degrading and spike) or delta >= _SURGE:
        return Growth.SURGING
    if delta > 0 or degrading:
        return Growth.RISING
    return Growth.FALLING if delta < 0 else Growth.STEADY
