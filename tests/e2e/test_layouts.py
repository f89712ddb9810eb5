"""Projects of every shape: how they are laid out, installed, encoded and kept in git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.machine import COST, Project, build_environment, check_mended, make

CALC = b"def add(a, b):\n    return a - b\n"
FIXED = b"def add(a, b):\n    return a + b\n"
TESTS = b"""\
from calc import add


def test_add():
    assert (add(2, 3), add(7, 1), add(-1, 5)) == (5, 8, 4)


def test_zero():
    assert add(1, 0) == 1
"""
HEAL = ("--apply", "--unsafe", "--yes")


def check_healed(project: Project, name: str, wanted: bytes, *words: str) -> None:
    """Healed with nothing changed but the bytes of the edit."""
    done = project.heal(*HEAL, *words)
    assert done.status == 0, done.out + done.err
    assert project.read(name) == wanted
    assert COST.fullmatch(done.last)


def test_tests_beside_the_program(tmp_path: Path) -> None:
    project = make(tmp_path, {"calc.py": CALC, "test_calc.py": TESTS})
    check_healed(project, "calc.py", FIXED)


def test_a_conftest_that_imports_the_program(tmp_path: Path) -> None:
    conftest = b"import pytest\nimport calc\n\n\n@pytest.fixture\ndef add():\n    return calc.add\n"
    tests = TESTS.replace(b"from calc import add\n", b"").replace(b"():", b"(add):")
    project = make(tmp_path, {"calc.py": CALC, "conftest.py": conftest, "tests/test_calc.py": tests})
    check_healed(project, "calc.py", FIXED)


FINDER = """\
import importlib.machinery, importlib.util, sys

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "calc":
            return importlib.util.spec_from_file_location(
                name, {init!r}, submodule_search_locations=[{package!r}]
            )

def install():
    sys.meta_path.append(Finder)
"""


@pytest.mark.parametrize("way", ["pth", "finder"])
def test_src_layout_installed_as_editable(tmp_path: Path, way: str) -> None:
    site = build_environment(tmp_path / "venv")
    files = {"src/calc/__init__.py": b"from calc.core import add\n", "src/calc/core.py": CALC}
    project = make(tmp_path, {**files, "tests/test_calc.py": TESTS})
    package = project.root / "src" / "calc"
    if way == "pth":
        (site / "calc.pth").write_text(f"{package.parent}\n")
    else:
        text = FINDER.format(init=str(package / "__init__.py"), package=str(package))
        (site / "__editable___calc_finder.py").write_text(text)
        (site / "calc.pth").write_text("import __editable___calc_finder; __editable___calc_finder.install()\n")
    check_healed(project, "src/calc/core.py", FIXED, "--python", str(tmp_path / "venv"))


@pytest.mark.parametrize(
    "raw",
    [
        CALC.replace(b"\n", b"\r\n"),
        "# -*- coding: latin-1 -*-\nNAME = 'é' # Größe\n".encode("latin-1") + CALC + "# ÿ  \t".encode("latin-1"),
        b"\xef\xbb\xbf" + CALC.replace(b"\n", b"\r\n", 1),
    ],
    ids=["CRLF", "latin-1", "BOM and both line ends"],
)
def test_every_byte_outside_the_edit_stays(tmp_path: Path, raw: bytes) -> None:
    project = make(tmp_path, {"calc.py": raw, "tests/test_calc.py": TESTS})
    check_healed(project, "calc.py", raw.replace(b"a - b", b"a + b"))


def git(project: Project, *words: str) -> bytes:
    name = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    env = {**project.environment(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_OPTIONAL_LOCKS": "0"}
    return subprocess.run(["git", *name, *words], cwd=project.root, env=env, check=True, capture_output=True).stdout


@pytest.mark.needs_tool("git")
def test_a_dirty_tree_is_seen_as_it_is_and_stays_so(tmp_path: Path) -> None:
    """The bug is unstaged, what it needs is staged, untracked and ignored; all of it stays where it was."""
    project = make(tmp_path, {"calc.py": FIXED, "tests/test_calc.py": b"", ".gitignore": b"local.py\n"})
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    project.write({"tests/test_calc.py": TESTS + b"\n\ndef test_all():\n    import local, untracked\n"})
    git(project, "add", "tests")
    project.write({"calc.py": CALC, "untracked.py": b"", "local.py": b"", "tests/notes.txt": b"mine"})
    hooks = project.root / ".git" / "hooks"
    shutil.rmtree(hooks, ignore_errors=True)
    hooks.mkdir()
    for hook in ("post-checkout", "post-index-change", "pre-commit", "fsmonitor-watchman"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {tmp_path}/hooked\n")
        (hooks / hook).chmod(0o755)

    status, index = git(project, "status", "--porcelain", "--ignored"), project.read(".git/index")
    before = project.fingerprint()
    done = project.heal()
    assert done.status == 3, done.out + done.err
    assert "1 failing now pass, 3 of 3 tests pass" in done.out
    assert project.fingerprint() == before

    check_healed(project, "calc.py", FIXED)
    assert project.read(".git/index") == index
    assert git(project, "status", "--porcelain", "--ignored") == status.replace(b" M calc.py\n", b"")
    assert not (tmp_path / "hooked").exists()


STOCK = b"""\
from acme.prices.rules import net


class Shelf:
    def __init__(self, name):
        self.name = name
        self._items = {}

    def put(self, item, pieces, price):
        have, _ = self._items.get(item, (0, 0))
        self._items[item] = (have + pieces, price)

    def take(self, item, pieces):
        have, price = self._items[item]
        if pieces > have:
            raise ValueError(f"only {have} of {item}")
        self._items[item] = (have - pieces, price)
        return net(price) * pieces

    def worth(self):
        return sum(have * net(price) for have, price in self._items.values())
"""
RULES = b"""\
RATE = 0.25


def net(price):
    return round(price / (1 + RATE), 2)


def gross(price):
    return round(price * (1 + RATE), 2)
"""
STOCK_TESTS = b"""\
import pytest

from acme.prices.rules import gross, net
from acme.stock.shelf import Shelf


def test_rules():
    assert (net(125), gross(100)) == (100, 125)


def test_put_twice():
    shelf = Shelf("a")
    shelf.put("pen", 2, 1.25)
    shelf.put("pen", 3, 2.5)
    assert shelf.worth() == 10


def test_take():
    shelf = Shelf("a")
    shelf.put("pen", 5, 1.25)
    assert shelf.take("pen", 2) == 2
    assert shelf.worth() == 3


def test_too_many():
    shelf = Shelf("a")
    shelf.put("pen", 1, 1.25)
    with pytest.raises(ValueError, match="only 1 of pen"):
        shelf.take("pen", 2)
"""


def test_namespace_package_over_two_roots_and_the_wrong_operator(tmp_path: Path) -> None:
    """`acme` has no __init__.py, and its portions lie in two source trees."""
    files = {
        "pytest.ini": b"[pytest]\npythonpath = stock prices\n",
        "stock/acme/stock/__init__.py": b"",
        "stock/acme/stock/shelf.py": STOCK,
        "prices/acme/prices/rules.py": RULES,
        "tests/test_stock.py": STOCK_TESTS,
    }
    right, wrong = b"(have + pieces, price)", b"(have - pieces, price)"
    check_mended(tmp_path, files, "stock/acme/stock/shelf.py", right=right, wrong=wrong, tests="3/4")


SCANNER = b"""\
import re

TOKEN = re.compile(r"\\s*(?:(\\d+)|(.))")


def scan(text):
    for number, sign in TOKEN.findall(text.strip()):
        yield int(number) if number else sign
"""
PARSER = b"""\
from .scan import scan


class Parser:
    \"\"\"sum := product (('+'|'-') product)*; product := atom ('*' atom)*\"\"\"

    def __init__(self, text):
        self.tokens = [*scan(text), None]
        self.at = 0

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self):
        return self.tokens[self.at]

    def sum(self):
        value = self.product()
        while self.peek() in ("+", "-"):
            sign = self.next()
            other = self.product()
            value = value + other if sign == "+" else value - other
        return value

    def product(self):
        value = self.atom()
        while self.peek() == "*":
            self.next()
            value *= self.atom()
        return value

    def atom(self):
        token = self.next()
        if token == "(":
            value = self.sum()
            if self.next() != ")":
                raise SyntaxError("a bracket is not closed")
            return value
        if isinstance(token, int):
            return token
        raise SyntaxError(f"unexpected {token!r}")


def calculate(text):
    parser = Parser(text)
    value = parser.sum()
    if parser.peek() is not None:
        raise SyntaxError(f"left over: {parser.peek()!r}")
    return value
"""
PARSER_TESTS = b"""\
import pytest

from ..parse import calculate
from ..scan import scan


def test_scan():
    assert list(scan(" 12+(3) ")) == [12, "+", "(", 3, ")"]


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("2+3*4", 14), ("10-2-3", 5), ("2*(3+4)", 14), ("((2))*3-1", 5)]
)
def test_value(text, value):
    assert calculate(text) == value


@pytest.mark.parametrize("text", ["", "(1", "1 2", "*"])
def test_nonsense(text):
    with pytest.raises(SyntaxError):
        calculate(text)
"""


def test_tests_inside_the_package_and_the_wrong_method(tmp_path: Path) -> None:
    """They import what they test relatively, and are shipped with it."""
    files = {
        "reckon/__init__.py": b"from .parse import calculate\n",
        "reckon/scan.py": SCANNER.replace(b"\\", b"\\"),
        "reckon/parse.py": PARSER,
        "reckon/tests/__init__.py": b"",
        "reckon/tests/test_parse.py": PARSER_TESTS,
    }
    right, wrong = (
        b"            value = self.sum()\n            if",
        b"            value = self.product()\n            if",
    )
    check_mended(tmp_path, files, "reckon/parse.py", right=right, wrong=wrong, tests="1/10")
