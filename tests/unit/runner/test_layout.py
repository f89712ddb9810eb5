"""Tests are told from the program."""

from __future__ import annotations

import pytest

from reknit.runner.layout import judge_of_tests


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("checks/spec.py", True),
        ("checks/oracle.py", True),
        ("lib/checks/oracle.py", False),
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


@pytest.mark.parametrize("folder", ["testing", "Tests", "unit_tests", "test-suite", "pkg/tests_more"])
def test_what_tests_rest_on_is_no_program(folder: str) -> None:
    """A patch of a test's own helper would make it pass, and prove nothing."""
    assert judge_of_tests([f"{folder}/unit/test_a.py::test_a"])(f"{folder}/oracle.py")
    assert not judge_of_tests(["elsewhere/test_a.py::test_a"])(f"{folder}/oracle.py")


def test_a_folder_of_the_program_that_holds_tests_too_stays_program() -> None:
    assert not judge_of_tests(["latest/test_a.py::test_a"])("latest/news.py")


@pytest.mark.parametrize("test", ["pkg/lib.py::pkg.lib.add", "lib.py::lib", "lib.py::lib.Box.open"])
def test_a_module_with_examples_is_program(test: str) -> None:
    """Else `--doctest-modules` would leave nothing to heal."""
    assert not judge_of_tests([test])(test.split("::", maxsplit=1)[0])


@pytest.mark.parametrize("test", ["spec.py::test_a[1.5]", "spec.py::TestA::test_b", "spec.py::spec_a"])
def test_a_test_is_no_example(test: str) -> None:
    assert judge_of_tests([test])("spec.py")
