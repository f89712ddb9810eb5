"""All checks of one patch, and the label that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reknit.model.patch import Patch, Tree
from reknit.model.verdict import CheckResult, CheckStatus, Label, Verdict
from reknit.runner.base import SuiteRun
from reknit.verify import scope
from reknit.verify.suite import SuiteCheck


def judge(
    patch: Patch, tree: Tree, check: SuiteCheck, *, is_test: Callable[[str], bool], deadline: float
) -> tuple[Verdict, float]:
    """Run the checks, cheapest first, on the bytes that would be applied; the first refusal ends it.

    The verdict, and the CPU seconds that it took. `tree` holds the files of the patch, `deadline` is of
    `time.monotonic`.
    """
    limits = scope.judge(patch, is_test)
    if limits.status is CheckStatus.FAILED:
        return _verdict(patch, (limits,), check.baseline, heals=(), not_run=()), 0.0
    after = patch.render(tree)
    examples = scope.judge_examples(patch, tree, after)
    if examples.status is CheckStatus.FAILED:
        return _verdict(patch, (examples,), check.baseline, heals=(), not_run=()), 0.0
    files = {path: after[path].content if path in after else None for path in patch.files}
    heard = check.judge(files, deadline=deadline)
    heals = tuple(t for t in check.baseline.bad if t in heard.run.tests and heard.run.tests[t].outcome == "passed")
    return _verdict(patch, (limits, heard.word), heard.run, heals=heals, not_run=heard.not_run), heard.cpu_seconds


def _verdict(
    patch: Patch, checks: Sequence[CheckResult], run: SuiteRun, *, heals: tuple[str, ...], not_run: tuple[str, ...]
) -> Verdict:
    passed = all(c.status is not CheckStatus.FAILED for c in checks)
    return Verdict(
        patch_id=patch.id,
        # Nothing corroborates yet: behaviour classes and the oracle check are what could.
        label=Label.PLAUSIBLE if passed else Label.REJECTED,
        checks=tuple(checks),
        isolation=run.isolation,
        view=run.view,
        heals=heals,
        not_run=not_run,
    )
