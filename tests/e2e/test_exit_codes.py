"""Every exit code of docs/json.md, reached by what a person would do; 5 has no producer, and tests/unit/cli/test_heal.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.machine import CALC, TESTS, Done, Project, make

#: Nothing runs in it that a patch could change.
HOPELESS = b"def test_hopeless():\n    assert not 'to be healed'\n"
GREEN = TESTS.replace(b"def test_above", b"def above")


def applied(one: Project) -> Done:
    return one.heal("--apply", "--unsafe", "--yes")


def undone_after_an_edit(one: Project) -> Done:
    assert applied(one).status == 0
    text = one.read("calc.py")
    one.write({"calc.py": text.replace(b"return high", b"return  high  # mine")})
    return one.run("undo")


#: The situation, the tests that the project has, what is done there, and the code that it must end with.
TABLE: list[tuple[str, bytes, Callable[[Project], Done], int]] = [
    ("interrupted", TESTS, lambda one: one.interrupt("heal", when="propose:"), 130),
    ("an option that there is not", TESTS, lambda one: one.run("heal", "--no-such"), 2),
    ("a value out of range", TESTS, lambda one: one.run("heal", "--jobs", "0"), 2),
    ("an id that there is not", TESTS, lambda one: one.run("apply", "abc"), 2),
    ("no tests", b"", lambda one: one.run("heal"), 4),
    ("a collection error", b"import nowhere\n", lambda one: one.run("heal"), 4),
    ("not healed", HOPELESS, lambda one: one.heal(), 1),
    ("one of two not healed", TESTS + HOPELESS, lambda one: one.heal(), 1),
    ("a change in the way", TESTS, undone_after_an_edit, 1),
    ("proposed", TESTS, lambda one: one.heal(), 3),
    ("proposed, and nobody to ask", TESTS, lambda one: one.heal("--apply", "--unsafe"), 3),
    ("proposed, and not safe", TESTS, lambda one: one.heal("--apply", "--yes"), 3),
    ("healed", TESTS, applied, 0),
    ("healthy", GREEN, lambda one: one.heal(), 0),
]


@pytest.mark.parametrize(("tests", "act", "code"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_exit_code(tmp_path: Path, tests: bytes, act: Callable[[Project], Done], code: int) -> None:
    one = make(tmp_path, {"calc.py": CALC, "tests/test_calc.py": tests})
    done = act(one)
    assert done.status == code, done.out + done.err
    assert 'File "<string>"' not in done.err, "reknit's own traceback"


def test_the_table_is_whole() -> None:
    assert {row[3] for row in TABLE} == {130, 2, 4, 1, 3, 0}
