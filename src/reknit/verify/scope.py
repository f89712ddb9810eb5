"""The scope check: a patch changes the program, never what judges it."""

from __future__ import annotations

from collections.abc import Callable

from reknit.model.patch import Patch
from reknit.model.verdict import CheckResult, CheckStatus

CHECK = "scope"
#: File names that configure the tests or the interpreter, or that run by themselves.
_PROTECTED = frozenset(
    {
        "pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml",
        ".coveragerc", "noxfile.py", "conftest.py", "sitecustomize.py", "usercustomize.py", "pyvenv.cfg",
    }
)  # fmt: skip


def judge(patch: Patch, is_test: Callable[[str], bool]) -> CheckResult:
    """Refuse patches of tests, of test configuration and of anything that runs by itself."""
    touched = tuple(f for f in patch.files if is_test(f) or _is_protected(f))
    if touched:
        return CheckResult(
            check=CHECK, status=CheckStatus.FAILED, evidence="changes tests or their configuration", details=touched
        )
    return CheckResult(check=CHECK, status=CheckStatus.PASSED, evidence="no test and no configuration is changed")


def _is_protected(path: str) -> bool:
    name = path.rsplit("/", 1)[-1].casefold()  # some file systems do not tell the cases apart
    return name in _PROTECTED or name.endswith(".pth")
