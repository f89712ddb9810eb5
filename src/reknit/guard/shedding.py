"""What is shed while a breaker holds back: step by step, not all at once.

    level   where                                             shed                            of a critical signal
    0       closed, a trial call due, disabled                nothing                         nothing
    1       degraded, failures of late near the lower bound   models                          models
    2       in between                                        models, search                  models
    3       near the threshold                                models, search, apply           models, apply
    4       open, all trial calls being made                  models, search, apply, propose  models, apply
    4       forced open                                       models, search, apply, propose  the same

What stays is detection, always: to know costs little and harms nobody. A critical signal is searched and proposed all the
same, where only an automaton has spoken; nothing is written for it that would not be for another. While its work is shed a
breaker hears of no outcomes, so what has failed of late fades: in no mode but the forced one is the way back barred.
"""

from __future__ import annotations

import enum
import math

from reknit.guard.breaker import Limits, Mode, State, check, held_until
from reknit.model.signal import Severity

#: Seconds without an outcome in which the failure rate of late counts half.
_HALF_LIFE = 600.0


class Work(enum.StrEnum):
    """What can be shed, in the order in which it is."""

    #: Asking a model: it costs money, and goes wrong most often.
    MODELS = "models"
    #: Searching for a patch.
    SEARCH = "search"
    #: Writing a patch into the project.
    APPLY = "apply"
    #: Showing a patch that is known already.
    PROPOSE = "propose"


_ORDER = tuple(Work)
_FOR_CRITICAL = frozenset({Work.SEARCH, Work.PROPOSE})


def level(state: State, limits: Limits, now: float) -> int:
    """How much is shed, from 0 (nothing) to 4 (all but detection)."""
    check(state, now)
    if now < held_until(state, limits):
        return len(_ORDER)
    if state.mode is not Mode.DEGRADED:
        return 0
    late = state.late * math.exp2(-(now - state.seen) / _HALF_LIFE)
    if late < limits.restored:
        return 0
    share = (late - limits.degraded) / (limits.threshold - limits.degraded)
    return min(max(1 + int(share * 3), 1), 3)


def shed(state: State, limits: Limits, severity: Severity, now: float) -> frozenset[Work]:
    """What is not to be done now for a signal that is so bad."""
    work = frozenset(_ORDER[: level(state, limits, now)])
    spared = severity is Severity.CRITICAL and state.mode is not Mode.FORCED_OPEN
    return work - _FOR_CRITICAL if spared else work
