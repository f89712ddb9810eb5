"""Candidates are drawn as the engine makes them."""

from __future__ import annotations

import sys
from pathlib import Path

from drawn import Library, asked, broken, covered, sources_of

from reknit.runner.base import SuiteRun
from reknit.runner.environments import Interpreter
from reknit.sandbox.base import Level
from tests import projects

LIB = """
    LIMIT = 3


    def ship(weight):
        return weight < LIMIT


    def idle(a):
        return a
"""
TESTS = """
    from lib import idle, ship


    def test_light():
        assert ship(2)


    def test_heavy():
        assert not ship(3)


    def test_idle():
        assert idle(1) == 1
"""


def library(folder: Path, code: str = LIB) -> Library:
    root = projects.project(folder, {"lib.py": code, "test_lib.py": TESTS})
    return Library(
        root=root,
        python=Interpreter(python=Path(sys.executable), origin="the test's own"),
        arguments=(),
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        level=Level.NONE,
    )


def traced(found: Library) -> SuiteRun:
    return projects.suite(projects.runner(found.root), trace=True)


def test_functions_come_with_the_tests_that_run_them(tmp_path: Path) -> None:
    found = library(tmp_path)
    run = traced(found)
    sources, _ = sources_of(found.root, run)
    places = covered(run, sources, most=2)
    assert [(p.path, p.function.qualname, len(p.tests)) for p in places] == [
        ("lib.py", "ship", 2),
        ("lib.py", "idle", 1),
    ]
    assert [p.function.qualname for p in covered(run, sources, most=1)] == ["idle"]


def test_the_engine_is_asked_and_nothing_is_run(tmp_path: Path) -> None:
    found = library(tmp_path, LIB.replace("<", "<="))
    trials = asked(found, projects.runner(found.root), traced(found), 10)
    assert len(trials) == 10
    assert {t.must for t in trials} == {("test_lib.py::test_heavy",)}
    assert {t.keep for t in trials if t.swap} == {("test_lib.py::test_light",)}
    assert any(b"weight < LIMIT" in t.content for t in trials)


def test_a_mistake_is_put_where_a_test_notices(tmp_path: Path) -> None:
    found = library(tmp_path)
    run = traced(found)
    places = covered(run, sources_of(found.root, run)[0], most=2)
    (mistake,) = broken(found, tmp_path, places, count=1, each=5, seed=1)
    changed = (mistake.library.root / "lib.py").read_bytes()
    assert changed != (found.root / "lib.py").read_bytes()
    assert mistake.run.bad
    assert {t.must[0] for t in mistake.trials} <= set(mistake.run.bad)
    assert all(t.content != changed for t in mistake.trials)
