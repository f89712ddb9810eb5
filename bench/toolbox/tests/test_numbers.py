from __future__ import annotations

import pytest

from toolbox.numbers import Running, clamp, histogram, mean, median, percentile, variance

DATA = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]


@pytest.mark.parametrize(("value", "expected"), [(-1, 0), (5, 5), (11, 10)])
def test_clamp(value, expected):
    assert clamp(value, 0, 10) == expected


def test_means():
    assert mean(DATA) == 5.0
    assert median(DATA) == 4.5
    assert median([3, 1, 2]) == 2
    with pytest.raises(ValueError, match="no values"):
        mean([])


def test_variance():
    assert variance(DATA, sample=False) == 4.0
    assert variance(DATA) == pytest.approx(32 / 7)
    with pytest.raises(ValueError, match="too few"):
        variance([1.0])


@pytest.mark.parametrize(("share", "expected"), [(0, 2.0), (50, 4.5), (90, 7.6), (100, 9.0)])
def test_percentile(share, expected):
    assert percentile(DATA, share) == pytest.approx(expected)


def test_histogram():
    assert histogram([1, 2, 3, 4, 5], 2) == [(1.0, 2), (3.0, 3)]
    assert histogram([1, 5, 10], [0, 5]) == [(0, 1), (5, 2)]
    assert histogram([]) == []


class TestRunning:
    def test_as_if_all_were_kept(self):
        running = Running(DATA)
        assert (running.count, running.mean, running.low, running.high) == (8, 5.0, 2.0, 9.0)
        assert running.variance == pytest.approx(variance(DATA))

    def test_merged(self):
        both = Running(DATA[:3]).merge(Running(DATA[3:]))
        assert both.mean == pytest.approx(5.0)
        assert both.variance == pytest.approx(variance(DATA))
        assert Running().merge(Running()).count == 0

    def test_it_shows_itself(self):
        assert repr(Running()) == "<Running: nothing yet>"
        assert repr(Running([1, 2])) == "<Running: 2 of 1.5 ± 0.7071>"
