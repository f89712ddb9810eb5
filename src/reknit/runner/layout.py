"""What in a project judges the rest: tests, and what they rest on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

_FOLDERS = frozenset({"tests", "test"})
#: Where tests were collected below it, a folder so named holds what they rest on; else it may be part of the program.
_LIKE_TESTS = re.compile(r"(?:.*[_-])?(?:tests?|testing|specs?|checks)(?:[_-].*)?", re.IGNORECASE)


def judge_of_tests(tests: Iterable[str]) -> Callable[[str], bool]:
    """Tells test files from the program, given the node ids of the suite; paths relative to the project."""
    files = {t.split("::")[0] for t in tests if not _is_example(t)}
    above = {folder for file in files for folder in PurePosixPath(file).parents}
    folders = {folder for folder in above if _LIKE_TESTS.fullmatch(folder.name)}

    def is_test(path: str) -> bool:
        pure = PurePosixPath(path)
        name = pure.name
        return (
            path in files
            or name == "conftest.py"
            or (name.startswith("test_") and name.endswith(".py"))
            or name.endswith("_test.py")
            or not _FOLDERS.isdisjoint(pure.parts[:-1])
            or not folders.isdisjoint(pure.parents)
        )

    return is_test


def _is_example(test: str) -> bool:
    """Whether a node id is that of a doctest: its name is the dotted one of what the docstring is for."""
    path, _, name = test.partition("::")
    stem = PurePosixPath(path).stem
    return "." in name.split("[")[0].split("::")[0] or (name == stem and not name.startswith("test"))
