"""What it costs to judge a candidate: a pytest process for each, reknit's workers, a bare fork, and mutmut.

    python bench/throughput.py [--quick] [--project PATH --python ENV] [-- PYTEST-ARGUMENTS]

CPU time is user and system time of everything, children included, read from outside (`usage.py`); what the workers
count themselves is printed beside it. All sides take turns within one run, on the same machine at the same time, and
see the same environment. Without --project, the library is `bench/toolbox`, and pytest loads no plug-ins on either side.

Mistakes are drawn by a seed and put into copies of the library, each in another function that tests cover. For each,
the first candidates that the engine asks for are taken down, with the tests that it names: the failing ones, then
those to keep. Candidates that never end are left out everywhere, since a plain pytest process would not end either.

naive     the candidate is written to another copy and `python -m pytest -x -q -p no:cacheprovider` runs there, as peers do
          it. `selected` is the same with our tests only, by node id, failing ones first.
ours      the same candidates by one worker in its sandbox; what it costs to start, with the original's run through the
          tests, stands apart as the number of candidates after which it has paid. Making candidates is in none.
fork      fork, `os._exit`, wait, in the worker's own process, where everything is collected and frozen: a test does
          that, which the worker runs as it runs any other.
mutmut    changes of one function, judged by the tests that cover it, one process at a time on both sides: those that
          mutmut makes of the function as it is, and as many that the engine makes of it with a mistake in it. What
          mutmut's start costs is taken off, by a run with one mutant alone; `mutmut_whole_ratio` is with both starts.

The last line is JSON: milliseconds of CPU, means over the mistakes of medians over rounds; and `naive_ratio` (naive/ours,
bar: at least 80; `naive_ratios` has that of each mistake), `fork_ratio` (ours/fork, at most 3), `mutmut_ratio`
(mutmut/ours, at least 10).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from drawn import POOL_SECONDS, Broken, Library, broken, covered, sources_of, traced
from mutation import against_mutmut
from usage import cpu_seconds

from reknit.runner import interpreter
from reknit.runner.base import Attempt, Trial, Trials

TOOLBOX = Path(__file__).parent / "toolbox"
NO_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
#: Seconds for a plain pytest process.
_PLAIN_SECONDS = 120.0
#: Tests of a function, at most.
_TESTS = 60
_FORKS = 40
_FORK_FILE = "test_reknit_bench_fork.py"
#: Fails with its result as the message, which is how any test's words come out of a worker.
_FORK_TEST = f"""
import os, resource

def used():
    found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in found)

def test_fork():
    before = used()
    for _ in range({_FORKS}):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    raise AssertionError("ms=%.4f" % ((used() - before) * 1000 / {_FORKS}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    mistakes: int
    candidates: int
    rounds: int
    #: Plain pytest processes for each mistake and round.
    naive: int
    #: For mutmut.
    changes: int
    turns: int


QUICK = Size(mistakes=3, candidates=50, rounds=2, naive=2, changes=25, turns=1)
FULL = Size(mistakes=8, candidates=100, rounds=4, naive=4, changes=60, turns=3)


@dataclass(slots=True, kw_only=True)
class Measured:
    """One mistake: milliseconds of CPU per candidate, one figure a round."""

    name: str
    naive: list[float] = field(default_factory=list)
    selected: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    #: By the workers' own account.
    told: list[float] = field(default_factory=list)
    fork: list[float] = field(default_factory=list)
    #: Seconds per candidate.
    wall: list[float] = field(default_factory=list)
    naive_wall: list[float] = field(default_factory=list)
    #: CPU seconds until the first candidate can be judged at the usual cost.
    start: float = 0.0
    steps: Counter[str] = field(default_factory=Counter)
    steps_down: tuple[str, ...] = ()
    hung: int = 0
    passed: int = 0
    #: Candidates of which the plain process said something else.
    contradicted: int = 0


def main() -> None:
    """Measure in turns and print what was found."""
    options = _options()
    began, before = time.monotonic(), cpu_seconds()
    size = QUICK if options.quick else FULL
    python = interpreter.asked_for(options.python, options.project)
    env = NO_PLUGINS if options.project == TOOLBOX else {}
    with tempfile.TemporaryDirectory(prefix="reknit-bench-") as temporary:
        folder = Path(temporary).resolve()
        library = Library(root=options.project, python=python, arguments=tuple(options.arguments), env=env)
        library = library.at(folder / "right")
        run = traced(library.runner())
        if run.bad or not run.tests:
            sys.exit(f"the library's tests are not green ({', '.join(run.bad[:3])}); nothing was measured")
        print(f"{options.project.name}: {len(run.tests)} tests; seed {options.seed}", flush=True)
        mistakes = []
        sources, _ = sources_of(library.root, run)
        places = covered(run, sources, most=_TESTS)
        for found in broken(library, folder, places, count=size.mistakes, each=size.candidates, seed=options.seed):
            measured = _measure(found, size, random.Random(options.seed))  # noqa: S311 - no secret
            if not measured.naive:
                print(f"{found.name}: left out, as plain pytest comes to no end with it", flush=True)
                continue
            mistakes.append(measured)
            _show(measured)
        mutation = None
        if not options.no_mutmut:
            mutation = against_mutmut(
                replace(library, python=interpreter.asked_for(options.mutmut, options.project)),
                run,
                folder,
                changes=size.changes,
                rounds=size.turns,
            )
            print(f"mutmut: {mutation}", flush=True)
    took = {"wall_seconds": round(time.monotonic() - began, 1), "cpu_seconds": round(cpu_seconds() - before, 1)}
    print(json.dumps(figures(mistakes, size) | (mutation.result() if mutation else {}) | took))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less of everything; some ten seconds of CPU")
    parser.add_argument("--project", type=Path, default=TOOLBOX, help="a library whose tests are green")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="its interpreter or environment")
    parser.add_argument("--mutmut", type=Path, default=Path(sys.executable), help="an interpreter that has mutmut")
    parser.add_argument("--no-mutmut", action="store_true", help="leave mutmut out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("arguments", nargs="*", default=["tests"], help="for pytest, after --")
    options = parser.parse_args()
    options.project = options.project.resolve()
    return options


def _measure(mistake: Broken, size: Size, rng: random.Random) -> Measured:
    """All sides but mutmut take turns on one mistake."""
    measured = Measured(name=mistake.name)
    plain = mistake.library.at(mistake.library.root.with_name(f"{mistake.library.root.name}-plain"))
    (mistake.library.root / _FORK_FILE).write_text(_FORK_TEST, "utf-8")
    forking = replace(mistake.library, arguments=(*mistake.library.arguments, _FORK_FILE))
    tests = [*{t: None for trial in mistake.trials for t in (*trial.must, *trial.keep)}, f"{_FORK_FILE}::test_fork"]
    before = cpu_seconds()
    with forking.runner().trials(
        tests=tests, baseline=mistake.run, jobs=1, fuel=None, deadline=time.monotonic() + POOL_SECONDS
    ) as pool:
        attempts = list(pool.run(iter(mistake.trials)))
        first = cpu_seconds() - before
        ended = [(t, a) for t, a in attempts if not a.hung]
        measured.hung = len(attempts) - len(ended)
        measured.passed = sum(a.passed for _, a in ended)
        measured.steps.update(a.step for _, a in ended)
        _pytest(plain, tests[:1])  # the first one compiles the tests
        for _ in range(size.rounds):
            _ours(measured, pool, [t for t, _ in ended])
            _naive(measured, plain, rng.sample(ended, min(size.naive, len(ended))))
            measured.fork.append(_fork(pool, mistake.trials[0]))
        measured.steps_down = pool.steps_down
        again = len(ended) * statistics.median(measured.ours) / 1000
        measured.start = max(0.0, first - again)
    return measured


def _ours(measured: Measured, pool: Trials, trials: Sequence[Trial]) -> None:
    began, before, told = time.monotonic(), cpu_seconds(), pool.cpu_seconds
    for _ in pool.run(iter(trials)):
        pass
    measured.ours.append((cpu_seconds() - before) * 1000 / len(trials))
    measured.told.append((pool.cpu_seconds - told) * 1000 / len(trials))
    measured.wall.append((time.monotonic() - began) / len(trials))


def _naive(measured: Measured, plain: Library, some: Sequence[tuple[Trial, Attempt]]) -> None:
    naive, selected, wall = [], [], []
    for trial, attempt in some:
        place = plain.root / trial.path
        original = place.read_bytes()
        place.write_bytes(trial.content)
        began, before = time.monotonic(), cpu_seconds()
        try:
            _pytest(plain, plain.arguments)
            middle, ended = cpu_seconds(), time.monotonic()
            code = _pytest(plain, [*trial.must, *trial.keep])
        except subprocess.TimeoutExpired:  # a test that ours was not asked to run never ends
            measured.hung += 1
            continue
        finally:
            place.write_bytes(original)
        naive.append(middle - before)
        selected.append(cpu_seconds() - middle)
        wall.append(ended - began)
        measured.contradicted += (code == 0) != attempt.passed
    if not naive:
        return
    measured.naive.append(statistics.mean(naive) * 1000)
    measured.selected.append(statistics.mean(selected) * 1000)
    measured.naive_wall.append(statistics.mean(wall))


def _pytest(plain: Library, tests: Sequence[str]) -> int:
    argv = [str(plain.python.python), "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        argv, cwd=plain.root, env=plain.variables(), capture_output=True, check=False, timeout=_PLAIN_SECONDS
    )
    if done.returncode not in {0, 1, 2}:
        sys.exit(f"pytest ended with {done.returncode}; nothing was measured\n{done.stdout.decode()[-2000:]}")
    return done.returncode


def _fork(pool: Trials, trial: Trial) -> float:
    asked = replace(trial, must=(f"{_FORK_FILE}::test_fork",), keep=())
    ((_, attempt),) = pool.run(iter([asked]))
    failure = attempt.results[0].failure if attempt.results else None
    if failure is None or "ms=" not in failure.message:
        sys.exit(f"the forking test did not say what it measured ({attempt}); nothing was measured")
    return float(failure.message.partition("ms=")[2].split()[0])


def _show(m: Measured) -> None:
    steps = ", ".join(f"{step} {count}" for step, count in m.steps.most_common())
    for why in m.steps_down:
        print(why)
    print(
        f"{m.name}\n  naive {_spread(m.naive)} (selected {_spread(m.selected)}), ours {_spread(m.ours)}"
        f" (told {_spread(m.told)}), fork {_spread(m.fork)} ms; start {m.start * 1000:.0f} ms;"
        f" {steps}; passed {m.passed}, hung {m.hung}, contradicted {m.contradicted}",
        flush=True,
    )


def _spread(values: Sequence[float]) -> str:
    middle = statistics.median(values)
    return f"{middle:.4g} [{min(values):.4g}–{max(values):.4g}]"


def figures(mistakes: Sequence[Measured], size: Size) -> dict[str, object]:
    """For the last line, without mutmut."""

    def mean(values: Callable[[Measured], Sequence[float]]) -> float:
        return statistics.mean(statistics.median(values(m)) for m in mistakes)

    naive, ours, fork = mean(lambda m: m.naive), mean(lambda m: m.ours), mean(lambda m: m.fork)
    steps = sum((m.steps for m in mistakes), Counter[str]())
    start = statistics.mean(m.start for m in mistakes) * 1000
    return {
        "naive_ms": round(naive, 1),
        "selected_ms": round(mean(lambda m: m.selected), 1),
        "ours_ms": round(ours, 3),
        "told_ms": round(mean(lambda m: m.told), 3),
        "fork_ms": round(fork, 3),
        "start_ms": round(start),
        "naive_ratio": round(naive / ours, 1),
        "selected_ratio": round(mean(lambda m: m.selected) / ours, 1),
        "naive_ratios": [round(statistics.median(m.naive) / statistics.median(m.ours), 1) for m in mistakes],
        "naive_wall_ratio": round(mean(lambda m: m.naive_wall) / mean(lambda m: m.wall), 1),
        "fork_ratio": round(ours / fork, 2),
        "paid_after": round(start / (naive - ours), 1),
        "steps": dict(steps),
        "mistakes": len(mistakes),
        "candidates": sum(steps.values()),
        "rounds": size.rounds,
        "hung": sum(m.hung for m in mistakes),
        "contradicted": sum(m.contradicted for m in mistakes),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    main()
