"""The search: how long it goes on, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from reknit.lang.python import Source, parse
from reknit.propose.base import Candidate
from reknit.propose.search import HOPELESS, MORE_CANDIDATES, MORE_COST, PATIENCE, Found, Search
from reknit.propose.trial import TrialMaker
from reknit.runner.base import Attempt, Failure, Step, TestRun, Trial

RAW = b"x = 1\n"


def source() -> Source:
    found = parse("a.py", RAW)
    assert isinstance(found, Source)
    return found


def candidate(number: int, cost: float = 0.0) -> Candidate:
    return Candidate(
        path="a.py", start=4, end=5, new=str(number).encode(), line=1, cost=cost,
        operator="constant", note=str(number), function=None,
    )  # fmt: skip


def attempt(*outcomes: bool, passed: bool = False, hung: bool = False, why: str = "") -> Attempt:
    failure = Failure(type="AssertionError", message="assert 1 == 2\nand more")
    results = tuple(
        TestRun(test=f"t{n}", outcome="passed" if good else "failed", seconds=0.0, failure=None if good else failure)
        for n, good in enumerate(outcomes)
    )
    return Attempt(step="fresh", results=results, passed=passed, ticks=0, hung=hung, why=why)


MUST = tuple(f"t{n}" for n in range(9))
PASSES, FAILS = attempt(True, passed=True), attempt(False)


class ScriptedTrials:
    """Answers by the number in the candidate's text; asks for `ahead` questions before it answers the first."""

    def __init__(self, answer: Callable[[int], Attempt], ahead: int) -> None:
        self._answer = answer
        self._ahead = ahead
        self.cpu_seconds = 0.0
        self.steps_down = ()
        self.judged: Mapping[Step, int] = {}
        self.tried: list[int] = []

    def again(self, tests: Sequence[str]) -> TestRun | None:
        raise AssertionError(tests)

    def run(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Attempt]]:
        waiting: list[Trial] = []
        for trial in trials:
            waiting.append(trial)
            if len(waiting) > self._ahead:
                yield self._settle(waiting.pop(0))
        for trial in waiting:
            yield self._settle(trial)

    def _settle(self, trial: Trial) -> tuple[Trial, Attempt]:
        number = int(trial.content[4:].decode())
        self.tried.append(number)
        return trial, self._answer(number)


def search(
    candidates: Iterable[Candidate],
    answer: Callable[[int], Attempt],
    *,
    spent: Callable[[], bool] = lambda: False,
    ahead: int = 0,
    known: frozenset[bytes] = frozenset(),
) -> tuple[Found, list[int]]:
    trials = ScriptedTrials(answer, ahead)
    maker = TrialMaker({"a.py": source()}, MUST, lambda _candidate: ())
    counts: list[int] = []
    found = Search(iter(candidates), maker, spent=spent, known=known).run(trials, counts.append)
    assert counts == list(range(1, found.tried + 1))
    return found, trials.tried


def test_all_that_pass_are_kept_in_order() -> None:
    found, _ = search(map(candidate, range(5)), lambda n: PASSES if n in {1, 3} else FAILS)
    assert [c.note for c in found.plausible] == ["1", "3"]
    assert (found.tried, found.exhausted) == (5, True)


@pytest.mark.parametrize("ahead", [0, 1, 7])
def test_it_goes_on_for_a_while_after_the_first_that_passes(ahead: int) -> None:
    found, tried = search(map(candidate, range(1000)), lambda n: PASSES if n == 10 else FAILS, ahead=ahead)
    assert (found.tried, tried[: found.tried]) == (11 + MORE_CANDIDATES, list(range(11 + MORE_CANDIDATES)))
    assert len(tried) <= found.tried + ahead
    assert not found.exhausted


@pytest.mark.parametrize("ahead", [0, 7])
@pytest.mark.parametrize("dear", [False, True])
def test_one_that_passes_beyond_the_end_is_not_offered(ahead: int, dear: bool) -> None:
    """How many are tried side by side does not change the answer."""
    costs = [0.0, 9.0] if dear else [0.0] * (MORE_CANDIDATES + 3)
    found, _ = search(
        (candidate(n, c) for n, c in enumerate(costs)),
        lambda n: PASSES if n in {0, 1 if dear else MORE_CANDIDATES + 1} else FAILS,
        ahead=ahead,
    )
    assert [c.note for c in found.plausible] == ["0"]


@pytest.mark.parametrize("ahead", [0, 7])
def test_what_was_rejected_before_is_not_tried_and_the_end_is_the_same(ahead: int) -> None:
    def answer(n: int) -> Attempt:
        return PASSES if n in {10, 60, 500} else FAILS

    first, _ = search(map(candidate, range(1000)), answer, ahead=ahead)
    assert len(first.rejected) == first.tried - 2
    second, tried = search(map(candidate, range(1000)), answer, ahead=ahead, known=frozenset(first.rejected))
    assert [c.note for c in second.plausible] == [c.note for c in first.plausible] == ["10", "60"]
    assert (second.tried, second.skipped) == (2, len(first.rejected))
    assert tried[:2] == [10, 60]


def test_what_hangs_or_could_not_be_run_may_be_tried_again() -> None:
    found, _ = search(map(candidate, range(2)), lambda n: attempt(hung=True) if n else attempt(why="not imported"))
    assert found.rejected == set()


def test_what_only_a_test_to_be_kept_speaks_against_may_be_tried_again() -> None:
    """That one may have failed by chance."""
    failure = Failure(type="AssertionError", message="")
    kept = TestRun(test="kept", outcome="failed", seconds=0.0, failure=failure)
    found, _ = search([candidate(0)], lambda _n: replace(FAILS, results=(kept,)))
    assert (found.tried, found.rejected) == (1, set())


def test_a_later_one_that_passes_does_not_prolong_it() -> None:
    _, tried = search(map(candidate, range(1000)), lambda n: PASSES if n in {0, 50} else FAILS)
    assert len(tried) == 1 + MORE_CANDIDATES


def test_it_stops_where_candidates_get_too_dear() -> None:
    costs = [0.0, 2.0, 2.5, 2.0 + MORE_COST, 2.1 + MORE_COST, 9.0]
    found, tried = search((candidate(n, c) for n, c in enumerate(costs)), lambda n: PASSES if n == 1 else FAILS)
    assert tried == [0, 1, 2, 3]
    assert not found.exhausted


def test_dear_candidates_are_tried_while_nothing_passes() -> None:
    found, tried = search((candidate(n, 5.0 * n) for n in range(5)), lambda _n: FAILS)
    assert (len(tried), found.exhausted) == (5, True)


def test_the_budget_ends_it_and_says_so() -> None:
    left = iter([False, False, False, True])
    found, tried = search(map(candidate, range(10)), lambda _n: FAILS, spent=lambda: next(left))
    assert (tried, found.exhausted) == ([0, 1, 2], False)


def test_near_misses_are_kept_best_first() -> None:
    passed = {0: 1, 1: 3, 2: 2, 3: 3, 4: 0, 5: 1, 6: 4, 7: 1}
    costs = {1: 2.0, 3: 1.0}
    found, _ = search((candidate(n, costs.get(n, 0.0)) for n in passed), lambda n: attempt(*[True] * passed[n], False))
    assert [(m.candidate.note, m.passed) for m in found.near] == [("6", 4), ("3", 3), ("1", 3), ("2", 2), ("0", 1)]
    assert (found.near[0].test, found.near[0].why) == ("t4", "AssertionError: assert 1 == 2")


def test_a_candidate_that_passes_nothing_is_no_near_miss() -> None:
    assert search([candidate(0)], lambda _n: FAILS)[0].near == []


def test_what_no_step_could_judge_is_counted_with_the_reason() -> None:
    answers = [attempt(why="not imported"), attempt(hung=True), FAILS]
    found, _ = search(map(candidate, range(3)), lambda n: answers[n])
    assert (found.tried, found.unjudged, found.unjudged_why, found.hung) == (3, 1, "not imported", 1)
    assert found.plausible == []


def test_what_cannot_be_run_is_given_up() -> None:
    """When no candidate has got a verdict, the search ends early; one verdict, and it goes on."""
    unjudged = attempt(why="no step holds")
    many = [candidate(n) for n in range(HOPELESS * 3)]
    found, tried = search(many, lambda _n: unjudged)
    assert (len(tried), found.exhausted, found.unjudged_why) == (HOPELESS, False, "no step holds")
    found, tried = search(many, lambda n: FAILS if n == 0 else unjudged)
    assert (len(tried), found.exhausted) == (HOPELESS * 3, True)


class Thirsty(ScriptedTrials):
    """Those of `passes` are stopped after so many tests, and with more fuel only number 2 passes."""

    def __init__(self, passes: Mapping[int, int]) -> None:
        super().__init__(lambda _n: FAILS, 0)
        self._passes = passes
        self.asked: list[tuple[int, int]] = []

    def _settle(self, trial: Trial) -> tuple[Trial, Attempt]:
        number = int(trial.content[4:].decode())
        self.asked.append((number, trial.patience))
        if number not in self._passes:
            return trial, FAILS
        if trial.patience > 1:
            return trial, PASSES if number == 2 else FAILS
        return trial, attempt(*([True] * self._passes[number]), hung=True)


def thirsty(passes: Mapping[int, int], count: int = 5) -> tuple[Found, list[tuple[int, int]]]:
    maker = TrialMaker({"a.py": source()}, MUST, lambda _candidate: ())
    trials = Thirsty(passes)
    stream = iter([candidate(n) for n in range(count)])
    return Search(stream, maker, spent=lambda: False).run(trials, lambda _count: None), trials.asked


def test_what_ran_out_of_fuel_comes_again_with_more_when_nothing_else_has_passed() -> None:
    found, asked = thirsty({0: 0, 2: 0})
    assert asked == [*((n, 1) for n in range(5)), (0, PATIENCE), (2, PATIENCE)]
    assert [c.note for c in found.plausible] == ["2"]
    assert (found.tried, found.hung, found.exhausted) == (5, 2, True)


def test_what_passes_some_of_the_tests_gets_more_fuel_at_once() -> None:
    """A loop that ended at once in the broken program goes a long way in the right one."""
    found, asked = thirsty({0: 0, 2: 3})
    assert asked == [(0, 1), (1, 1), (2, 1), (2, PATIENCE), (3, 1), (4, 1)]
    assert [c.note for c in found.plausible] == ["2"]


def test_the_last_one_that_is_stopped_is_not_forgotten() -> None:
    found, asked = thirsty({2: 3}, count=3)
    assert asked == [(0, 1), (1, 1), (2, 1), (2, PATIENCE)]
    assert (len(found.plausible), found.tried) == (1, 3)


def test_nothing_comes_again_when_something_passed() -> None:
    hangs = attempt(hung=True)
    _, tried = search([candidate(n) for n in range(3)], lambda n: PASSES if n == 2 else hangs)
    assert tried == [0, 1, 2]
