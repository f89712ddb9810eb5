"""What the loop does between the stages: flaky tests, shares of the budget, writing several patches, taking them back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from reknit import kit as kits
from reknit import loop
from reknit.apply.journal import Journal
from reknit.clock import Meter
from reknit.config import Options
from reknit.detect.tests import LAST_FAILED
from reknit.errors import CannotJudgeError, JournalError, StoreError, UsageError
from reknit.events import ignore
from reknit.kit import Kit, level, memory
from reknit.memory import Memory
from reknit.model.outcome import Failed, Healed, Healthy, NotHealed, Outcome, Proposed, Quarantined, Reverted
from reknit.model.patch import Entry, Metadata, Origin, Patch, Span
from reknit.model.signal import ErrorInfo, Signal, SignalKind
from reknit.model.verdict import Label, Verdict
from reknit.runner.base import SuiteRun
from reknit.store.db import Store
from reknit.writing import writable
from tests.unit.verify.stage import ScriptedRunner, suite

TEXT = b"one = 1\ntwo = 2\nthree = 3\n"
RED = suite({"one": "failed", "two": "failed", "three": "failed", "green": "passed"})


def kit(root: Path, *answers: SuiteRun | Exception, **options: Any) -> Kit:
    return Kit(
        options=Options(**{"project": root, "apply": True, "unsafe": True, **options}),
        root=root,
        runner=ScriptedRunner(list(answers)),
        observe=ignore,
        started=dt.datetime.now(dt.UTC),
        meter=Meter(max_time=float(options.get("max_time", 300.0)), max_cpu=options.get("max_cpu")),
        history=lambda _fingerprint: (),
        memory=Memory(
            recall=lambda *_: None, keep=lambda *_: None, digests=lambda _: {}, others=lambda _: "", setting=""
        ),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "project"
    root.mkdir()
    (root / "a.py").write_bytes(TEXT)
    (root / "a.py").chmod(0o644)
    return root


def proposed(word: bytes, new: bytes, label: Label = Label.PLAUSIBLE) -> Proposed:
    """A change of the value that `word` has in a.py."""
    start = TEXT.index(word + b" = ") + len(word) + 3
    patch = Patch(
        edits=(Span(path="a.py", start=start, end=start + 1, old=TEXT[start : start + 1], new=new),),
        base={"a.py": Entry(content=TEXT).digest()},
        confidence=0.5,
        origin=Origin(proposer="search", note=word.decode()),
        metadata=Metadata(created=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), author="reknit", version="0"),
    )
    verdict = Verdict(patch_id=patch.id, label=label, checks=(), isolation="bubblewrap", view="overlay")
    return Proposed(patch=patch, verdict=verdict, why="")


def write(tools: Kit, start: loop.Healing, journal: Journal) -> loop.Healing:
    """As the loop does it."""
    with loop._writing(tools, start, journal) as writing:
        return loop.apply(start, writing)


def healing(**outcomes: Outcome) -> loop.Healing:
    return loop.Healing(baseline=RED, signals=(), outcomes=outcomes)


def passing(*tests: str) -> SuiteRun:
    return suite({**{t: r.outcome for t, r in RED.tests.items()}, **dict.fromkeys(tests, "passed")})


class TestApply:
    def test_two_patches_of_one_file_the_second_judged_on_top_of_the_first(self, root: Path, tmp_path: Path) -> None:
        tools = kit(root, passing("one"), passing("one", "two"), passing("two"))
        journal = Journal(root, tmp_path / "state")
        done = write(tools, healing(one=proposed(b"one", b"111"), two=proposed(b"two", b"22")), journal)
        assert (root / "a.py").read_bytes() == b"one = 111\ntwo = 22\nthree = 3\n"
        first, second = (done.outcomes[t] for t in ("one", "two"))
        assert isinstance(first, Healed)
        assert isinstance(second, Healed)
        assert second.verdict.patch_id == second.patch.id == second.receipt.patch.id
        asked = tools.runner.asked  # type: ignore[attr-defined]
        assert asked[1]["files"] == {"a.py": b"one = 111\ntwo = 22\nthree = 3\n"}
        assert asked[2]["tests"] == ("two",)
        assert tools.meter.tests == 3.0

    def test_one_patch_for_two_tests_is_written_once(self, root: Path, tmp_path: Path) -> None:
        one = proposed(b"one", b"9")
        tools = kit(root, passing("one", "two"))
        done = write(tools, healing(one=one, two=one), Journal(root, tmp_path / "state"))
        assert done.outcomes["one"] is done.outcomes["two"]
        assert tools.runner.asked[0]["tests"] == ("one", "two")  # type: ignore[attr-defined]

    def test_a_conflict_costs_its_own_patch_only(self, root: Path, tmp_path: Path) -> None:
        rival = proposed(b"one", b"8")
        tools = kit(root, passing("one"), passing("one", "three"), passing("three"))
        outcomes = {"one": proposed(b"one", b"9"), "two": rival, "three": proposed(b"three", b"33")}
        done = write(tools, healing(**outcomes), Journal(root, tmp_path / "state"))
        assert (root / "a.py").read_bytes() == b"one = 9\ntwo = 2\nthree = 33\n"
        assert [done.outcomes[t].tag for t in ("one", "two", "three")] == ["healed", "proposed", "healed"]
        assert done.notes == (f"patch {rival.patch.id[:8]} was not written: its place was changed since it was made",)

    def test_a_file_that_somebody_changed_is_left_alone(self, root: Path, tmp_path: Path) -> None:
        (root / "a.py").write_bytes(TEXT + b"mine = 1\n")
        done = write(kit(root), healing(one=proposed(b"one", b"9")), Journal(root, tmp_path / "state"))
        assert (root / "a.py").read_bytes() == TEXT + b"mine = 1\n"
        assert isinstance(done.outcomes["one"], Proposed)
        assert len(done.notes) == 1

    def test_a_patch_that_cannot_be_written_stays_proposed(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        full = JournalError("cannot write a file: No space left on device; nothing was changed", slug="disk-full")
        monkeypatch.setattr(Journal, "apply", Mock(side_effect=full))
        done = write(kit(root), healing(one=proposed(b"one", b"9")), Journal(root, tmp_path / "state"))
        assert isinstance(done.outcomes["one"], Proposed)
        assert done.notes[0].endswith(
            "was not written: cannot write a file: No space left on device; nothing was changed"
        )
        monkeypatch.setattr(Journal, "apply", Mock(side_effect=JournalError("neither", slug="half-done")))
        with pytest.raises(JournalError):
            write(kit(root), healing(one=proposed(b"one", b"9")), Journal(root, tmp_path / "state"))

    def test_what_breaks_together_with_the_others_is_not_written(self, root: Path, tmp_path: Path) -> None:
        together = suite({"one": "passed", "two": "passed", "three": "failed", "green": "failed"})
        tools = kit(root, passing("one"), together, *[suite({"green": "passed"})] * 3)
        two = proposed(b"two", b"22")
        done = write(tools, healing(one=proposed(b"one", b"9"), two=two), Journal(root, tmp_path / "state"))
        assert (root / "a.py").read_bytes() == TEXT.replace(b"1", b"9")
        assert done.outcomes["two"] is two
        assert done.notes[0].endswith("after the others, it breaks 1 tests that pass without it")

    def test_what_the_others_healed_must_stay_healed(self, root: Path, tmp_path: Path) -> None:
        tools = kit(root, passing("one"), passing("two"))
        outcomes = {"one": proposed(b"one", b"9"), "two": proposed(b"two", b"22")}
        done = write(tools, healing(**outcomes), Journal(root, tmp_path / "state"))
        assert [done.outcomes[t].tag for t in outcomes] == ["healed", "proposed"]

    def test_what_does_not_pass_on_the_real_tree_is_taken_back(self, root: Path, tmp_path: Path) -> None:
        journal = Journal(root, tmp_path / "state")
        done = write(kit(root, RED, RED), healing(one=proposed(b"one", b"9")), journal)
        assert (root / "a.py").read_bytes() == TEXT
        assert isinstance(done.outcomes["one"], Reverted)
        assert [a.verb for a in journal.history()] == ["apply", "undo"]

    def meddle(self, root: Path, then: BaseException | None = None) -> type[ScriptedRunner]:
        """A runner at whose tests the user saves a change right where the patch is."""

        class Meddling(ScriptedRunner):
            def suite(self, **order: Any) -> SuiteRun:
                (root / "a.py").write_bytes((root / "a.py").read_bytes().replace(b"one = 9", b"one = 9 + 1"))
                if then is not None:
                    raise then
                return super().suite(**order)

        return Meddling

    def test_a_patch_that_cannot_be_taken_back_is_named(self, root: Path, tmp_path: Path) -> None:
        tools = kit(root)
        tools.runner = self.meddle(root)([RED, RED])
        done = write(tools, healing(one=proposed(b"one", b"9")), Journal(root, tmp_path / "state"))
        outcome = done.outcomes["one"]
        assert isinstance(outcome, Failed)
        assert outcome.slug == "not-taken-back"
        assert "the patch stands" in outcome.error
        assert b"one = 9 + 1" in (root / "a.py").read_bytes()

    def test_a_run_cut_short_says_what_it_could_not_take_back(self, root: Path, tmp_path: Path) -> None:
        tools = kit(root)
        tools.runner = self.meddle(root, KeyboardInterrupt())([])
        with pytest.raises(JournalError, match=r"a\.py \(`reknit undo .*could not be taken back") as caught:
            write(tools, healing(one=proposed(b"one", b"9")), Journal(root, tmp_path / "state"))
        assert caught.value.slug == "not-taken-back"

    def test_a_run_cut_short_before_its_report_is_kept_takes_all_back(self, root: Path, tmp_path: Path) -> None:
        writing = loop._writing(kit(root, passing("one")), healing(), Journal(root, tmp_path / "state"))
        done = loop.apply(healing(one=proposed(b"one", b"9")), writing)
        assert isinstance(done.outcomes["one"], Healed)
        with pytest.raises(KeyboardInterrupt), writing:
            raise KeyboardInterrupt
        assert (root / "a.py").read_bytes() == TEXT

    def test_tests_that_cannot_be_run_afterwards_cost_their_own_patch_only(self, root: Path, tmp_path: Path) -> None:
        gone = CannotJudgeError("pytest is gone", slug="no-pytest")
        tools = kit(root, passing("one"), passing("one", "two"), gone)
        outcomes = {"one": proposed(b"one", b"9"), "two": proposed(b"two", b"22")}
        done = write(tools, healing(**outcomes), Journal(root, tmp_path / "state"))
        assert [o.tag for o in done.outcomes.values()] == ["healed", "reverted"]
        assert (root / "a.py").read_bytes() == TEXT.replace(b"1", b"9")

    @pytest.mark.parametrize("end", [KeyboardInterrupt(), StoreError("gone", slug="store-unusable")], ids=str)
    def test_a_run_that_is_cut_short_takes_back_all_that_it_wrote(
        self, root: Path, tmp_path: Path, end: BaseException
    ) -> None:
        class Cut(ScriptedRunner):
            def suite(self, **order: Any) -> SuiteRun:
                if not self.answers:
                    raise end
                return super().suite(**order)

        tools = kit(root)
        tools.runner = Cut([passing("one"), passing("one", "two")])
        outcomes = {"one": proposed(b"one", b"9"), "two": proposed(b"two", b"22")}
        with pytest.raises(type(end)):
            write(tools, healing(**outcomes), Journal(root, tmp_path / "state"))
        assert (root / "a.py").read_bytes() == TEXT

    @pytest.mark.parametrize(
        ("label", "unsafe", "written"),
        [
            (Label.CORROBORATED, False, True),
            (Label.CORROBORATED, True, True),
            (Label.PLAUSIBLE, False, False),
            (Label.PLAUSIBLE, True, True),
            (Label.REJECTED, False, False),
            (Label.REJECTED, True, False),
        ],
    )
    def test_the_label_decides(self, root: Path, label: Label, unsafe: bool, written: bool) -> None:
        options = Options(project=root, apply=True, unsafe=unsafe)
        found = writable(options, {"one": proposed(b"one", b"9", label)})
        assert bool(found) is written
        assert writable(Options(project=root, unsafe=True), {"one": proposed(b"one", b"9", label)}) == []


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
        start = loop.Healing(baseline=RED, signals=self.signals("one", "two"))
        done = loop.diagnose(kit(root), start, suite({"one": second, "two": "failed"}), {})
        assert isinstance(done.outcomes["one"], Quarantined)
        assert [f.tests for f in done.faults] == [("two",)]

    def test_what_could_not_be_traced_has_an_outcome_too(self, root: Path) -> None:
        start = loop.Healing(baseline=RED, signals=self.signals("one", "two"))
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
    report = loop._report(kit(root), loop.Healing(baseline=RED, signals=(signal,), outcomes={"one": Healthy()}))
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

    report = loop._report(kit(root), healing())
    assert loop._kept(Full(), report).notes == ("old", "the disk is full")  # type: ignore[arg-type]


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

    def test_any_file_but_those_of_tools_changes_the_mark(self, root: Path, tmp_path: Path) -> None:
        with Store.open(tmp_path / "store.db") as store:
            mark = memory(store, root, cold=False, setting="").others
            seen = [mark(set())]
            for name in ("t/data/golden.json", ".fixtures/mode", "module.py", "build/x"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(name.encode())
                seen.append(mark(set()))
            assert len(set(seen)) == 5
            assert mark({"module.py"}) != seen[-1]
            (root / "module.py").write_bytes(b"changed")
            assert mark({"module.py"}) != mark(set()) != seen[-1]
            before = mark(set())
            for name in ("node_modules/x", "__pycache__/x", ".git/index", ".pytest_cache/v/x", "t/.venv/pyvenv.cfg"):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(b"")
            (root / "t/.venv/lib").mkdir()
            (root / "t/.venv/lib/x.py").write_bytes(b"")
            assert mark(set()) == before

    def test_of_too_many_files_nothing_is_said(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kits, "_FILES", 1)
        with Store.open(tmp_path / "store.db") as store:
            assert memory(store, root, cold=False, setting="").others(set()) is not None
            (root / "b.py").write_bytes(b"")
            assert memory(store, root, cold=False, setting="").others(set()) is None
