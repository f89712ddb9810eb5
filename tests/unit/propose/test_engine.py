"""The engine: which tests a candidate must keep, what it offers, and what it says when it offers nothing."""

from __future__ import annotations

import datetime as dt
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest

from reknit.lang.python import Source, parse
from reknit.model.fault import Fault, Suspect
from reknit.model.patch import Entry
from reknit.model.signal import CodeContext, ErrorContext, ErrorInfo, Signal, SignalKind, SystemState
from reknit.propose.engine import Engine, Proposal
from reknit.propose.hints import Hints
from reknit.runner.base import Attempt, Facts, Failure, Step, SuiteRun, TestOutcome, TestRun, Trial, Trials

NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
CODE = textwrap.dedent(
    """\
    LIMIT = 3


    def ship(weight):
        return weight < LIMIT


    def other(a):
        return a
    """
).encode()
COVER = {
    "t::bad": {"lib.py": frozenset({5})},
    "t::near": {"lib.py": frozenset({5})},
    "t::far": {"lib.py": frozenset({9})},
    "t::out": {"main.py": frozenset({1})},
}
FACTS = Facts(python="3.11", executable="python", platform="", prefixes=(), path=(), packages={})


def source() -> Source:
    found = parse("lib.py", CODE)
    assert isinstance(found, Source)
    return found


class Judge:
    """Passes what `good` is part of; keeps what it was asked."""

    def __init__(self, good: bytes) -> None:
        self.good = good
        self.cpu_seconds = 0.0
        self.steps_down: tuple[str, ...] = ()
        self.judged: Mapping[Step, int] = {}
        self.asked: list[Trial] = []

    def again(self, tests: Sequence[str]) -> TestRun | None:
        raise AssertionError(tests)

    def run(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Attempt]]:
        for trial in trials:
            self.asked.append(trial)
            self.cpu_seconds += 0.5
            passed = self.good in trial.content
            outcome: TestOutcome = "passed" if passed else "failed"
            run = TestRun(test="t::bad", outcome=outcome, seconds=0.0)
            yield trial, Attempt(step="fresh", results=(run,), passed=passed, ticks=1, hung=False)


class Bench:
    """A runner whose workers are a `Judge`."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.tests: tuple[str, ...] = ()

    def suite(
        self,
        *,
        files: Mapping[str, bytes | None] | None = None,
        tests: Sequence[str] | None = None,
        whole: bool = False,
        trace: bool = False,
        deadline: float,
        hang_seconds: float,
        hash_seed: int = 0,
        sealed: Sequence[str] = (),
    ) -> SuiteRun:
        pytest.fail("the engine runs no suite")

    def trials(
        self, *, tests: Sequence[str], baseline: SuiteRun, jobs: int, fuel: int | None, deadline: float
    ) -> AbstractContextManager[Trials]:
        self.tests = tuple(tests)
        return nullcontext(self.judge)


def suite(
    bad: TestRun, cover: Mapping[str, Mapping[str, frozenset[int]]], foreign: Mapping[str, str] | None = None
) -> SuiteRun:
    good = {t: TestRun(test=t, outcome="passed", seconds=0.01) for t in ("t::near", "t::far", "t::out")}
    return SuiteRun(
        tests={bad.test: bad, **good}, collected=("t::bad", *good), collect_errors=(), not_run=(), status=1,
        coverage=cover, facts=FACTS, cpu_seconds=1.0, isolation="none", view="direct", foreign=foreign or {},
    )  # fmt: skip


def fault(*lines: int) -> Fault:
    signal = Signal(kind=SignalKind.TEST, test="t::bad", error=ErrorInfo(type="AssertionError", message=""))
    about = ErrorContext(
        signal=signal, error=signal.error, stack_trace="", code=CodeContext(file="lib.py", line=5, function="ship"),
        system=SystemState(interpreter="3.11", platform=""),
    )  # fmt: skip
    suspects = [
        Suspect(path="lib.py", line=n, function="ship", score=1.0, penalty=0.0, why="runs when it fails") for n in lines
    ]
    return Fault(contexts=(about,), suspects=tuple(suspects))


def propose(
    judge: Judge,
    *,
    bad: TestRun | None = None,
    cover: Mapping[str, Mapping[str, frozenset[int]]] = COVER,
    lines: Sequence[int] = (5,),
    cpu: float = 1e9,
    foreign: Mapping[str, str] | None = None,
) -> tuple[Proposal, Bench]:
    bench, one = Bench(judge), fault(*lines)
    engine = Engine(
        runner=bench, faults=(one,), sources={"lib.py": source()}, entries={"lib.py": Entry(content=CODE)},
        run=suite(bad or TestRun(test="t::bad", outcome="failed", seconds=0.1), cover, foreign),
        hints=lambda _tests: Hints(), jobs=1, fuel=None, deadline=math.inf,
    )  # fmt: skip
    with engine.trials() as trials:
        proposal = engine.propose(one, trials, spent=lambda used: used >= cpu, now=NOW, tell=lambda _count: None)
    return proposal, bench


def test_a_patch_is_offered_with_what_it_was_made_for() -> None:
    proposal, _ = propose(Judge(b"weight <= LIMIT"))
    best = proposal.patches[0]
    assert best.render({"lib.py": Entry(content=CODE)})["lib.py"].content == CODE.replace(b"< LIMIT", b"<= LIMIT")
    assert (best.origin.proposer, best.metadata.created, best.files) == ("search", NOW, ("lib.py",))
    assert 0 < best.confidence <= 0.9


def test_a_candidate_keeps_the_tests_that_run_its_function() -> None:
    judge = Judge(b"weight <= LIMIT")
    _, bench = propose(judge)
    assert bench.tests == ("t::bad", "t::far", "t::near")
    in_function = {t.keep for t in judge.asked if t.swap is not None}
    assert in_function == {("t::near",)}
    assert {t.must for t in judge.asked} == {("t::bad",)}


def test_code_that_runs_at_import_keeps_the_tests_of_its_file() -> None:
    judge = Judge(b"LIMIT = 4")
    propose(judge, lines=(1,))
    assert {t.keep for t in judge.asked if t.swap is None} == {("t::far", "t::near")}


def test_nothing_found_says_whether_there_was_more() -> None:
    whole, _ = propose(Judge(b"never"))
    cut, _ = propose(Judge(b"never"), cpu=2.0)
    assert (whole.why_not.exhausted, whole.patches) == (True, ())
    assert "no single edit" in whole.why_not.unblock
    assert (cut.why_not.exhausted, cut.why_not.candidates) == (False, 4)
    assert "--max-time" in cut.why_not.unblock
    assert cut.cpu_seconds == 2.0


def test_a_test_without_its_fixture_is_not_searched_for() -> None:
    """What a fixture of the session ran before it is no suspect: the plug-in is missing."""
    failure = Failure(type="_pytest.fixtures.FixtureLookupError", message="fixture 'db' not found")
    bad = TestRun(test="t::bad", outcome="error", seconds=0.1, failure=failure)
    judge = Judge(b"weight <= LIMIT")
    proposal, _ = propose(judge, bad=bad)
    assert (judge.asked, proposal.patches) == ([], ())
    assert proposal.why_not.unblock.startswith("fixture 'db' not found: is the plug-in")


def test_candidates_that_the_end_of_time_broke_off_were_ended_by_the_budget() -> None:
    class Late(Judge):
        def run(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Attempt]]:
            for trial in trials:
                self.cpu_seconds += 0.5
                yield trial, Attempt(step="fresh", results=(), passed=False, ticks=0, hung=False, why="time was up")

    proposal, _ = propose(Late(b"never"), cpu=1.0)
    assert proposal.why_not.unblock == "the budget ended the search: give it more with --max-time"


@pytest.mark.parametrize("lines", [{"lib.py": frozenset({5})}, {}], ids=["runs the program", "runs none of it"])
def test_a_linters_item_is_not_searched_for(lines: dict[str, frozenset[int]]) -> None:
    """A test of a kind of its own may run the program, as one in a text file does."""
    judge = Judge(b"weight <= LIMIT")
    proposal, _ = propose(judge, cover={**COVER, "t::bad": lines}, foreign={"t::bad": "RuffItem"})
    assert bool(proposal.patches) == bool(lines) == bool(judge.asked)
    assert lines or "RuffItem" in proposal.why_not.unblock


def test_a_test_whose_set_up_fails_is_not_searched_for() -> None:
    """No line of the program runs in it, so no change of one mends it."""
    failure = Failure(type="OSError", message="no such database")
    bad = TestRun(test="t::bad", outcome="error", seconds=0.1, failure=failure)
    judge = Judge(b"never")
    proposal, _ = propose(judge, bad=bad, cover={**COVER, "t::bad": {}})
    assert (judge.asked, proposal.patches) == ([], ())
    assert "set-up" in proposal.why_not.unblock
    assert proposal.why_not.unblock.endswith("no such database")


def test_a_set_up_that_runs_the_program_is_searched_for() -> None:
    judge = Judge(b"weight <= LIMIT")
    proposal, _ = propose(judge, bad=TestRun(test="t::bad", outcome="error", seconds=0.1))
    assert proposal.patches


@pytest.mark.parametrize(
    ("failing", "imported", "swapped"),
    [({5}, set(), True), ({5}, {5}, True), (set(), {5}, False)],
    ids=["in the test", "at import too", "at import only"],
)
def test_what_ran_at_import_is_imported_anew(failing: set[int], imported: set[int], swapped: bool) -> None:
    """New code for a function that was called while tests were collected comes too late for what it made."""
    cover = {**COVER, "t::bad": {"lib.py": frozenset(failing)}, "": {"lib.py": frozenset({1, 4, 8} | imported)}}
    judge = Judge(b"weight <= LIMIT")
    proposal, _ = propose(judge, cover=cover)
    assert proposal.patches
    assert {t.swap is not None for t in judge.asked} == {swapped}
