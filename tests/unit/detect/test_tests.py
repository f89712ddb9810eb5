"""Failing tests become signals; what says nothing is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from reknit.detect.tests import (
    AGAIN_SECONDS,
    MOST_FAILING,
    first_things_first,
    last_failed,
    left_out,
    out_of_sight,
    passed_in_suite,
    signals,
    trace_anew,
    wanted,
    with_earlier,
    with_known,
    worth_tracing,
)
from reknit.errors import CannotJudgeError
from reknit.model.outcome import Healthy, NotHealed, Quarantined
from reknit.model.signal import ErrorInfo, Frame, Signal, SignalKind
from reknit.runner.base import Facts, Failure, SuiteRun, TestOutcome, TestRun

FACTS = Facts(python="3.12", executable="python", platform="", prefixes=(), path=(), packages={})


def suite(
    outcomes: Mapping[str, TestOutcome],
    *,
    seconds: Mapping[str, float] | None = None,
    not_run: Sequence[str] = (),
    errors: Sequence[tuple[str, str]] = (),
    status: int | None = None,
) -> SuiteRun:
    tests = {t: TestRun(test=t, outcome=o, seconds=(seconds or {}).get(t, 0.0)) for t, o in outcomes.items()}
    return SuiteRun(
        tests=tests,
        collected=(*outcomes, *not_run),
        collect_errors=tuple(errors),
        not_run=tuple(not_run),
        status=status,
        coverage={},
        facts=FACTS,
        cpu_seconds=0.0,
        isolation="none",
        view="direct",
    )


def test_one_signal_a_bad_test_in_the_order_of_the_suite() -> None:
    run = suite({"b": "failed", "ok": "passed", "a": "error", "skip": "skipped", "x": "xfailed"})
    assert [s.test for s in signals(run)] == ["b", "a"]


def test_the_failure_is_carried_over() -> None:
    run = suite({"a": "failed"})
    frame = Frame(path="a.py", line=3, function="f")
    failure = Failure(type="KeyError", message="'x'", frames=(frame,), local_variables={"n": "1"})
    tests = {"a": TestRun(test="a", outcome="failed", seconds=0, failure=failure)}
    (signal,) = signals(SuiteRun(**{**{n: getattr(run, n) for n in SuiteRun.__slots__}, "tests": tests}))
    assert (signal.error, signal.frames) == (ErrorInfo(type="KeyError", message="'x'"), (frame,))
    assert signal.local_variables == {"n": "1"}


@pytest.mark.parametrize("passing", [{}, {"a": "passed"}], ids=["nothing ran", "the rest passes"])
def test_what_cannot_be_collected_is_not_healthy(passing: dict[str, TestOutcome]) -> None:
    with pytest.raises(CannotJudgeError, match=r"tests/test_b\.py and 1 more could not be collected.*") as caught:
        signals(suite(passing, errors=[("tests/test_b.py", "ImportError: x"), ("tests/test_c.py", "")]))
    assert (caught.value.slug, caught.value.exit_code) == ("collection", 4)
    assert "ImportError: x" in caught.value.message


def test_what_cannot_be_collected_beside_a_failure_is_a_note() -> None:
    run = suite({"a": "failed"}, errors=[("tests/test_b.py", "ImportError")])
    assert [s.test for s in signals(run)] == ["a"]
    assert left_out(run) == ("tests/test_b.py could not be collected, so its tests were not run: ImportError",)


def test_no_test_in_time_is_no_health() -> None:
    with pytest.raises(CannotJudgeError) as caught:
        signals(suite({}, not_run=["a", "b"]))
    assert caught.value.slug == "too-slow"


def test_tests_that_were_not_run_are_named() -> None:
    (note,) = left_out(suite({"a": "passed"}, not_run=["b", "c", "d", "e"]))
    assert note == "4 of 5 tests were not run: --max-time was too short for b, c, d, …"
    assert left_out(suite({"a": "passed"})) == ()


def test_a_short_suite_is_traced_whole() -> None:
    run = suite({"t.py::a": "failed", "u.py::b": "passed"}, not_run=["u.py::c"])
    assert worth_tracing(run) == ["t.py::a", "u.py::b"]


def test_of_a_long_suite_the_failing_tests_own_files_are_traced_cheapest_first() -> None:
    seconds = {"t.py::slow": AGAIN_SECONDS, "t.py::quick": 1.0, "u.py::other": 0.1, "t.py::bad": 1.0}
    run = suite({"t.py::slow": "passed", "t.py::quick": "passed", "u.py::other": "passed", "t.py::bad": "failed"},
                seconds=seconds)  # fmt: skip
    assert worth_tracing(run) == ["t.py::quick", "t.py::bad"]


@pytest.mark.parametrize(
    ("content", "tests"),
    [
        (b'{"t.py::a": true, "broken.py": true, "t.py::b[1]": true}', ("t.py::a", "t.py::b[1]")),
        (b"{}", ()),
        (b'["t.py::a"]', ()),
        (b"\xff\x00", ()),
        (b'{"t.py::a": tr', ()),
        (b"[" * 100_000, ()),
        (b'{"t.py::a": true}' + b" " * (1 << 20), ()),
    ],
    ids=["tests only", "none", "no object", "no text", "cut", "deep", "huge"],
)
def test_what_failed_last_time_is_read_from_a_file_that_may_hold_anything(
    content: bytes, tests: tuple[str, ...]
) -> None:
    assert last_failed(content) == tests


def test_a_suite_too_slow_to_come_to_a_test_leaves_it_as_the_first_look_saw_it() -> None:
    run = suite({"a": "passed"}, not_run=["b", "c"])
    base = with_earlier(run, suite({"a": "failed", "b": "failed"}))
    assert base.bad == ("b",)
    assert (base.tests["a"].outcome, base.not_run) == ("passed", ("c",))


def test_what_fails_by_itself_and_passes_in_the_suite_is_told_and_not_healed() -> None:
    run = suite({"a": "passed", "b": "failed"})
    ((signal, outcome),) = passed_in_suite(run, suite({"a": "failed", "b": "failed", "gone": "failed"}))
    assert signal.test == "a"
    assert isinstance(outcome, Quarantined)


def test_what_failed_last_time_too_comes_first() -> None:
    run = suite({"a": "failed", "b": "failed", "c": "failed"})
    ordered = first_things_first(signals(run), suite({"c": "failed", "b": "passed"}))
    assert [s.test for s in ordered] == ["c", "a", "b"]
    assert [s.test for s in first_things_first(signals(run), None)] == ["a", "b", "c"]


def test_signals_that_are_given_are_taken_as_they_are_now() -> None:
    old = {t: Signal(kind=SignalKind.TEST, test=t, error=ErrorInfo(type="Old", message="")) for t in "abcd"}
    found = wanted(old, suite({"a": "failed", "b": "passed", "other": "failed"}, not_run=["c"]))
    assert [(s.test, s.error.type) for s, _ in found] == [("a", "Failed"), ("b", "Old"), ("c", "Old"), ("d", "Old")]
    outcomes = [o for _, o in found]
    assert outcomes[:2] == [None, Healthy()]
    unblocks = [o.why_not.unblock for o in outcomes[2:] if isinstance(o, NotHealed)]
    assert "--max-time" in unblocks[0]
    assert "does not collect" in unblocks[1]


def test_pytest_that_breaks_off_is_not_slow() -> None:
    with pytest.raises(CannotJudgeError, match=r"listed 2 tests and broke off \(status 3\) when 0 had come") as caught:
        signals(suite({}, not_run=["a", "b"], status=3))
    assert caught.value.slug == "pytest-stopped"
    with pytest.raises(CannotJudgeError, match="1 of 2 tests were not run") as caught:
        signals(suite({"a": "passed"}, not_run=["b"]))
    assert caught.value.slug == "too-slow"


def failing(tests: Mapping[str, str]) -> SuiteRun:
    """A suite in which all fail, with the type of each one's error."""
    run = suite(dict.fromkeys(tests, "failed"))
    runs = {
        t: TestRun(test=t, outcome="error", seconds=0, failure=Failure(type=k, message="why")) for t, k in tests.items()
    }
    return replace(run, tests=runs)


@pytest.mark.parametrize("kind", ["ProcessDied", "TestStalled", "NoReport"])
def test_what_takes_the_interpreter_with_it_is_not_traced(kind: str) -> None:
    run = failing({"t.py::a": "KeyError", "t.py::b": kind})
    left = out_of_sight(run, run.bad)
    assert list(left) == ["t.py::b"]
    assert isinstance(left["t.py::b"], NotHealed)
    assert "takes pytest with it: why" in left["t.py::b"].why_not.unblock
    assert trace_anew(run, ["t.py::a"], {}) == ["t.py::a"]


def test_of_a_flood_functions_of_many_files_are_looked_into() -> None:
    names = [f"{f}.py::test_{n}[{p}]" for f in range(60) for n in range(20) for p in range(3)]
    run = failing(dict.fromkeys(names, "KeyError"))
    left = out_of_sight(run, names)
    chosen = [n for n in names if n not in left]
    assert len(chosen) == MOST_FAILING
    assert len({n.split("::")[0] for n in chosen}) == 20
    assert all(n.endswith("[0]") for n in chosen), "one parameter each, as there are enough functions"
    assert out_of_sight(run, names[:MOST_FAILING]) == {}


def test_how_a_test_fails_is_told_as_the_untraced_run_has_seen_it() -> None:
    """Candidates are judged with the order of sets that it had; what passes when traced is no failure."""
    run, traced = suite({"a": "failed", "b": "failed", "c": "passed"}), suite({"a": "error", "b": "passed"})
    both = with_known(run, traced, {"c": {}})
    assert {t: r.outcome for t, r in both.tests.items()} == {"a": "failed", "b": "passed", "c": "passed"}
