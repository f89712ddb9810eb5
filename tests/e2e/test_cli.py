"""Exit statuses, messages and streams of the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.machine import CALC, COMMAND, TESTS, Project, make


def project(folder: Path, files: dict[str, bytes] | None = None, **env: str) -> Project:
    return make(folder, files if files is not None else {"calc.py": CALC, "tests/test_calc.py": TESTS}, **env)


def check_error(one: Project, words: list[str], status: int, slug: str, says: str) -> None:
    """Nothing on stdout; what happened, what to do and where to read on stderr; nothing changed."""
    before = one.fingerprint()
    done = one.run(*words)
    assert (done.status, done.out) == (status, ""), done.err
    assert says in done.err
    assert f"\n  more: docs/errors.md#{slug}\n" in done.err
    assert 'File "<string>"' not in done.err, "reknit's own traceback"
    assert one.fingerprint() == before


@pytest.mark.parametrize(
    ("words", "slug", "says"),
    [
        (["heal", "--max-time", "0"], "option", "--max-time must be above 0"),
        (["heal", "--max-time", "nan"], "option", "--max-time must be above 0"),
        (["heal", "--max-time", "inf"], "option", "--max-time must be above 0"),
        (["heal", "--jobs", "-1"], "option", "--jobs must be above 0"),
        (["heal", "--isolation", "magic"], "option", "there is no isolation 'magic'"),
        (["heal", "--python", "nowhere/python"], "no-interpreter", "nowhere/python is no interpreter"),
        (["heal", "-C", "nowhere"], "no-project", "nowhere is no folder"),
        (["show"], "no-patch", "no patch was proposed"),
        (["show", "abc"], "no-patch", "no patch abc was proposed"),
        (["apply"], "which-patch", "proposed 0 patches (none)"),
        (["undo"], "nothing-to-undo", "nothing to undo"),
        (["redo", "abc"], "nothing-to-redo", "no receipt abc to redo"),
    ],
    ids=" ".join,
)
def test_usage_errors(tmp_path: Path, words: list[str], slug: str, says: str) -> None:
    check_error(project(tmp_path), words, 2, slug, says)


@pytest.mark.parametrize("words", [["heal", "--no-such"], ["nothing"], ["heal", "--max-time", "x"]], ids=" ".join)
def test_what_the_parser_refuses(tmp_path: Path, words: list[str]) -> None:
    done = project(tmp_path).run(*words)
    assert (done.status, done.out) == (2, "")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("files", "words", "slug", "says"),
    [
        ({"calc.py": CALC}, [], "no-tests", "pytest found no tests"),
        ({"tests/test_calc.py": b"import nowhere\n"}, [], "collection", "No module named 'nowhere'"),
        ({"tests/test_calc.py": TESTS, "tests/conftest.py": b"1 / 0\n"}, [], "pytest-usage", "ZeroDivisionError"),
        ({"calc.py": CALC, "tests/test_calc.py": TESTS}, ["--", "--no-such"], "pytest-usage", "--no-such"),
    ],
    ids=["no tests", "collection error", "broken conftest", "pytest's own usage"],
)
def test_what_cannot_be_judged(tmp_path: Path, files: dict[str, bytes], words: list[str], slug: str, says: str) -> None:
    check_error(project(tmp_path, files), ["heal", *words], 4, slug, says)


def test_no_pytest(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    says = "has no pytest, so no test was run and nothing was changed"
    check_error(project(tmp_path), ["heal", "--python", str(bare)], 4, "no-pytest", says)


def test_state_in_the_project_is_refused(tmp_path: Path) -> None:
    state = str(tmp_path.resolve() / "project" / "state")
    one = project(tmp_path, REKNIT_STATE_DIR=state)
    check_error(one, ["heal"], 2, "state-inside-project", "lies inside the project")


def test_state_goes_where_the_user_says_and_nowhere_else(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    one = project(tmp_path, {"tests/test_a.py": b"def test_a(): pass\n"}, REKNIT_STATE_DIR=str(elsewhere))
    assert one.run("heal").status == 0
    assert len(list(elsewhere.glob("projects/*/store.db"))) == 1
    assert [p.name for p in one.state.rglob("*")] == ["home"]


def test_any_folder_of_the_project_will_do(tmp_path: Path) -> None:
    one = project(tmp_path, {"tests/test_a.py": b"def test_a(): pass\n"})
    done = one.run("heal", "-C", "tests")
    assert (done.status, done.out.partition("\n")[0]) == (0, "healthy: no test fails")


def test_ctrl_c_leaves_the_tree_and_says_so(tmp_path: Path) -> None:
    one = project(tmp_path)
    before = one.fingerprint()
    done = one.interrupt("heal", "--apply", "--unsafe", "--yes", when="propose:")
    assert (done.status, done.out) == (130, "")
    assert done.err.endswith("interrupted; the project's files are as they were\n"), done.err
    assert one.fingerprint() == before


def test_ctrl_c_after_a_patch_was_written_takes_it_back(tmp_path: Path) -> None:
    """The patched program waits for the interrupt in its test, so it comes when the patch is on disk."""
    tests = (
        TESTS
        + b"""

import pathlib, time

def test_slow():
    text = pathlib.Path("calc.py").read_text()
    assert clamp(11, 0, 10) == 10
    if pathlib.Path("../written").exists():
        time.sleep(60)
"""
    )
    one = project(tmp_path, {"calc.py": CALC, "tests/test_calc.py": tests})
    done = one.interrupt("heal", "--apply", "--unsafe", "--yes", when="apply: applying")
    assert done.status == 130, done.err
    assert one.read("calc.py") == CALC
    assert "as they were" in done.err


def test_what_a_hostile_project_prints_is_not_obeyed(tmp_path: Path) -> None:
    tests = (
        b"import pytest\n\n\n@pytest.mark.parametrize('x', [1], ids=['a'])\ndef test_a(x):\n"
        b"    raise ValueError('\\x1b]0;owned\\x07\\x1b[2J')\n"
    )
    one = project(tmp_path, {"calc.py": CALC, "tests/test_a.py": tests})
    done = one.heal(seconds=30)
    assert done.status == 1
    assert not {"\x1b", "\x07"} & set(done.out + done.err)


def test_a_reader_that_leaves_is_no_crash(tmp_path: Path) -> None:
    one = project(tmp_path, {"tests/test_a.py": b"def test_a(): pass\n"})
    with one.start("heal") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
    assert "Traceback" not in said
    assert "Exception ignored" not in said


@pytest.mark.parametrize("words", [[], ["--help"], ["heal", "--help"]], ids=" ".join)
def test_help(words: list[str]) -> None:
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == (0 if words else 2)
    assert "Traceback" not in done.stderr
    assert "heal" in done.stdout + done.stderr
