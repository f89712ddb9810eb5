"""Each switch of the settings, and what is different with it; verbose_logging is in test_debug_log.py."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from reknit import changes, loop
from reknit.apply.journal import Journal
from reknit.auditing import Audit
from reknit.config import Options
from reknit.detect.tests import LAST_FAILED
from reknit.errors import CannotJudgeError, StoreError, UsageError
from reknit.events import ignore
from reknit.kit import Kit, isolation
from reknit.ledger import LEDGER, Event, Ledger, verify
from reknit.model.outcome import Healed, Proposed, Report
from reknit.model.verdict import Label
from reknit.sandbox.base import Level
from reknit.writing import against_policy, writable
from tests.unit.one_run import TEXT, healing, kit, passing, proposed
from tests.unit.verify.stage import ScriptedRunner, suite


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "project"
    root.mkdir()
    (root / "a.py").write_bytes(TEXT)
    return root


def write(tools: Kit, state: Path, **outcomes: Proposed) -> list[str]:
    """What the report says that was not written."""
    journal, start = Journal(tools.root, state), healing(**outcomes)
    journal.done = tools.audit.act
    with loop._writing(tools, start, journal) as writing:
        return [*loop.apply(start, writing).notes]


class TestStrictPolicies:
    @pytest.mark.parametrize(
        ("strict", "label", "written"),
        [
            (False, Label.CORROBORATED, True),
            (False, Label.PLAUSIBLE, True),
            (True, Label.CORROBORATED, True),
            (True, Label.PLAUSIBLE, False),
        ],
    )
    def test_only_corroborated_patches_are_written(self, root: Path, strict: bool, label: Label, written: bool) -> None:
        options = Options(project=root, apply=True, unsafe=True, strict_policies=strict)
        one = proposed(b"one", b"9", label)
        assert bool(writable(options, {"one": one})) is written
        held = [] if written else [f"patch {one.patch.id[:8]} was not written: strict policies"]
        assert [note[: len(held[0])] for note in against_policy(options, {"one": one})] == held

    def test_what_nobody_asked_for_is_not_held_back(self, root: Path) -> None:
        options = Options(project=root, apply=True, strict_policies=True)
        assert against_policy(options, {"one": proposed(b"one", b"9")}) == ()

    @pytest.mark.parametrize("strict", [True, False])
    def test_nothing_is_written_that_the_ledger_cannot_have_first(
        self, root: Path, tmp_path: Path, strict: bool
    ) -> None:
        state = tmp_path / "state"
        tools = kit(root, passing("one"), strict_policies=strict, auditing_enabled=True)
        tools.audit = Audit.of(tools.options, state, ignore)
        (state / LEDGER).mkdir(parents=True)
        notes = write(tools, state, one=proposed(b"one", b"9", Label.CORROBORATED))
        assert ((root / "a.py").read_bytes() == TEXT) is strict
        assert [("the ledger in" in note) for note in notes] == ([True] if strict else [])

    def test_no_heal_begins_that_the_ledger_cannot_have_first(self, root: Path, tmp_path: Path) -> None:
        options = Options(project=root, strict_policies=True, state_dir=tmp_path / "state")
        audit = Audit(Ledger(tmp_path / "no" / "such", redact=str), must=True, observe=ignore)
        (tmp_path / "no").write_text("")
        with pytest.raises(StoreError), audit.heal(options):
            raise AssertionError
        assert Options(project=root, strict_policies=True).audited

    def test_what_a_user_takes_back_waits_for_no_ledger(self, root: Path, tmp_path: Path) -> None:
        options = Options(project=root, strict_policies=True, state_dir=tmp_path / "state")
        receipt = changes.apply(proposed(b"one", b"9").patch, options=options, tests=False)
        (ledger,) = (tmp_path / "state").rglob(LEDGER)
        ledger.unlink()
        with pytest.raises(StoreError):
            changes.apply(proposed(b"two", b"9").patch, options=options, tests=False)
        changes.rollback(receipt, options=options)
        assert (root / "a.py").read_bytes() == TEXT


class TestAuditing:
    def test_a_run_is_written_down(self, root: Path, tmp_path: Path) -> None:
        tools = kit(root, passing("one"), suite({"two": "failed"}), auditing_enabled=True, isolation="none")
        tools.audit = Audit.of(tools.options, tmp_path, ignore)
        one = proposed(b"one", b"9")
        with tools.audit.heal(tools.options) as ended:
            tools.audit.judged(one.patch, one.verdict)
            write(tools, tmp_path, one=one)
            ended(Mock(spec=Report, rows=[Mock(outcome=Mock(spec=Healed, tag="healed"))], held=()))
        lines = verify(tmp_path).lines
        assert [line.event for line in lines] == [
            "heal began",
            "settings loosened",
            "patch proposed",
            "patch is to be written",
            "patch applied",
            "heal ended",
        ]
        assert lines[1].facts["settings"] == ["isolation = none", "apply = true", "unsafe = true"]
        assert (lines[2].facts["patch"], lines[2].facts["label"]) == (one.patch.id, "plausible")
        assert lines[4].facts["files"] == ["a.py"]
        assert lines[5].facts["outcomes"] == ["1 healed"]

    def test_what_was_taken_back_is_written_down(self, root: Path, tmp_path: Path) -> None:
        tools = kit(root, suite({"one": "failed"}), suite({"one": "failed"}), auditing_enabled=True)
        tools.audit = Audit.of(tools.options, tmp_path, ignore)
        write(tools, tmp_path, one=proposed(b"one", b"9"))
        assert [line.event for line in verify(tmp_path).lines][1:] == ["patch applied", "patch taken back"]

    def test_how_a_run_broke_is_written_down(self, root: Path, tmp_path: Path) -> None:
        audit = Audit.of(Options(project=root, auditing_enabled=True), tmp_path, ignore)
        with pytest.raises(CannotJudgeError), audit.heal(Options(project=root)):
            raise CannotJudgeError("secret things", slug="no-tests")
        assert verify(tmp_path).lines[-1].facts == {"error": "no-tests"}
        assert "secret things" not in (tmp_path / LEDGER).read_text()

    def test_what_the_user_does_is_written_down(self, root: Path, tmp_path: Path) -> None:
        options = Options(project=root, auditing_enabled=True, state_dir=tmp_path / "state")
        changes.apply(proposed(b"one", b"9").patch, options=options, tests=False)
        changes.rollback(options=options, reason="password=hunter2")
        changes.redo(options=options)
        (ledger,) = (tmp_path / "state").rglob(LEDGER)
        assert [line.event for line in verify(ledger.parent).lines] == [
            "patch is to be written",
            "patch applied",
            "patch taken back",
            "patch applied again",
        ]
        assert "hunter2" not in ledger.read_text()

    def test_without_the_switch_nothing_is(self, root: Path, tmp_path: Path) -> None:
        changes.apply(
            proposed(b"one", b"9").patch, options=Options(project=root, state_dir=tmp_path / "state"), tests=False
        )
        assert list((tmp_path / "state").rglob("ledger*")) == []

    def test_a_ledger_that_cannot_be_written_is_told(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / LEDGER).mkdir()
        told: list[str] = []
        audit = Audit.of(Options(project=root, auditing_enabled=True), tmp_path, lambda event: told.append(event.text))
        audit.first(Event.WRITING)
        audit.note(Event.APPLIED)
        assert [text.startswith("note: the ledger in ") for text in told] == [True, True]


class TestStrictValidation:
    @pytest.mark.parametrize(
        ("strict", "asked", "best", "fine"),
        [
            (True, "none", Level.BUBBLEWRAP, False),
            (True, "none", Level.LANDLOCK, False),
            (True, "none", None, True),
            (True, None, Level.LANDLOCK, True),
            (False, "none", Level.BUBBLEWRAP, True),
        ],
    )
    def test_an_isolation_under_the_best_is_an_error(
        self,
        root: Path,
        monkeypatch: pytest.MonkeyPatch,
        strict: bool,
        asked: str | None,
        best: Level | None,
        fine: bool,
    ) -> None:
        monkeypatch.setattr("reknit.kit.survey", lambda: (best and Mock(level=best), ()))
        monkeypatch.setattr("reknit.sandbox.find", lambda level: Mock(level=level or best))
        options = Options(project=root, isolation=asked, strict_validation=strict)
        if fine:
            assert isolation(options).level == (asked or best)
            return
        with pytest.raises(UsageError) as caught:
            isolation(options)
        assert (caught.value.slug, caught.value.exit_code) == ("weak-isolation", 2)


class TestIntegration:
    @pytest.mark.parametrize("look", [True, False])
    def test_what_pytest_remembers(self, root: Path, look: bool) -> None:
        cache = root / LAST_FAILED
        cache.parent.mkdir(parents=True)
        cache.write_text(json.dumps({"t.py::one": True}))
        red = suite({"t.py::one": "failed"})
        tools = kit(root, red, red, pytest_cache=look)
        loop.detect(tools)
        assert isinstance(tools.runner, ScriptedRunner)
        assert len(tools.runner.asked) == (2 if look else 1)

    @pytest.mark.parametrize("look", [True, False])
    def test_the_revision_is_that_of_git(self, root: Path, look: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[Path] = []
        monkeypatch.setattr("reknit.loop.git_revision", asked.append)
        loop.diagnose(kit(root, git=look), healing(), suite({}), {})
        assert asked == ([root] if look else [])

    def test_no_branch_is_made_where_git_is_left_alone(self, root: Path, tmp_path: Path) -> None:
        options = Options(project=root, git=False, state_dir=tmp_path / "state")
        with pytest.raises(UsageError) as caught:
            changes.commit(proposed(b"one", b"9").patch, name="fix", options=options)
        assert caught.value.slug == "git-off"


def test_candidates_have_an_end(root: Path) -> None:
    free, bound = kit(root), kit(root, max_candidates=3)
    for tools in (free, bound):
        spent = tools.within(lambda cpu: cpu > 1)
        assert (spent(0.0), spent(2.0)) == (False, True)
        tools.candidates = 3
        assert spent(0.0) is (tools is bound)
