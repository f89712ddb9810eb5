"""Which step judges a candidate: one whose original ends there as it does in a clean process."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import projects
from tests.unit.runner.judging import ADD, FILES, LIB, ZERO, Judge, kinds


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    found = Judge(tmp_path_factory.mktemp("ladder"), FILES)
    with found.pool:
        yield found


def differing(test: str) -> dict[str, str]:
    return {**FILES, "tests/test_lib.py": f"import lib\n{test}\n"}


#: Where everything is collected there is no terminal reporter.
NEEDS_TERMINAL = """
def test_add(request):
    request.config.pluginmanager.getplugin("terminalreporter").config
    assert lib.add(1, 2) == 3
"""
#: No step is without ticks.
NEEDS_NO_TICKS = """
import builtins
def test_add():
    if hasattr(builtins, "__reknit_tick__"): raise RuntimeError
    assert lib.add(1, 2) == 3
"""
#: It does not fail where candidates are judged.
ONLY_FAILS_IN_A_CLEAN_PROCESS = """
import builtins
def test_add(): assert hasattr(builtins, "__reknit_tick__") or lib.add(1, 2) == 3
"""


def test_a_step_whose_original_fails_otherwise_is_not_used(tmp_path: Path) -> None:
    judge = Judge(tmp_path, differing(NEEDS_TERMINAL))
    with judge.pool:
        attempt = judge.one(judge.add("return a + b"))
    assert (attempt.step, attempt.passed) == ("fresh", True)
    for step, why in zip(("direct", "collected"), judge.pool.steps_down, strict=True):
        assert why.startswith(f"{step}: tests/test_lib.py::test_add ends here with failed AttributeError, in a clean")


@pytest.mark.parametrize("test", [NEEDS_NO_TICKS, ONLY_FAILS_IN_A_CLEAN_PROCESS], ids=["otherwise", "not at all"])
def test_where_no_step_holds_nothing_is_judged(tmp_path: Path, test: str) -> None:
    judge = Judge(tmp_path, differing(test))
    with judge.pool:
        attempt = judge.one(judge.add("return a + b"))
    assert (attempt.passed, attempt.results) == (False, ())
    assert attempt.why == "; ".join(judge.pool.steps_down)
    assert [w.partition(":")[0] for w in judge.pool.steps_down] == ["direct", "collected", "fresh", "process"]


def test_a_kept_test_that_differs_here_speaks_against_nothing(tmp_path: Path) -> None:
    test = 'def test_zero(request): request.config.pluginmanager.getplugin("terminalreporter").config'
    judge = Judge(tmp_path, differing("def test_add(): assert lib.add(1, 2) == 3\n" + test))
    with judge.pool:
        attempt = judge.one(judge.add("return a + b", keep=[ZERO]))
    assert (attempt.step, attempt.passed, kinds(attempt)) == ("direct", True, ["passed"])


def test_a_collection_that_fails_is_no_verdict(tmp_path: Path) -> None:
    """What is collected only in a clean process cannot be judged here, and nothing is said to fail."""
    test = (
        "import builtins\nassert not hasattr(builtins, '__reknit_tick__')\ndef test_add(): assert lib.add(1, 2) == 3\n"
    )
    judge = Judge(tmp_path, differing(test))
    with judge.pool:
        attempt = judge.one(judge.add("return a + b"))
    assert (attempt.passed, attempt.results) == (False, ())
    assert "collected: tests/test_lib.py::test_add was not collected" in attempt.why


@pytest.mark.parametrize(
    "body",
    [
        "import sys\nsys.modules['test_lib'].test_add.__code__ = (lambda: None).__code__\nreturn 0",
        "import builtins\nbuiltins.AssertionError = SystemError\nimport lib\nlib.add = lambda a, b: 3\nreturn 3",
        "import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\nreturn 0",
    ],
    ids=["the test", "the function", "pytest"],
)
def test_the_original_must_fail_again_where_the_candidate_has_passed(judge: Judge, body: str) -> None:
    """What a candidate changes beside its own code makes the original pass too, once it has run."""
    trial = judge.add("import atexit\n" + body)
    direct = judge.pool._benches[0]["direct"]
    assert direct.control([ADD]) is None
    attempts = [direct.attempt(trial), direct.attempt(judge.add("return a + b"))]
    assert [a.passed for a in attempts] == [False, True]
    assert attempts[0].results == () or attempts[0].first_bad is not None


def test_what_a_candidate_leaves_behind_does_not_speak_against_it(judge: Judge) -> None:
    """It may be a cache: a fresh process judges."""
    attempt = judge.one(judge.add("import lib\nlib.add = lambda a, b: 3\nreturn a + b"))
    assert (attempt.step, attempt.passed) == ("fresh", True)


CACHED = """
import functools

@functools.lru_cache
def add(a, b):
    return a - b

FIRST = add(1, 2)
"""


def test_a_filled_cache_would_answer_for_the_candidate(tmp_path: Path) -> None:
    judge = Judge(tmp_path, {**FILES, "src/lib.py": CACHED, "tests/test_lib.py": FILES["tests/test_lib.py"]})
    trial = projects.trial(judge.root, LIB, "a - b", "a + b", must=[ADD], function=("add",))
    with judge.pool:
        attempt = judge.one(replace(trial, swap=replace(trial.swap, line=4)) if trial.swap else trial)
    assert (attempt.step, attempt.passed) == ("fresh", True)
    assert judge.pool.steps_down == ()


THREAD = """
import threading
STOP = threading.Event()
threading.Thread(target=STOP.wait, name="waiter", daemon=True).start()
"""


def test_where_threads_would_be_missing_the_candidate_starts_them_itself(tmp_path: Path) -> None:
    test = "def test_add():\n    import threading\n    assert len(threading.enumerate()) == 2\n    assert lib.add(1, 2) == 3"
    judge = Judge(tmp_path, {**differing(test), "tests/conftest.py": THREAD})
    with judge.pool:
        attempt = judge.one(judge.add("return a + b"))
    assert (attempt.step, attempt.passed) == ("fresh", True)
    why = "what runs beside the tests would be missing in a forked child: waiter"
    assert judge.pool.steps_down == (f"direct: {why}", f"collected: {why}")


def test_modules_that_do_not_survive_a_fork_are_imported_by_the_candidate(tmp_path: Path) -> None:
    judge = Judge(tmp_path, {**FILES, "src/grpc.py": "", "tests/conftest.py": "import grpc\n"})
    with judge.pool:
        attempt = judge.one(judge.add("return a + b"))
    assert (attempt.step, attempt.passed) == ("fresh", True)
    assert [why.rpartition(": ")[2] for why in judge.pool.steps_down] == ["grpc", "grpc"]


@pytest.mark.parametrize("seconds", [0, 3], ids=["starts", "sleeps"])
def test_what_nobody_waits_for_is_ended_at_once(judge: Judge, seconds: int) -> None:
    """One worker starts, or sleeps over a candidate, when another has the winner; both are ready for the next fault."""
    winner = judge.add(f"import time; time.sleep({seconds})\nreturn a + b")
    trials = [winner, judge.add("import time; time.sleep(100)\nreturn a + b")]
    with judge.open(jobs=2) as pool:
        began = -math.inf
        for _, attempt in pool.run(iter(trials)):
            assert attempt.passed
            began = time.monotonic()
            break
        assert time.monotonic() - began < 5
        assert pool.steps_down == ()
        again = [a for _, a in pool.run(iter([judge.add("return a * b"), judge.add("return a + b")]))]
    assert [(a.step, a.passed) for a in again] == [("direct", False), ("direct", True)]


def test_it_is_counted_which_step_has_judged(judge: Judge) -> None:
    trials = [judge.add("return 1"), judge.add("return 2"), judge.add("return a + b", step="fresh")]
    with judge.open() as pool:
        list(pool.run(iter(trials)))
    assert pool.judged == {"direct": 2, "fresh": 1}
