"""The scope check: a patch changes the program, never what judges it."""

from __future__ import annotations

from collections.abc import Callable

from reknit.model.patch import Patch
from reknit.model.verdict import CheckResult, CheckStatus

CHECK = "scope"
_PROTECTED = frozenset(
    {"pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", "noxfile.py", "conftest.py", "sitecustomize.py"}
)


def judge(patch: Patch, is_test: Callable[[str], bool]) -> CheckResult:
    """Refuse patches of tests, of test configuration and of anything that runs by itself."""
    touched = tuple(f for f in patch.files if is_test(f) or f.rsplit("/", 1)[-1] in _PROTECTED or f.endswith(".pth"))
    if touched:
        return CheckResult(
            check=CHECK, status=CheckStatus.FAILED, evidence="changes tests or their configuration", details=touched
        )
    return CheckResult(check=CHECK, status=CheckStatus.PASSED, evidence="no test and no configuration is changed")
