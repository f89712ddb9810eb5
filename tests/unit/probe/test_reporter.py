"""What the probe tells of each kind of test, on one project run once."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from reknit.probe.protocol import encode
from reknit.probe.reporter import Reporter
from reknit.runner.base import Failure, SuiteRun
from tests import projects

FILES = {
    "pytest.ini": "[pytest]\naddopts = -x\n",
    "conftest.py": """
        import pytest

        @pytest.fixture
        def broken():
            raise RuntimeError("in setup")

        @pytest.fixture
        def breaks_after():
            yield
            raise RuntimeError("in teardown")
        """,
    "lib.py": """
        class BadText(Exception):
            def __str__(self):
                raise ValueError("no text")

        class BadRepr:
            def __repr__(self):
                raise SystemExit(3)

        def deep(n):
            return deep(n - 1) if n else 1 / 0

        def burn():
            while True:
                pass

        def burn_and_swallow():
            while True:
                try:
                    burn()
                except BaseException:
                    pass
        """,
    "test_outcomes.py": """
        import pytest
        import lib

        def test_passes(): assert True
        def test_fails():
            number = 41
            assert number == 42, "the answer"
        def test_setup(broken): pass
        def test_teardown(breaks_after): pass
        def test_fails_and_teardown(breaks_after): assert 0, "first"
        def test_skips(): pytest.skip("why")
        @pytest.mark.skip
        def test_marked(): assert 0
        @pytest.mark.xfail
        def test_xfails(): assert 0
        @pytest.mark.xfail(raises=KeyError)
        def test_xfails_otherwise(): assert 0
        @pytest.mark.xfail(strict=True)
        def test_xpasses_strictly(): pass
        @pytest.mark.xfail(strict=False)
        def test_xpasses(): pass
        def test_fail_function(): pytest.fail("said so")
        def test_exits(): raise SystemExit(2)
        """,
    "test_strange.py": """
        import lib

        def test_bad_text(): raise lib.BadText
        def test_bad_local():
            bad = lib.BadRepr()
            assert 0
        def test_surrogates():
            text = "\\udce9"
            raise ValueError(text)
        def test_huge(): raise ValueError("x" * 10_000_000)
        def test_deep(): lib.deep(500)
        def test_recursion(): lib.deep(10**9)
        def test_nested_class_error():
            class Odd(Exception): pass
            raise Odd("odd")
        def test_shadows():
            class Meta(type):
                @property
                def __module__(cls): raise KeyError
            class E(Exception, metaclass=Meta): pass
            raise E("meta")
        """,
    "test_unittest.py": """
        import unittest

        class T(unittest.TestCase):
            def test_subtests(self):
                for i in range(3):
                    with self.subTest(i=i):
                        self.assertNotEqual(i, 1)
            def test_good(self):
                for i in range(3):
                    with self.subTest(i=i):
                        self.assertLess(i, 5)
            def test_skip(self): self.skipTest("why")
            @unittest.expectedFailure
            def test_expected(self): self.fail()
            @unittest.expectedFailure
            def test_unexpected(self): pass
        """,
    "test_fixtures.py": """
        import pytest

        @pytest.fixture(scope="class", params=["a", "b"])
        def thing(request):
            yield request.param

        class TestGroup:
            seen = []
            def test_one(self, thing): self.seen.append(thing)
            def test_two(self, thing): assert thing == "a", self.seen
        """,
    "test_hangs.py": """
        import signal
        import pytest
        import lib

        def test_burns(): lib.burn()
        def test_swallows(): lib.burn_and_swallow()
        @pytest.fixture
        def burning():
            yield
            lib.burn()
        def test_burns_after(burning): pass
        @pytest.mark.parametrize("n", range(4))
        def test_many(n): lib.burn()
        def test_next():
            assert True
        """,
}

OUTCOMES = {
    "test_outcomes.py::test_passes": "passed",
    "test_outcomes.py::test_fails": "failed",
    "test_outcomes.py::test_setup": "error",
    "test_outcomes.py::test_teardown": "error",
    "test_outcomes.py::test_fails_and_teardown": "failed",
    "test_outcomes.py::test_skips": "skipped",
    "test_outcomes.py::test_marked": "skipped",
    "test_outcomes.py::test_xfails": "xfailed",
    "test_outcomes.py::test_xfails_otherwise": "failed",
    "test_outcomes.py::test_xpasses_strictly": "failed",
    "test_outcomes.py::test_xpasses": "passed",
    "test_outcomes.py::test_fail_function": "failed",
    "test_outcomes.py::test_exits": "failed",
    "test_unittest.py::T::test_subtests": "failed",
    "test_unittest.py::T::test_good": "passed",
    "test_unittest.py::T::test_skip": "skipped",
    "test_unittest.py::T::test_expected": "xfailed",
    "test_unittest.py::T::test_unexpected": "failed",
    "test_fixtures.py::TestGroup::test_one[a]": "passed",
    "test_fixtures.py::TestGroup::test_two[a]": "passed",
    "test_fixtures.py::TestGroup::test_one[b]": "passed",
    "test_fixtures.py::TestGroup::test_two[b]": "failed",
    "test_hangs.py::test_burns": "failed",
    "test_hangs.py::test_swallows": "failed",
    "test_hangs.py::test_burns_after": "error",
    "test_hangs.py::test_next": "passed",
    **{f"test_hangs.py::test_many[{n}]": "failed" for n in range(4)},
    **{
        f"test_strange.py::test_{name}": "failed"
        for name in (
            "bad_text", "bad_local", "surrogates", "huge", "deep", "recursion", "nested_class_error", "shadows",
        )
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SuiteRun:
    folder = tmp_path_factory.mktemp("reporter")
    return projects.suite(projects.runner(projects.project(folder, FILES)), hang_seconds=0.4)


def failure(run: SuiteRun, test: str) -> Failure:
    found = run.tests[test].failure
    assert found is not None
    return found


def test_every_outcome(run: SuiteRun) -> None:
    """One run, in which `-x` of the project's own options stops nothing."""
    assert {t: r.outcome for t, r in run.tests.items()} == OUTCOMES
    assert (run.status, run.not_run, run.collect_errors) == (1, (), ())


def test_only_bad_tests_have_failures(run: SuiteRun) -> None:
    assert [t for t, r in run.tests.items() if r.bad == (r.failure is None)] == []


def test_a_failure_tells_where_and_with_what(run: SuiteRun) -> None:
    found = failure(run, "test_outcomes.py::test_fails")
    assert found.type == "AssertionError"
    assert found.message.startswith("the answer\nassert 41 == 42")
    assert found.local_variables == {"number": "41"}
    (frame,) = found.frames
    assert (frame.path, frame.function, frame.in_project) == ("test_outcomes.py", "test_fails", True)
    assert FILES["test_outcomes.py"].splitlines()[frame.line - 1].strip().startswith("assert number")


@pytest.mark.parametrize(
    ("test", "kind", "message"),
    [
        ("test_outcomes.py::test_setup", "RuntimeError", "in setup"),
        ("test_outcomes.py::test_teardown", "RuntimeError", "in teardown"),
        ("test_outcomes.py::test_fails_and_teardown", "AssertionError", "first\nassert 0"),
        ("test_outcomes.py::test_exits", "SystemExit", "2"),
        ("test_outcomes.py::test_xpasses_strictly", "Failed", "[XPASS(strict)]"),
        ("test_strange.py::test_bad_text", "lib.BadText", "<ValueError while it was printed>"),
        ("test_strange.py::test_surrogates", "ValueError", "\\udce9"),
        ("test_strange.py::test_deep", "ZeroDivisionError", "division by zero"),
        (
            "test_strange.py::test_nested_class_error",
            "test_strange.test_nested_class_error.<locals>.Odd",
            "odd",
        ),
        ("test_strange.py::test_shadows", "<KeyError while it was printed>", "meta"),
    ],
)
def test_type_and_message(run: SuiteRun, test: str, kind: str, message: str) -> None:
    found = failure(run, test)
    assert (found.type, found.message.strip()) == (kind, message)


def test_a_subtest_is_not_lost(run: SuiteRun) -> None:
    assert "1 == 1" in failure(run, "test_unittest.py::T::test_subtests").message


def test_huge_messages_are_cut(run: SuiteRun) -> None:
    assert failure(run, "test_strange.py::test_huge").message == "x" * 2000 + "…"


def test_a_local_that_cannot_be_printed(run: SuiteRun) -> None:
    found = failure(run, "test_strange.py::test_bad_local")
    assert found.local_variables == {"bad": "<SystemExit while it was printed>"}


def test_deep_tracebacks_keep_both_ends(run: SuiteRun) -> None:
    frames = failure(run, "test_strange.py::test_deep").frames
    assert (frames[0].function, frames[-1].function, len(frames)) == ("test_deep", "deep", 65)
    assert failure(run, "test_strange.py::test_recursion").type == "RecursionError"


def test_a_hang_is_a_failure_with_frames(run: SuiteRun) -> None:
    found = failure(run, "test_hangs.py::test_burns")
    assert (found.type, found.hung) == ("TestHung", True)
    assert found.message == "no end after 0.4 s of CPU time"
    assert [(f.path, f.function) for f in found.frames] == [("test_hangs.py", "test_burns"), ("lib.py", "burn")]


def test_a_test_that_cannot_be_ended_costs_its_process_only(run: SuiteRun) -> None:
    found = failure(run, "test_hangs.py::test_swallows")
    assert (found.type, found.hung) == ("TestStalled", True)
    assert ("lib.py", "burn_and_swallow") in [(f.path, f.function) for f in found.frames]


def test_siblings_of_a_hang_get_less(run: SuiteRun) -> None:
    messages = [failure(run, f"test_hangs.py::test_many[{n}]").message for n in range(4)]
    assert messages == ["no end after 0.4 s of CPU time"] + ["no end after 0.04 s of CPU time"] * 3


def test_only_what_hangs_is_said_to(run: SuiteRun) -> None:
    hung = {t for t, r in run.tests.items() if r.failure and r.failure.hung}
    assert hung == {t for t in OUTCOMES if t.startswith("test_hangs.py") and t != "test_hangs.py::test_next"}


class Item:
    nodeid = "test_a.py::test_f[1]"


def test_the_signal_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGPROF)
    reporter = Reporter(lambda _m: None, "/", hang_seconds=5)
    with reporter._limit(Item()):
        assert signal.getsignal(signal.SIGPROF) is not before
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 0
    assert signal.getsignal(signal.SIGPROF) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_what_hung_in_an_earlier_process_counts() -> None:
    reporter = Reporter(lambda _m: None, "/", hang_seconds=50, hung=["test_a.py::test_f[0]"])
    with reporter._limit(Item()):
        assert signal.getitimer(signal.ITIMER_PROF)[0] < 6


class Report:
    """A report as a plugin that runs a test again makes it."""

    when = "call"
    longreprtext = "text"

    def __init__(self, outcome: str) -> None:
        self.nodeid = "t"
        self.passed, self.failed, self.skipped = (outcome == o for o in ("passed", "failed", "skipped"))


@pytest.mark.parametrize(
    ("outcomes", "end"),
    [
        (["rerun", "passed"], "passed"),
        (["rerun", "rerun", "failed"], "failed"),
        (["skipped", "passed"], "passed"),
        (["failed", "passed"], "failed"),
    ],
)
def test_the_last_word_counts_and_a_failure_stays(outcomes: list[str], end: str) -> None:
    reporter = Reporter(lambda _m: None, "/")
    for outcome in outcomes:
        reporter.pytest_runtest_logreport(Report(outcome))
    assert reporter._state["outcome"] == end


def test_messages_can_be_sent(run: SuiteRun) -> None:
    """Whatever the program says, it is JSON and valid UTF-8 by then."""
    texts: Any = {t: r.failure.message for t, r in run.tests.items() if r.failure}
    assert json.loads(encode(texts)[4:].decode("ascii")) == texts
    assert [t for t in texts.values() if t != t.encode().decode()] == []


def test_only_wanted_tests_in_the_wanted_order(tmp_path: Path) -> None:
    files = {
        "sub/pytest.ini": "[pytest]\n",
        "sub/test_b.py": "def test_1(): pass\ndef test_2(): pass\n",
        "sub/test_a.py": "def test_1(): pass\n",
        "sub/test_broken.py": "import nothing_like_it\n",
    }
    tests = projects.runner(projects.project(tmp_path, files), "sub", "--continue-on-collection-errors")
    whole = projects.suite(tests)
    assert whole.collected == ("test_a.py::test_1", "test_b.py::test_1", "test_b.py::test_2")
    part = projects.suite(tests, tests=["test_b.py::test_2", "test_a.py::test_1"])
    assert (tuple(part.tests), part.status) == (("test_b.py::test_2", "test_a.py::test_1"), 0)
    assert (len(whole.collect_errors), len(part.collect_errors)) == (1, 0)
