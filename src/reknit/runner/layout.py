"""What in a project judges the rest: tests, and what they rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

_FOLDERS = frozenset({"tests", "test"})


def judge_of_tests(tests: Iterable[str]) -> Callable[[str], bool]:
    """Tells test files from the program, given the node ids of the suite; paths relative to the project."""
    files = {t.split("::")[0] for t in tests}

    def is_test(path: str) -> bool:
        pure = PurePosixPath(path)
        name = pure.name
        return (
            path in files
            or name == "conftest.py"
            or (name.startswith("test_") and name.endswith(".py"))
            or name.endswith("_test.py")
            or not _FOLDERS.isdisjoint(pure.parts[:-1])
        )

    return is_test
