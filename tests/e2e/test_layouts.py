"""Projects of every shape: how they are laid out, installed, encoded and kept in git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.machine import COST, Project, build_environment, make

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
