"""Levels are tried strongest first, and what fails is named."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.errors import SandboxError
from reknit.sandbox import Job, Level, Running, Sandbox, find
from reknit.sandbox.bubblewrap import Bubblewrap
from reknit.sandbox.find import MAKERS, Maker, trial
from reknit.sandbox.unconfined import Unconfined


class Broken:
    """A sandbox that starts nothing."""

    def __init__(self, level: Level, why: str) -> None:
        self.level, self.why = level, why

    def start(self, job: Job) -> Running:
        raise SandboxError(self.why, slug="sandbox-start")


def broken(level: Level, why: str) -> Maker:
    def make(_scratch: Path) -> Iterator[Sandbox]:
        yield Broken(level, why)

    return make


def absent(why: str) -> Maker:
    def make(_scratch: Path) -> Iterator[Sandbox]:
        raise SandboxError(why, slug="sandbox-tool")
        yield  # makes it a generator

    return make


def all_broken() -> dict[Level, Maker]:
    return {level: broken(level, f"{level} is broken") for level in Level if level is not Level.NONE} | {
        Level.NONE: MAKERS[Level.NONE]
    }


def test_names_all_that_was_tried_and_the_flag() -> None:
    makers = all_broken() | {Level.SEATBELT: absent("works on macOS only")}
    with pytest.raises(SandboxError) as caught:
        find(makers=makers)
    assert caught.value.slug == "no-sandbox"
    for said in ("bubblewrap is broken", "landlock is broken", "works on macOS only", "was not run"):
        assert said in caught.value.message
    assert "--isolation none" in (caught.value.hint or "")
    assert caught.value.exit_code == 4


def test_falls_to_the_next_level(tmp_path: Path) -> None:
    found = find(scratch=tmp_path, makers={**MAKERS, Level.BUBBLEWRAP: absent("bwrap is not installed")})
    assert found.level is Level.LANDLOCK


def test_a_level_asked_for_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="landlock is broken"):
        find(Level.LANDLOCK, scratch=tmp_path, makers=all_broken())


def test_nothing_is_run_without_isolation_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(SandboxError):
        find(scratch=tmp_path, makers=all_broken())
    assert find(Level.NONE, scratch=tmp_path, makers=all_broken()).level is Level.NONE


def test_a_trial_notices_missing_protection(tmp_path: Path) -> None:
    """A level that starts jobs but confines nothing is not taken for one."""
    assert trial(Unconfined(scratch=tmp_path)) == "a file outside can be written"


def test_a_trial_notices_an_open_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[find.__module__]  # the package shows the function under the module's name
    monkeypatch.setattr(module, "_TRIAL", module._TRIAL.replace("sys.argv[1]", "'/nowhere'"))
    assert trial(Unconfined(scratch=tmp_path)) == "the network can be reached"


@pytest.mark.parametrize(
    ("script", "said"), [("exit 1", "bwrap ended"), ("echo no namespaces; exit 1", "no namespaces")]
)
def test_installed_is_not_working(tmp_path: Path, script: str, said: str) -> None:
    """bwrap may be there and fail, as where user namespaces are switched off; its own words are passed on."""
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    assert said in (trial(Bubblewrap(program=str(program))) or "")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_something_works_here() -> None:
    """On Linux since 5.13 Landlock is there even where namespaces are not."""
    assert find().level in {Level.BUBBLEWRAP, Level.LANDLOCK}
