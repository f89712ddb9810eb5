"""Small projects that use a plug-in of pytest each, with a mistake that only tests which do so see."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Where scripts/setup.sh puts the environment of requirements/plugins.txt.
PLUGINS = Path(sys.prefix) / "plugins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A project and the mistake in it."""

    #: What pytest calls the plug-in.
    plugin: str
    files: Mapping[str, bytes]
    #: The file with the mistake, the function and the mistake itself.
    path: str
    function: tuple[str, ...]
    right: str
    wrong: str
    #: The tests that see it, and how many there are.
    bad: tuple[str, ...]
    total: int
    ini: str = ""
    #: Why candidates that change one function are not judged without pytest's whole protocol.
    no_direct: str = ""

    @property
    def test_file(self) -> str:
        return self.bad[0].partition("::")[0]

    @property
    def broken(self) -> dict[str, bytes]:
        """The files, without pytest's configuration."""
        return {**self.files, self.path: self.files[self.path].replace(self.right.encode(), self.wrong.encode())}


REMIND = b"""\
from shop import gateway


def remind(orders, today):
    \"\"\"Write to all who owe for two weeks or longer; how many letters were sent.\"\"\"
    sent = 0
    for customer, since in orders:
        if today - since >= 14:
            gateway.post(customer, f"{today - since} days")
            sent += 1
    return sent
"""
REMIND_TESTS = b"""\
import pytest
from shop import remind


@pytest.fixture
def post(mocker):
    return mocker.patch("shop.gateway.post")


def test_two_weeks(post, mocker):
    assert remind.remind([("ada", 1), ("bob", 9)], 15) == 1
    post.assert_called_once_with("ada", "14 days")


def test_nobody(post):
    assert remind.remind([("ada", 1)], 5) == 0
    post.assert_not_called()


def test_long(post, mocker):
    spy = mocker.spy(remind, "remind")
    assert remind.remind([("ada", 1), ("bob", 2)], 100) == 2
    assert post.call_args_list == [mocker.call("ada", "99 days"), mocker.call("bob", "98 days")]
    assert spy.spy_return == 2


def test_nothing_is_left_of_the_mock():
    with pytest.raises(ConnectionError):
        remind.gateway.post("ada", "")
"""
MOCK = Case(
    plugin="pytest_mock",
    files={
        "shop/__init__.py": b"",
        "shop/gateway.py": b"def post(customer, text):\n    raise ConnectionError(customer)\n",
        "shop/remind.py": REMIND,
        "test_remind.py": REMIND_TESTS,
    },
    path="shop/remind.py",
    function=("remind",),
    right=">= 14",
    wrong="> 14",
    bad=("test_remind.py::test_two_weeks",),
    total=4,
)

RUNS = b"""\
def pack(values):
    runs = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1] = (value, runs[-1][1] + 1)
        else:
            runs.append((value, 1))
    return runs


def unpack(runs):
    return [value for value, count in runs for _ in range(count)]
"""
RUNS_TESTS = b"""\
from hypothesis import given, settings, strategies as st
from runs import pack, unpack

VALUES = st.lists(st.integers(0, 3))


@given(VALUES)
def test_there_and_back(values):
    assert unpack(pack(values)) == values


@given(st.lists(st.sampled_from("ab"), unique=True))
@settings(max_examples=20)
def test_nothing_to_pack(values):
    assert pack(values) == [(v, 1) for v in values]


@given(data=st.data())
def test_neighbours_differ(data):
    runs = pack(data.draw(VALUES))
    assert all(a[0] != b[0] for a, b in zip(runs, runs[1:]))


def test_unpack():
    assert unpack([("a", 2)]) == ["a", "a"]
"""
HYPOTHESIS = Case(
    plugin="hypothesispytest",
    files={"runs.py": RUNS, "test_runs.py": RUNS_TESTS},
    path="runs.py",
    function=("pack",),
    right="runs[-1][1] + 1",
    wrong="runs[-1][1] - 1",
    bad=("test_runs.py::test_there_and_back",),
    total=4,
)

SEARCH = b"""\
def place(items, wanted):
    \"\"\"The first place at which `wanted` keeps `items` in order.\"\"\"
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low
"""
SEARCH_TESTS = """\
import pytest
from search import place


{mark}
def test_after_all():
    assert place([1, 2, 3], 4) == 3


def test_before_all():
    assert place([1, 2, 3], 0) == 0


@pytest.mark.timeout(20, func_only=True)
def test_empty():
    assert place([], 5) == 0
"""


def search(ini: str, mark: str) -> Case:
    """A loop without end, which pytest-timeout ends."""
    return Case(
        plugin="timeout",
        files={"search.py": SEARCH, "test_search.py": SEARCH_TESTS.format(mark=mark).encode()},
        path="search.py",
        function=("place",),
        right="low = middle + 1",
        wrong="low = middle",
        bad=("test_search.py::test_after_all",),
        total=3,
        ini=ini,
        no_direct="pytest_timeout has a pytest_runtest_protocol hook",
    )


GRADES = b"""\
def grade(points):
    if points >= 90:
        return "A"
    return "B" if points >= 50 else "F"
"""
GRADES_TESTS = b"""\
import os
import pytest
from grades import grade


@pytest.mark.parametrize(("points", "wanted"), [(95, "A"), (90, "A"), (60, "B"), (10, "F")])
def test_grade(points, wanted):
    assert grade(points) == wanted


def test_where_it_runs():
    assert "PYTEST_XDIST_WORKER" not in os.environ
"""


def grades(plugin: str, addopts: str) -> Case:
    """A plain function under options that change how all tests are run."""
    return Case(
        plugin=plugin,
        files={"grades.py": GRADES, "test_grades.py": GRADES_TESTS},
        path="grades.py",
        function=("grade",),
        right=">= 90",
        wrong="> 90",
        bad=("test_grades.py::test_grade[90-A]",),
        total=5,
        ini=f"addopts = {addopts}",
    )


DICE = b"""\
import random


def throw(sides=6):
    return random.randint(1, sides)


def best(throws):
    top = throws[0]
    for value in throws:
        if value > top:
            top = value
    return top
"""
DICE_TESTS = b"""\
import random
import pytest
import dice


@pytest.fixture
def throws():
    return [dice.throw(1000) for _ in range(20)]


def test_best(throws):
    assert dice.best(throws) == max(throws)


def test_one():
    assert dice.best([dice.throw()]) in range(1, 7)


def test_drawn_again():
    first = random.getstate()
    value = dice.throw(10**9)
    random.setstate(first)
    assert dice.throw(10**9) == value
"""
RANDOMLY = Case(
    plugin="randomly",
    files={"dice.py": DICE, "test_dice.py": DICE_TESTS},
    path="dice.py",
    function=("best",),
    right="value > top",
    wrong="value < top",
    bad=("test_dice.py::test_best",),
    total=3,
)

RERUN_TESTS = b"""\
import pytest
from grades import grade

tries = []


@pytest.mark.parametrize(("points", "wanted"), [(95, "A"), (90, "A"), (10, "F")])
def test_grade(points, wanted):
    assert grade(points) == wanted


@pytest.mark.flaky(reruns=3)
def test_the_third_time():
    tries.append(grade(60))
    assert tries == ["B"] * 3


def test_the_second_time(tmp_path_factory):
    mark = tmp_path_factory.getbasetemp() / "was here"
    if not mark.exists():
        mark.touch()
        raise ConnectionError("not yet")
    assert grade(50) == "B"
"""
RERUNS = Case(
    plugin="rerunfailures",
    files={"grades.py": GRADES, "test_grades.py": RERUN_TESTS},
    path="grades.py",
    function=("grade",),
    right=">= 90",
    wrong="> 90",
    bad=("test_grades.py::test_grade[90-A]",),
    total=5,
    ini="addopts = --reruns 2",
    no_direct="pytest_rerunfailures has a pytest_runtest_protocol hook",
)
