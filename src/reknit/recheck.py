"""The tests that a patch heals, run once more on the real tree after it was written."""

from __future__ import annotations

import time
from collections.abc import Sequence

from reknit.kit import Kit

#: Wall clock for the tests of a patch that was just written.
_SECONDS = 120.0


def against(kit: Kit, tests: Sequence[str]) -> str | None:
    """What speaks against the tree as written; None where all the tests pass. `CannotJudgeError` where they cannot run."""
    failed = _failing(kit, tests, only=tuple(tests))
    if failed:  # one may lean on its neighbours, as those of a class do: the verdict had them all run
        failed = _failing(kit, tests, only=None)
    return f"{failed[0]} does not pass on the tree as written" if failed else None


def _failing(kit: Kit, tests: Sequence[str], *, only: tuple[str, ...] | None) -> list[str]:
    """Those of `tests` that do not pass in a run of `only`, or of all."""
    run = kit.runner.suite(tests=only, deadline=time.monotonic() + _SECONDS, hang_seconds=kit.meter.hang_seconds)
    kit.meter.tests += run.cpu_seconds
    return [t for t in tests if t not in run.tests or run.tests[t].outcome != "passed"]
