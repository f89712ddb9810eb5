"""The regression check: what a patch must make pass, and what it must not break."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from reknit.errors import CannotJudgeError, SandboxError
from reknit.model.verdict import CheckStatus
from reknit.runner.base import SuiteRun, TestOutcome
from reknit.verify.suite import Heard, SuiteCheck
from tests.unit.verify.stage import ScriptedRunner, suite

BEFORE: dict[str, TestOutcome] = {"red": "failed", "other red": "failed", "green": "passed", "skip": "skipped"}
FILES = {"a.py": b"x = 2\n"}
BROKEN = suite({}, errors=[("tests/test_x.py", "ImportError")])


def hear(
    *answers: SuiteRun | Exception,
    before: Mapping[str, TestOutcome] = BEFORE,
    marks: Mapping[str, str] | None = None,
    whole: bool = True,
    selected: bool = False,
    seconds: float = 60,
) -> tuple[Heard, ScriptedRunner]:
    # What breaks is run without the patch, to see whether it fails then too: nothing is said of it here.
    runner = ScriptedRunner([*answers, *[suite({})] * 3])
    check = SuiteCheck(
        runner=runner,
        baseline=replace(suite(before), marks=marks or {}),
        must_pass=("red",),
        whole=whole,
        selected=selected,
        hang_seconds=1,
    )
    return check.judge(FILES, deadline=time.monotonic() + seconds), runner


def after(**changes: TestOutcome) -> dict[str, TestOutcome]:
    return {**BEFORE, "red": "passed", **changes}


def test_a_patch_that_heals_and_breaks_nothing_passes() -> None:
    heard, runner = hear(suite(after()))
    assert heard.word.status is CheckStatus.PASSED
    assert heard.word.evidence == "1 failing now pass, 2 of 4 tests pass in a clean process"
    assert runner.asked == [{"files": FILES, "tests": None, "whole": True}]
    assert (heard.not_run, heard.cpu_seconds) == ((), 1.0)


def test_a_run_that_the_time_has_ended_is_not_taken_for_one_that_hides_its_tests() -> None:
    """What their code was is told at the end only: it is said not to have been looked at."""
    seen = suite({"red": "passed"})
    cut = replace(seen, status=None, collected=tuple(BEFORE), not_run=("other red", "green", "skip"))
    heard, _ = hear(cut, marks={"red": "a", "green": "b"}, seconds=0)
    assert heard.word.status is CheckStatus.PASSED
    assert any("changes its tests" in left for left in heard.not_run)
    heard, _ = hear(replace(cut, status=0), marks={"red": "a", "green": "b"}, seconds=0)
    assert heard.word.status is CheckStatus.FAILED, "one that has ended must tell"


@pytest.mark.parametrize("outcome", ["failed", "error", "skipped", "xfailed"])
def test_the_failing_test_must_pass_not_merely_stop_failing(outcome: TestOutcome) -> None:
    heard, _ = hear(suite({**BEFORE, "red": outcome}))
    assert heard.word.status is CheckStatus.FAILED
    assert heard.word.details == ("red",)


def test_a_failing_test_that_vanishes_does_not_pass() -> None:
    heard, _ = hear(suite({"green": "passed", "other red": "failed"}))
    assert (heard.word.status, heard.word.details) == (CheckStatus.FAILED, ("red",))


def test_want_of_time_is_told_from_failing() -> None:
    heard, _ = hear(suite({"green": "passed"}, not_run=["red"]))
    assert heard.word.status is CheckStatus.FAILED
    assert "time was up" in heard.word.evidence


@pytest.mark.parametrize("outcome", ["failed", "error", "skipped", "xfailed"])
def test_a_passing_test_must_go_on_passing(outcome: TestOutcome) -> None:
    heard, _ = hear(suite(after(green=outcome)))
    assert (heard.word.status, heard.word.details) == (CheckStatus.FAILED, ("green",))


class TestFlaky:
    """A test that fails with the patch, and now and then without it."""

    FLICKERS = (suite({"green": "passed"}), suite({"green": "failed"}))

    def test_it_does_not_refuse_and_is_named(self) -> None:
        heard, runner = hear(suite(after(green="failed")), *self.FLICKERS, suite(after()))
        assert heard.word.status is CheckStatus.PASSED
        assert heard.word.evidence.endswith("not counted, as it fails now and then without the patch too: green")
        assert [(a["files"], a["tests"]) for a in runner.asked] == [
            (FILES, None), *[({}, ["green"])] * 2, (FILES, None)
        ]  # fmt: skip

    def test_one_that_never_fails_without_the_patch_refuses(self) -> None:
        steady = [suite({"green": "passed"})] * 3
        heard, _ = hear(suite(after(green="failed")), *steady, suite(after()))
        assert (heard.word.status, heard.word.details) == (CheckStatus.FAILED, ("green",))

    @pytest.mark.parametrize(
        "second",
        [
            after(green="failed"),
            after(green="skipped"),
            after(skip="failed"),
            after(red="failed"),
            after(red="skipped"),
            {"green": "passed"},
            {},
        ],
        ids=["fails again", "skips", "breaks another", "heals no more", "skips what it heals", "loses it", "empty"],
    )
    def test_the_second_run_must_be_clean(self, second: dict[str, TestOutcome]) -> None:
        heard, _ = hear(suite(after(green="failed")), *self.FLICKERS, suite(second))
        assert (heard.word.status, heard.word.details) == (CheckStatus.FAILED, ("green",))

    def test_many_are_not_flaky(self) -> None:
        many: dict[str, TestOutcome] = {f"green{n}": "passed" for n in range(4)}
        broken: dict[str, TestOutcome] = dict.fromkeys(many, "failed")
        heard, runner = hear(suite(after(**broken)), suite(after(**many)), before={**BEFORE, **many})
        assert heard.word.status is CheckStatus.FAILED
        assert len(runner.asked) == 1


def test_a_passing_test_must_not_vanish() -> None:
    left = after()
    del left["green"]
    heard, _ = hear(suite(left))
    assert heard.word.details == ("green",)


def test_a_passing_test_without_time_is_named_and_does_not_refuse() -> None:
    left = after()
    del left["green"]
    heard, _ = hear(suite(left, not_run=["green"]), seconds=-1)
    assert heard.word.status is CheckStatus.PASSED
    assert heard.not_run == ("1 tests, for want of time, the first green",)


def test_a_passing_test_that_is_not_run_though_there_is_time_refuses() -> None:
    """Such as where the patched program interrupts pytest."""
    left = after()
    del left["green"]
    heard, _ = hear(suite(left, not_run=["green"]))
    assert (heard.word.status, heard.word.details) == (CheckStatus.FAILED, ("green",))
    assert heard.not_run == ("1 tests, since pytest stopped, the first green",)


def test_a_process_that_dies_after_its_last_test_refuses() -> None:
    heard, _ = hear(replace(suite(after()), status=None))
    assert (heard.word.status, heard.word.evidence) == (CheckStatus.FAILED, "ends pytest before it has finished")


class TestTestsThatNeedTheArguments:
    """`-m slow`, `--run-slow` or a folder with a root of its own: without them pytest leaves these tests out."""

    WITHOUT: Mapping[str, TestOutcome] = {"other": "passed", "green": "skipped"}

    def test_they_are_run_with_them(self) -> None:
        heard, runner = hear(suite(self.WITHOUT), suite(after()), selected=True)
        assert heard.word.status is CheckStatus.PASSED
        assert [a["whole"] for a in runner.asked] == [True, False]
        assert set(heard.run.tests) == {*BEFORE, "other"}

    @pytest.mark.parametrize("change", [{"red": "failed"}, {"green": "failed"}])
    def test_and_refuse_as_ever(self, change: dict[str, TestOutcome]) -> None:
        heard, _ = hear(suite(self.WITHOUT), suite(after(**change)), selected=True)
        assert (heard.word.status, heard.word.details) == (CheckStatus.FAILED, tuple(change))

    def test_what_the_program_changes_there_is_seen_there(self) -> None:
        """Without them these tests have no marks; with them they have those that they had before."""
        marks = {"green": "one"}
        narrow = replace(suite(after()), marks=marks)
        heard, _ = hear(suite(self.WITHOUT), narrow, marks=marks, selected=True)
        assert heard.word.status is CheckStatus.PASSED
        for meddled in (replace(narrow, marks={"green": "two"}), replace(narrow, changed=frozenset({"_pytest.x"}))):
            heard, _ = hear(suite(self.WITHOUT), meddled, marks=marks, selected=True)
            assert heard.word.status is CheckStatus.FAILED

    def test_what_else_fails_without_them_still_counts(self) -> None:
        before = suite({"other": "passed"})
        heard, _ = hear(suite({**self.WITHOUT, "other": "failed"}), suite(after()), before, selected=True)
        assert heard.word.details == ("other",)


def test_what_failed_before_may_go_on_failing() -> None:
    heard, _ = hear(suite({**after(), "other red": "error"}))
    assert heard.word.status is CheckStatus.PASSED


class TestTestsThatWereNotRunBefore:
    def test_one_that_fails_without_the_patch_too_is_no_regression(self) -> None:
        heard, runner = hear(suite(after(new="failed")), suite({"new": "failed"}), selected=True)
        assert heard.word.status is CheckStatus.PASSED
        assert runner.asked[1] == {"files": {}, "tests": ["new"], "whole": True}
        assert heard.cpu_seconds == 2.0

    def test_one_that_passes_without_the_patch_is(self) -> None:
        heard, _ = hear(suite(after(new="failed")), suite({"new": "passed"}), selected=True)
        assert heard.word.details == ("new",)

    def test_one_that_nothing_is_known_of_counts_against_the_patch(self) -> None:
        heard, _ = hear(suite(after(new="failed")), suite({}, not_run=["new"]), selected=True)
        assert heard.word.details == ("new",)

    def test_without_time_it_counts_against_the_patch(self) -> None:
        heard, runner = hear(suite(after(new="failed")), selected=True, seconds=-1)
        assert (heard.word.details, len(runner.asked)) == (("new",), 1)


class TestWhatCannotBeCollected:
    @pytest.mark.parametrize(
        "answer", [BROKEN, CannotJudgeError("status 4", slug="pytest-usage")], ids=["run", "raised"]
    )
    def test_a_patch_that_keeps_pytest_from_starting_is_refused(self, answer: SuiteRun | Exception) -> None:
        heard, _ = hear(answer)
        assert (heard.word.status, heard.word.evidence) == (CheckStatus.FAILED, "the suite no longer collects")

    def test_what_the_arguments_leave_out_may_be_broken_without_the_patch(self) -> None:
        heard, runner = hear(BROKEN, BROKEN, suite(after()), selected=True)
        assert heard.word.status is CheckStatus.PASSED
        assert heard.not_run == ("tests that the given pytest arguments leave out",)
        assert [(a["whole"], bool(a["files"])) for a in runner.asked] == [(True, True), (True, False), (False, True)]

    def test_but_not_by_the_patch(self) -> None:
        heard, runner = hear(BROKEN, suite(BEFORE), selected=True)
        assert heard.word.status is CheckStatus.FAILED
        assert len(runner.asked) == 2

    def test_a_broken_sandbox_says_nothing_about_a_patch(self) -> None:
        with pytest.raises(SandboxError):
            hear(SandboxError("gone", slug="sandbox-start"))


def test_a_part_of_the_suite_is_named() -> None:
    heard, runner = hear(suite(after()), whole=False, selected=True)
    assert heard.not_run == ("tests that the given pytest arguments leave out",)
    assert runner.asked[0]["whole"] is False
