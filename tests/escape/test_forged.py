"""No pass is accepted that a candidate has forged: in the clean process, which it shares with what reports on it."""

from __future__ import annotations

import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.model.verdict import CheckStatus
from reknit.verify.suite import Heard, SuiteCheck
from tests import projects
from tests.escape.hostile import ADD, ENDS, FILES, FORGES, FRAMES, LIB, SPOILS
from tests.escape.jail import open_jail

#: At import, before a test has run.
AT_IMPORT = {
    "pytest's call": "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None",
    "the outcome of a report": (
        "from _pytest.reports import TestReport\nTestReport.failed = property(lambda self: False)\n"
        "TestReport.passed = property(lambda self: True)"
    ),
    "the exception's name": "import builtins\nbuiltins.AssertionError = type('AssertionError', (SystemExit,), {})",
    "unittest": "import unittest\nunittest.TestCase.assertEqual = lambda *_: None",
    "an exit": "import os\nos._exit(0)",
    "an exit at the end": "import atexit, os\natexit.register(os._exit, 0)",
    "skips": "import pytest\npytest.skip('no', allow_module_level=True)",
    "another collection": "import sys, os\nos.environ['PYTEST_ADDOPTS'] = '--collect-only'\nsys.argv[1:] = ['--collect-only']",
    "an empty test": (
        "import builtins\nold = builtins.__build_class__\nimport _pytest.python as p\n"
        "p.pytest_pyfunc_call = lambda pyfuncitem: True"
    ),
    "the hooks": (
        "import _pytest.runner as r\ndef quiet(item, nextitem):\n    return True\nr.pytest_runtest_protocol = quiet\n"
        "r.runtestprotocol = lambda item, log=True, nextitem=None: []"
    ),
    "the tests' data": (
        "import pathlib\ntable = pathlib.Path(__file__).parents[1] / 'tests/table.txt'\ntable.write_text('-1')\n"
        "other.add = lambda a, b: 5"
    ),
    "the tests' data, put back": (
        "import atexit, pathlib\ntable = pathlib.Path(__file__).parents[1] / 'tests/table.txt'\nwas = table.read_text()\n"
        "table.write_text('-1')\natexit.register(table.write_text, was)"
    ),
    "itself": "import pathlib\nhere = pathlib.Path(__file__)\nhere.write_text(here.read_text().replace('a - b', 'a + b'))",
    "a plug-in of its own": (
        "import gc\nfrom _pytest.config import PytestPluginManager\nclass Kind:\n"
        "    def pytest_pyfunc_call(self, pyfuncitem): return True\n"
        "for m in gc.get_objects():\n    if isinstance(m, PytestPluginManager): m.register(Kind())"
    ),
    "the caller of hooks": (
        "import gc\nfrom _pytest.config import PytestPluginManager\n"
        "for m in gc.get_objects():\n    if isinstance(m, PytestPluginManager):\n"
        "        old = m._inner_hookexec\n"
        "        m._inner_hookexec = lambda n, *a, old=old: True if n == 'pytest_pyfunc_call' else old(n, *a)"
    ),
    "the probe": (
        "import sys\nR = sys.modules['_reknit_probe.reporter'].Reporter\nold = R.pytest_runtest_logreport\n"
        "def lies(self, report):\n    report.outcome = 'passed'\n    old(self, report)\nR.pytest_runtest_logreport = lies"
    ),
}
#: With all that an end of the probe's holds, but for what only it knows.
KNOWING = FRAMES.replace('"files":', '"changed": [], "marks": {}, "files":').strip()
GARBLED = FRAMES.replace('"outcome": "passed"', '"outcome": 3, "failure": 4').strip()
FORGED = {
    "when called: frames that know of the witness": f"def add(a, b):\n{textwrap.indent(KNOWING, '    ')}",
    "when called: frames that cannot be read": f"def add(a, b):\n{textwrap.indent(GARBLED, '    ')}",
    **{f"when called: {name}": f"def add(a, b):\n{textwrap.indent(body, '    ')}" for name, body in FORGES.items()},
    **{
        f"ends: {name}": f"def add(a, b):\n{textwrap.indent(ENDS[name], '    ')}"
        for name in ("os._exit(0)", "sys.exit(0)", "ends pytest")
    },
    "when called: patches pytest": f"def add(a, b):\n{textwrap.indent(SPOILS['patches pytest'], '    ')}\n    return a - b",
    **{f"at import: {name}": f"{body}\ndef add(a, b): return a - b" for name, body in AT_IMPORT.items()},
}


@pytest.fixture(scope="module", params=[pytest.param("bubblewrap", marks=pytest.mark.needs_tool("bwrap")), "landlock"])
def check(request: pytest.FixtureRequest) -> Iterator[SuiteCheck]:
    # Not pytest's own: inside, a folder of that name is the tests' to make.
    with tempfile.TemporaryDirectory(prefix="reknit-test-") as folder:
        root = projects.project(Path(folder), FILES)
        runner = projects.runner(root, sandbox=open_jail(request.param))
        yield SuiteCheck(
            runner=runner,
            baseline=projects.suite(runner),
            must_pass=(ADD,),
            whole=True,
            selected=False,
            hang_seconds=1.0,
        )


def heard(check: SuiteCheck, source: str) -> Heard:
    return check.judge({LIB: f"import other\n{source}".encode()}, deadline=time.monotonic() + 60)


def test_an_honest_patch_is_accepted(check: SuiteCheck) -> None:
    found = heard(check, "def add(a, b):\n    return a + b\n")
    assert (found.word.status, found.run.changed) == (CheckStatus.PASSED, frozenset())
    assert found.run.marks.keys() == found.run.tests.keys()


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_pass_is_refused(check: SuiteCheck, name: str) -> None:
    found = heard(check, FORGED[name])
    assert found.word.status is CheckStatus.FAILED, (found.word, found.run.tests)


def test_without_that_look_some_would_be_accepted(check: SuiteCheck, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what is refused here are forgeries, not failures."""
    monkeypatch.setattr("reknit.verify.suite._Hearing._meddled", lambda _self, _run: [])
    monkeypatch.setattr("reknit.verify.suite._Hearing._rewrites", lambda _self, _run, whole: [])
    taken = {name for name in FORGED if heard(check, FORGED[name]).word.status is CheckStatus.PASSED}
    forged = (
        "the tests' data",
        "the outcome of a report",
        "pytest's call",
        "a plug-in of its own",
        "the caller of hooks",
    )
    assert taken >= {f"at import: {name}" for name in forged}
    assert len(taken) >= 7, taken
