"""All checks of one patch, and the label that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reknit.model.patch import Patch, Tree
from reknit.model.verdict import CheckResult, CheckStatus, Label, Verdict
from reknit.runner.base import SuiteRun
from reknit.verify import scope
from reknit.verify.suite import SuiteCheck


def judge(patch: Patch, tree: Tree, check: SuiteCheck, *, is_test: Callable[[str], bool], deadline: float) -> Verdict:
    """Run the checks, cheapest first, on the bytes that would be applied; the first refusal ends it."""
    limits = scope.judge(patch, is_test)
    if limits.status is CheckStatus.FAILED:
        return _verdict(patch, (limits,), check.baseline, ())
    after = patch.render(tree)
    files = {path: after[path].content if path in after else None for path in patch.files}
    word, run = check.judge(files, deadline=deadline)
    return _verdict(patch, (limits, word), run, _not_run(run, check))


def _not_run(run: SuiteRun, check: SuiteCheck) -> tuple[str, ...]:
    left = []
    if run.not_run:
        left.append(f"{len(run.not_run)} tests, for want of time, the first {run.not_run[0]}")
    if not check.whole:
        left.append("tests that the given pytest arguments leave out")
    return tuple(left)


def _verdict(patch: Patch, checks: Sequence[CheckResult], run: SuiteRun, not_run: tuple[str, ...]) -> Verdict:
    passed = all(c.status is not CheckStatus.FAILED for c in checks)
    return Verdict(
        patch_id=patch.id,
        # Nothing corroborates yet: behaviour classes and the oracle check are what could.
        label=Label.PLAUSIBLE if passed else Label.REJECTED,
        checks=tuple(checks),
        isolation=run.isolation,
        view=run.view,
        not_run=not_run,
    )
