"""Whether the workers' fast steps say of a candidate what a clean process says, which is what accepts.

    python bench/agreement.py PROJECT --python ENV --count 250 --seed 1 --out rows.jsonl [-- PYTEST-ARGUMENTS]
    python bench/agreement.py --out rows.jsonl

Candidates are drawn by the seed from the engine's own operators, half of each kind:

kept      changes of functions of the right code, judged by the tests that cover the function, which all pass;
mended    the engine's first candidates for a mistake put into the code, with the failing tests and those to keep as
          the engine names them: all that pass, and some of the others.

The worker judges each at the step of its own choice; then the same change and the same tests run in a clean process,
from disk. Functions that more than --tests tests cover are left out, to keep that affordable. A candidate that the
worker stops for want of fuel has no verdict yet and is not counted. Where the two differ, the clean run is repeated,
and the row keeps the change and both reasons: a pass that the clean process refuses, or a failure that it does not see.

A row is one line of JSON; rows that --out holds are not made again, and --known takes clean verdicts from another file,
so that the fast steps can be measured anew after a change. The last line is JSON over all rows of the file.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path

from drawn import HANG_SECONDS, POOL_SECONDS, Broken, Library, broken, changes_of, covered, sources_of, traced

from reknit.errors import CannotJudgeError
from reknit.lang.difference import unified_diff
from reknit.runner import interpreter
from reknit.runner.base import Attempt, Runner, SuiteRun, TestRun, Trial

#: Steps that start no process of pytest for a candidate.
FAST = frozenset({"direct", "collected", "fresh"})
#: Drawn from so many of a function's changes, so many of them.
_POOL, _EACH = 200, 6
#: Of the engine's first candidates for a mistake those that pass, at most, and as many others as that make it up to.
_ASKED, _PASSING, _OF_MISTAKE = 60, 5, 8
_CLEAN_SECONDS = 180.0
_TEXT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What candidates are changes of."""

    #: kept or mended.
    kind: str
    root: Path
    runner: Runner
    base: SuiteRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate, judged twice."""

    id: str
    project: str
    kind: str
    path: str
    tests: int
    step: str
    #: None: no verdict.
    fast: bool | None
    clean: bool | None
    fast_why: str = ""
    clean_why: str = ""
    #: Where they differ: the clean process's word on each repetition, and the change.
    again: list[bool] = field(default_factory=list)
    diff: str = ""
    #: Wall clock.
    fast_seconds: float = 0.0
    clean_seconds: float = 0.0

    @property
    def contradicted(self) -> bool:
        """Whether there are two verdicts, and they differ."""
        return self.fast is not None and self.clean is not None and self.fast != self.clean


def main() -> None:
    """Judge candidates until there are enough rows; print what the file holds."""
    options = _options()
    rows = read(options.out)
    if options.project is not None:
        known = {r.id: r for r in read(options.known)} if options.known else {}
        with tempfile.TemporaryDirectory(prefix="reknit-bench-", ignore_cleanup_errors=True) as temporary:
            judge = _Judge(options, rows, known, Path(temporary).resolve())
            judge.kept()
            judge.mended()
        rows = judge.rows
    for name in sorted({r.project for r in rows}):
        print(name, json.dumps(summary([r for r in rows if r.project == name])))
    for row in rows:
        if row.contradicted:
            print(
                f"{row.project} {row.path} {row.step}: {row.fast_why or 'passes'} / clean: {row.clean_why or 'passes'}"
            )
            print(row.diff)
    print(json.dumps(summary(rows)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path, nargs="?", help="a library whose tests are green; none: tell of the rows")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="its interpreter or environment")
    parser.add_argument("--name", help="what the rows call it; the folder's name unless given")
    parser.add_argument("--count", type=int, default=250, help="rows of this library")
    parser.add_argument("--tests", type=int, default=10, help="tests of a function, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="JSON lines; what is there is not done again")
    parser.add_argument("--known", type=Path, help="rows whose clean verdicts hold")
    given = sys.argv[1:]
    own = given.index("--") if "--" in given else len(given)
    options = parser.parse_args(given[:own])
    options.arguments = given[own + 1 :] or ["tests"]
    if options.project is not None:
        options.project = options.project.resolve()
        options.name = options.name or options.project.name
    return options


class _Judge:
    """One library's candidates."""

    def __init__(
        self, options: argparse.Namespace, rows: Sequence[Row], known: Mapping[str, Row], folder: Path
    ) -> None:
        self._options = options
        self._known = known
        self._folder = folder
        self.rows = list(rows)
        python = interpreter.asked_for(options.python, options.project)
        library = Library(root=options.project, python=python, arguments=tuple(options.arguments), env={})
        self._library = library.at(folder / "right")
        runner = self._library.runner()
        self._right = Code(kind="kept", root=self._library.root, runner=runner, base=traced(runner))
        print(f"{options.name}: {len(self._right.base.tests)} tests, {len(self._right.base.bad)} bad", flush=True)

    def _missing(self, kind: str) -> int:
        mine = [r for r in self.rows if r.project == self._options.name and r.kind == kind and r.fast is not None]
        half: int = self._options.count // 2
        return half - len(mine)

    def kept(self) -> None:
        """Changes of right code."""
        rng = random.Random(self._options.seed)  # noqa: S311 - no secret
        sources, _ = sources_of(self._library.root, self._right.base)
        places = covered(self._right.base, sources, most=self._options.tests)
        rng.shuffle(places)
        tests = tuple(dict.fromkeys(t for *_, some in places for t in some))
        drawn = (
            trial
            for path, function, some in places
            for trial in _sample(list(islice(changes_of(sources, path, function, some), _POOL)), _EACH, rng)
        )
        self._judge(self._right, tests, drawn)

    def mended(self) -> None:
        """Candidates for mistakes."""
        if self._missing("mended") <= 0:
            return
        rng = random.Random(self._options.seed)  # noqa: S311 - no secret
        count, seed, most = self._options.count, self._options.seed, self._options.tests
        for mistake in broken(
            self._library, self._right.base, self._folder, count=count, each=_ASKED, seed=seed, most=most
        ):
            tests = tuple(dict.fromkeys(t for trial in mistake.trials for t in (*trial.must, *trial.keep)))
            code = Code(kind="mended", root=mistake.library.root, runner=mistake.runner, base=mistake.run)
            self._judge(code, tests, iter(_chosen(mistake, tests, rng)))
            if self._missing("mended") <= 0:
                return

    def _judge(self, code: Code, tests: tuple[str, ...], trials: Iterator[Trial]) -> None:
        if self._missing(code.kind) <= 0:
            return
        there = {r.id for r in self.rows}
        deadline = time.monotonic() + POOL_SECONDS
        with code.runner.trials(tests=tests, baseline=code.base, jobs=1, fuel=None, deadline=deadline) as pool:
            for trial in trials:
                name = identity(self._options.name, code.kind, trial)
                if name in there:
                    continue
                began = time.monotonic()
                ((_, attempt),) = pool.run(iter([trial]))
                row = self._row(name, code, trial, attempt, time.monotonic() - began)
                self.rows.append(row)
                with self._options.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
                if row.contradicted:
                    print(f"differs: {row}", flush=True)
                if self._missing(code.kind) <= 0:
                    return

    def _row(self, name: str, code: Code, trial: Trial, attempt: Attempt, seconds: float) -> Row:
        clean, why, took = None, "", 0.0
        judged = bool(attempt.results) and not attempt.hung
        known = self._known.get(name)
        if judged and known is not None and known.clean is not None:
            clean, why, took = known.clean, known.clean_why, known.clean_seconds
        elif judged:
            began = time.monotonic()
            clean, why = clean_verdict(code, trial)
            took = time.monotonic() - began
        differs = judged and clean != attempt.passed
        return Row(
            id=name,
            project=self._options.name,
            kind=code.kind,
            path=trial.path,
            tests=len({*trial.must, *trial.keep}),
            step=attempt.step,
            fast=attempt.passed if judged else None,
            clean=clean,
            fast_why="" if attempt.passed else _why(attempt.first_bad, attempt.why or "no reason"),
            clean_why=why,
            again=[clean_verdict(code, trial)[0] for _ in range(2)] if differs else [],
            diff=unified_diff(trial.path, (code.root / trial.path).read_bytes(), trial.content) if differs else "",
            fast_seconds=round(seconds, 4),
            clean_seconds=round(took, 3),
        )


def _chosen(mistake: Broken, tests: tuple[str, ...], rng: random.Random) -> list[Trial]:
    """Those that pass, at most some, and some of the others."""
    deadline = time.monotonic() + POOL_SECONDS
    with mistake.runner.trials(tests=tests, baseline=mistake.run, jobs=1, fuel=None, deadline=deadline) as pool:
        judged = list(pool.run(iter(mistake.trials)))
    passing = [t for t, a in judged if a.passed][:_PASSING]
    others = [t for t, a in judged if not a.passed and not a.hung]
    return [*passing, *_sample(others, _OF_MISTAKE - len(passing), rng)]


def _sample(trials: Sequence[Trial], count: int, rng: random.Random) -> list[Trial]:
    return rng.sample(trials, min(count, len(trials)))


def identity(project: str, kind: str, trial: Trial) -> str:
    """The same for the same question."""
    asked = json.dumps([project, kind, trial.must, trial.keep]).encode() + trial.id
    return sha256(asked).hexdigest()[:16]


def clean_verdict(code: Code, trial: Trial) -> tuple[bool, str]:
    """Whether all tests of a trial end well in a clean process, from disk; and the first that does not, and why."""
    wanted = {*trial.must, *trial.keep}
    tests = [t for t in code.base.collected if t in wanted]
    deadline = time.monotonic() + _CLEAN_SECONDS
    try:
        run = code.runner.suite(
            files={trial.path: trial.content}, tests=tests, deadline=deadline, hang_seconds=HANG_SECONDS
        )
    except CannotJudgeError as exc:
        return False, exc.message[:_TEXT]
    for test in tests:
        if test not in run.tests:
            said = run.collect_errors[0][1][-_TEXT:] if run.collect_errors else "not run"
            return False, f"{test}: {said}"
        if not _good(run.tests[test], code.base):
            return False, _why(run.tests[test], "")
    return True, ""


def _good(run: TestRun, base: SuiteRun) -> bool:
    known = base.tests.get(run.test)
    return run.outcome == "passed" or (not run.bad and known is not None and known.outcome == run.outcome)


def _why(bad: TestRun | None, otherwise: str) -> str:
    if bad is None:
        return otherwise[:_TEXT]
    said = f"{bad.failure.type}: {bad.failure.message}" if bad.failure else bad.outcome
    return f"{bad.test}: {said}"[:_TEXT]


def read(path: Path) -> list[Row]:
    """The rows of a file; none where there is no file. A last line that was cut off is left out."""
    if not path.exists():
        return []
    whole = path.read_text("utf-8").rpartition("\n")[0]
    return [Row(**json.loads(line)) for line in whole.splitlines() if line.strip()]


def summary(rows: Sequence[Row]) -> dict[str, object]:
    """Counts over rows with two verdicts, and of those without."""
    judged = [r for r in rows if r.fast is not None and r.clean is not None]
    steps = Counter(r.step for r in judged)
    return {
        "candidates": len(judged),
        "passing": sum(bool(r.fast) for r in judged),
        "agreed": sum(not r.contradicted for r in judged),
        "contradicted": sum(r.contradicted for r in judged),
        "wrong_passes": sum(r.contradicted and bool(r.fast) for r in judged),
        "wrong_failures": sum(r.contradicted and not r.fast for r in judged),
        "fast_share": round(sum(steps[s] for s in FAST) / len(judged), 4) if judged else None,
        "steps": dict(steps),
        "projects": len({r.project for r in judged}),
        "no_verdict": sum(r.fast is None for r in rows),
    }


if __name__ == "__main__":
    main()
