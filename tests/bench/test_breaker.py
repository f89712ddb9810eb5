"""Costs of breakers: the models do what they are models of, and the real ones see the simulated clock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import purgatory.domain.model
import pybreaker
import pytest
from breaker import KINDS, Breaker, Ours, Purgatory, Pybreaker, Resilience, Throttle, cost, drawn, grid, simulate_clock

PROGRAM = Path(__file__).resolve().parents[2] / "bench" / "breaker.py"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undone after the test."""
    monkeypatch.setattr(pybreaker, "datetime", None)
    monkeypatch.setattr(purgatory.domain.model, "time", None)
    simulate_clock()


def let_through(breaker: Breaker, *calls: tuple[float, int]) -> list[bool]:
    return [breaker.call(at, fails) for at, fails in calls]


@pytest.mark.parametrize("make", [Pybreaker, Purgatory])
def test_the_real_ones_count_failures_in_a_row(make: Callable[[int, float], Breaker]) -> None:
    breaker = make(3, 15)
    assert let_through(breaker, (0, 1), (1, 1), (2, 0), (3, 1), (4, 1), (5, 1)) == [True] * 6
    assert let_through(breaker, (5.1, 0), (19.9, 0)) == [False, False]
    assert let_through(breaker, (20.1, 1), (35.0, 0), (35.2, 0), (35.3, 0)) == [True, False, True, True]


def test_resilience4j_judges_a_window_and_then_its_trials() -> None:
    breaker = Resilience(0.5, 10, 5, 4)
    assert let_through(breaker, (0, 0), (1, 0), (2, 1), (3, 1)) == [True] * 4
    assert let_through(breaker, (3.1, 0), (8, 0)) == [False, False]
    assert let_through(breaker, (8.1, 0), (8.2, 1), (8.3, 0), (8.4, 1), (8.5, 0)) == [True] * 4 + [False]
    assert let_through(breaker, *((13.5, 0),) * 4) == [True] * 4
    assert let_through(breaker, (14, 1), (14, 1), (14, 1), (25, 1)) == [True] * 4, "closed, and the window has moved on"


def test_throttling_rejects_more_the_more_fails() -> None:
    breaker = Throttle(0.5, 30)
    assert all(let_through(breaker, *((at / 10, 0) for at in range(100))))
    shares = [sum(let_through(breaker, *((at / 10, 1) for at in range(n, n + 100)))) for n in (100, 200, 300, 400)]
    assert shares[0] == 100
    assert shares[1] > shares[2] > shares[3] < 20


def test_a_failing_call_let_through_costs_as_a_good_one_rejected() -> None:
    assert cost(Pybreaker(3, 15), [(0, 1), (1, 1), (2, 1), (3, 0), (4, 1)]) == 4


def test_the_calls_are_those_of_their_seed() -> None:
    for kind in KINDS:
        assert drawn(kind, 1) == drawn(kind, 1) != drawn(kind, 2)


def test_ours_costs_little_where_there_is_an_outage() -> None:
    calls = [(at / 10, int(100 <= at < 700)) for at in range(1400)]
    assert cost(Ours(), calls) < 100
    assert len(list(grid())) == 108 + 9 + 32


def test_the_last_line_is_json() -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--seeds", "2", "--kind", "low traffic"], check=True, capture_output=True, text=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["seeds"], result["settings"], list(result["kinds"])) == (2, 149, ["low traffic"])
    assert result["worst_ratio"] == result["kinds"]["low traffic"]["ratio"] < 1.5
    assert result["decision_us"] > 0
