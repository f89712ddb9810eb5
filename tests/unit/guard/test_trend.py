"""A trend is told from noise, from what comes each day, and from one bad window."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.errors import GuardError
from reknit.guard.trend import Direction, Volatility, Window, trend

ROOT = Path(__file__).resolve().parents[3]


def _bench() -> ModuleType:
    """The series are those of the bench; here there are fewer of them."""
    spec = importlib.util.spec_from_file_location("bench_trend", ROOT / "bench/trend.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BENCH = _bench()


def _windows(*failures: int, calls: int = 200) -> list[Window]:
    return [Window(calls=calls, failures=n) for n in failures]


@pytest.mark.parametrize(
    ("kind", "series", "least", "most"),
    [
        ("independent", 400, 0.0, 0.03),
        ("wandering, 0.1", 300, 0.0, 0.08),
        ("wandering, 0.3", 800, 0.0, 0.08),
        ("wandering, 1.0", 800, 0.0, 0.08),
        ("daily", 60, 0.0, 0.08),
        ("spike", 200, 0.0, 0.08),
        ("ramp", 400, 0.97, 1.0),
    ],
)
def test_how_often_a_trend_is_called(kind: str, series: int, least: float, most: float) -> None:
    assert least <= BENCH.share(BENCH.KINDS[kind], series, 11) <= most


def test_without_its_season_a_daily_cycle_is_mistaken() -> None:
    """The control: what the history is for. A morning's rise looks like any other."""
    rise = _windows(*(5 + n for n in range(12)))
    history = [w for _ in range(14) for w in _windows(*(5 + n if n < 12 else 28 - n for n in range(24)))]
    assert trend(rise).direction is Direction.DEGRADING
    assert trend(rise, history=history, period=24).direction is Direction.FLAT


def test_a_rise_against_the_season_is_seen() -> None:
    history = [w for _ in range(14) for w in _windows(*(28 - n for n in range(24)))]
    assert trend(_windows(*[16] * 20), history=history, period=24).direction is Direction.DEGRADING


def test_a_fall_is_an_improvement_and_its_slope_is_in_rates() -> None:
    falling = trend(_windows(*(40 - 2 * n for n in range(20))))
    assert falling.direction is Direction.IMPROVING
    assert falling.slope == pytest.approx(-0.01, rel=0.25)
    assert falling.delta == pytest.approx(-0.01)
    assert falling.significance < -2


def test_only_the_last_windows_count() -> None:
    long_ago = _windows(*(2 * n for n in range(40)))
    assert trend([*long_ago, *_windows(*[80] * 20)]).direction is Direction.FLAT
    assert trend(_windows(*[10] * 25)).windows == 20


@pytest.mark.parametrize(
    "windows",
    [
        _windows(*range(10, 30), calls=29),
        _windows(10, 20, 30),
        [*_windows(*range(10, 30)), Window(calls=29, failures=29)],
        [*_windows(*range(10, 20), calls=20), *_windows(*range(10, 17))],
        _windows(5),
    ],
)
def test_what_is_too_little_to_say_anything(windows: list[Window]) -> None:
    assert trend(windows).direction is Direction.INSUFFICIENT


def test_windows_without_calls_are_left_out_and_keep_their_place() -> None:
    windows = _windows(*(10 + 2 * n for n in range(20)))
    windows[7] = Window(calls=0, failures=0)
    found = trend(windows)
    assert (found.direction, found.windows) == (Direction.DEGRADING, 19)


def test_a_series_without_any_failure_is_flat() -> None:
    found = trend(_windows(*[0] * 20))
    assert (found.direction, found.spike, found.significance) == (Direction.FLAT, False, 0.0)


def test_the_last_window_alone_is_a_spike_and_no_trend() -> None:
    found = trend(_windows(*[10, 11, 9, 10] * 4, 60))
    assert found.spike
    assert found.direction is Direction.FLAT
    assert not trend(_windows(*[10, 11, 9, 10] * 4, 14)).spike
    assert not trend(_windows(*[10, 60] * 8)).spike, "where it jumps all the time, no jump stands out"


def test_volatility_is_against_what_is_usual() -> None:
    calm = [10, 12, 9, 11, 10, 13, 9, 10, 12, 8] * 6
    assert trend(_windows(*calm)).volatility is Volatility.USUAL
    assert trend(_windows(*calm, *[10, 40] * 10)).volatility is Volatility.HIGH
    assert trend(_windows(*[10, 40] * 30, *[20] * 20)).volatility is Volatility.LOW
    assert trend(_windows(10, 40, 10)).volatility is Volatility.USUAL, "too little is usual"


@pytest.mark.parametrize(("calls", "failures"), [(10, 11), (10, -1), (-1, -1)])
def test_counts_that_cannot_be(calls: int, failures: int) -> None:
    with pytest.raises(GuardError) as caught:
        Window(calls=calls, failures=failures)
    assert caught.value.slug == "guard-window"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none(number: float) -> None:
    for counts in ({"calls": number, "failures": 0}, {"calls": 10, "failures": number}):
        with pytest.raises(GuardError):
            Window(**counts)  # type: ignore[arg-type]


def test_no_series_is_an_error() -> None:
    with pytest.raises(GuardError):
        trend([])
    with pytest.raises(GuardError):
        trend(_windows(1), period=-1)


counts = st.integers(0, 300).flatmap(
    lambda calls: st.builds(Window, calls=st.just(calls), failures=st.integers(0, calls))
)


@given(st.lists(counts, min_size=1, max_size=60), st.lists(counts, max_size=80), st.integers(0, 30))
def test_any_series_has_an_answer_and_its_mirror_the_opposite(
    windows: list[Window], history: list[Window], period: int
) -> None:
    found = trend(windows, history=history, period=period)
    assert -1 <= found.delta <= 1
    plain = trend(windows)
    mirrored = trend([Window(calls=w.calls, failures=w.calls - w.failures) for w in windows])
    assert mirrored.significance == pytest.approx(-plain.significance, abs=1e-9)
