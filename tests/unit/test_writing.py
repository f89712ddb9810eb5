"""Several patches written one after the other, judged on what the ones before left, and taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from reknit import loop
from reknit.apply.journal import Journal
from reknit.config import Options
from reknit.errors import CannotJudgeError, JournalError, StoreError
from reknit.healing import Healing
from reknit.kit import Kit
from reknit.model.outcome import Failed, Healed, Proposed, Reverted
from reknit.model.verdict import Label
from reknit.runner.base import SuiteRun
from reknit.writing import writable
from tests.unit.one_run import RED, TEXT, healing, kit, passing, proposed
from tests.unit.verify.stage import ScriptedRunner, suite


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "project"
    root.mkdir()
    (root / "a.py").write_bytes(TEXT)
    (root / "a.py").chmod(0o644)
    return root


def write(tools: Kit, start: Healing, journal: Journal) -> Healing:
    """As the loop does it."""
    with loop._writing(tools, start, journal) as writing:
        return loop.apply(start, writing)


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

    def test_what_could_not_be_taken_back_stays_proposed(self, root: Path, tmp_path: Path) -> None:
        tools = kit(root)
        tools.options = replace(tools.options, irreversible_paths=("a.*",))
        done = write(tools, healing(one=proposed(b"one", b"9")), Journal(root, tmp_path / "state"))
        assert (root / "a.py").read_bytes() == TEXT
        assert isinstance(done.outcomes["one"], Proposed)
        assert "was not written: this change cannot be taken back: a.py" in done.notes[0]

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
