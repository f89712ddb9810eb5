"""The threshold moves a little, from the baseline each time, and never out of its bounds."""

from __future__ import annotations

from itertools import product

import pytest

from reknit.errors import GuardError
from reknit.guard.threshold import adapted
from reknit.guard.trend import Direction, Trend, Volatility


def _trend(direction: Direction, volatility: Volatility) -> Trend:
    return Trend(
        direction=direction, delta=0.0, slope=0.0, significance=0.0, spike=False, volatility=volatility, windows=20
    )


#: Every other pair is the baseline.
MOVED = {
    **{(Direction.DEGRADING, volatility): 0.22 for volatility in Volatility},
    **{(direction, Volatility.HIGH): 0.22 for direction in Direction},
    (Direction.IMPROVING, Volatility.LOW): 0.18,
    (Direction.IMPROVING, Volatility.USUAL): 0.18,
}


@pytest.mark.parametrize(("direction", "volatility"), [*product(Direction, Volatility)])
def test_the_whole_table(direction: Direction, volatility: Volatility) -> None:
    found = adapted(0.2, _trend(direction, volatility), low=0.05, high=0.5)
    assert found == pytest.approx(MOVED.get((direction, volatility), 0.2))


def test_the_bounds_hold() -> None:
    worse, better = (_trend(d, Volatility.USUAL) for d in (Direction.DEGRADING, Direction.IMPROVING))
    assert adapted(0.49, worse, low=0.05, high=0.5) == 0.5
    assert adapted(0.051, better, low=0.05, high=0.5) == 0.05
    assert adapted(0.9, worse, low=0.05, high=0.5) == 0.5


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_none(bad: float) -> None:
    flat = _trend(Direction.FLAT, Volatility.USUAL)
    for arguments in ((bad, 0.1, 0.5), (0.2, bad, 0.5), (0.2, 0.1, bad), (0.2, 0.5, 0.1)):
        with pytest.raises(GuardError) as caught:
            adapted(arguments[0], flat, low=arguments[1], high=arguments[2])
        assert caught.value.slug == "guard-limits"
