"""Whether failures rise: a trend that is told from noise, from a daily cycle and from a single spike.

`Δ > 0` calls a flat series degrading in half of all windows. So the sign of all pairs of windows is tested (Mann,
Econometrica 1945; Kendall 1975), with the slope of Theil and Sen (JASA 1968). Windows that resemble their neighbours would
make it sure too soon: its variance grows by the autocorrelation of what the slope leaves, as Hamed and Rao (J. Hydrology
1998) do it, here for a process of first order and corrected for the bias of short series. Rates are compared as arcsines of
their roots (Anscombe, Biometrika 1948), which have the same noise whatever the rate is.
"""

from __future__ import annotations

import enum
import itertools
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from reknit.errors import GuardError

#: Calls that a window must have to count.
CALLS = 30
#: Windows that are looked at, and the fewest that say something.
LENGTH, _FEWEST = 20, 8
#: Standard errors from which on a trend is one.
_Z = 2.1
#: Standard errors by which one window must stand out, and the weight of the newest in what it is compared with.
_SPIKE, _WEIGHT = 4.0, 0.3
#: Cycles of history that make a season.
_CYCLES = 3
#: The scatter of the changes against its usual one.
_CALM, _ROUGH = 0.5, 2.0


class Direction(enum.StrEnum):
    """Where the failure rate goes."""

    IMPROVING = "improving"
    FLAT = "flat"
    DEGRADING = "degrading"
    #: Too few calls, or too few windows, to say anything.
    INSUFFICIENT = "insufficient"


class Volatility(enum.StrEnum):
    """How much the failure rate jumps, against what is usual for it."""

    LOW = "low"
    USUAL = "usual"
    HIGH = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was counted in a span of time."""

    calls: int
    failures: int

    def __post_init__(self) -> None:
        if not 0 <= self.failures <= self.calls < math.inf:
            message = f"{self.failures} failures of {self.calls} calls cannot be; nothing was judged by them"
            raise GuardError(message, slug="guard-window")

    @property
    def rate(self) -> float:
        """Failures per call; 0 without calls."""
        return self.failures / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """What a series of windows says."""

    direction: Direction
    #: Change of the failure rate from the last window but one to the last.
    delta: float
    #: Change of the failure rate a window, over all of them; against the season where there is one.
    slope: float
    #: Standard errors of the trend from none; above 0: degrading.
    significance: float
    #: Whether the last window stands out alone.
    spike: bool
    volatility: Volatility
    #: Windows that count.
    windows: int


def trend(windows: Sequence[Window], *, history: Sequence[Window] = (), period: int = 0) -> Trend:
    """The trend of the last `LENGTH` windows, oldest first.

    `history` are the windows before them, of which each `period` make a cycle that repeats: with three cycles, each window
    is held against what is usual at its place. `GuardError` for an empty series, or a period that is none.
    """
    if not windows or period < 0:
        raise GuardError("there is no series to judge; nothing was judged", slug="guard-window")
    recent = windows[-LENGTH:]
    before = [*history, *windows[: -len(recent)]]
    usual = _season(before, len(recent), period)
    points = [(at, w, _arcsine(w) - u) for at, (w, u) in enumerate(zip(recent, usual, strict=True)) if w.calls >= CALLS]
    delta = recent[-1].rate - recent[-2].rate if len(recent) > 1 else 0.0
    spike = _is_spike(recent, usual)
    volatility = _volatility([*before, *recent])
    if len(points) < _FEWEST or recent[-1].calls < CALLS:
        return Trend(
            direction=Direction.INSUFFICIENT, delta=delta, slope=0.0, significance=0.0, spike=spike,
            volatility=volatility, windows=len(points),
        )  # fmt: skip
    series = [(at, value) for at, _, value in points]
    noise = statistics.fmean(1 / (4 * w.calls) for _, w, _ in points)
    significance, slope = _mann_kendall(series, noise)
    direction = Direction.FLAT
    # What is surely there may still be less than the noise of a single window: then it is nothing to act on.
    if abs(significance) > _Z and abs(slope) * (len(points) - 1) > math.sqrt(noise):
        direction = Direction.DEGRADING if significance > 0 else Direction.IMPROVING
    middle = statistics.fmean(w.rate for _, w, _ in points)
    # Back from arcsines to rates, near the middle of the series.
    per_window = slope * 2 * math.sqrt(max(middle * (1 - middle), 0.0))
    return Trend(
        direction=direction, delta=delta, slope=per_window, significance=significance, spike=spike,
        volatility=volatility, windows=len(points),
    )  # fmt: skip


def _arcsine(window: Window) -> float:
    return math.asin(math.sqrt((window.failures + 0.375) / (window.calls + 0.75)))


def _season(history: Sequence[Window], length: int, period: int) -> list[float]:
    """For each of the `length` windows after `history`, what is usual at its place in the cycle; 0 where nothing is known."""
    if period < 2 or len(history) < _CYCLES * period:
        return [0.0] * length
    found = []
    for at in range(length):
        same = [w for w in history[(len(history) + at) % period :: period] if w.calls >= CALLS]
        calls, failures = sum(w.calls for w in same), sum(w.failures for w in same)
        if len(same) < _CYCLES:
            return [0.0] * length
        found.append(_arcsine(Window(calls=calls, failures=failures)))
    return found


def _mann_kendall(series: Sequence[tuple[int, float]], noise: float) -> tuple[float, float]:
    """Standard errors of the trend from none, and the slope; `noise` is the variance that counting alone makes."""
    pairs = [(j - i, y - x) for at, (i, x) in enumerate(series) for j, y in series[at + 1 :]]
    score = sum((rise > 0) - (rise < 0) for _, rise in pairs)
    slope = statistics.median(rise / run for run, rise in pairs)
    n = len(series)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(value for _, value in series).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    if variance <= 0:
        return 0.0, slope
    rho = _autocorrelation([value - slope * at for at, value in series], noise)
    variance *= 1 + 2 * sum((1 - lag / n) * rho**lag for lag in range(1, n))
    return (score - (score > 0) + (score < 0)) / math.sqrt(variance), slope


def _autocorrelation(rest: Sequence[float], noise: float) -> float:
    """Of neighbours; corrected for the bias that a fitted slope brings into a short series (Kendall 1954).

    What is less than the noise of counting is taken for it: the curve that a smooth rise leaves is no autocorrelation.
    """
    n, mean = len(rest), statistics.fmean(rest)
    centred = [value - mean for value in rest]
    whole = max(sum(value * value for value in centred), n * noise)
    found = sum(one * other for one, other in itertools.pairwise(centred)) / whole
    return min(max((found * n + 2) / (n - 4), 0.0), 0.95)


def _is_spike(recent: Sequence[Window], usual: Sequence[float]) -> bool:
    """Whether the last window is far above a moving average of those before it."""
    *before, last = zip(recent, usual, strict=True)
    known = [_arcsine(w) - u for w, u in before if w.calls >= CALLS]
    if len(known) < 3 or last[0].calls < CALLS:
        return False
    average = known[0]
    for value in known[1:]:
        average += _WEIGHT * (value - average)
    middle = statistics.median(known)
    scatter = 1.2533 * statistics.fmean(
        abs(value - middle) for value in known
    )  # a standard deviation, where it is normal
    scatter = max(scatter, 0.5 / math.sqrt(last[0].calls))
    return _arcsine(last[0]) - last[1] - average > _SPIKE * scatter


def _median_deviation(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return statistics.median(abs(value - middle) for value in values)


def _volatility(windows: Sequence[Window]) -> Volatility:
    """The scatter of the last changes against its median over the blocks before them."""
    rates = [_arcsine(w) for w in windows if w.calls >= CALLS]
    changes = [after - before for before, after in itertools.pairwise(rates)]
    blocks = [changes[max(end - LENGTH, 0) : end] for end in range(len(changes), 0, -LENGTH)]
    scatters = [_median_deviation(block) for block in blocks if len(block) >= _FEWEST]
    if len(scatters) < 2 or (usual := statistics.median(scatters[1:])) == 0:
        return Volatility.USUAL
    share = scatters[0] / usual
    return Volatility.LOW if share < _CALM else Volatility.HIGH if share > _ROUGH else Volatility.USUAL
