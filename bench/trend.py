"""How often a trend is called that is none, and how often one is missed.

    python bench/trend.py [--series N] [--seed S]

Series of 20 windows with 200 calls each, drawn anew each time: independent with a failure rate of 5 %; a rate that
wanders (its logarithm is an autoregression of first order with coefficient 0.8, with three scatters); a daily cycle of
±50 % in 24 windows a day after 14 days of history, at any hour; one window at 40 % among windows at 5 %; and a ramp from 5 %
to 15 %. `insufficient` is asked of windows with 29 calls.

The last line is JSON: shares called degrading, by kind. Bars: independent at most 0.03, the wandering and the daily ones
and the spike at most 0.08, the ramp at least 0.97, and all of `insufficient`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Callable
from typing import Any

from reknit.guard.trend import Direction, Window, trend

CALLS, WINDOWS, BASE = 200, 20, 0.05
_DAY, _DAYS = 24, 14

Draw = Callable[[random.Random], dict[str, Any]]


def _window(rng: random.Random, rate: float, calls: int = CALLS) -> Window:
    return Window(calls=calls, failures=sum(rng.random() < rate for _ in range(calls)))


def independent(rng: random.Random, calls: int = CALLS) -> dict[str, Any]:
    """A flat rate."""
    return {"windows": [_window(rng, BASE, calls) for _ in range(WINDOWS)]}


def wandering(scatter: float) -> Draw:
    """A rate around which windows resemble their neighbours."""

    def draw(rng: random.Random) -> dict[str, Any]:
        at, windows = rng.gauss(0, scatter), []
        for _ in range(WINDOWS):
            windows.append(_window(rng, min(BASE * math.exp(at), 1.0)))
            at = 0.8 * at + rng.gauss(0, scatter * math.sqrt(1 - 0.8**2))
        return {"windows": windows}

    return draw


def daily(rng: random.Random) -> dict[str, Any]:
    """A rate that goes up and down with the hour."""
    phase = rng.random()
    rates = [BASE * (1 + 0.5 * math.sin(2 * math.pi * (at / _DAY + phase))) for at in range(_DAYS * _DAY + WINDOWS)]
    windows = [_window(rng, rate) for rate in rates]
    return {"history": windows[:-WINDOWS], "windows": windows[-WINDOWS:], "period": _DAY}


def ramp(rng: random.Random) -> dict[str, Any]:
    """A rate that grows threefold."""
    return {"windows": [_window(rng, BASE + 0.10 * at / (WINDOWS - 1)) for at in range(WINDOWS)]}


def spike(rng: random.Random) -> dict[str, Any]:
    """One bad window."""
    bad = rng.randrange(WINDOWS)
    return {"windows": [_window(rng, 0.40 if at == bad else BASE) for at in range(WINDOWS)]}


KINDS: dict[str, Draw] = {
    "independent": independent,
    "wandering, 0.1": wandering(0.1),
    "wandering, 0.3": wandering(0.3),
    "wandering, 1.0": wandering(1.0),
    "daily": daily,
    "spike": spike,
    "ramp": ramp,
}


def share(draw: Draw, series: int, seed: int, direction: Direction = Direction.DEGRADING) -> float:
    """Of so many series, the share that is called so."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    return sum(trend(**draw(rng)).direction is direction for _ in range(series)) / series


def main() -> None:
    """Draw, judge, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    found = {name: round(share(draw, options.series, options.seed), 4) for name, draw in KINDS.items()}
    few = share(lambda rng: independent(rng, 29), options.series, options.seed, Direction.INSUFFICIENT)
    print(json.dumps({**found, "insufficient": few, "series": options.series}))


if __name__ == "__main__":
    main()
