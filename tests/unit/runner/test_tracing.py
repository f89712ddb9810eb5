"""How tests are traced depends on how long they take; what is seen does not."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reknit.runner.base import Failure, TestRun
from reknit.runner.pytest import _QUICK, _seconds
from tests.projects import project, runner, suite
from tests.unit.verify.stage import suite as answers

FILES = {
    "pytest.ini": "[pytest]\naddopts = -p plug\n",
    "plug.py": """
        import pytest
        import lib

        @pytest.fixture
        def three():
            return lib.twice(1.5)
    """,
    "conftest.py": "from lib import twice\n\nSIX = twice(3)\n",
    "lib.py": "def twice(n):\n    return n + n\n",
    "late.py": "LATE = 1\n\n\ndef late():\n    return LATE\n",
    "test_a.py": """
        def test_a(three):
            assert three == 3

        def test_b():
            import late
            assert late.late() == 2
    """,
}


def traced(root: Path, **options: Any) -> Any:
    """A traced run after one that is not, whose tests took no time."""
    tests = runner(root, env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": "."})
    suite(tests)
    return suite(tests, trace=True, **options)


def test_quick_tests_are_traced_without_coverage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing begins with the first of the project's files, be it a plug-in, a conftest or a module."""
    pytest.importorskip("coverage")
    root = project(tmp_path, FILES)
    quick = traced(root)
    monkeypatch.setattr("reknit.runner.pytest._QUICK", 0.0)
    slow = traced(root)
    assert "coverage" not in quick.tracer
    assert quick.coverage == slow.coverage
    assert {"plug.py", "conftest.py", "lib.py", "test_a.py"} <= quick.coverage[""].keys()
    assert quick.coverage["test_a.py::test_b"]["late.py"] == {1, 4, 5}


def test_of_what_hangs_nothing_is_known() -> None:
    """A test whose process was ended has taken no time that anybody has told."""
    hung = TestRun(test="two", outcome="error", seconds=0.0, failure=Failure(type="TestStalled", message="", hung=True))
    known = answers({"one": "passed"})
    assert _seconds(known) < _QUICK
    assert _seconds(replace(known, tests={**known.tests, "two": hung})) == math.inf
    assert _seconds(replace(known, tests={})) == math.inf
