"""The regression check: the whole suite in a clean process with the patch on disk, against the suite without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reknit.model.verdict import CheckResult, CheckStatus
from reknit.runner.base import Runner, SuiteRun

CHECK = "tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteCheck:
    """What the check needs of the run before the patch."""

    runner: Runner
    baseline: SuiteRun
    #: Failing tests that the patch must make pass.
    must_pass: tuple[str, ...]
    #: Run all that the project's own configuration selects, not only what the user's arguments do.
    whole: bool
    hang_seconds: float

    def judge(self, files: Mapping[str, bytes | None], *, deadline: float) -> tuple[CheckResult, SuiteRun]:
        """Run the suite with the patched `files` and compare."""
        run = self.runner.suite(files=files, whole=self.whole, deadline=deadline, hang_seconds=self.hang_seconds)
        unmet = [t for t in self.must_pass if t not in run.tests or run.tests[t].outcome != "passed"]
        broken = [] if unmet else self._broken(run, deadline)
        return _word(run, self.must_pass, unmet, broken), run

    def _broken(self, run: SuiteRun, deadline: float) -> list[str]:
        known = self.baseline.tests
        bad = [t for t in run.bad if t not in known or not known[t].bad]
        lost = [t for t, r in known.items() if r.outcome == "passed" and not self._still_there(t, run)]
        unknown = [t for t in bad if t not in known]
        if unknown:
            # Not run before the patch: it is no regression where it fails without the patch too.
            before = self.runner.suite(tests=unknown, whole=True, deadline=deadline, hang_seconds=self.hang_seconds)
            bad = [t for t in bad if t not in before.tests or not before.tests[t].bad]
        return [*bad, *lost]

    @staticmethod
    def _still_there(test: str, run: SuiteRun) -> bool:
        """A passing test must not vanish or start to skip; what ran out of time is told apart as not run."""
        if test in run.not_run:
            return True
        return test in run.tests and run.tests[test].outcome in {"passed", "failed", "error"}


def _word(run: SuiteRun, must_pass: Sequence[str], unmet: Sequence[str], broken: Sequence[str]) -> CheckResult:
    if run.collect_errors and not run.tests:
        return CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence="the suite no longer collects")
    if unmet:
        evidence = f"{len(unmet)} of {len(must_pass)} failing tests do not pass in a clean process"
        return CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence=evidence, details=tuple(unmet))
    if broken:
        evidence = f"breaks {len(broken)} tests that pass without it"
        return CheckResult(check=CHECK, status=CheckStatus.FAILED, evidence=evidence, details=tuple(broken))
    passed = sum(r.outcome == "passed" for r in run.tests.values())
    evidence = f"{len(must_pass)} failing now pass, {passed} of {len(run.collected)} tests pass in a clean process"
    return CheckResult(check=CHECK, status=CheckStatus.PASSED, evidence=evidence)
