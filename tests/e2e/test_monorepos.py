"""Packages that share a repository: the one that the user is in is healed, and the others are there to be imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.machine import COST, Project, build_environment, make

MONEY = b"""\
from dataclasses import dataclass


@dataclass(frozen=True)
class Money:
    cents: int
    currency: str = "EUR"

    def __add__(self, other):
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency}")
        return Money(self.cents + other.cents, self.currency)

    def times(self, factor):
        return Money(round(self.cents * factor), self.currency)
"""
ORDERS = b"""\
from functools import reduce
from operator import add

from money import Money


class Line:
    def __init__(self, name, price, pieces=1):
        self.name = name
        self.price = price
        self.pieces = pieces

    def total(self):
        return self.price.times(self.pieces)


class Order:
    def __init__(self, *lines, discount=0):
        self.lines = lines
        self.discount = discount

    def subtotal(self):
        return reduce(add, (line.total() for line in self.lines), Money(0))

    def total(self):
        return self.subtotal().times(1 - self.discount)
"""
ORDER_TESTS = b"""\
import pytest
from money import Money
from orders.order import Line, Order


def test_line():
    assert Line("pen", Money(150), 3).total() == Money(450)


def test_order():
    order = Order(Line("pen", Money(150), 2), Line("ink", Money(700)))
    assert order.total() == Money(1000)


@pytest.mark.parametrize(("discount", "cents"), [(0.1, 900), (0.5, 500), (1, 0)])
def test_discount(discount, cents):
    assert Order(Line("ink", Money(1000)), discount=discount).total() == Money(cents)


def test_empty():
    assert Order().total() == Money(0)


def test_currencies():
    with pytest.raises(ValueError):
        Order(Line("pen", Money(1, "USD"))).total()
"""
MONEY_TESTS = b"from money import Money\n\n\ndef test_sum():\n    assert Money(1) + Money(2) == Money(4)\n"
#: Right here; and what is written in its place.
MISTAKES = {
    "operator": (b"1 - self.discount", b"1 + self.discount"),
    "argument": (b"times(self.pieces)", b"times(self.price)"),
}


def check_member(project: Project, member: str, path: str, right: bytes, *words: str) -> None:
    """Of the repository, one piece of the member is healed; the sibling's failing test is nobody's business."""
    wrong = project.read(path)
    before = project.fingerprint()
    inside = project if words else replace(project, root=project.root / member)
    done = inside.heal("--apply", "--unsafe", "--yes", *words)
    assert done.status == 0, done.out + done.err
    assert project.read(path) == right != wrong
    assert "7 of 7 tests pass in a clean process" in done.out
    assert COST.fullmatch(done.last)
    after = project.fingerprint()
    assert [n for n in after if n not in before or after[n][0] != before[n][0]] == [path]


def test_a_member_of_a_uv_workspace_with_the_wrong_operator(tmp_path: Path) -> None:
    """As `uv sync` leaves it: one lock and one .venv at the root, every member an editable install."""
    right, wrong = MISTAKES["operator"]
    root = b'[project]\nname = "shop"\nversion = "1"\n\n[tool.uv.workspace]\nmembers = ["packages/*"]\n'
    member = b'[project]\nname = "orders"\nversion = "1"\ndependencies = ["money"]\n\n[tool.uv.sources]\nmoney = { workspace = true }\n'
    files = {
        "pyproject.toml": root,
        "uv.lock": b"version = 1\n",
        ".git/HEAD": b"ref: refs/heads/main\n",
        "packages/money/pyproject.toml": b'[project]\nname = "money"\nversion = "1"\n',
        "packages/money/src/money/__init__.py": MONEY,
        "packages/money/tests/test_money.py": MONEY_TESTS,
        "packages/orders/pyproject.toml": member,
        "packages/orders/src/orders/__init__.py": b"",
        "packages/orders/src/orders/order.py": ORDERS.replace(right, wrong),
        "packages/orders/tests/test_orders.py": ORDER_TESTS,
    }
    project = replace(make(tmp_path, files), env={})
    site = build_environment(project.root / ".venv")
    for name in ("money", "orders"):
        (site / f"_{name}.pth").write_text(f"{project.root}/packages/{name}/src\n")
    check_member(project, "packages/orders", "packages/orders/src/orders/order.py", ORDERS)


@pytest.mark.parametrize("words", [(), ("--project", "services/orders")], ids=["inside", "named"])
def test_a_package_in_a_monorepo_with_the_wrong_argument(tmp_path: Path, words: tuple[str, ...]) -> None:
    """No workspace: the user's environment has the sibling as editable, and pytest finds the package; two ways in."""
    right, wrong = MISTAKES["argument"]
    config = b"[metadata]\nname = orders\n\n[tool:pytest]\npythonpath = .\ntestpaths = checks\n"
    files = {
        "README.md": b"All our services.\n",
        ".git/HEAD": b"ref: refs/heads/main\n",
        "libraries/money/money.py": MONEY,
        "libraries/money/test_money.py": MONEY_TESTS,
        "services/orders/setup.cfg": config,
        "services/orders/orders/order.py": ORDERS.replace(right, wrong),
        "services/orders/checks/test_orders.py": ORDER_TESTS,
    }
    site = build_environment(tmp_path / "venv")
    project = make(tmp_path, files, VIRTUAL_ENV=str(tmp_path / "venv"))
    (site / "__editable__.money.pth").write_text(f"{project.root}/libraries/money\n")
    (project.root / "pyproject.toml").unlink()
    check_member(project, "services/orders", "services/orders/orders/order.py", ORDERS, *words)


def test_a_sibling_that_only_pytests_pythonpath_names(tmp_path: Path) -> None:
    """Nothing of the repository is installed."""
    right, wrong = MISTAKES["operator"]
    files = {
        ".git/HEAD": b"ref: refs/heads/main\n",
        "libraries/money/money.py": MONEY,
        "services/orders/pytest.ini": b"[pytest]\npythonpath = . ../../libraries/money\n",
        "services/orders/orders/order.py": ORDERS.replace(right, wrong),
        "services/orders/tests/test_orders.py": ORDER_TESTS,
    }
    project = make(tmp_path, files)
    (project.root / "pyproject.toml").unlink()
    check_member(project, "services/orders", "services/orders/orders/order.py", ORDERS)
