"""Without pytest's reports around it, a test ends as it does with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from reknit.runner.base import SuiteRun
from reknit.runner.ladder import Pool
from tests import projects

LIB = """
def add(a, b):
    return a - b
"""
CONFTEST = """
import pytest

SEEN = []

def pytest_runtest_setup(item):
    SEEN.append(item.name)
    if item.name == "test_that_the_setup_hook_refuses":
        pytest.fail("refused by a hook")

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    outcome = yield
    if item.name == "test_that_a_wrapper_fails":
        outcome.force_exception(LookupError("by a wrapper"))
    if item.name == "test_that_a_wrapper_saves":
        outcome.force_result(None)

@pytest.fixture
def broken():
    raise OSError("in a fixture")

@pytest.fixture
def late():
    yield 1
    raise EOFError("after the test")
"""
TESTS = """
import logging, os, sys, threading, unittest, warnings
import pytest
from conftest import SEEN
import lib

def test_passes(): pass
def test_fails(): assert lib.add(1, 2) == 3
def test_raises(): raise KeyError("a")
def test_exits(): sys.exit(3)
def test_skips(): pytest.skip("no")
def test_skips_as_unittest_does(): raise unittest.SkipTest("no")
def test_expects_to_fail(): pytest.xfail("known")
def test_fails_by_word(): pytest.fail("said")
def test_imports_or_skips(): pytest.importorskip("no_such_module")
def test_with_a_broken_fixture(broken): pass
def test_with_a_late_fixture(late): assert late == 1
def test_fails_and_then_the_fixture(late): assert late == 2
def test_wants_a_fixture_that_nobody_defines(nobody): pass
def test_hooks_run(request): assert SEEN[-1] == request.node.name
def test_that_the_setup_hook_refuses(): pass
def test_that_a_wrapper_fails(): pass
def test_that_a_wrapper_saves(): assert False
def test_its_name_is_known(): assert os.environ["PYTEST_CURRENT_TEST"].endswith("test_its_name_is_known (call)")

@pytest.mark.skip
def test_marked_skip(): assert False
@pytest.mark.skipif(sys.version_info > (3,), reason="now")
def test_marked_skipif(): assert False
@pytest.mark.xfail
def test_marked_xfail(): assert False
@pytest.mark.xfail(strict=True)
def test_marked_xfail_and_passes(): pass
@pytest.mark.filterwarnings("error")
def test_marked_filterwarnings(): warnings.warn("x")
def test_marks_itself(request):
    request.node.add_marker(pytest.mark.xfail)
    assert False

def test_tmp_path(tmp_path):
    (tmp_path / "a").write_text("a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a"]
def test_monkeypatch(monkeypatch):
    monkeypatch.setattr(lib, "add", lambda a, b: 3)
    assert lib.add(1, 2) == 3
def test_capsys(capsys):
    print("out"); print("err", file=sys.stderr)
    assert tuple(capsys.readouterr()) == ("out\\n", "err\\n")
def test_capfd(capfd):
    os.write(1, b"out"); os.write(2, b"err")
    assert tuple(capfd.readouterr()) == ("out", "err")
def test_stdin_is_closed():
    with pytest.raises(OSError): sys.stdin.read()
def test_prints_much(): print("x" * 100_000)
def test_caplog(caplog):
    logging.getLogger().warning("w")
    assert [r.message for r in caplog.records] == ["w"]
def test_a_log_record_that_cannot_be_formatted(): logging.getLogger("a.b").warning("%d", "x")
def test_a_log_record(): logging.getLogger("a.b").warning("%d", 3)
def test_debug_logs_are_not_shown(): logging.getLogger("a.b").debug("%d", "x")
def test_recwarn(recwarn):
    warnings.warn("a", DeprecationWarning)
    assert [w.category for w in recwarn] == [DeprecationWarning]
def test_pytest_warns():
    with pytest.warns(UserWarning): warnings.warn("a")
def test_pytest_warns_not():
    with pytest.warns(UserWarning): pass
def test_deprecations_are_heard():
    with warnings.catch_warnings(record=True) as seen:
        warnings.warn("a", DeprecationWarning)
        warnings.warn("a", DeprecationWarning)
    assert len(seen) == 2
def test_warns_only(): warnings.warn("w", RuntimeWarning)
def test_a_thread_that_raises():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start(); thread.join()

@pytest.mark.parametrize("n", [1, 2])
def test_parametrised(n): assert n == 1
@pytest.mark.usefixtures("late")
def test_marked_usefixtures(): pass

class TestState:
    @classmethod
    def setup_class(cls): cls.n = 1
    def setup_method(self): self.m = 1
    def teardown_method(self): assert self.m == 1, "torn"
    def test_it(self): assert (self.n, self.m) == (1, 1)
    def test_its_end(self): self.m = 2
class TestBrokenSetup:
    @classmethod
    def setup_class(cls): raise ZeroDivisionError
    def test_it(self): pass

class Case(unittest.TestCase):
    def setUp(self): self.n = 1
    def tearDown(self): assert self.n == 1
    def test_passes(self): self.assertEqual(self.n, 1)
    def test_fails(self): self.assertEqual(lib.add(1, 2), 3)
    def test_raises(self): raise KeyError("a")
    def test_skips(self): self.skipTest("no")
    def test_tears_down_badly(self): self.n = 2
    @unittest.skip("no")
    def test_decorated_skip(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()
    @unittest.expectedFailure
    def test_expected_and_passes(self): pass
    def test_parts(self):
        for n in (1, 2):
            with self.subTest(n=n): self.assertEqual(n, 1)
    def test_cleans_up_badly(self): self.addCleanup(lambda: 1 / 0)
class BrokenCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise ZeroDivisionError
    def test_it(self): pass

def documented():
    '''
    >>> lib.add(1, 2)
    -1
    >>> lib.add(1, 2)
    3
    '''
"""
FILES = {"pytest.ini": "[pytest]\npythonpath = src .\naddopts = --doctest-modules\n", "src/lib.py": LIB}
#: With warnings as errors, what a thread raises fails the test.
STRICT = {"pytest.ini": "[pytest]\npythonpath = src .\naddopts = --doctest-modules\nfilterwarnings = error\n"}


class Zoo:
    """Tests of every kind, as they end in a clean process, and workers for them."""

    def __init__(self, folder: Path, **files: str) -> None:
        self.root = projects.project(folder, {**FILES, **files, "conftest.py": CONFTEST, "test_zoo.py": TESTS})
        self.runner = projects.runner(self.root)
        self.run: SuiteRun = projects.suite(self.runner)

    def pool(self) -> Pool:
        return self.runner.trials(tests=self.run.collected, baseline=self.run, jobs=1, fuel=None, deadline=math.inf)


@pytest.fixture(scope="module", params=[{}, STRICT], ids=["plain", "strict"])
def zoo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Zoo, Pool]]:
    found = Zoo(tmp_path_factory.mktemp("zoo"), **request.param)
    with found.pool() as pool:
        yield found, pool


def kind(run: object) -> tuple[str, ...]:
    failure = getattr(run, "failure", None)
    return (getattr(run, "outcome", ""), *((failure.type, failure.message) if failure else ()))


def test_it_ends_as_in_a_clean_process(zoo: tuple[Zoo, Pool]) -> None:
    """One after the other, and each in a process of its own; what cannot be judged is not judged wrongly."""
    found, pool = zoo
    direct, whole = pool._benches[0]["direct"], pool._benches[0]["collected"]
    differing, refused = {}, set()
    for test, known in found.run.tests.items():
        attempt = direct._original([test], fuel=None)
        if not attempt.results:
            refused.add(test.partition("::")[2])
            continue
        (run,) = attempt.results
        if kind(run)[:2] != kind(known)[:2]:
            differing[test] = kind(run), kind(known)
    assert not differing
    assert len(found.run.tests) > 55
    assert refused == {"test_marks_itself"}
    assert whole._original(["test_zoo.py::test_marks_itself"], fuel=None).results


def test_together_they_end_alike_too(zoo: tuple[Zoo, Pool]) -> None:
    """Fixtures of classes and modules are set up and torn down between the tests that share them."""
    found, pool = zoo
    tests = [t for t in found.run.tests if not t.endswith("test_marks_itself")]
    attempt = pool._benches[0]["direct"]._original(tests, fuel=None)
    ended = {r.test: kind(r)[:2] for r in attempt.results}
    assert ended == {t: kind(found.run.tests[t])[:2] for t in tests}
