"""Whether the workers' fast steps say of a candidate what a clean process says, which is what accepts.

    python bench/agreement.py PROJECT --python ENV --count 250 --seed 1 --out rows.jsonl [-- PYTEST-ARGUMENTS]
    python bench/agreement.py --out rows.jsonl

Mistakes are drawn by the seed and put into copies of the library, each in another function that some tests cover. Of
the first candidates that the engine asks for, with the failing tests and those to keep as it names them, all that pass
are taken, up to some, and some of the others. The worker judges each at the step of its own choice; then the same
change and the same tests run in a clean process, from disk. Functions that more than --tests tests cover are left out,
to keep that affordable. A candidate that the worker stops for want of fuel has no verdict yet and is not counted.

Where the two differ, the clean run is repeated, and the row keeps the change and both reasons: a pass that the clean
process refuses, or a failure that it does not see. A row is one line of JSON; rows that --out holds are not made again,
and --known takes clean verdicts from another file, so that the fast steps can be measured anew after a change. The last
line is JSON over all rows of the file.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from drawn import HANG_SECONDS, POOL_SECONDS, Broken, Library, broken, covered, sources_of, traced

from reknit.errors import CannotJudgeError
from reknit.lang.difference import unified_diff
from reknit.runner import interpreter
from reknit.runner.base import Attempt, SuiteRun, TestRun, Trial

#: Steps that start no process of pytest for a candidate.
FAST = frozenset({"direct", "collected", "fresh"})
#: Of the engine's first candidates for a mistake those that pass, at most, and as many others as that make it up to.
_ASKED, _PASSING, _OF_MISTAKE = 60, 6, 9
_CLEAN_SECONDS = 180.0
_TEXT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One candidate, judged twice."""

    id: str
    project: str
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
            rows = _Judge(options, rows, known, Path(temporary).resolve()).judged()
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
        self._run = traced(self._library.runner())
        print(f"{options.name}: {len(self._run.tests)} tests, {len(self._run.bad)} bad", flush=True)

    def judged(self) -> list[Row]:
        """The rows, with those of candidates for as many mistakes as it takes."""
        if not self._missing():
            return self.rows
        rng = random.Random(self._options.seed)  # noqa: S311 - no secret
        sources, _ = sources_of(self._library.root, self._run)
        places = covered(self._run, sources, most=self._options.tests)
        for mistake in broken(
            self._library, self._folder, places, count=len(places), each=_ASKED, seed=self._options.seed
        ):
            self._judge(mistake, rng)
            if not self._missing():
                break
        return self.rows

    def _missing(self) -> bool:
        mine = [r for r in self.rows if r.project == self._options.name and r.fast is not None]
        count: int = self._options.count
        return len(mine) < count

    def _judge(self, mistake: Broken, rng: random.Random) -> None:
        there = {r.id for r in self.rows}
        tests = tuple(dict.fromkeys(t for trial in mistake.trials for t in (*trial.must, *trial.keep)))
        deadline = time.monotonic() + POOL_SECONDS
        with mistake.runner.trials(tests=tests, baseline=mistake.run, jobs=1, fuel=None, deadline=deadline) as pool:
            answers = list(pool.run(iter(mistake.trials)))
            for why in pool.steps_down:
                print(f"{mistake.name}: {why}", flush=True)
        for trial, attempt in chosen(answers, rng):
            name = identity(self._options.name, trial)
            if name not in there and self._missing():
                self._add(self._row(name, mistake, trial, attempt))

    def _add(self, row: Row) -> None:
        self.rows.append(row)
        with self._options.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row)) + "\n")
        if row.contradicted:
            print(f"differs: {row}", flush=True)

    def _row(self, name: str, mistake: Broken, trial: Trial, attempt: Attempt) -> Row:
        clean, why, took = None, "", 0.0
        judged = bool(attempt.results) and not attempt.hung
        known = self._known.get(name)
        if judged and known is not None and known.clean is not None:
            clean, why, took = known.clean, known.clean_why, known.clean_seconds
        elif judged:
            began = time.monotonic()
            clean, why = clean_verdict(mistake, trial)
            took = time.monotonic() - began
        differs = judged and clean != attempt.passed
        before = (mistake.library.root / trial.path).read_bytes()
        return Row(
            id=name,
            project=self._options.name,
            path=trial.path,
            tests=len({*trial.must, *trial.keep}),
            step=attempt.step,
            fast=attempt.passed if judged else None,
            clean=clean,
            fast_why="" if attempt.passed else _why(attempt.first_bad, attempt.why or "no reason"),
            clean_why=why,
            again=[clean_verdict(mistake, trial)[0] for _ in range(2)] if differs else [],
            diff=unified_diff(trial.path, before, trial.content) if differs else "",
            clean_seconds=round(took, 3),
        )


def chosen(answers: Sequence[tuple[Trial, Attempt]], rng: random.Random) -> list[tuple[Trial, Attempt]]:
    """Those that pass, up to some, and some of the others, by chance; those without a verdict among them."""
    passing = [answer for answer in answers if answer[1].passed][:_PASSING]
    others = [answer for answer in answers if not answer[1].passed]
    return [*passing, *rng.sample(others, min(_OF_MISTAKE - len(passing), len(others)))]


def identity(project: str, trial: Trial) -> str:
    """The same for the same question."""
    asked = json.dumps([project, trial.must, trial.keep]).encode() + trial.id
    return sha256(asked).hexdigest()[:16]


def clean_verdict(mistake: Broken, trial: Trial) -> tuple[bool, str]:
    """Whether all tests of a trial end well in a clean process, from disk; and the first that does not, and why."""
    wanted = {*trial.must, *trial.keep}
    tests = [t for t in mistake.run.collected if t in wanted]
    deadline = time.monotonic() + _CLEAN_SECONDS
    try:
        run = mistake.runner.suite(
            files={trial.path: trial.content}, tests=tests, deadline=deadline, hang_seconds=HANG_SECONDS
        )
    except CannotJudgeError as exc:
        return False, exc.message[:_TEXT]
    for test in tests:
        if test not in run.tests:
            said = run.collect_errors[0][1][-_TEXT:] if run.collect_errors else "not run"
            return False, f"{test}: {said}"
        if not _good(run.tests[test], mistake.run):
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
