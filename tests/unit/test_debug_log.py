"""What is logged, and what never is."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from reknit import debug_log
from reknit.config import Options
from reknit.debug_log import LOG, OLDER, logging
from reknit.events import Progress

ON = Options(project=Path(), verbose_logging=True, env={"API_TOKEN": "tok-12345"})


def lines(state: Path, name: str = LOG) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (state / name).read_text().splitlines()]


def test_what_is_told_is_logged_and_told_on(tmp_path: Path) -> None:
    heard: list[Progress] = []
    with logging(ON, tmp_path / "state", heard.append) as observe:
        observe(Progress(stage="detect", text="running the tests"))
        observe(Progress(stage="propose", text="", tried=7))
    assert [event.stage for event in heard] == ["detect", "propose"]
    began, told, ended = lines(tmp_path / "state")
    assert began["event"] == "run began"
    assert (told["event"], told["stage"]) == ("running the tests", "detect")
    assert "tried" not in told
    assert ended["event"] == "run ended"
    assert told["timestamp"] >= began["timestamp"]
    assert stat.S_IMODE((tmp_path / "state" / LOG).stat().st_mode) == 0o600


def test_without_the_switch_there_is_none(tmp_path: Path) -> None:
    def observe(_event: Progress) -> None:
        raise AssertionError

    with logging(Options(project=Path()), tmp_path / "state", observe) as same:
        assert same is observe
    assert not (tmp_path / "state").exists()


def test_secrets_are_taken_out(tmp_path: Path) -> None:
    with logging(ON, tmp_path, lambda _: None) as observe:
        observe(Progress(stage="detect", text="tok-12345, password='hunter2'\n\ud800"))
    text = (tmp_path / LOG).read_text()
    assert "tok-12345" not in text
    assert "hunter2" not in text
    assert len(text.splitlines()) == 3


def test_how_it_broke_is_logged(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), logging(ON, tmp_path, lambda _: None):
        raise KeyboardInterrupt
    assert lines(tmp_path)[-1]["error"] == "KeyboardInterrupt: "


def test_it_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debug_log, "_MOST_BYTES", 5000)
    with logging(ON, tmp_path, lambda _: None) as observe:
        for _ in range(50):
            observe(Progress(stage="detect", text="x" * 10_000))
    assert sorted(path.name for path in tmp_path.iterdir()) == [OLDER, LOG]
    assert all(path.stat().st_size < 5000 + 2500 for path in tmp_path.iterdir())
    assert lines(tmp_path)[-1]["event"] == "run ended"


def test_a_link_in_its_place_is_not_followed_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    (tmp_path / LOG).symlink_to("other")
    with logging(ON, tmp_path, lambda _: None) as observe:
        observe(Progress(stage="detect", text="running"))
    assert (tmp_path / "other").read_text() == ""
