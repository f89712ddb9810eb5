"""What the loop does between the stages: flaky tests, shares of the budget, writing several patches, taking them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reknit import loop
from reknit.config import Options
from reknit.detect.tests import LAST_FAILED
from reknit.errors import CannotJudgeError, StoreError, UsageError
from reknit.healing import Healing, keep_found, kept, report_of
from reknit.kit import level, memory
from reknit.model.outcome import Healthy, NotHealed, Outcome, Proposed, Quarantined, WhyNot
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.settling import also_healed
from reknit.store.db import Store
from tests.unit.one_run import RED, TEXT, healing, kit, proposed
from tests.unit.verify.stage import suite


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "project"
    root.mkdir()
    (root / "a.py").write_bytes(TEXT)
    (root / "a.py").chmod(0o644)
    return root


class TestAlsoHealed:
    """One patch that makes more of the failing tests pass is the better explanation of all of them."""

    def patch(self, word: bytes, *heals: str) -> Proposed:
        one = proposed(word, b"9")
        return replace(one, verdict=replace(one.verdict, heals=heals))

    def healed(self, outcome: Outcome, **outcomes: Outcome) -> list[str]:
        tests = ("one", "two", "three", "four")
        signals = [Signal(kind=SignalKind.TEST, test=t, error=ErrorInfo(type="E", message="")) for t in tests]
        return also_healed(outcome, signals, outcomes)

    def test_it_takes_the_tests_that_have_no_patch(self) -> None:
        lost = NotHealed(why_not=WhyNot(suspects=(), rejected=(), candidates=1, exhausted=True, unblock=""))
        found = self.healed(self.patch(b"three", "three", "one", "four", "unasked"), one=lost)
        assert found == ["three", "one", "four"]

    def test_it_takes_over_from_a_patch_all_of_whose_tests_it_heals(self) -> None:
        fewer = self.patch(b"one", "one", "two")
        assert self.healed(self.patch(b"three", "one", "two", "three"), one=fewer, two=fewer) == ["one", "two", "three"]

    def test_a_patch_that_is_needed_for_another_test_keeps_all_of_its_own(self) -> None:
        other = self.patch(b"one", "one", "two")
        assert self.healed(self.patch(b"three", "two", "three"), one=other, two=other) == ["three"]

    def test_a_flaky_test_stays_so(self) -> None:
        assert self.healed(self.patch(b"three", "one", "three"), one=Quarantined(flaky="")) == ["three"]

    def test_what_found_nothing_heals_nothing(self) -> None:
        assert self.healed(Quarantined(flaky="")) == []


class TestDetect:
    def remember(self, root: Path, *tests: str) -> None:
        file = root / LAST_FAILED
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(dict.fromkeys(tests, True)))

    def test_what_failed_last_time_is_run_first_then_the_suite(self, root: Path) -> None:
        self.remember(root, "t.py::two", "t.py::gone")
        last, whole = suite({"t.py::two": "failed"}), suite({"t.py::one": "failed", "t.py::two": "failed"})
        tools = kit(root, last, whole)
        found = loop.detect(tools)
        asked = tools.runner.asked  # type: ignore[attr-defined]
        assert [a["tests"] for a in asked] == [("t.py::two", "t.py::gone"), None]
        assert [s.test for s in found.signals] == ["t.py::two", "t.py::one"]
        assert tools.meter.tests == 2.0

    def test_a_memory_of_tests_that_are_gone_is_no_obstacle(self, root: Path) -> None:
        self.remember(root, "t.py::gone")
        found = loop.detect(kit(root, CannotJudgeError("no tests", slug="no-tests"), RED))
        assert len(found.signals) == 3

    @pytest.mark.parametrize("how", ["arguments", "signals", "link"])
    def test_the_memory_is_not_asked(self, root: Path, tmp_path: Path, how: str) -> None:
        self.remember(root, "t.py::two")
        options: dict[str, Any] = {"pytest_args": ("-k", "one")} if how == "arguments" else {}
        if how == "link":
            (root / LAST_FAILED).rename(tmp_path / "elsewhere")
            (root / LAST_FAILED).symlink_to(tmp_path / "elsewhere")
        tools = kit(root, RED, **options)
        loop.detect(tools, {} if how == "signals" else None)
        assert [a["tests"] for a in tools.runner.asked] == [None]  # type: ignore[attr-defined]

    def test_what_passes_in_the_suite_after_all_is_quarantined(self, root: Path) -> None:
        self.remember(root, "t.py::one")
        found = loop.detect(kit(root, suite({"t.py::one": "failed"}), suite({"t.py::one": "passed"})))
        assert [o.tag for o in found.outcomes.values()] == ["quarantined"]
        assert found.open == ()

    def test_only_signals_of_tests_can_be_healed(self, root: Path) -> None:
        crash = Signal(kind=SignalKind.CRASH, error=ErrorInfo(type="E", message=""))
        with pytest.raises(UsageError, match="names no test"):
            loop.heal([crash], options=Options(project=root))


class TestDiagnose:
    def signals(self, *tests: str) -> tuple[Signal, ...]:
        return tuple(Signal(kind=SignalKind.TEST, test=t, error=ErrorInfo(type="E", message="")) for t in tests)

    @pytest.mark.parametrize("second", ["passed", "skipped", "xfailed"])
    def test_what_does_not_fail_again_is_flaky(self, root: Path, second: Any) -> None:
        start = Healing(baseline=RED, signals=self.signals("one", "two"))
        done = loop.diagnose(kit(root), start, suite({"one": second, "two": "failed"}), {})
        assert isinstance(done.outcomes["one"], Quarantined)
        assert [f.tests for f in done.faults] == [("two",)]

    def test_what_could_not_be_traced_has_an_outcome_too(self, root: Path) -> None:
        start = Healing(baseline=RED, signals=self.signals("one", "two"))
        done = loop.diagnose(kit(root), start, suite({"two": "failed"}, not_run=["one"]), {})
        outcome = done.outcomes["one"]
        assert isinstance(outcome, NotHealed)
        assert "--max-time" in outcome.why_not.unblock
        assert [f.tests for f in done.faults] == [("two",)]


def test_an_isolation_that_there_is_not_names_those_that_are() -> None:
    with pytest.raises(UsageError) as caught:
        level("jail")
    assert "bubblewrap" in (caught.value.hint or "")
    assert level(None) is None
    assert level("none") == "none"


def test_secrets_among_the_variables_are_not_reported(root: Path) -> None:
    error = ErrorInfo(type="E", message="")
    signal = Signal(kind=SignalKind.TEST, test="one", error=error, local_variables={"api_token": "'s3cr3t'", "n": "1"})
    report = report_of(kit(root), Healing(baseline=RED, signals=(signal,), outcomes={"one": Healthy()}))
    assert report.rows[0].signal.local_variables == {"api_token": "[redacted]", "n": "1"}


def test_what_lies_behind_a_linked_folder_is_left_alone(root: Path) -> None:
    (root / "linked").symlink_to(".")
    assert list(kit(root).legible(["linked/a.py", "../outside.py", "a.py"])) == ["a.py"]


def test_a_report_that_cannot_be_kept_is_a_note(root: Path) -> None:
    class Full:
        notes: Sequence[str] = ("old",)
        save_report: Callable[[object], None]

        def __init__(self) -> None:
            def fail(_report: object) -> None:
                raise StoreError("the disk is full", slug="store-unusable")

            self.save_report = fail

    report = report_of(kit(root), healing())
    assert kept(Full(), report).notes == ("old", "the disk is full")  # type: ignore[arg-type]


class TestMemory:
    def test_a_cold_run_learns_and_is_told_nothing(self, root: Path, tmp_path: Path) -> None:
        with Store.open(tmp_path / "store.db") as store:
            warm, cold = memory(store, root, cold=False, setting=""), memory(store, root, cold=True, setting="")
            cold.keep("kind", "key", b"value")
            assert (warm.recall("kind", "key"), cold.recall("kind", "key")) == (b"value", None)

    def test_a_store_that_fails_costs_the_memory_only(self, root: Path, tmp_path: Path) -> None:
        store = Store.open(tmp_path / "store.db")
        store.close()
        broken = memory(store, root, cold=False, setting="")
        broken.keep("kind", "key", b"value")
        assert broken.recall("kind", "key") is None


def test_what_was_found_before_the_user_ended_the_run_is_kept(root: Path, tmp_path: Path) -> None:
    tools, found = kit(root), proposed(b"one", b"9")
    signals = tuple(Signal(kind=SignalKind.TEST, test=t, error=ErrorInfo(type="E", message="")) for t in ("one", "two"))
    tools.outcomes |= {"one": found, "two": Quarantined(flaky="")}
    end = KeyboardInterrupt()
    with Store.open(tmp_path / "store.db") as store:
        keep_found(tools, Healing(baseline=RED, signals=signals), store, end)
        assert [f.patch.id for f in store.latest_proposed()] == [found.patch.id]
    assert "reknit show" in end.__notes__[0]


def test_a_run_ended_before_anything_was_found_keeps_nothing(root: Path, tmp_path: Path) -> None:
    end = KeyboardInterrupt()
    with Store.open(tmp_path / "store.db") as store:
        keep_found(kit(root), healing(), store, end)
        assert store.runs() == ()
    assert not hasattr(end, "__notes__")
