"""Failing tests run again: how often, and what their results say."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest

from reknit.detect.flaky import ROUNDS, Rerun, Steadiness, changes, leads, rounds, run_again, too_few
from reknit.runner.base import Attempt, Step, SuiteRun, TestOutcome, TestRun, Trial
from tests.unit.verify.stage import ScriptedRunner, suite


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

    def again(tests: Sequence[str]) -> TestRun | None:
        (test,) = tests
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


class Forks:
    """Trials whose forked processes give these results, by what is run last; the rest is not asked."""

    cpu_seconds = 0.0
    steps_down = ()
    judged: Mapping[Step, int] = MappingProxyType({})

    def __init__(self, *good: str, after: Mapping[tuple[str, ...], bool] | None = None) -> None:
        self._good = good
        self._after = after or {}

    def again(self, tests: Sequence[str]) -> TestRun | None:
        bad = self._after.get(tuple(tests), tests[-1] not in self._good)
        return run(tests[-1], outcome="failed" if bad else "passed")

    def run(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Attempt]]:
        raise AssertionError(trials)


BASE = suite({"a.py::ok": "passed", "a.py::bad": "failed", "b.py::ok": "passed", "b.py::worse": "failed"})


def rerun(forks: Forks, *answers: SuiteRun, seconds: float = 30.0) -> tuple[Steadiness, ScriptedRunner]:
    runner = ScriptedRunner(list(answers))
    again = Rerun(runner, forks, BASE, deadline=math.inf, seconds=seconds, hang_seconds=1.0)
    return again.steadiness(["a.py::bad", "b.py::worse"]), runner


class TestRerun:
    def test_what_fails_each_time_is_steady(self) -> None:
        """A clean run of their own they need not: they are traced in one."""
        found, runner = rerun(Forks())
        assert (found.flaky, found.leaning, found.note, found.cpu_seconds) == ({}, {}, None, 0.0)
        assert runner.asked == []

    def test_what_passes_by_itself_leans_on_those_before_it(self) -> None:
        """A clean process is asked only where no test is known after which it fails."""
        forks = Forks("a.py::bad", "b.py::worse", after={("a.py::ok", "a.py::bad"): True})
        found, runner = rerun(forks, suite({"b.py::worse": "passed"}))
        assert found.flaky == {}
        assert found.leaning == {"a.py::bad": ("a.py::ok",), "b.py::worse": ()}
        assert [a["tests"] for a in runner.asked] == [["b.py::worse"]]

    def test_very_many_of_them_cost_no_more_time_than_there_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each takes 3 s of 7: the third begins in time, the fourth does not."""
        now = [0.0]
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        tests = [f"{n}.py::bad" for n in range(20)]

        class Slow(ScriptedRunner):
            def suite(self, **order: Any) -> SuiteRun:
                now[0] += 3.0
                return super().suite(**order)

        runner = Slow([suite({t: "passed"}) for t in tests])
        base = suite(dict.fromkeys(tests, "failed"))
        again = Rerun(runner, Forks(*tests), base, deadline=math.inf, seconds=7.0, hang_seconds=1.0)
        assert again.steadiness(tests).leaning == dict.fromkeys(tests[:3], ())

    def test_what_passes_in_our_short_cut_only_is_no_word_about_the_test(self) -> None:
        failing = suite({"a.py::bad": "failed", "b.py::worse": "failed"})
        found, _ = rerun(Forks("a.py::bad", "b.py::worse"), failing, failing)
        assert (found.flaky, found.leaning) == ({}, {})

    def test_without_time_nothing_is_asked_and_that_is_said(self) -> None:
        found, runner = rerun(Forks(), seconds=0.0)
        assert (found.flaky, found.leaning, runner.asked) == ({}, {}, [])
        assert "0 of 5 times" in (found.note or "")


def test_the_tests_before_it_in_its_file_may_be_what_it_leans_on() -> None:
    base = suite({"a.py::1": "passed", "b.py::1": "passed", "b.py::2": "failed", "b.py::3": "skipped", "b.py::4": "passed", "b.py::5": "failed", "b.py::6": "passed"})  # fmt: skip
    assert leads("b.py::5", base) == ("b.py::1", "b.py::4")
    assert leads("a.py::1", base) == ()


def test_that_some_were_run_again_less_often_is_said() -> None:
    assert too_few({"a": (True,) * ROUNDS}) is None
    assert too_few({"a": (True, False)}) is None, "it is known to be flaky"
    words = too_few({"a": (True,) * 3, "b": (True,), "c": (True,) * ROUNDS})
    assert words is not None
    assert words.startswith("whether b and 1 more fails each time")
    assert "1 of 5 times" in words
