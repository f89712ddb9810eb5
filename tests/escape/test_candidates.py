"""Hostile candidates in one worker: each may spoil its own verdict, and nobody else's."""

from __future__ import annotations

import math
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import reknit.runner.workers
from reknit.runner.base import Attempt, SuiteRun, Trial
from reknit.runner.pytest import PytestRunner
from reknit.sandbox import Sandbox
from tests import projects
from tests.escape.hostile import ADD, CANDIDATES, FILES, FORGES, GOOD, HUNG, LIB, ORIGINAL, ZERO
from tests.escape.jail import open_jail


class Range:
    """A project, and candidates for its function."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.root = projects.project(folder, FILES)
        self.runner: PytestRunner = projects.runner(self.root, sandbox=sandbox)
        self.baseline: SuiteRun = projects.suite(self.runner)

    def trial(self, body: str, *, swapped: bool) -> Trial:
        lines = textwrap.indent(body, "    ")
        function = ("add",) if swapped else None
        return projects.trial(self.root, LIB, "    return a - b", lines, must=[ADD], keep=[ZERO], function=function)

    def judged(self, bodies: list[str], *, swapped: bool) -> list[Attempt]:
        """The attempts at these bodies, one after the other in one worker."""
        trials = (self.trial(body, swapped=swapped) for body in bodies)
        with self.runner.trials(
            tests=self.baseline.collected, baseline=self.baseline, jobs=1, fuel=None, deadline=math.inf
        ) as pool:
            return [attempt for _, attempt in pool.run(trials)]


@pytest.fixture
def place(level: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Range]:
    sandbox = open_jail(level)
    monkeypatch.setattr(reknit.runner.workers, "_MIN_SECONDS", 1.5)
    # Not pytest's own: inside, a folder of that name is the tests' to make.
    with tempfile.TemporaryDirectory(prefix="reknit-test-") as folder:
        yield Range(Path(folder), sandbox)


def kinds(attempt: Attempt) -> list[str]:
    return [r.failure.type if r.failure else r.outcome for r in attempt.results]


#: Each level, and each way to put a candidate in place; all combinations of them would be dear.
BATCHES = [
    pytest.param("bubblewrap", True, marks=pytest.mark.needs_tool("bwrap")),
    pytest.param("bubblewrap", False, marks=pytest.mark.needs_tool("bwrap")),
    pytest.param("bubblewrap-bind", True, marks=pytest.mark.needs_tool("bwrap")),
    pytest.param("landlock", False),
]


@pytest.mark.parametrize(("level", "swapped"), BATCHES)
def test_every_original_still_gets_its_own_verdict(place: Range, *, swapped: bool) -> None:
    """In one batch: after each of them the original fails as it does, and the right candidate passes."""
    batch = [body for hostile in CANDIDATES.values() for body in (hostile, ORIGINAL, GOOD)]
    attempts = place.judged(batch, swapped=swapped)
    wrong = {}
    for number, name in enumerate(CANDIDATES):
        hostile, original, good = attempts[3 * number : 3 * number + 3]
        if name in HUNG:
            assert hostile.hung, (name, hostile)
        if (hostile.passed and name not in FORGES) or kinds(original) != ["AssertionError"] or not good.passed:
            wrong[name] = (hostile.passed, original, good.why, kinds(good))
    assert not wrong
    assert {a.step for a in attempts[1::3]} <= ({"direct", "collected"} if swapped else {"fresh"})
