"""Projects that are wrong in ways that nobody planned for: what is not done is said, and nothing is lost."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.e2e.machine import CALC, TESTS, Project, make
from tests.e2e.test_cli import check_error
from tests.e2e.test_heal import FIXED

GOOD = b"def test_a(): pass\n"


@pytest.mark.parametrize(
    ("files", "slug", "says"),
    [
        ({"calc.py": CALC.replace(b"(items):", b"(items:")}, "collection", "SyntaxError: "),
        ({"calc.py": CALC + b"\0\n"}, "collection", "null bytes"),
        ({"tests/test_b.py": b"import os\nos._exit(3)\n"}, "no-collection", "in the midst of tests/test_b.py, before"),
        ({"tests/conftest.py": b"import os\nos._exit(0)\n"}, "no-collection", "the process ended itself with status 0"),
        ({"tests/conftest.py": b"import os\nos.closerange(0, 64)\n"}, "no-collection", "in the midst of its start"),
        ({"tests/test_b.py": b"import sys\nsys.exit(3)\n"}, "pytest-usage", 'test_b.py", line 2, in <module>'),
        ({"conftest.py": b"def pytest_runtest_logreport(): 1 / 0\n"}, "pytest-stopped", "ZeroDivisionError"),
        ({"conftest.py": b"def pytest_collection_modifyitems(): 1 / 0\n"}, "pytest-usage", "ZeroDivisionError"),
        ({"conftest.py": b"import pytest\npytest.exit('no way')\n"}, "pytest-usage", "no way"),
    ],
    ids=[
        "syntax error in the target",
        "null bytes",
        "a module that ends the process",
        "a conftest that ends the process",
        "a conftest that closes all descriptors",
        "a module that exits",
        "a hook that fails on each test",
        "a hook that fails at collection",
        "a conftest that ends pytest",
    ],
)  # fmt: skip
def test_what_cannot_be_judged(tmp_path: Path, files: dict[str, bytes], slug: str, says: str) -> None:
    one = make(tmp_path, {"calc.py": FIXED, "tests/test_calc.py": TESTS, **files})
    check_error(one, ["heal", "--apply", "--unsafe", "--yes"], 4, slug, says)


def test_the_machinery_is_left_out_of_a_syntax_error(tmp_path: Path) -> None:
    one = make(tmp_path, {"calc.py": CALC.replace(b"(items):", b"(items:"), "tests/test_calc.py": TESTS})
    said = one.run("heal").err
    assert re.search(r"tests/test_calc\.py could not be collected \(SyntaxError: .* in \S*/calc\.py, line 9\)", said)
    assert "importlib" not in said
    assert "reknit/probe" not in said
    assert "mend the syntax first" in said


def test_a_module_that_waits_at_import_is_named(tmp_path: Path) -> None:
    files = {"calc.py": CALC, "tests/test_b.py": b"import time\ntime.sleep(1000)\n", "tests/test_calc.py": TESTS}
    says = "pytest had not listed the tests when time was up, in the midst of tests/test_b.py"
    check_error(make(tmp_path, files), ["heal", "--max-time", "12"], 4, "too-slow", says)


DEADLY = b"""\
import ctypes, os, pytest, signal

def test_exits():
    os._exit(0)

def test_killed():
    os.kill(os.getpid(), signal.SIGKILL)

def test_segfaults():
    ctypes.string_at(0)

def test_ends_pytest():
    pytest.exit("enough")
"""
LOUD = b"""\
import os, sys

for _ in range(20):
    os.write(1, b"x" * 100_000)
    os.write(2, b"y" * 100_000)
os.chdir("/")
for fd in 0, 1, 2:
    os.close(fd)
"""


def test_bad_neighbours_keep_nobody_from_being_healed(tmp_path: Path) -> None:
    files = {
        "calc.py": CALC,
        "broken.py": b"def f(:\n",
        "tests/conftest.py": LOUD,
        "tests/test_a.py": DEADLY,
        "tests/test_b.py": b"import broken\n",
        "tests/test_calc.py": TESTS,
    }
    one = make(tmp_path, files)
    done = one.heal("--apply", "--unsafe", "--yes", seconds=40)
    assert done.status == 1, done.out + done.err
    assert one.read("calc.py") == FIXED
    assert "\nhealed  tests/test_calc.py::test_above\n" in f"\n{done.out}"
    for test, end in {
        "exits": "ProcessDied: the process ended itself with status 0",
        "killed": "ProcessDied: the process died of signal 9",
        "segfaults": "ProcessDied: the process died of signal 11",
        "ends_pytest": "NoReport: ",
    }.items():
        assert re.search(rf"^not healed  tests/test_a\.py::test_{test}\n  {re.escape(end)}", done.out, re.MULTILINE), (
            test
        )
    assert "note: tests/test_b.py could not be collected, so its tests were not run: SyntaxError: " in done.out
    assert one.read("broken.py") == files["broken.py"]


def test_a_test_that_waits_for_ever_keeps_nobody_from_being_healed(tmp_path: Path) -> None:
    waits = b"import time\n\ndef test_waits():\n    time.sleep(1000)\n"
    done = make(tmp_path, {"calc.py": CALC, "tests/test_calc.py": TESTS, "tests/test_z.py": waits}).heal(seconds=16)
    assert done.status == 3, done.out + done.err
    assert "proposed  tests/test_calc.py::test_above\n" in done.out
    assert "note: 1 of 5 tests were not run: --max-time was too short for tests/test_z.py::test_waits\n" in done.out


ODD = b"""\
import pytest
from calc import clamp

@pytest.mark.parametrize("x", ["a\\nb", "\\U0001f600", "\\udcff", "y" * 5000, "\\x1b[31m", "", "::", "a[b]"])
def test_odd(x):
    assert clamp(11, 0, 10) == 10
"""


def test_odd_names(tmp_path: Path) -> None:
    """A file of tests, a data file and the project's own path are no UTF-8; so are some parameters."""
    home = tmp_path / os.fsdecode(b"sp ace\n\xc3\xa9\xff") / ("n" * 200)
    one = make(home, {"calc.py": CALC, "tests/test_odd.py": ODD, os.fsdecode(b"tests/test_\xff.py"): TESTS})
    (one.root / os.fsdecode(b"\xfe.txt")).touch()
    done = one.heal("--apply", "--unsafe", "--yes")
    assert done.status == 0, done.out + done.err
    assert one.read("calc.py") == FIXED
    assert " and 8 more\n" in done.out
    assert "\x1b" not in done.out
    assert one.run("undo").status == 0
    assert one.read("calc.py") == CALC


def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Python reads over bytes in a comment that are no UTF-8, depending on how it is given them; reknit does not."""
    one = make(tmp_path, {"calc.py": CALC + b"# \xff\n", "tests/test_calc.py": TESTS})
    before = one.fingerprint()
    done = one.heal("--apply", "--unsafe", "--yes")
    assert one.fingerprint() == before
    said = done.out + done.err
    assert done.status == 1, said
    assert "note: calc.py was not searched: " in said


@pytest.mark.parametrize("name", ["home", "root"])
def test_a_home_and_the_root_are_no_projects(tmp_path: Path, name: str) -> None:
    one = make(tmp_path, {"calc.py": CALC})
    home = Path(one.environment()["HOME"])
    (home / ".git").mkdir()  # of a repository of settings
    (home / "test_a.py").write_bytes(b"1 / 0\n")
    where = str(home) if name == "home" else "/"
    check_error(one, ["heal", "-C", where], 2, "no-project", f"{where} is no project")


def test_git_is_never_run(tmp_path: Path) -> None:
    """No filter, hook or monitor that the repository brings along is run, be it sound or broken."""
    one = make(tmp_path, {"calc.py": CALC, "tests/test_calc.py": TESTS, ".gitattributes": b"*.py filter=evil\n"})
    mark = tmp_path / "mark"
    init = subprocess.run(["git", "init", "-q", one.root], env=one.environment(), check=False, capture_output=True)
    if init.returncode:
        pytest.skip("needs git")
    config = f'[filter "evil"]\n\tclean = touch {mark}\n\tsmudge = touch {mark}\n[core]\n\tfsmonitor = touch {mark}\n'
    with (one.root / ".git/config").open("a") as file:
        file.write(config)
    (one.root / ".git/index").write_bytes(b"junk")
    (one.root / ".git/HEAD").write_bytes(b"\xff\0")
    before = one.fingerprint()
    assert one.heal("--apply", "--unsafe", "--yes").status == 0
    assert one.read("calc.py") == FIXED
    assert not mark.exists()
    after = one.fingerprint()
    assert {n for n in after if before.get(n, ("",))[0] != after[n][0]} == {"calc.py"}


def flood(folder: Path, program: bytes, test: str) -> Project:
    """A project in which all of 400 tests fail."""
    many = [f"def test_{n}():\n    {test.format(n=n)}\n" for n in range(400)]
    parts = {f"tests/test_{i}.py": many[i * 100 :][:100] for i in range(4)}
    return make(
        folder, {"calc.py": program, **{p: b"import calc\n\n" + "\n".join(t).encode() for p, t in parts.items()}}
    )


def test_a_flood_with_one_cause(tmp_path: Path) -> None:
    one = flood(tmp_path, b"def add(a, b):\n    return a - b\n", "assert calc.add({n}, 1) == {n} + 1")
    done = one.heal("--apply", "--unsafe", "--yes")
    assert done.status == 0, done.out + done.err
    assert "healed  tests/test_0.py::test_0 and 399 more\n" in done.out
    assert "400 of 400 tests pass in a clean process" in done.out
    assert one.read("calc.py") == b"def add(a, b):\n    return a + b\n"
    (store,) = one.state.glob("projects/*/store.db")
    with sqlite3.connect(store) as db:
        ((size,),) = db.execute("SELECT length(report) FROM runs").fetchall()
    assert size < 3_000_000, "a report grows with its tests, and not with their square"


def test_a_flood_that_nothing_heals(tmp_path: Path) -> None:
    one = flood(tmp_path, b"", "assert not 'to be healed', {n}")
    done = one.heal(seconds=20)
    assert done.status == 1, done.out + done.err
    assert len(done.out.splitlines()) < 50
    assert len(re.findall(r"^not healed  \S+ and 199 more$", done.out, re.MULTILINE)) == 2, done.out
    assert "of 400 failing tests 200 are looked into at once" in done.out
