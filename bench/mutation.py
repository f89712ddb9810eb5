"""mutmut and reknit's workers on one function and the tests that cover it; both judge changes one after the other."""

from __future__ import annotations

import ast
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from drawn import POOL_SECONDS, Library, changes_of, covered, sources_of
from usage import cpu_seconds

from reknit.lang.python import Function
from reknit.runner.base import SuiteRun

#: Tests of the function, at most.
_TESTS = 20
_SECONDS = 600.0
_CONFIG = """
[mutmut]
source_paths = {source}
only_mutate = {path}
pytest_add_cli_args_test_selection =
    {tests}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """Seconds for one change, mutmut's and ours; the whole of a run with its start, for as many changes."""

    function: str
    tests: int
    changes: int
    mutmut_cpu: float
    mutmut_wall: float
    mutmut_whole: float
    #: Share of the changes that a test noticed.
    mutmut_killed: float
    ours_cpu: float
    ours_wall: float
    ours_whole: float
    ours_killed: float

    def result(self) -> dict[str, object]:
        """For the last line."""
        return {
            "mutmut_ms": round(self.mutmut_cpu * 1000, 2),
            "mutmut_ours_ms": round(self.ours_cpu * 1000, 3),
            "mutmut_ratio": round(self.mutmut_cpu / self.ours_cpu, 1),
            "mutmut_wall_ratio": round(self.mutmut_wall / self.ours_wall, 1),
            "mutmut_whole_ratio": round(self.mutmut_whole / self.ours_whole, 1),
            "mutmut_killed": round(self.mutmut_killed, 2),
            "mutmut_ours_killed": round(self.ours_killed, 2),
            "mutmut_changes": self.changes,
            "mutmut_function": self.function,
        }


def against_mutmut(library: Library, run: SuiteRun, folder: Path, *, changes: int, rounds: int) -> Mutation:
    """Both sides take turns on the function with the most to change; `library` has mutmut in its interpreter."""
    sources, _ = sources_of(library.root, run)
    path, function, tests = largest(covered(run, sources, most=_TESTS))
    mutants = _Mutmut(library.at(folder / "mutmut"), path, function)
    names = mutants.names[:changes]
    before = cpu_seconds()
    trials = list(itertools.islice(changes_of(sources, path, function, tests), len(names)))
    mutmut_cpu, mutmut_wall, ours_cpu, ours_wall = [], [], [], []
    with library.runner().trials(
        tests=tests, baseline=run, jobs=1, fuel=None, deadline=time.monotonic() + POOL_SECONDS
    ) as pool:
        judged = list(pool.run(iter(trials)))
        whole = cpu_seconds() - before
        trials = [t for t, a in judged if not a.hung]
        for _ in range(rounds):
            began, used = time.monotonic(), cpu_seconds()
            for _answer in pool.run(iter(trials)):
                pass
            ours_cpu.append((cpu_seconds() - used) / len(trials))
            ours_wall.append((time.monotonic() - began) / len(trials))
            cpu, wall = mutants.each(names)
            mutmut_cpu.append(cpu)
            mutmut_wall.append(wall)
    return Mutation(
        function=f"{path} {function.qualname}",
        tests=len(tests),
        changes=len(names),
        mutmut_cpu=statistics.median(mutmut_cpu),
        mutmut_wall=statistics.median(mutmut_wall),
        mutmut_whole=mutants.start + statistics.median(mutmut_cpu) * (len(names) - 1),
        mutmut_killed=mutants.killed(names),
        ours_cpu=statistics.median(ours_cpu),
        ours_wall=statistics.median(ours_wall),
        ours_whole=whole,
        ours_killed=sum(not a.passed for _, a in judged) / len(judged),
    )


def largest(
    places: Iterable[tuple[str, Function, tuple[str, ...]]],
) -> tuple[str, Function, tuple[str, ...]]:
    """The function with the most nodes; none with decorators or inside another, which mutmut leaves alone."""
    plain = [p for p in places if not p[1].node.decorator_list and p[1].top is p[1] and "__" not in p[1].qualname]
    return max(plain, key=lambda p: (sum(1 for _ in ast.walk(p[1].node)), p[0]))


class _Mutmut:
    """mutmut in a copy of the library; its mutants are made, and it knows which tests to run."""

    def __init__(self, library: Library, path: str, function: Function) -> None:
        self._library = library
        self._function = function
        parts = PurePosixPath(path).parts
        source = parts[0] if len(parts) > 1 else path
        tests = "\n    ".join(library.arguments)
        (library.root / "pyproject.toml").unlink(missing_ok=True)  # mutmut prefers it to setup.cfg
        (library.root / "setup.cfg").write_text(_CONFIG.format(source=source, path=path, tests=tests), "utf-8")
        self._meta = library.root / "mutants" / f"{path}.meta"
        before = cpu_seconds()
        self._run([f"*{mangled(function)}__mutmut_1"])
        #: CPU seconds of a first run, for one mutant.
        self.start = cpu_seconds() - before
        prefix = f".{mangled(function)}__mutmut_"
        self.names = [n for n in self._known() if prefix in n]

    def _known(self) -> Mapping[str, int | None]:
        known: Mapping[str, int | None] = json.loads(self._meta.read_text("utf-8"))["exit_code_by_key"]
        return known

    def killed(self, names: Sequence[str]) -> float:
        """Which share of the mutants the tests noticed."""
        known = self._known()
        return sum(known[n] not in {0, None} for n in names) / len(names)

    def each(self, names: Sequence[str]) -> tuple[float, float]:
        """CPU and wall seconds of one mutant more, from a run with all and a run with one."""
        one, many = self._timed(names[:1]), self._timed(names)
        more = len(names) - 1
        return (many[0] - one[0]) / more, (many[1] - one[1]) / more

    def _timed(self, names: Sequence[str]) -> tuple[float, float]:
        began, before = time.monotonic(), cpu_seconds()
        self._run(names)
        return cpu_seconds() - before, time.monotonic() - began

    def _run(self, names: Sequence[str]) -> None:
        argv = [str(self._library.python.python), "-m", "mutmut", "run", "--max-children", "1", *names]
        env = {**self._library.variables(), "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
        done = subprocess.run(argv, cwd=self._library.root, env=env, capture_output=True, check=False, timeout=_SECONDS)
        if done.returncode != 0:
            sys.exit(
                f"mutmut ended with {done.returncode}\n{done.stdout.decode()[-1500:]}{done.stderr.decode()[-500:]}"
            )


def mangled(function: Function) -> str:
    """How mutmut calls what it makes of a function."""
    *classes, name = function.qualname.split(".")
    return f"x{''.join(f'ǁ{c}' for c in classes)}ǁ{name}" if classes else f"x_{name}"
