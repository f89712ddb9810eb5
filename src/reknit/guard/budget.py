"""What may still be spent: reserved before it is spent, so that no two spenders take the last of it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reknit.errors import GuardError

#: What a day has a bound of, by name: "patches", "candidates", "dollars", "tokens", "seconds".
Amounts = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What was spent and reserved on one day (UTC), against its limits; what has no limit is only counted."""

    day: dt.date
    limits: Amounts = field(default_factory=dict)
    spent: Amounts = field(default_factory=dict)
    reserved: Amounts = field(default_factory=dict)

    def left(self, name: str) -> float:
        """What can still be reserved; infinite without a limit."""
        used = self.spent.get(name, 0.0) + self.reserved.get(name, 0.0)
        return max(self.limits.get(name, math.inf) - used, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A reservation that does not fit."""

    name: str
    asked: float
    left: float

    def __str__(self) -> str:
        return f"{self.asked:g} {self.name} asked, {self.left:g} left of today's"


def at(budget: Budget, day: dt.date) -> Budget:
    """The budget on `day`: a new day has spent nothing, and keeps what is reserved. `GuardError` for a day gone by."""
    if day < budget.day:
        raise GuardError(f"the day went back from {budget.day} to {day}; nothing was reserved", slug="guard-clock")
    return budget if day == budget.day else replace(budget, day=day, spent={})


def reserve(budget: Budget, asked: Amounts) -> Budget | Short:
    """Set aside all of `asked`, or nothing of it."""
    _check(asked)
    for name, amount in asked.items():
        if amount > budget.left(name):
            return Short(name=name, asked=amount, left=budget.left(name))
    return replace(budget, reserved=_sum(budget.reserved, asked, 1))


def commit(budget: Budget, asked: Amounts, used: Amounts) -> Budget:
    """Spend `used` of what was set aside as `asked`, and give back the rest; more than was asked is counted too."""
    _check(asked)
    _check(used)
    return replace(release(budget, asked), spent=_sum(budget.spent, used, 1))


def release(budget: Budget, asked: Amounts) -> Budget:
    """Give back what was set aside as `asked`."""
    _check(asked)
    if any(amount > budget.reserved.get(name, 0.0) + 1e-9 for name, amount in asked.items()):
        raise GuardError("more was given back than was reserved; nothing was changed", slug="guard-limits")
    return replace(budget, reserved=_sum(budget.reserved, asked, -1))


def _check(amounts: Amounts) -> None:
    for name, amount in amounts.items():
        if not 0 <= amount < math.inf:
            raise GuardError(f"{amount} {name} is no amount; nothing was reserved or spent", slug="guard-limits")


def _sum(one: Amounts, other: Amounts, sign: int) -> Amounts:
    names = one.keys() | other.keys()
    return {name: max(one.get(name, 0.0) + sign * other.get(name, 0.0), 0.0) for name in sorted(names)}
