"""What may be done in a project is kept over runs, and nobody's count is lost."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit import loop
from reknit.apply.journal import Journal
from reknit.cli.heal import exit_status
from reknit.cli.status import breaker_verb, status_verb
from reknit.config import Options
from reknit.control import DEPLOY, NAMES, SEARCH, Control, Held
from reknit.detect.tests import signals as signals_of
from reknit.errors import UsageError
from reknit.guard.breaker import Ending, Mode, Permit
from reknit.healing import Healing
from reknit.model.outcome import CircuitOpen, Proposed, Reverted
from reknit.store.db import Store
from tests.unit.one_run import RED, TEXT, healing, kit, proposed

ROOT = Path(__file__).resolve().parents[2]
DAY = 86_400.0


class Place:
    """A store, a clock, and what was told."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.db"
        self.now = 1_000_000_000.0
        self.told: list[str] = []
        self.store = Store.open(self.path)

    def control(self, patches_a_day: int | None = None) -> Control:
        """As a new process has it."""
        self.store.close()
        self.store = Store.open(self.path)
        return Control(self.store.controls, tell=self.told.append, patches_a_day=patches_a_day, clock=lambda: self.now)

    def end(self, name: str, *endings: Ending) -> None:
        for ending in endings:
            self.now += 60
            permit = self.control().ask(name)
            assert isinstance(permit, Permit)
            self.control().ended(name, permit, ending)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.store.close()


def test_failures_in_a_row_open_it_and_time_and_trials_close_it(place: Place) -> None:
    place.end(SEARCH, *[Ending.FAILED] * 5)
    assert isinstance(place.control().ask(SEARCH), Permit), "one retry"
    place.end(SEARCH, Ending.FAILED)
    held = place.control().ask(SEARCH)
    assert isinstance(held, Held)
    assert str(held).startswith("open, as 6 of 6 calls failed of late; not before 2001-09-09")
    assert place.control().state(DEPLOY).mode is Mode.CLOSED, "each for itself"
    place.now = held.retry_at
    place.end(SEARCH, *[Ending.SUCCEEDED] * 3)
    assert place.control().state(SEARCH).mode is Mode.CLOSED
    assert [change.after for change in place.control().changes() if change.after != "degraded"] == [
        "open", "half-open", "closed",
    ]  # fmt: skip
    assert "the breaker heal/search is open now, it was degraded: 6 of 6 calls failed of late" in place.told


def test_two_patches_taken_back_within_a_day_need_a_person(place: Place) -> None:
    place.control().rolled_back(DEPLOY)
    place.now += DAY + 1
    place.control().rolled_back(DEPLOY)
    assert isinstance(place.control().ask(DEPLOY), Permit)
    place.now += DAY / 2
    place.control().rolled_back(DEPLOY)
    place.now += 30 * DAY
    held = place.control().ask(DEPLOY)
    assert isinstance(held, Held)
    assert (held.retry_at, held.mode) == (math.inf, "forced open")
    assert "until" not in str(held)
    assert "a person closes it" in str(held)
    place.control().turn(DEPLOY, "close", "it was the network")
    assert isinstance(place.control().ask(DEPLOY), Permit)
    assert place.control().changes()[-1].reason == "it was the network"


def test_a_clock_that_went_back_holds_nothing_back_and_is_told(place: Place) -> None:
    place.end(SEARCH, Ending.FAILED)
    before = place.control().state(SEARCH)
    place.now -= DAY
    permit = place.control().ask(SEARCH)
    assert isinstance(permit, Permit)
    place.control().ended(SEARCH, permit, Ending.FAILED)
    assert place.control().state(SEARCH) == before
    assert "the clock went back" in place.told[-1]


def test_the_day_has_a_budget(place: Place) -> None:
    for _ in range(2):
        assert place.control(2).reserve("patches") is None
    assert str(place.control(2).reserve("patches")) == "1 patches asked, 0 left of today's"
    place.control(2).returned("patches")
    place.control(2).spent("patches")
    assert place.control(2).today().left("patches") == 1
    place.now += DAY
    assert place.control(2).today().left("patches") == 2
    assert place.control().today().left("patches") == math.inf


def test_a_state_that_is_damaged_is_a_fresh_one(place: Place) -> None:
    place.end(SEARCH, *[Ending.FAILED] * 6)
    place.store.controls.update(SEARCH, lambda _: (b"{}x", ()))
    assert isinstance(place.control().ask(SEARCH), Permit)
    place.store.controls.update("budget/day", lambda _: (b'{"day": 7}', ()))
    assert place.control(1).reserve("patches") is None


def test_what_there_is_not_cannot_be_turned(place: Place) -> None:
    for name, act in (("nobody", "open"), (SEARCH, "explode")):
        with pytest.raises(UsageError) as caught:
            place.control().turn(name, act, "")
        assert caught.value.slug == "breaker"


def test_two_processes_that_count_at_once_lose_nothing(place: Place) -> None:
    program = (
        "import sys; from pathlib import Path; from reknit.store.db import Store\n"
        "from reknit.control import Control, SEARCH; from reknit.guard.breaker import Ending\n"
        "with Store.open(Path(sys.argv[1])) as store:\n"
        "    control = Control(store.controls, tell=print)\n"
        "    for _ in range(40): control.ended(SEARCH, control.ask(SEARCH), Ending.SUCCEEDED)\n"
    )
    command = [sys.executable, "-c", program, str(place.path)]
    children = [subprocess.Popen(command, env={"PYTHONPATH": str(ROOT / "src")}) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    assert place.control().state(SEARCH).outcomes == 80


class TestRun:
    """A run obeys, and is counted."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path.resolve() / "project"
        root.mkdir()
        (root / "a.py").write_bytes(TEXT)
        (root / "a.py").chmod(0o644)
        return root

    def test_patches_taken_back_end_the_writing(self, place: Place, root: Path, tmp_path: Path) -> None:
        control = place.control()
        journal = Journal(root, tmp_path / "state")
        start = healing(one=proposed(b"one", b"9"), two=proposed(b"two", b"8"), three=proposed(b"three", b"7"))
        tools = kit(root, RED, RED, RED, RED)
        with loop._writing(tools, start, journal, control) as writing:
            done = loop.apply(start, writing)
        assert [type(done.outcomes[t]) for t in ("one", "two", "three")] == [Reverted, Reverted, Proposed]
        assert (root / "a.py").read_bytes() == TEXT
        (held,) = done.held
        assert "deploy/journal is forced open, as two deploys were rolled back within 24 hours" in held
        assert exit_status(list(done.outcomes.values()), held=True) == 5

    def test_a_budget_of_none_writes_none(self, place: Place, root: Path, tmp_path: Path) -> None:
        start = healing(one=proposed(b"one", b"9"))
        with loop._writing(kit(root), start, Journal(root, tmp_path / "state"), place.control(0)) as writing:
            done = loop.apply(start, writing)
        assert "the day's budget is spent: 1 patches asked, 0 left" in done.held[0]
        assert (root / "a.py").read_bytes() == TEXT

    def test_where_searching_is_held_back_what_fails_is_still_told(self, place: Place, root: Path) -> None:
        place.control().turn(SEARCH, "open", "we are moving")
        signals = signals_of(RED)
        found = loop._searched(kit(root), Healing(baseline=RED, signals=signals), place.control())
        assert {type(outcome) for outcome in found.outcomes.values()} == {CircuitOpen}
        assert len(found.outcomes) == 3
        assert "the breaker heal/search is forced open, as we are moving" in found.held[0]


class TestVerbs:
    def test_status_and_a_persons_word(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "project").mkdir()
        options = Options(project=tmp_path / "project", state_dir=tmp_path / "state", patches_a_day=3)
        assert breaker_verb(options, "open", DEPLOY, "release today") == 0
        assert "the breaker deploy/journal is forced open now" in capsys.readouterr().err
        assert status_verb(options) == 0
        out = capsys.readouterr().out
        assert "release today" in out
        assert "until a person closes it: `reknit breaker close deploy/journal`" in out
        assert "0, 3 left" in out
        assert breaker_verb(options, "close", None, "", as_json=True) == 0
        result = json.loads(capsys.readouterr().out)["result"]
        assert [(each["name"], each["mode"]) for each in result["breakers"]] == [(name, "closed") for name in NAMES]
        assert result["patches_left"] == 3
        assert [change["after"] for change in result["changes"]] == ["forced open", "closed"]
