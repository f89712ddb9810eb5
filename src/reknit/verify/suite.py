"""The regression check: the whole suite in a clean process with the patch on disk, against the suite without it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from reknit.errors import CannotJudgeError, SandboxError
from reknit.model.verdict import CheckResult, CheckStatus
from reknit.runner.base import Runner, SuiteRun
from reknit.verify import scope

CHECK = "tests"
#: So few broken tests may be flaky; each is run so often without the patch to see whether it fails then too.
_FEW = 3
_TRIES = 3
#: Tests that a verdict names of those it counts.
_TOLD = 10

_REWRITES = "writes into the program, its tests or their settings while the tests run"
_MEDDLED = "changes the tests, or what runs them, while they run"

Files = Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The check's word, and what it rests on."""

    word: CheckResult
    #: The run with the patch; the one before it where pytest did not come to run a test.
    run: SuiteRun
    #: In words.
    not_run: tuple[str, ...]
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteCheck:
    """What the check needs of the run before the patch."""

    runner: Runner
    baseline: SuiteRun
    #: Failing tests that the patch must make pass.
    must_pass: tuple[str, ...]
    #: Run all that the project's own configuration selects, not only what the user's arguments do.
    whole: bool
    #: The run before the patch was narrowed by the user's arguments.
    selected: bool
    hang_seconds: float

    def judge(self, files: Files, *, deadline: float) -> Heard:
        """Run the suite with the patched `files` and compare."""
        return _Hearing(self, files, deadline).hear()


class _Hearing:
    """One judgement, and the CPU time that it has used."""

    def __init__(self, check: SuiteCheck, files: Files, deadline: float) -> None:
        self._check = check
        self._files = files
        self._deadline = deadline
        self._cpu = 0.0

    def hear(self) -> Heard:
        whole = self._check.whole
        run = self._patched(whole=whole)
        if run is None and whole and self._check.selected and self._run({}, whole=True) is None:
            # What the user's arguments leave out cannot be collected anyway: it says nothing about the patch.
            whole = False
            run = self._patched(whole=False)
        left = [] if whole else ["tests that the given pytest arguments leave out"]
        if run is None:
            word = CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence="the suite no longer collects")
            return Heard(word=word, run=self._check.baseline, not_run=tuple(left), cpu_seconds=self._cpu)
        late = time.monotonic() >= self._deadline
        if run.not_run:
            why = "for want of time" if late else "since pytest stopped"
            left.insert(0, f"{len(run.not_run)} tests, {why}, the first {run.not_run[0]}")
            if not _ended(run):
                left.append("whether the program changes its tests while they run, which is told at the end of the run")
        unmet = [t for t in self._check.must_pass if t not in run.tests or run.tests[t].outcome != "passed"]
        broken = [] if unmet else self._broken(run, late=late)
        flaky = self._flaky(broken, whole=whole) if 0 < len(broken) <= _FEW and not late else []
        before = self._check.baseline.tests
        healed = sum(r.bad and t in run.tests and run.tests[t].outcome == "passed" for t, r in before.items())
        word = _word(run, self._check.must_pass, unmet, [] if flaky else broken, flaky, healed)
        died = run.status is None and self._check.baseline.status is not None
        if word.status is CheckStatus.PASSED and (meddled := self._meddled(run)):
            word = CheckResult(
                check=CHECK, status=CheckStatus.FAILED, evidence=_MEDDLED, details=tuple(meddled[:_TOLD])
            )
        if word.status is CheckStatus.PASSED and (rewritten := self._rewrites(run, whole=whole)):
            word = CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence=_REWRITES, details=tuple(rewritten))
        if word.status is CheckStatus.PASSED and not late and died:
            word = CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence="ends pytest before it has finished")
        return Heard(word=word, run=run, not_run=tuple(left), cpu_seconds=self._cpu)

    def _flaky(self, broken: list[str], *, whole: bool) -> list[str]:
        """`broken`, where each of them is seen to fail without the patch too, and a second run with it is clean."""
        seen: set[str] = set()
        for _ in range(_TRIES):
            run = self._run({}, whole=whole, tests=broken)
            seen |= {t for t in broken if run is not None and t in run.tests and run.tests[t].bad}
            if seen == set(broken):
                break
        again = self._patched(whole=whole) if seen == set(broken) else None
        if again is None or any(
            t not in again.tests or again.tests[t].outcome != "passed" for t in self._check.must_pass
        ):
            return []
        return [] if self._broken(again, late=False) else broken

    def _patched(self, *, whole: bool) -> SuiteRun | None:
        """The suite with the patch; what the user's arguments select is judged with them where it needs them."""
        run = self._run(self._files, whole=whole)
        if run is None or not whole or not self._check.selected or not self._differs(run):
            return run
        return self._with_arguments(run)

    def _run(self, files: Files, *, whole: bool, tests: Sequence[str] | None = None) -> SuiteRun | None:
        """A run of the suite; None where pytest did not come to run a test."""
        try:
            run = self._check.runner.suite(
                files=files,
                tests=tests,
                whole=whole,
                deadline=self._deadline,
                hang_seconds=self._check.hang_seconds,
                sealed=self._sealed(),
            )
        except SandboxError as exc:
            if exc.slug != "probe-garbled":
                raise  # says nothing about the patch
            return None
        except CannotJudgeError:
            return None
        self._cpu += run.cpu_seconds
        return None if run.collect_errors and not run.tests else run

    def _differs(self, run: SuiteRun) -> bool:
        """Whether a test that has to pass is seen not to, be it for want of the user's arguments."""
        known = self._check.baseline.tests.items()
        wanted = {*self._check.must_pass, *(t for t, r in known if r.outcome == "passed")} - set(run.not_run)
        return any(t not in run.tests or run.tests[t].outcome != "passed" for t in wanted)

    def _with_arguments(self, run: SuiteRun) -> SuiteRun:
        """What the user's arguments select is judged as it was before the patch, with them: marks, options, a root."""
        narrow = self._run(self._files, whole=False)
        if narrow is None:
            return run
        tests = {**run.tests, **narrow.tests}
        collected = dict.fromkeys((*run.collected, *narrow.collected))
        return replace(
            run,
            tests=tests,
            collected=tuple(collected),
            not_run=tuple(t for t in collected if t not in tests),
            marks={**run.marks, **narrow.marks},
            changed=run.changed | narrow.changed,
            broken_seals=tuple(dict.fromkeys((*run.broken_seals, *narrow.broken_seals))),
        )

    def _sealed(self) -> tuple[str, ...]:
        """What the patched program may read and not write: itself, the tests, and what configures them."""
        tests = dict.fromkeys(t.partition("::")[0] for t in self._check.baseline.collected)
        folders = dict.fromkeys(f for t in tests for f in PurePosixPath(t).parents)
        fixtures = (str(f / "conftest.py") for f in folders)
        # What lies beside the tests may be their data; where they are in the project's own folder, that is too much.
        data = (f"{f}/" for f in dict.fromkeys(PurePosixPath(t).parent for t in tests) if f.parts)
        program = self._check.baseline.facts.files
        return tuple(dict.fromkeys((*self._files, *sorted(scope.PROTECTED), *fixtures, *tests, *program, *data)))

    def _rewrites(self, run: SuiteRun, *, whole: bool) -> list[str]:
        """The sealed files that the run has changed, and a run without the patch does not."""
        if not run.broken_seals:
            return []
        before = self._run({}, whole=whole)
        return [path for path in run.broken_seals if before is None or path not in before.broken_seals]

    def _meddled(self, run: SuiteRun) -> list[str]:
        """What the patched program has changed of the tests and of what runs them, and the program before it has not."""
        before = self._check.baseline
        marks = run.marks if _ended(run) else {**before.marks, **run.marks}  # they are told at the end
        tests = {t for t, mark in before.marks.items() if t in run.tests and marks.get(t) != mark}
        return sorted((run.changed - before.changed) | tests)

    def _broken(self, run: SuiteRun, *, late: bool) -> list[str]:
        known = self._check.baseline.tests
        bad = [t for t in run.bad if t not in known or not known[t].bad]
        lost = [t for t, r in known.items() if r.outcome == "passed" and not _still_there(t, run, late=late)]
        unknown = [t for t in bad if t not in known]
        if unknown and time.monotonic() < self._deadline:
            # Not run before the patch: it is no regression where it fails without the patch too.
            before = self._run({}, whole=True, tests=unknown)
            bad = [t for t in bad if before is None or t not in before.tests or not before.tests[t].bad]
        return [*bad, *lost]


def _ended(run: SuiteRun) -> bool:
    """Whether pytest came to its end, rather than that it died or its time was up."""
    return run.status is not None


def _still_there(test: str, run: SuiteRun, *, late: bool) -> bool:
    """A passing test must not vanish or start to skip; what ran out of time is told apart as not run."""
    return (late and test in run.not_run) or (
        test in run.tests and run.tests[test].outcome in {"passed", "failed", "error"}
    )


def _word(
    run: SuiteRun,
    must_pass: Sequence[str],
    unmet: Sequence[str],
    broken: Sequence[str],
    flaky: Sequence[str],
    healed: int,
) -> CheckResult:
    late = [t for t in unmet if t in run.not_run]
    if late:
        evidence = f"leaves {len(late)} of {len(must_pass)} failing tests without a result: time was up"
        return CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence=evidence, details=tuple(late[:_TOLD]))
    if unmet:
        evidence = f"leaves {len(unmet)} of {len(must_pass)} failing tests that do not pass in a clean process"
        return CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence=evidence, details=tuple(unmet[:_TOLD]))
    if broken:
        evidence = f"breaks {len(broken)} tests that pass without it"
        return CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence=evidence, details=tuple(broken[:_TOLD]))
    passed = sum(r.outcome == "passed" for r in run.tests.values())
    evidence = f"{healed} failing now pass, {passed} of {len(run.collected)} tests pass in a clean process"
    if flaky:
        evidence += f"; not counted, as it fails now and then without the patch too: {', '.join(flaky)}"
    return CheckResult(check=CHECK, status=CheckStatus.PASSED, evidence=evidence)
