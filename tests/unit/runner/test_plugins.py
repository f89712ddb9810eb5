"""Pytest's plug-ins beside the probe: those that would hide tests, trace them, or bring items of their own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests import projects


@pytest.mark.parametrize(
    ("plugin", "options"), [("xdist", "-n 2"), ("xdist", "-n 2 --dist=loadfile"), ("pytest_cov", "--cov=lib")]
)
def test_plugins_that_would_hide_tests(tmp_path: Path, plugin: str, options: str) -> None:
    spec = importlib.util.find_spec(plugin)
    if spec is None or spec.origin is None:
        pytest.skip(f"needs {plugin}")
    name = {"xdist": "xdist.plugin", "pytest_cov": "pytest_cov.plugin"}[plugin]
    files = {
        "pytest.ini": f"[pytest]\naddopts = -p {name} {options}\n",
        "lib.py": "",
        "test_a.py": "import os, sys, lib\nPID = os.getpid()\n"
        "def test_one_process(): assert os.environ.get('PYTEST_XDIST_WORKER') is None\n"
        "def test_no_tracer(): assert sys.gettrace() is None\n",
    }
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(Path(spec.origin).parent.parent)}
    run = projects.suite(projects.runner(projects.project(tmp_path, files), env=env))
    assert {t: r.outcome for t, r in run.tests.items()} == {
        "test_a.py::test_one_process": "passed",
        "test_a.py::test_no_tracer": "passed",
    }


@pytest.mark.parametrize("trace", [False, True])
def test_a_plugin_that_names_the_sources_of_coverage_late(tmp_path: Path, trace: bool) -> None:
    """As pytest-enabler does, in the hook at which pytest-cov starts."""
    spec = importlib.util.find_spec("pytest_cov")
    if spec is None or spec.origin is None:
        pytest.skip("needs pytest_cov")
    late = "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_load_initial_conftests(early_config):\n    early_config.known_args_namespace.cov_source = ['lib']\n"
    files = {
        "pytest.ini": "[pytest]\naddopts = -p pytest_cov.plugin -p late\n",
        "late.py": late,
        "lib.py": "def one():\n    return 1\n",
        "test_a.py": "import sys, lib\ndef test_one(): assert lib.one() == 1\ndef test_two(): assert lib.one() == 1\n",
    }
    env = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(Path(spec.origin).parent.parent)}
    run = projects.suite(projects.runner(projects.project(tmp_path, files), env=env), trace=trace)
    assert (run.status, run.bad, len(run.tests)) == (0, (), 2), run.output
    if trace:
        assert run.coverage["test_a.py::test_two"]["lib.py"] == frozenset({2})
    else:
        assert "coverage" not in run.facts.modules


def test_what_is_neither_a_function_nor_an_example_is_told_apart(tmp_path: Path) -> None:
    files = {
        "conftest.py": "import pytest\nclass Linted(pytest.Item):\n    def runtest(self): raise ValueError('long line')\n"
        "class File(pytest.File):\n    def collect(self): return [Linted.from_parent(self, name='lint')]\n"
        "def pytest_collect_file(file_path, parent):\n"
        "    return File.from_parent(parent, path=file_path) if file_path.name == 'lib.py' else None\n",
        "lib.py": '"""\n>>> 1 + 1\n2\n"""\n',
        "test_a.py": "import unittest\ndef test_a(): pass\nclass TestB:\n    def test_b(self): pass\n"
        "class C(unittest.TestCase):\n    def test_c(self): pass\n",
    }
    run = projects.suite(projects.runner(projects.project(tmp_path, files), "--doctest-modules"))
    assert len(run.tests) == 5
    assert (run.bad, run.foreign) == (("lib.py::lint",), {"lib.py::lint": "Linted"})
