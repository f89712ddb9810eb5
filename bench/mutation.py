"""mutmut and reknit's workers on one function and the tests that cover it; both judge changes one after the other."""

from __future__ import annotations

import ast
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from drawn import POOL_SECONDS, Broken, Covered, Library, broken, covered, sources_of
from usage import cpu_seconds

from reknit.lang.python import Function
from reknit.runner.base import SuiteRun, Trial

#: Tests of the function, at most.
_TESTS = 20
#: Of the engine's candidates for a mistake so many are looked at for one that changes the function itself.
_OF_ALL = 8
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
    place = largest(covered(run, sources, most=_TESTS))
    mutants = _Mutmut(library.at(folder / "mutmut"), place)
    names = mutants.names[:changes]
    trials, mistake = _ours(library, folder / "ours", place, len(names))
    tests = sorted({t for trial in trials for t in (*trial.must, *trial.keep)})
    mutmut_cpu, mutmut_wall, ours_cpu, ours_wall = [], [], [], []
    before, deadline = cpu_seconds(), time.monotonic() + POOL_SECONDS
    with mistake.runner.trials(tests=tests, baseline=mistake.run, jobs=1, fuel=None, deadline=deadline) as pool:
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
        function=mistake.name,
        tests=len(place.tests),
        changes=len(judged),
        mutmut_cpu=statistics.median(mutmut_cpu),
        mutmut_wall=statistics.median(mutmut_wall),
        mutmut_whole=mutants.start + statistics.median(mutmut_cpu) * (len(judged) - 1),
        mutmut_killed=mutants.killed(names),
        ours_cpu=statistics.median(ours_cpu),
        ours_wall=statistics.median(ours_wall),
        ours_whole=whole,
        ours_killed=sum(not a.passed for _, a in judged) / len(judged),
    )


def _ours(library: Library, folder: Path, place: Covered, count: int) -> tuple[list[Trial], Broken]:
    """The engine's first changes of the function, and the mistake in it that they are to mend."""
    mistake = next(broken(library, folder, [place], count=1, each=_OF_ALL * count, seed=1), None)
    if mistake is None:
        sys.exit(f"no mistake in {place.function.qualname} is noticed by a test; nothing was measured")
    name = place.function.qualname.rpartition(".")[2]
    mine = [t for t in mistake.trials if t.swap and (t.path, t.swap.name) == (place.path, name)]
    return mine[:count], mistake


def largest(places: Iterable[Covered]) -> Covered:
    """The function with the most nodes; none with decorators or inside another, which mutmut leaves alone."""
    plain = [p for p in places if not p.function.node.decorator_list and p.function.top is p.function]
    return max(plain, key=lambda p: (sum(1 for _ in ast.walk(p.function.node)), p.path))


class _Mutmut:
    """mutmut in a copy of the library; its mutants are made, and it knows which tests to run."""

    def __init__(self, library: Library, place: Covered) -> None:
        self._library = library
        path, function = place.path, place.function
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
