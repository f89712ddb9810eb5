"""Tests that start the program: coverage of its processes, and candidates that those processes see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from reknit.runner import workers
from reknit.runner.base import Attempt, SuiteRun
from reknit.runner.pytest import PytestRunner
from reknit.sandbox.base import Job, Level, Running, ViewKind
from reknit.sandbox.unconfined import Unconfined
from tests import projects

FILES = {
    "prog.py": """
        import sys
        from lib import double

        if __name__ == "__main__":
            print(double(int(sys.argv[1])))
        """,
    "lib.py": """
        def double(n):
            return n + n + 1
        """,
    "test_prog.py": """
        import subprocess, sys

        def run(n): return subprocess.run([sys.executable, "-m", "prog", n], stdout=-1).stdout.split()

        def test_two(): assert run("2") == [b"4"]
        def test_nothing(): assert run("x") == []
        def test_alone(): pass
        """,
    "test_lib.py": """
        import lib
        def test_lib(): assert lib.double(0) == 1
        """,
}
TWO, NOTHING, ALONE = (f"test_prog.py::test_{n}" for n in ("two", "nothing", "alone"))


def traced(runner: PytestRunner, *tests: str) -> SuiteRun:
    return projects.suite(runner, trace=True, tests=tests or None)


def attempts(root: Path, runner: PytestRunner, run: SuiteRun, *texts: str, keep: Sequence[str] = ()) -> list[Attempt]:
    """Candidates for the last line of `double`; and why a step was not used."""
    trials = [
        projects.trial(root, "lib.py", "n + n + 1", text, must=[TWO], keep=keep, function=("double",)) for text in texts
    ]
    with runner.trials(tests=run.collected, baseline=run, jobs=1, fuel=None, deadline=math.inf) as pool:
        found = [attempt for _, attempt in pool.run(iter(trials))]
        assert pool.cpu_seconds > 0
    return found


def test_lines_of_processes_are_those_of_the_test(tmp_path: Path) -> None:
    root = projects.project(tmp_path, FILES)
    run = traced(projects.runner(root))
    assert run.coverage[TWO]["lib.py"] >= {2, 3}
    assert (3 in run.coverage[NOTHING]["lib.py"], 5 in run.coverage[NOTHING]["prog.py"]) == (False, True)
    assert "lib.py" not in run.coverage.get(ALONE, {})
    assert run.spawning == {TWO, NOTHING}
    assert projects.suite(projects.runner(root)).spawning == frozenset()


@pytest.mark.parametrize(("tests", "step"), [((TWO, NOTHING), "collected-disk"), ((), "fresh-disk")])
def test_processes_read_the_candidate_from_disk(tmp_path: Path, tests: tuple[str, ...], step: str) -> None:
    """What the tests' own process has imported needs a process that has not; the user's file stays as it is."""
    root = projects.project(tmp_path, FILES)
    runner = projects.runner(root)
    right, same, syntax, good = attempts(
        root, runner, traced(runner, *tests), "n + n", "n + n + 2", "n +", "2 * n", keep=[NOTHING]
    )
    assert {a.step for a in (right, same, syntax, good)} == {step}
    assert [a.passed for a in (right, same, syntax, good)] == [True, False, False, True]
    assert [r.test for r in right.results] == [TWO, NOTHING]
    assert (root / "lib.py").read_text().endswith("n + n + 1\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOnly:
    """Says of its view that it cannot be changed."""

    scratch: Path
    level: Level = Level.NONE

    def start(self, job: Job) -> Running:
        running = Unconfined(scratch=self.scratch).start(job)
        running.view_kind = ViewKind.BIND if running.view_kind is ViewKind.DIRECT else running.view_kind
        if set(job.view.files) - {"lib.py"}:
            running.view_kind = ViewKind.BIND
        return running


def test_where_the_view_cannot_be_changed_each_candidate_has_a_process(tmp_path: Path) -> None:
    root = projects.project(tmp_path, FILES)
    runner = projects.runner(root, sandbox=ReadOnly(scratch=tmp_path / "scratch"))
    run = traced(runner, TWO)
    trials = [projects.trial(root, "lib.py", "n + n + 1", t, must=[TWO]) for t in ("n + n", "n + 3")]
    with runner.trials(tests=run.collected, baseline=run, jobs=1, fuel=None, deadline=math.inf) as pool:
        found = [(a.step, a.passed) for _, a in pool.run(iter(trials))]
    assert found == [("process", True), ("process", False)]
    assert pool.steps_down == tuple(
        f"{step}: its view of the project, bind, cannot be changed, so each candidate has a process of its own"
        for step in ("collected-disk", "fresh-disk")
    )


def test_a_process_of_a_test_gets_a_share_of_its_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A candidate that loops in a process ends by CPU time, long before the last-resort deadline."""
    monkeypatch.setattr(workers, "_MIN_SECONDS", 60.0)
    monkeypatch.setattr(workers, "_CHILD_SECONDS", 0.1)
    monkeypatch.setattr(workers, "_CHILD_FACTOR", 1.0)
    root = projects.project(tmp_path, FILES)
    runner = projects.runner(root)
    (attempt,) = attempts(root, runner, traced(runner, TWO), "[n for _ in iter(int, 1)]")
    assert (attempt.passed, attempt.hung) == (False, False)
    assert attempt.first_bad is not None
