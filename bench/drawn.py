"""What a search would ask a runner: the engine's own trials, taken down in place of being run."""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reknit import sandbox
from reknit.bench import inject, mutate, trees
from reknit.detect.tests import signals
from reknit.diagnose.context import context
from reknit.diagnose.faults import faults
from reknit.kit import legible
from reknit.lang.python import Function, Source, functions, parse
from reknit.model.fault import Fault
from reknit.model.patch import Entry
from reknit.model.signal import ErrorContext, Signal
from reknit.propose.engine import Engine
from reknit.propose.hints import hints_for
from reknit.runner import interpreter
from reknit.runner.base import Attempt, Runner, Step, SuiteRun, TestRun, Trial
from reknit.runner.environments import Interpreter
from reknit.runner.layout import judge_of_tests
from reknit.runner.pytest import PytestRunner
from reknit.sandbox.base import Level

#: Wall clock of a suite, of a test, and of all trials of a pool.
SUITE_SECONDS, HANG_SECONDS, POOL_SECONDS = 600.0, 20.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A project as it lies somewhere, and how its tests are run."""

    root: Path
    python: Interpreter
    #: For pytest, such as the folder of its tests.
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    level: Level | None = None

    def at(self, copy: Path) -> Library:
        """The same in another folder, copied there if it is not there yet."""
        if not copy.exists():
            trees.copy_tree(self.root, copy)
        return Library(root=copy, python=self.python, arguments=self.arguments, env=self.env, level=self.level)

    def variables(self) -> dict[str, str]:
        """What the tests see of the environment; the folder's own modules come before installed ones."""
        env = {**self.env, "PYTHONPATH": str(self.root / inject.src_root(self.root))}
        return interpreter.variables_for_tests(os.environ, env, self.python.python)

    def runner(self) -> PytestRunner:
        """Reknit's runner for it, in the sandbox that `heal` would choose."""
        return PytestRunner(
            sandbox.find(self.level),
            root=self.root,
            python=self.python,
            env=self.variables(),
            arguments=self.arguments,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A copy of a library with one mistake in it, and what a search for it asks."""

    library: Library
    runner: Runner
    #: Where the mistake is: `path:line function`.
    name: str
    #: The failing tests and their neighbours, with lines.
    run: SuiteRun
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A function, and the passing tests that run it."""

    path: str
    function: Function
    tests: tuple[str, ...]


def traced(runner: Runner, tests: Sequence[str] | None = None) -> SuiteRun:
    """The suite, or `tests` of it, in a clean process, with the lines that each test runs."""
    deadline = time.monotonic() + SUITE_SECONDS
    return runner.suite(tests=tests, trace=True, deadline=deadline, hang_seconds=HANG_SECONDS)


def sources_of(root: Path, run: SuiteRun) -> tuple[dict[str, Source], dict[str, Entry]]:
    """The project's files that ran and are no tests, parsed and as bytes."""
    is_test = judge_of_tests(run.own)
    paths = sorted({p for lines in run.coverage.values() for p in lines if p.endswith(".py") and not is_test(p)})
    entries = {p: e for p, e in legible(root, paths).items() if not e.is_link}
    parsed = {p: parse(p, e.content) for p, e in entries.items()}
    return {p: s for p, s in parsed.items() if isinstance(s, Source)}, entries


def body(function: Function) -> frozenset[int]:
    """The lines of a function's body."""
    return frozenset(range(function.node.body[0].lineno, (function.node.end_lineno or function.first_line) + 1))


def covering(run: SuiteRun, path: str, function: Function) -> tuple[str, ...]:
    """Tests that passed and ran a line of the function, in pytest's order."""
    lines = body(function)
    return tuple(
        t
        for t in run.own
        if t in run.tests
        and run.tests[t].outcome == "passed"
        and not lines.isdisjoint(run.coverage.get(t, {}).get(path, ()))
    )


def covered(run: SuiteRun, sources: Mapping[str, Source], *, most: int) -> list[Covered]:
    """Functions that 1 to `most` passing tests run, and that have not done their work at import."""
    imported = run.coverage.get("", {})
    return [
        Covered(path=path, function=function, tests=tests)
        for path, source in sorted(sources.items())
        for function in functions(source)
        if body(function).isdisjoint(imported.get(path, ())) and 0 < len(tests := covering(run, path, function)) <= most
    ]


def broken(
    library: Library, folder: Path, places: Sequence[Covered], *, count: int, each: int, seed: int
) -> Iterator[Broken]:
    """Copies of the library in `folder`, each with a mistake in another of `places`, which a test of that function notices.

    Mistakes are drawn by `seed`, from slips that are written apart from the engine's operators; `each` trials of a copy.
    """
    entries = legible(library.root, {p.path for p in places})
    owners = {(p.path, line): p for p in places for line in body(p.function)}
    sites = {p: [s for s in mutate.sites(e.content) if (p, s.line) in owners] for p, e in entries.items()}
    done: list[Covered] = []
    for path, site in mutate.draw(sites, random.Random(seed)):  # noqa: S311 - no secret
        place = owners[path, site.line]
        content = mutate.mutated(entries[path].content, site)
        if content is None or place in done:
            continue
        copy = library.at(folder / f"broken-{len(done)}")
        (copy.root / path).write_bytes(content)
        runner = copy.runner()
        seen = traced(runner, place.tests)
        hung = any((f := r.failure) is not None and f.hung for r in seen.tests.values())
        if seen.bad and not seen.not_run and not hung and (trials := asked(copy, runner, seen, each)):
            done.append(place)
            name = f"{path}:{site.line} {place.function.qualname} {site.before!r} → {site.after!r}"
            yield Broken(library=copy, runner=runner, name=name, run=seen, trials=trials)
        else:
            (copy.root / path).write_bytes(entries[path].content)
        if len(done) == count:
            return


def asked(library: Library, runner: Runner, run: SuiteRun, count: int) -> tuple[Trial, ...]:
    """The first `count` trials that the engine asks for the first fault of `run`, had none of them passed."""
    sources, entries = sources_of(library.root, run)
    found = _faults(run, sources)
    engine = Engine(
        runner=runner,
        faults=found,
        sources=sources,
        entries=entries,
        run=run,
        hints=lambda tests: hints_for(tests, lambda paths: legible(library.root, paths)),
        jobs=1,
        fuel=None,
        deadline=time.monotonic() + POOL_SECONDS,
    )
    taken = _Taken()
    engine.propose(
        found[0],
        taken,
        spent=lambda _cpu: len(taken.trials) >= count,
        now=dt.datetime.now(dt.UTC),
        tell=lambda _count: None,
    )
    return tuple(taken.trials[:count])


def _faults(run: SuiteRun, sources: Mapping[str, Source]) -> tuple[Fault, ...]:
    ranges = {
        p: [(f.first_line, f.node.end_lineno or f.first_line, f.qualname) for f in functions(s)]
        for p, s in sources.items()
    }

    def about(signal: Signal) -> ErrorContext:
        facts = {"interpreter": run.facts.python, "platform": run.facts.platform, "packages": dict(run.facts.packages)}
        return context(signal, probe_facts=facts, environment_names=(), revision=None, history=(), disk=Path("/"))

    passing = [t for t, r in run.tests.items() if r.outcome == "passed"]
    return faults(signals(run), run.coverage, passing, ranges, is_test=judge_of_tests(run.own), context=about)


class _Taken:
    """Takes trials down, and says of each that its first test still fails."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []
        self.cpu_seconds = 0.0
        self.judged: Mapping[Step, int] = {}
        self.steps_down: tuple[str, ...] = ()

    def again(self, tests: Sequence[str]) -> TestRun | None:
        """Nothing is run."""
        raise AssertionError(tests)

    def run(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Attempt]]:
        """One after the other."""
        for trial in trials:
            self.trials.append(trial)
            bad = TestRun(test=trial.must[0], outcome="failed", seconds=0.0)
            yield trial, Attempt(step="fresh", results=(bad,), passed=False, ticks=0, hung=False)
