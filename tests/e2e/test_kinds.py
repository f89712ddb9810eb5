"""Tests of every kind that people write: each judges a program with one mistake, and the right bytes come back."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.machine import CALC, TESTS, check_mended, make

#: Grades of a class: a register, its rules, and what it prints.
REGISTER = b'''\
"""The register of one class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional


def brackets(text: Optional[str]) -> str:
    if not text:
        return ""
    return f"({text.strip().lower()})"


@dataclass
class Pupil:
    name: str
    nickname: Optional[str] = None
    marks: list = field(default_factory=list)

    def shown(self) -> str:
        """The name for the list, with the nickname."""
        return f"{self.name} {brackets(self.nickname)}".strip()

    def average(self) -> float:
        if not self.marks:
            raise ValueError(f"{self.name} has no marks")
        return sum(self.marks) / len(self.marks)


class Register:
    def __init__(self) -> None:
        self._pupils: dict = {}

    def add(self, pupil: Pupil) -> None:
        if pupil.name in self._pupils:
            raise KeyError(pupil.name)
        self._pupils[pupil.name] = pupil

    def best(self) -> Pupil:
        return max(self._pupils.values(), key=Pupil.average)

    def listing(self) -> list:
        return sorted(p.shown() for p in self._pupils.values())
'''
UNITTESTS = b"""\
import unittest

from school.register import Pupil, Register


class PupilTest(unittest.TestCase):
    def setUp(self):
        self.ada = Pupil("Ada", "Countess", [1, 2, 3])
        self.bob = Pupil("Bob")

    def test_average(self):
        self.assertEqual(self.ada.average(), 2)

    def test_no_marks(self):
        with self.assertRaises(ValueError):
            self.bob.average()

    def test_shown(self):
        for pupil, wanted in ((self.ada, "Ada (countess)"), (self.bob, "Bob")):
            with self.subTest(pupil=pupil.name):
                self.assertEqual(pupil.shown(), wanted)


class RegisterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.register = Register()
        cls.register.add(Pupil("Ada", "Countess", [1, 2, 3]))
        cls.register.add(Pupil("Bob", marks=[4]))

    def test_best(self):
        self.assertEqual(self.register.best().name, "Bob")

    def test_listing(self):
        self.assertEqual(self.register.listing(), ["Ada (countess)", "Bob"])

    def test_twice(self):
        self.assertRaises(KeyError, self.register.add, Pupil("Bob"))
"""


def test_unittest_classes_and_a_guard_that_is_missing(tmp_path: Path) -> None:
    files = {"school/__init__.py": b"", "school/register.py": REGISTER, "tests/test_register.py": UNITTESTS}
    guard = b'    if not text:\n        return ""\n'
    check_mended(tmp_path, files, "school/register.py", right=guard, wrong=b"", tests="2/6")


TEXTS = b'''\
"""Text for narrow columns.

>>> shorten("a long heading", 7)
'a long\xe2\x80\xa6'
"""


def shorten(text, width):
    """At most `width` characters, the last of them an ellipsis where some are left out.

    >>> shorten("heading", 7)
    'heading'
    >>> shorten("headings", 7)
    'headin\xe2\x80\xa6'
    """
    if len(text) <= width:
        return text
    return text[: width - 1].rstrip() + "\xe2\x80\xa6"


def columns(row, widths):
    """
    >>> columns(["apple", "2"], [4, 3])
    'app\xe2\x80\xa6 2  '
    """
    return " ".join(shorten(cell, width).ljust(width) for cell, width in zip(row, widths))


class Table:
    """
    >>> table = Table([4, 2])
    >>> table.add("pear", "1")
    >>> table.add("banana", "12")
    >>> print(table.render())
    pear 1
    ban\xe2\x80\xa6 12
    """

    def __init__(self, widths):
        self.widths = widths
        self.rows = []

    def add(self, *row):
        self.rows.append(row)

    def render(self):
        return "\\n".join(columns(row, self.widths).rstrip() for row in self.rows)
'''


def test_doctests_and_a_slice_that_is_off_by_one(tmp_path: Path) -> None:
    ini = b"[pytest]\naddopts = --doctest-modules\ntestpaths = narrow\n"
    files = {"pytest.ini": ini, "narrow/__init__.py": b"", "narrow/texts.py": TEXTS}
    check_mended(tmp_path, files, "narrow/texts.py", right=b"width - 1", wrong=b"width", tests="3/4")


RATES = b"""\
from decimal import Decimal

#: Weight in grams up to which a rate holds.
STEPS = ((100, Decimal("1.00")), (1000, Decimal("4.50")), (5000, Decimal("9.00")))


def rate(grams):
    for limit, price in STEPS:
        if grams <= limit:
            return price
    raise ValueError(f"{grams} g is too heavy")
"""
PARCEL = b"""\
from post.rates import rate


class Parcel:
    def __init__(self, grams, express=False):
        self.grams = grams
        self.express = express

    def price(self):
        price = rate(self.grams)
        return price * 2 if self.express else price


class Counter:
    def __init__(self):
        self.taken = []

    def take(self, parcel):
        self.taken.append(parcel)
        return len(self.taken)

    def total(self):
        return sum(p.price() for p in self.taken)
"""
POST_CONFTEST = b"""\
import pytest

from post.parcel import Counter, Parcel


@pytest.fixture(params=[False, True], ids=["plain", "express"])
def express(request):
    return request.param


@pytest.fixture(scope="class")
def counter():
    counter = Counter()
    counter.take(Parcel(100))
    yield counter
    counter.taken.clear()
"""
POST_TESTS = b"""\
from decimal import Decimal

import pytest

from post.parcel import Parcel


@pytest.mark.parametrize(
    ("grams", "price"), [(1, "1.00"), (100, "1.00"), (101, "4.50"), (1000, "4.50"), (5000, "9.00")]
)
def test_price(grams, price, express):
    assert Parcel(grams, express).price() == Decimal(price) * (2 if express else 1)


def test_too_heavy():
    with pytest.raises(ValueError):
        Parcel(5001).price()


class TestCounter:
    def test_first(self, counter):
        assert len(counter.taken) == 1

    def test_second(self, counter):
        assert counter.take(Parcel(200, express=True)) == 2

    def test_total(self, counter):
        assert counter.total() == Decimal("10.00")
"""


def test_parametrised_and_class_scoped_fixtures_and_a_limit_that_is_left_out(tmp_path: Path) -> None:
    """The fixture of the class is built by a conftest that imports the program; one test relies on the one before."""
    files = {
        "post/__init__.py": b"",
        "post/rates.py": RATES,
        "post/parcel.py": PARCEL,
        "tests/conftest.py": POST_CONFTEST,
        "tests/test_post.py": POST_TESTS,
    }
    check_mended(tmp_path, files, "post/rates.py", right=b"grams <= limit", wrong=b"grams < limit", tests="7/14")


LINTER = b"""\
import pytest


class LintItem(pytest.Item):
    def runtest(self):
        raise ValueError("line 3 is too long")


class LintFile(pytest.File):
    def collect(self):
        return [LintItem.from_parent(self, name="lint")]


def pytest_collect_file(file_path, parent):
    return LintFile.from_parent(parent, path=file_path) if file_path.name == "calc.py" else None
"""


def test_a_linter_that_is_a_plug_in_judges_the_module_and_makes_it_no_test(tmp_path: Path) -> None:
    project = make(tmp_path, {"calc.py": CALC, "conftest.py": LINTER, "tests/test_calc.py": TESTS})
    done = project.heal("--apply", "--unsafe", "--yes")
    assert done.status == 1, done.out + done.err
    assert project.read("calc.py") == CALC.replace(b"return low\n    return value", b"return high\n    return value")
    assert "healed  tests/test_calc.py::test_above" in done.out
    assert "not healed  calc.py::lint" in done.out
    assert "it runs no line of the project" in done.out
