"""Tests are told from the program."""

from __future__ import annotations

import pytest

from reknit.runner.layout import judge_of_tests


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("checks/spec.py", True),
        ("conftest.py", True),
        ("pkg/conftest.py", True),
        ("pkg/test_a.py", True),
        ("pkg/a_test.py", True),
        ("tests/data.py", True),
        ("pkg/test/data.py", True),
        ("pkg/testing.py", False),
        ("pkg/latest.py", False),
        ("contest.py", False),
        ("tests.py", False),
        ("pkg/test_data.txt", False),
    ],
)
def test_is_test(path: str, expected: bool) -> None:
    assert judge_of_tests(["checks/spec.py::test_a[x::y]"])(path) is expected
