"""What a failing test tells."""

from __future__ import annotations

from reknit.model.patch import Entry, Tree
from reknit.propose.hints import Hints, hints_for, hints_from

TEST = """
import pytest

class TestBox:
    def test_full(self):
        with pytest.raises((KeyError, errors.BoxError)):
            Box(3, name="x").full(-2)
        assert f() == [True, 1.5, b"y", "x"]

def test_other():
    assert 99
"""


def test_literals_and_exceptions() -> None:
    """Literals in order and once, negative numbers whole, expected exceptions, keyword names."""
    found = hints_from(TEST, "TestBox::test_full[a-b]")
    assert found.exception_types == ("KeyError", "errors.BoxError")
    assert found.names == ("name",)
    assert {3, "x", -2, 1.5, b"y", True} <= set(found.literals)
    assert 99 not in found.literals
    assert found.of(int) == (3, -2)
    assert found.literals.count("x") == 1


def test_one_and_true_are_two() -> None:
    """Equal literals of different types stay apart."""
    found = hints_from("def test_a():\n    f(1, True, 1.0)\n", "test_a")
    assert [type(v) for v in found.literals] == [int, bool, float]


def test_nothing_to_find() -> None:
    """A test that is not there, or cannot be read, gives no hints."""
    assert hints_from(TEST, "test_nowhere") == Hints()
    assert hints_from("def (", "test_a") == Hints()


def test_several_tests_speak_together() -> None:
    """Each literal once over all tests, and what is no file says nothing."""
    files = {
        "a.py": Entry(content=b"def test_a():\n    f(1, 'x')\n"),
        "b.py": Entry(content=b"def test_b():\n    f('x', True)\n"),
        "c.py": Entry(content=b"a.py", is_link=True),
    }

    def read(paths: list[str]) -> Tree:
        return {p: files[p] for p in paths if p in files}

    found = hints_for(["b.py::test_b", "a.py::test_a", "c.py::test_a", "gone.py::test_a"], read)
    assert found.literals == (1, "x", True)
    assert [type(v) for v in found.literals] == [int, str, bool]
