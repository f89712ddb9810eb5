"""Statistics of some numbers, at once or as they come."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence


def clamp(value: float, low: float, high: float) -> float:
    """`value`, or the bound that it is beyond."""
    if low > high:
        raise ValueError("low must not be above high")
    return max(low, min(value, high))


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean."""
    total = 0.0
    count = 0
    for value in values:
        total += value
        count += 1
    if count == 0:
        raise ValueError("no values")
    return total / count


def median(values: Iterable[float]) -> float:
    """The middle one, or the mean of the two in the middle."""
    ranked = sorted(values)
    if not ranked:
        raise ValueError("no values")
    middle = len(ranked) // 2
    if len(ranked) % 2 == 1:
        return ranked[middle]
    return (ranked[middle - 1] + ranked[middle]) / 2


def variance(values: Sequence[float], *, sample: bool = True) -> float:
    """The mean of squares of the distance from the mean; of a sample, with one degree of freedom less."""
    freedom = len(values) - 1 if sample else len(values)
    if freedom < 1:
        raise ValueError("too few values")
    centre = mean(values)
    return sum((value - centre) ** 2 for value in values) / freedom


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which `share` per cent lie, between neighbours by weight."""
    if not 0 <= share <= 100:
        raise ValueError("a share lies between 0 and 100")
    ranked = sorted(values)
    if not ranked:
        raise ValueError("no values")
    place = (len(ranked) - 1) * share / 100
    low = math.floor(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


def histogram(values: Iterable[float], bins: int | Sequence[float] = 10) -> list[tuple[float, int]]:
    """Lower edges and counts; values on an edge count above it, the highest in the last bin."""
    numbers = list(values)
    if not numbers:
        return []
    if isinstance(bins, int):
        low, high = min(numbers), max(numbers)
        width = (high - low) / bins or 1.0
        edges = [low + width * number for number in range(bins)]
    else:
        edges = sorted(bins)
    counts = [0] * len(edges)
    for number in numbers:
        index = bisect.bisect_right(edges, number) - 1
        if index >= 0:
            counts[index] += 1
    return list(zip(edges, counts))


class Running:
    """Count, mean, spread and extremes of numbers that come one by one, none of which is kept (Welford 1962)."""

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.count = 0
        self.mean = 0.0
        self.low = math.inf
        self.high = -math.inf
        self._squares = 0.0
        for value in values:
            self.add(value)

    def add(self, value: float) -> None:
        """One number more."""
        self.count += 1
        distance = value - self.mean
        self.mean += distance / self.count
        self._squares += distance * (value - self.mean)
        self.low = min(self.low, value)
        self.high = max(self.high, value)

    @property
    def variance(self) -> float:
        """Of a sample; 0 for less than two numbers."""
        return self._squares / (self.count - 1) if self.count > 1 else 0.0

    @property
    def deviation(self) -> float:
        return math.sqrt(self.variance)

    def merge(self, other: Running) -> Running:
        """Both together (Chan, Golub and LeVeque 1979)."""
        both = Running()
        both.count = self.count + other.count
        if both.count == 0:
            return both
        distance = other.mean - self.mean
        both.mean = self.mean + distance * other.count / both.count
        both._squares = self._squares + other._squares + distance**2 * self.count * other.count / both.count
        both.low = min(self.low, other.low)
        both.high = max(self.high, other.high)
        return both

    def __repr__(self) -> str:
        if not self.count:
            return "<Running: nothing yet>"
        return f"<Running: {self.count} of {self.mean:.4g} ± {self.deviation:.4g}>"
