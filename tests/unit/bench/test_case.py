"""The loop over cases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from reknit.bench.case import Case, CaseRow, append_row, read_rows, run_case, run_cases, summarise
from reknit.config import Options, find_root
from reknit.errors import CannotJudgeError, StoreError
from reknit.model.outcome import Report

from .reports import not_healed, patch, proposed, report

BROKEN, RIGHT = b"x = 1\n", b"x = 2\n"


def case(name: str = "c") -> Case:
    def lay_out(project: Path) -> Options:
        (project / "a.py").write_bytes(BROKEN)
        return Options(project=Path("elsewhere"))

    return Case(id=name, lay_out=lay_out, answer=lambda: {"a.py": RIGHT})


def heals(options: Options) -> Report:
    assert (options.project / "a.py").read_bytes() == BROKEN
    return report({"t": proposed(patch("a.py", BROKEN, 4, 5, b"2"))})


def test_a_case_is_healed_where_it_was_laid_out() -> None:
    row = run_case(case(), heal=heals)
    assert (row.outcome, row.exact, row.candidates) == ("plausible", True, 7)
    assert row.cpu_seconds >= 1.5


def test_nothing_above_the_folder_is_taken_for_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen: list[Options] = []

    def heal(options: Options) -> Report:
        seen.append(options)
        assert find_root(options.project) == options.project
        return heals(options)

    assert run_case(case(), heal=heal).outcome == "plausible"
    assert seen[0].state_dir is not None
    assert not seen[0].project.exists()


def test_the_answer_is_asked_for_after_the_engine_has_ended() -> None:
    order: list[str] = []

    def answer() -> Mapping[str, bytes]:
        order.append("answer")
        return {}

    def heal(options: Options) -> Report:
        order.append("heal")
        return heals(options)

    run_case(Case(id="c", lay_out=case().lay_out, answer=answer), heal=heal)
    assert order == ["heal", "answer"]


@pytest.mark.parametrize(
    ("error", "why"),
    [(CannotJudgeError("no tests", slug="no-tests"), "no-tests: no tests"), (KeyError("k"), "KeyError: 'k'")],
)
def test_a_crash_is_a_row(error: Exception, why: str) -> None:
    def heal(options: Options) -> Report:
        raise error

    row = run_case(case(), heal=heal)
    assert (row.outcome, row.why) == ("unjudged", why)


def test_cases_with_a_row_are_not_run_again(tmp_path: Path) -> None:
    out, ran = tmp_path / "rows.jsonl", list[str]()

    def heal(options: Options) -> Report:
        ran.append("ran")
        return heals(options)

    assert [r.id for r in run_cases([case("a")], heal=heal, out=out)] == ["a"]
    assert [r.id for r in run_cases([case("a"), case("b")], heal=heal, out=out)] == ["a", "b"]
    assert len(ran) == 2
    assert list(read_rows(out)) == ["a", "b"]


def test_a_line_that_a_kill_cut_off_is_written_over(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    append_row(out, CaseRow(id="a", outcome="plausible", why="été"))
    out.write_bytes(out.read_bytes() + b'{"id": "b", "outc')
    assert list(read_rows(out)) == ["a"]
    append_row(out, CaseRow(id="b", outcome="unjudged"))
    assert list(read_rows(out)) == ["a", "b"]
    assert read_rows(out)["a"].why == "été"


def test_a_lone_cut_off_line_is_written_over(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    out.write_bytes(b'{"id": "b", "outc')
    append_row(out, CaseRow(id="a", outcome="plausible"))
    assert list(read_rows(out)) == ["a"]


def test_a_row_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the row of a is lost"):
        append_row(tmp_path / "missing" / "rows.jsonl", CaseRow(id="a", outcome="plausible"))


def test_the_summary_counts_every_row_once() -> None:
    def fails(options: Options) -> Report:
        return report({"t": not_healed()})

    rows = [run_case(case(), heal=heals), run_case(case(), heal=fails), CaseRow(id="u", outcome="unjudged")]
    total = summarise(rows)
    assert (total.cases, total.plausible, total.exact, total.not_healed, total.unjudged) == (3, 1, 1, 1, 1)
    assert total.candidates == 14
