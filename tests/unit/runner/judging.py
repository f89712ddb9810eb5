"""A small project with a wrong program, and workers that judge candidates for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reknit.runner.base import Attempt, Step, SuiteRun, Trial
from reknit.runner.ladder import Pool
from tests import projects

FILES = {
    "pytest.ini": "[pytest]\npythonpath = src\n",
    "src/lib.py": """
        LIMIT = 3

        def add(a, b):
            return a - b

        class Counter:
            def __init__(self):
                self.__n = 0

            def up(self):
                self.__n -= 1
                return self.__n

        def limit():
            return LIMIT

        def make(n, m):
            def inner(x):
                return x - n
            return inner

        kept = make(1, 2)
        """,
    "tests/test_lib.py": """
        import pytest
        import lib

        def test_add(): assert lib.add(1, 2) == 3
        def test_up(): assert lib.Counter().up() == 1
        def test_limit(): assert lib.limit() == 4
        def test_kept(): assert lib.kept(1) == -2
        def test_zero(): assert lib.add(5, 0) == 5
        def test_skips():
            if lib.LIMIT == 3:
                pytest.skip("three")
        """,
}
LIB = "src/lib.py"
ADD, UP, LIMIT, KEPT, ZERO, SKIPS = (
    f"tests/test_lib.py::test_{n}" for n in ("add", "up", "limit", "kept", "zero", "skips")
)


class Judge:
    """A project, its baseline and a pool of workers."""

    def __init__(self, folder: Path, files: dict[str, str], *, copying: bool = False) -> None:
        self.root = projects.project(folder, files)
        sandbox = projects.Copying(scratch=folder / "scratch") if copying else None
        self.runner = projects.runner(self.root, sandbox=sandbox)
        self.baseline: SuiteRun = projects.suite(self.runner)
        self.pool = self.open()

    def open(self, *, jobs: int = 1, fuel: int | None = None, deadline: float = math.inf) -> Pool:
        return self.runner.trials(
            tests=self.baseline.collected, baseline=self.baseline, jobs=jobs, fuel=fuel, deadline=deadline
        )

    def add(self, body: str, *, step: Step = "direct", must: Sequence[str] = (ADD,), **options: Any) -> Trial:
        """`add` with another body."""
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        function = ("add",) if step != "fresh" else None
        return projects.trial(self.root, LIB, "    return a - b", lines, must=must, function=function, **options)

    def one(self, trial: Trial, step: Step = "direct") -> Attempt:
        """The attempt by the first step, from `step` on, that can judge it."""
        steps = Pool._steps(self.pool, trial)
        chosen = steps[steps.index(step) :] if step in steps else steps
        self.pool._steps = lambda trial: chosen  # type: ignore[method-assign]
        ((_, attempt),) = list(self.pool.run(iter([trial])))
        return attempt


def kinds(attempt: Attempt) -> list[str]:
    """How its tests ended."""
    return [r.failure.type if r.failure else r.outcome for r in attempt.results]
