"""Failing tests run again: how often, and what their results say."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from reknit.detect.flaky import ROUNDS, changes, depends, rounds, run_again, too_few
from reknit.errors import CannotJudgeError
from reknit.runner.base import SuiteRun, TestOutcome, TestRun
from tests.unit.verify.stage import suite


def run(test: str, seconds: float = 0.0, outcome: TestOutcome = "failed") -> TestRun:
    return TestRun(test=test, outcome=outcome, seconds=seconds)


@pytest.mark.parametrize(
    ("lengths", "seconds", "wanted"),
    [
        ({"a": 0.0}, 30.0, {"a": 5}),
        ({"a": 4.0}, 30.0, {"a": 5}),
        ({"a": 10.0}, 30.0, {"a": 3}),
        ({"a": 31.0}, 30.0, {"a": 0}),
        ({"slow": 10.0, "quick": 0.1}, 30.0, {"quick": 5, "slow": 2}),
        ({"slow": 10.0, "quick": 0.1}, 31.0, {"quick": 5, "slow": 3}),
        ({}, 30.0, {}),
    ],
)
def test_each_has_its_share_and_the_quick_leave_theirs_to_the_slow(
    lengths: dict[str, float], seconds: float, wanted: dict[str, int]
) -> None:
    times = rounds([run(t, s) for t, s in lengths.items()], seconds)
    assert times == wanted


def test_very_many_tests_stay_within_the_budget() -> None:
    times = rounds([run(str(n)) for n in range(10_000)], 30.0)
    assert sum(times.values()) * 0.02 <= 30.0


def test_run_again_until_time_is_up_or_nothing_can_run_it() -> None:
    answers = {"a": [run("a"), run("a", outcome="passed")], "b": [run("b")]}

    def again(test: str) -> TestRun | None:
        return answers[test].pop(0) if answers[test] else None

    assert run_again({"a": 2, "b": 5}, again, deadline=math.inf) == {"a": (True, False), "b": (True,)}
    assert run_again({"a": 5}, again, deadline=time.monotonic()) == {"a": ()}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ((True,) * 5, None),
        ((False,) * 5, None),
        ((), None),
        ((True, False), "2 of 3"),
        ((False, False, True), "2 of 4"),
    ],
)
def test_only_what_fails_and_passes_changes_by_itself(bad: tuple[bool, ...], said: str | None) -> None:
    words = changes("t", bad)
    assert (words is None) == (said is None)
    assert (said or "") in (words or "")


class TestDepends:
    def alone(self, answer: SuiteRun | Exception) -> Any:
        def run_suite(*, tests: list[str]) -> SuiteRun:
            assert tests == ["t"]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return run_suite

    def test_what_passes_in_a_clean_process_of_its_own(self) -> None:
        words = depends("t", (False,) * ROUNDS, self.alone(suite({"t": "passed"})))
        assert words is not None
        assert "before it" in words

    def test_what_passes_in_our_short_cut_only_is_no_word_about_the_test(self) -> None:
        assert depends("t", (False,) * ROUNDS, self.alone(suite({"t": "failed"}))) is None
        assert depends("t", (False,) * ROUNDS, self.alone(suite({}))) is None

    @pytest.mark.parametrize("bad", [(), (True,), (True, False)])
    def test_what_failed_again_is_not_asked(self, bad: tuple[bool, ...]) -> None:
        assert depends("t", bad, self.alone(CannotJudgeError("asked", slug="x"))) is None


def test_that_some_were_run_again_less_often_is_said() -> None:
    assert too_few({"a": (True,) * ROUNDS}) is None
    assert too_few({"a": (True, False)}) is None, "it is known to be flaky"
    words = too_few({"a": (True,) * 3, "b": (True,), "c": (True,) * ROUNDS})
    assert words is not None
    assert words.startswith("whether b and 1 more fails each time")
    assert "1 of 5 times" in words
