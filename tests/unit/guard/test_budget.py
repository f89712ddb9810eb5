"""Reserved before spent: nobody spends what somebody else was promised."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.errors import GuardError
from reknit.guard.budget import Budget, Short, at, commit, release, reserve

DAY = dt.date(2026, 1, 1)
BUDGET = Budget(day=DAY, limits={"patches": 3, "dollars": 1.0})


def _reserved(budget: Budget, **asked: float) -> Budget:
    found = reserve(budget, asked)
    assert isinstance(found, Budget)
    return found


def test_what_is_reserved_cannot_be_reserved_again() -> None:
    budget = _reserved(BUDGET, patches=2, dollars=0.5)
    assert budget.left("patches") == 1
    short = reserve(budget, {"dollars": 0.2, "patches": 2})
    assert short == Short(name="patches", asked=2, left=1)
    assert str(short) == "2 patches asked, 1 left of today's"


def test_the_rest_is_given_back_and_an_overrun_is_counted() -> None:
    budget = commit(_reserved(BUDGET, dollars=0.5), {"dollars": 0.5}, {"dollars": 0.2})
    assert budget.left("dollars") == pytest.approx(0.8)
    budget = commit(_reserved(budget, dollars=0.1), {"dollars": 0.1}, {"dollars": 2.0})
    assert budget.left("dollars") == 0
    assert release(_reserved(BUDGET, patches=3), {"patches": 3}).left("patches") == 3


def test_what_has_no_limit_is_counted() -> None:
    budget = commit(_reserved(BUDGET, tokens=10), {"tokens": 10}, {"tokens": 7})
    assert budget.spent["tokens"] == 7
    assert budget.left("tokens") == float("inf")


def test_a_new_day_has_spent_nothing_and_keeps_what_is_reserved() -> None:
    budget = _reserved(commit(_reserved(BUDGET, patches=2), {"patches": 2}, {"patches": 2}), patches=1)
    tomorrow = at(budget, DAY + dt.timedelta(days=1))
    assert (tomorrow.spent, tomorrow.left("patches")) == ({}, 2)
    assert at(budget, DAY) is budget
    with pytest.raises(GuardError) as caught:
        at(tomorrow, DAY)
    assert caught.value.slug == "guard-clock"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0])
def test_amounts_that_are_none(bad: float) -> None:
    for call in (reserve, release):
        with pytest.raises(GuardError):
            call(BUDGET, {"patches": bad})
    with pytest.raises(GuardError):
        commit(BUDGET, {}, {"patches": bad})
    with pytest.raises(GuardError, match="more was given back"):
        release(BUDGET, {"patches": 1})


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1), st.booleans()), max_size=30))
def test_never_more_is_promised_than_there_is(steps: list[tuple[float, float, bool]]) -> None:
    budget, held = Budget(day=DAY, limits={"dollars": 3.0}), []
    for asked, share, ends in steps:
        found = reserve(budget, {"dollars": asked})
        if isinstance(found, Budget):
            budget = found
            held.append((asked, share))
        if ends and held:
            amount, used = held.pop()
            budget = commit(budget, {"dollars": amount}, {"dollars": amount * used})
        assert budget.spent.get("dollars", 0.0) + budget.reserved.get("dollars", 0.0) <= 3.0 + 1e-6
        assert budget.reserved.get("dollars", 0.0) == pytest.approx(sum(a for a, _ in held), abs=1e-6)
