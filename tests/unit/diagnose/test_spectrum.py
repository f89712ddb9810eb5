from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.diagnose import Localizer
from reknit.diagnose.base import FunctionRange
from reknit.diagnose.spectrum import IMPORT_NATS, RANK_NATS, SHORT_LIST, UNTOUCHED_NATS, Spectrum, group, ochiai, rank
from reknit.model.fault import Suspect
from reknit.model.signal import ErrorInfo, Frame, Signal, SignalKind

T = TypeVar("T")

localizer: Localizer = rank


def is_test(path: str) -> bool:
    return path.startswith("tests/")


def lines(**files: set[int]) -> dict[str, frozenset[int]]:
    return {f"{name}.py": frozenset(numbers) for name, numbers in files.items()}


def frame(path: str, line: int, function: str = "f", *, in_project: bool = True) -> Frame:
    return Frame(path=path, line=line, function=function, in_project=in_project)


def places(suspects: tuple[Suspect, ...]) -> list[tuple[str, int]]:
    return [(s.path, s.line) for s in suspects]


def ranked(
    spectrum: Spectrum, frames: Sequence[Frame] = (), functions: Mapping[str, Sequence[FunctionRange]] | None = None
) -> tuple[Suspect, ...]:
    return rank(spectrum, frames, functions or {}, is_test=is_test)


@pytest.mark.parametrize(
    ("failed", "passed", "total", "expected"),
    [(1, 0, 1, 1.0), (1, 3, 1, 0.5), (2, 0, 8, 0.5), (0, 5, 1, 0.0), (0, 0, 0, 0.0), (4, 12, 4, 0.5)],
)
def test_ochiai(failed: int, passed: int, total: int, expected: float) -> None:
    assert ochiai(failed, passed, total) == pytest.approx(expected)


def test_what_passing_tests_avoid_comes_first() -> None:
    spectrum = Spectrum(
        failing={"t1": lines(a={1, 2, 3})},
        passing={"t2": lines(a={1}), "t3": lines(a={1, 2}), "t4": lines(a={9}, b={1})},
    )
    suspects = ranked(spectrum)
    assert places(suspects) == [("a.py", 3), ("a.py", 2), ("a.py", 1)]
    assert suspects[0].penalty == 0.0
    assert "1 of 1 failing and 0 of 3 passing" in suspects[0].why


def test_the_traceback_ranks_its_function_up_and_its_line_more() -> None:
    spectrum = Spectrum(failing={"t1": lines(a={1, 2, 5, 6})}, passing={})
    functions: dict[str, list[FunctionRange]] = {"a.py": [(1, 3, "f"), (5, 7, "g")]}
    suspects = ranked(spectrum, [frame("tests/t.py", 4), frame("a.py", 6, "g")], functions)
    assert places(suspects) == [("a.py", 6), ("a.py", 5), ("a.py", 1), ("a.py", 2)]
    assert [s.function for s in suspects] == ["g", "g", "f", "f"]


def test_the_traceback_does_not_outweigh_clear_coverage() -> None:
    spectrum = Spectrum(failing={"t1": lines(a={1, 2})}, passing={f"p{i}": lines(a={1}) for i in range(9)})
    assert places(ranked(spectrum, [frame("a.py", 1)]))[0] == ("a.py", 2)


def test_a_traced_line_is_a_suspect_though_no_coverage_saw_it() -> None:
    spectrum = Spectrum(failing={"t1": lines(a={1})}, passing={"t2": lines(b={3})})
    outside = frame("/usr/lib/x.py", 8, in_project=False)
    assert set(places(ranked(spectrum, [frame("b.py", 3), outside]))) == {("a.py", 1), ("b.py", 3)}


def test_tests_are_no_suspects_but_their_helpers_are() -> None:
    ran = {"tests/test_a.py": frozenset({1}), "helpers.py": frozenset({1})}
    spectrum = Spectrum(failing={"t1": ran}, passing={}, imported={"tests/conftest.py": frozenset({1})})
    assert places(ranked(spectrum, [frame("tests/test_a.py", 1)])) == [("helpers.py", 1)]


def test_the_innermost_function_names_a_line() -> None:
    spectrum = Spectrum(failing={"t1": lines(a={1, 2, 3, 4, 9})}, passing={})
    functions: dict[str, list[FunctionRange]] = {"a.py": [(2, 3, "f.<locals>.g"), (1, 4, "f")]}
    names = {s.line: s.function for s in ranked(spectrum, (), functions)}
    assert names == {1: "f", 2: "f.<locals>.g", 3: "f.<locals>.g", 4: "f", 9: "<module>"}


def test_import_time_code_of_modules_in_play_is_suspect_at_a_price() -> None:
    spectrum = Spectrum(
        failing={"t1": lines(a={5})},
        passing={"t2": lines(b={5})},
        imported=lines(a={1, 5}, b={1}, table={1, 2}),
    )
    suspects = ranked(spectrum)
    assert places(suspects) == [("a.py", 5), ("a.py", 1), ("table.py", 1), ("table.py", 2)]
    run, imported, table = suspects[0], suspects[1], suspects[2]
    assert run.penalty == 0.0
    assert imported.penalty >= IMPORT_NATS
    assert table.penalty > imported.penalty
    assert {s.function for s in suspects[1:]} == {"<module>"}


def test_a_module_that_no_test_enters_costs_more() -> None:
    (suspect,) = ranked(Spectrum(failing={"t1": {}}, passing={}, imported=lines(table={1})))
    assert suspect.penalty == IMPORT_NATS + UNTOUCHED_NATS


def test_a_module_level_line_on_the_traceback_does_not_lift_the_whole_module() -> None:
    spectrum = Spectrum(failing={"t1": lines(a={1, 2, 3})}, passing={})
    scores = {s.line: s.score for s in ranked(spectrum, [frame("a.py", 2, "<module>")])}
    untraced = {s.line: s.score for s in ranked(spectrum)}
    assert scores[2] > scores[1] == scores[3] == untraced[1]


def test_a_tie_has_its_mean_rank() -> None:
    suspects = ranked(Spectrum(failing={"t1": lines(a={1, 2, 3})}, passing={}))
    expected = RANK_NATS * math.log(2) / math.log(SHORT_LIST + 1)
    assert [s.penalty for s in suspects] == pytest.approx([expected] * 3)


def test_ties_share_their_rank() -> None:
    spectrum = Spectrum(failing={"t1": lines(a=set(range(1, 9)))}, passing={"t2": lines(a={5, 6, 7, 8})})
    penalties = [s.penalty for s in ranked(spectrum)]
    assert len(set(penalties[:4])) == len(set(penalties[4:])) == 1
    assert penalties[0] < penalties[4]


line_sets = st.dictionaries(
    st.sampled_from(["a.py", "b.py", "tests/t.py"]), st.frozensets(st.integers(1, 12)), max_size=3
)
spectra = st.builds(
    Spectrum,
    failing=st.dictionaries(st.sampled_from("fgh"), line_sets, max_size=3),
    passing=st.dictionaries(st.sampled_from("pqr"), line_sets, max_size=3),
    imported=line_sets,
)
frame_lists = st.lists(
    st.builds(frame, st.sampled_from(["a.py", "b.py", "tests/t.py"]), st.integers(1, 12)), max_size=4
)


@given(spectrum=spectra, frames=frame_lists)
def test_nothing_that_a_failing_test_ran_is_filtered_out(spectrum: Spectrum, frames: list[Frame]) -> None:
    suspects = rank(spectrum, frames, {"a.py": [(2, 6, "f")]}, is_test=is_test)
    found = places(suspects)
    assert len(found) == len(set(found))
    ran = {(p, n) for test in spectrum.failing.values() for p, ns in test.items() for n in ns if not is_test(p)}
    assert ran <= set(found)
    assert not any(is_test(path) for path, _ in found)
    assert [s.penalty for s in suspects] == sorted(s.penalty for s in suspects)
    for suspect in suspects:
        assert 0.0 <= suspect.score <= 1.0
        assert suspect.penalty >= 0.0
        if (suspect.path, suspect.line) in ran:
            assert suspect.penalty <= RANK_NATS or math.isclose(suspect.penalty, RANK_NATS)


@given(spectrum=spectra, frames=frame_lists)
def test_order_of_tests_and_frames_is_of_no_matter(spectrum: Spectrum, frames: list[Frame]) -> None:
    turned = Spectrum(
        failing=turn(spectrum.failing),
        passing=turn(spectrum.passing),
        imported=turn(spectrum.imported),
    )
    assert ranked(spectrum, frames) == ranked(turned, frames[::-1])


def turn(mapping: Mapping[str, T]) -> dict[str, T]:
    return dict(reversed(list(mapping.items())))


def signal(test: str | None) -> Signal:
    return Signal(kind=SignalKind.TEST, error=ErrorInfo(type="AssertionError", message=""), test=test)


def suspect(function: str, score: float = 1.0, path: str = "a.py") -> Suspect:
    return Suspect(path=path, line=1, function=function, score=score, penalty=0.0, why="")


def grouped(tests: list[str], top: dict[str, list[Suspect]] | None = None) -> list[list[str | None]]:
    return [[s.test for s in g] for g in group([signal(t) for t in tests], top or {})]


def test_parameters_of_one_test_go_together() -> None:
    tests = ["t.py::test_x[1]", "t.py::test_y", "t.py::test_x[a::b[c]]", "t.py::T::test_x[1]"]
    assert grouped(tests) == [[tests[0], tests[2]], [tests[1]], [tests[3]]]


def test_one_top_function_joins_tests() -> None:
    top = {"t1": [suspect("f"), suspect("g", 0.5)], "t2": [suspect("g")], "t3": [suspect("f")]}
    assert grouped(["t1", "t2", "t3"], top) == [["t1", "t3"], ["t2"]]


def test_the_same_name_in_another_file_joins_nothing() -> None:
    assert len(grouped(["t1", "t2"], {"t1": [suspect("f")], "t2": [suspect("f", path="b.py")]})) == 2


def test_a_tie_with_something_common_joins_nothing() -> None:
    top = {"t1": [suspect("common"), suspect("f")], "t2": [suspect("common"), suspect("g")]}
    assert len(grouped(["t1", "t2"], top)) == 2


def test_import_time_code_joins_nothing() -> None:
    assert len(grouped(["t1", "t2"], {"t1": [suspect("<module>")], "t2": [suspect("<module>")]})) == 2


def test_joining_carries_over() -> None:
    tests = ["t.py::test_x[1]", "t.py::test_y[1]", "t.py::test_x[2]", "t.py::test_y[2]", "t.py::test_z"]
    top = {tests[1]: [suspect("f")], tests[2]: [suspect("f")]}
    assert grouped(tests, top) == [tests[:4], [tests[4]]]


def test_signals_without_a_test_stay_alone() -> None:
    assert len(group([signal(None), signal(None)], {})) == 2


@given(
    st.lists(st.tuples(st.sampled_from(["t[1]", "t[2]", "u", "v"]), st.sampled_from("fgh")), unique_by=lambda p: p[0])
)
def test_groups_partition_the_signals(pairs: list[tuple[str, str]]) -> None:
    tests = [test for test, _ in pairs]
    found = grouped(tests, {test: [suspect(function)] for test, function in pairs})
    assert sorted(str(t) for g in found for t in g) == sorted(tests)
    assert [tests.index(str(g[0])) for g in found] == sorted(tests.index(str(g[0])) for g in found)
