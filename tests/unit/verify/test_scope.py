"""A patch never changes what judges it."""

from __future__ import annotations

import pytest

from reknit.model.patch import Create, Entry, Rename, Span
from reknit.model.verdict import CheckStatus
from reknit.runner.layout import judge_of_tests
from reknit.verify.scope import judge, judge_examples
from tests.unit.verify.stage import patch

IS_TEST = judge_of_tests(["checks/spec.py::test_it"])


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_a.py", "test_a.py", "pkg/a_test.py", "tests/data/expected.json", "checks/spec.py",
        "conftest.py", "pkg/conftest.py", "pkg/CONFTEST.py", "pyproject.toml", "setup.cfg", "setup.py", "tox.ini",
        "pytest.ini", ".pytest.ini", "pytest.toml", ".coveragerc", "sitecustomize.py", "usercustomize.py",
        "site-packages/x.pth", ".venv/pyvenv.cfg",
    ],
)  # fmt: skip
def test_what_judges_is_out_of_scope(path: str) -> None:
    word = judge(patch(Span(path=path, start=0, end=0, old=b"", new=b"#")), IS_TEST)
    assert (word.status, word.details) == (CheckStatus.FAILED, (path,))


@pytest.mark.parametrize("path", ["a.py", "src/pkg/contest.py", "pkg/testing.py", "pkg/latest.py", "setup/x.py"])
def test_the_program_is_in_scope(path: str) -> None:
    assert judge(patch(Span(path=path, start=0, end=0, old=b"", new=b"#")), IS_TEST).status is CheckStatus.PASSED


def test_one_file_out_of_scope_is_enough() -> None:
    edits = Span(path="a.py", start=0, end=0, old=b"", new=b"#"), Create(path="conftest.py", entry=Entry(content=b""))
    assert judge(patch(*edits), IS_TEST).details == ("conftest.py",)


def test_a_file_must_not_become_what_judges() -> None:
    assert judge(patch(Rename(path="a.py", to="conftest.py")), IS_TEST).details == ("conftest.py",)


def test_an_example_in_a_docstring_judges_too() -> None:
    code = b'def f():\n    """It is\n    >>> f()\n    1\n    """\n    return 2\n'
    before = {"a.py": Entry(content=code)}
    eased = {"a.py": Entry(content=code.replace(b"    1\n", b"    2\n"))}
    mended = {"a.py": Entry(content=code.replace(b"return 2", b"return 1"))}
    change = patch(Span(path="a.py", start=0, end=0, old=b"", new=b"#"))
    assert judge_examples(change, before, eased).details == ("a.py",)
    assert judge_examples(change, before, mended).status is CheckStatus.PASSED
