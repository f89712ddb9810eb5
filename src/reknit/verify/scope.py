"""The scope check: a patch changes the program, never what judges it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from reknit.model.patch import Entry, Patch, Tree
from reknit.model.verdict import CheckResult, CheckStatus

CHECK = "scope"
#: File names that configure the tests or the interpreter, or that run by themselves.
PROTECTED = frozenset(
    {
        "pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml",
        ".coveragerc", "noxfile.py", "conftest.py", "sitecustomize.py", "usercustomize.py", "pyvenv.cfg",
    }
)  # fmt: skip


def judge(patch: Patch, is_test: Callable[[str], bool]) -> CheckResult:
    """Refuse patches of tests, of test configuration and of anything that runs by itself."""
    return _word(f for f in patch.files if is_test(f) or _is_protected(f))


def judge_examples(patch: Patch, before: Tree, after: Tree) -> CheckResult:
    """Refuse patches of what doctest runs."""
    return _word(f for f in patch.files if _examples(before.get(f)) != _examples(after.get(f)))


def _word(touched: Iterable[str]) -> CheckResult:
    if details := tuple(touched):
        return CheckResult(
            check=CHECK, status=CheckStatus.FAILED, evidence="changes tests or their configuration", details=details
        )
    return CheckResult(check=CHECK, status=CheckStatus.PASSED, evidence="no test and no configuration is changed")


def _examples(entry: Entry | None) -> list[str]:
    """Docstrings that doctest would run."""
    try:
        tree = ast.parse(entry.content if entry else b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    owners = (
        n for n in ast.walk(tree) if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    )
    return [text for n in owners if (text := ast.get_docstring(n, clean=False)) and ">>>" in text]


def _is_protected(path: str) -> bool:
    name = path.rsplit("/", 1)[-1].casefold()  # some file systems do not tell the cases apart
    return name in PROTECTED or name.endswith(".pth")
