"""What a run may use of time: shares, and what is kept for the run that accepts."""

from __future__ import annotations

import time

import pytest

from reknit.clock import Meter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"wall": 1000.0, "cpu": 50.0}
    monkeypatch.setattr(time, "monotonic", lambda: now["wall"])
    monkeypatch.setattr(time, "process_time", lambda: now["cpu"])
    return now


def started(clock: dict[str, float], **bounds: float) -> Meter:
    return Meter(began=clock["wall"], own=clock["cpu"], **bounds)


def test_time_is_shared_among_the_searches_that_are_left(clock: dict[str, float]) -> None:
    # A clean run takes 2 s, kept once: 98 s for four.
    spent = started(clock, max_time=100.0).share(0.0, 0.0, left=4)
    for now, over in ((1024.4, False), (1024.6, True)):
        clock["wall"] = now
        assert spent(0.0) is over


def test_cpu_time_is_shared_where_it_is_bounded(clock: dict[str, float]) -> None:
    meter = started(clock, max_time=1000.0, max_cpu=30.0, tests=4.0)
    spent = meter.share(0.0, 1.5, left=2)  # 26 s are left, 2 s are kept: 12 s each
    assert not spent(11.9)
    assert spent(12.1)
    clock["cpu"] += 6.0
    assert not spent(5.9)
    assert spent(6.1), "what we use ourselves counts"


@pytest.mark.parametrize(
    ("wall", "cpu", "left"), [(89.0, 0.0, True), (91.0, 0.0, False), (1.0, 26.0, True), (1.0, 28.0, False)]
)
def test_a_search_is_taken_up_again_while_a_tenth_is_left(
    clock: dict[str, float], wall: float, cpu: float, left: bool
) -> None:
    meter = started(clock, max_time=100.0, max_cpu=30.0)
    clock["wall"] += wall
    clock["cpu"] += cpu
    assert meter.has_left() is left


def test_a_process_that_heals_twice_starts_at_nothing(clock: dict[str, float]) -> None:
    clock["cpu"] += 500.0
    meter = started(clock, max_time=100.0, max_cpu=30.0)
    assert meter.cpu_seconds == 0.0
    assert not meter.share(0.0, 0.0, left=1)(20.0)
    clock["cpu"] += 2.0
    meter.tests += 1.5
    assert meter.cpu_seconds == 3.5


def test_a_search_always_gets_a_little(clock: dict[str, float]) -> None:
    meter = started(clock, max_time=10.0, max_cpu=1.0, tests=5.0)
    clock["wall"] += 9.9
    spent = meter.share(5.0, 5.0, left=3)
    assert not spent(0.4)
    assert spent(0.6)
    clock["wall"] += 1.1
    assert spent(0.0)


def test_half_the_time_is_for_healing(clock: dict[str, float]) -> None:
    assert started(clock, max_time=100.0).first_deadline == clock["wall"] + 50.0


def test_a_patch_gets_its_clean_run_even_when_time_is_over(clock: dict[str, float]) -> None:
    meter = started(clock, max_time=100.0)
    assert meter.accept_deadline() == meter.deadline + 25.0
    clock["wall"] = meter.deadline + 7.0
    assert meter.accept_deadline() == clock["wall"] + 25.0


def test_a_test_may_use_a_twentieth_of_the_time() -> None:
    wanted = {10.0: 2.0, 300.0: 15.0, 100_000.0: 60.0}
    assert {t: Meter(max_time=t).hang_seconds for t in wanted} == wanted
