"""Candidates in forked workers: each gets its own verdict, whatever the one before it did."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import reknit.runner.workers
from reknit.runner.base import Step
from tests import projects
from tests.unit.runner.judging import FILES, KEPT, LIB, LIMIT, SKIPS, UP, ZERO, Judge, kinds

STEPS: tuple[Step, ...] = ("direct", "collected", "fresh")


@pytest.fixture(scope="module", params=[False, True], ids=["direct", "copy"])
def judge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    patch = pytest.MonkeyPatch()
    patch.setattr(reknit.runner.workers, "_MIN_SECONDS", 1.5)
    found = Judge(tmp_path_factory.mktemp("workers"), FILES, copying=request.param)
    with found.pool:
        yield found
    patch.undo()


@pytest.mark.parametrize("step", STEPS)
def test_a_right_and_a_wrong_candidate(judge: Judge, step: Step) -> None:
    right = judge.one(judge.add("return a + b", step=step, keep=[ZERO]), step)
    assert (right.step, right.passed, kinds(right)) == (step, True, ["passed", "passed"])
    assert right.ticks > 0
    wrong = judge.one(judge.add("return a * b", step=step, keep=[ZERO]), step)
    assert (wrong.step, wrong.passed, kinds(wrong)) == (step, False, ["AssertionError"])
    assert wrong.first_bad is not None
    assert wrong.first_bad.failure is not None
    assert [f.path for f in wrong.first_bad.failure.frames] == ["tests/test_lib.py"]
    assert judge.pool.steps_down == ()


@pytest.mark.parametrize("step", STEPS)
def test_what_a_candidate_breaks(judge: Judge, step: Step) -> None:
    attempt = judge.one(judge.add("return 3", step=step, keep=[ZERO]), step)
    assert (attempt.passed, kinds(attempt)) == (False, ["passed", "AssertionError"])


@pytest.mark.parametrize("step", STEPS)
def test_a_method(judge: Judge, step: Step) -> None:
    function = ("Counter", "up") if step != "fresh" else None
    trial = projects.trial(judge.root, LIB, "-= 1", "+= 1", must=[UP], function=function)
    attempt = judge.one(trial, step)
    assert (attempt.step, attempt.passed) == (step, True)


def test_module_level_code_goes_to_a_fresh_process(judge: Judge) -> None:
    attempt = judge.one(projects.trial(judge.root, LIB, "LIMIT = 3", "LIMIT = 4", must=[LIMIT]))
    assert (attempt.step, attempt.passed) == ("fresh", True)


def test_a_swap_that_cannot_be_goes_to_a_fresh_process(judge: Judge) -> None:
    """A closure that lives already would need another free variable."""
    trial = projects.trial(judge.root, LIB, "x - n", "x - n - m", must=[KEPT], function=("make",))
    attempt = judge.one(trial)
    assert (attempt.step, attempt.passed) == ("fresh", True)


@pytest.mark.parametrize("step", STEPS)
def test_a_syntax_error_is_no_traceback(judge: Judge, step: Step) -> None:
    attempt = judge.one(judge.add("return (", step=step), step)
    assert (attempt.passed, attempt.results) == (False, ())
    assert "SyntaxError" in attempt.why or "not loaded" in attempt.why


def test_a_file_that_no_test_imports_is_not_judged(judge: Judge) -> None:
    trial = replace(judge.add("return a + b", step="fresh"), path="src/other.py")
    attempt = judge.one(trial)
    assert (attempt.passed, attempt.results, attempt.why) == (False, (), "the candidate was not loaded")


@pytest.mark.parametrize("step", STEPS)
def test_to_skip_is_not_to_pass(judge: Judge, step: Step) -> None:
    attempt = judge.one(judge.add("import pytest\npytest.skip('no')", step=step), step)
    assert (attempt.passed, kinds(attempt)) == (False, ["skipped"])


def test_a_test_that_was_skipped_may_stay_so(judge: Judge) -> None:
    assert judge.one(judge.add("return a + b", keep=[SKIPS])).passed


HUNG = {
    "loop": "while True: pass",
    "swallow": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "sleep": "import time\ntime.sleep(1000)",
    "loop in C": "return sum(iter(int, 1))",
}
DIES = {
    "exit": "import os\nos._exit(0)",
    "exit, with a child that holds the pipe": "import os, time\nif os.fork() == 0: time.sleep(1000)\nos._exit(0)",
    "segfault": "import ctypes\nctypes.string_at(0)",
    "signal": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "group": "import os, signal\nos.killpg(0, signal.SIGKILL)",
}
WRITES = """\
import os, stat
for fd in range(3, 200):
    try:
        if stat.{}(os.fstat(fd).st_mode): os.write(fd, b"\\xff" * 64)
    except OSError: pass
return a - b"""
STRANGE = {
    "closes every descriptor": "import os\nos.closerange(0, 1000)\nreturn a - b",
    "writes into pipes": WRITES.format("S_ISFIFO"),
    "writes into sockets": WRITES.format("S_ISSOCK"),
    "raises what cannot be shown": (
        "class E(BaseException):\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\nraise E"
    ),
    "exits": "raise SystemExit(0)",
    "interrupts": "raise KeyboardInterrupt",
    "ends pytest": "import pytest\npytest.exit('enough')",
    "replaces the exit": "import os\nos._exit = lambda *_: None\nreturn a - b",
    "stops threads from ending": "import threading, time\nthreading.Thread(target=time.sleep, args=[99]).start()\nreturn 0",
    "recurses": "return add(a, b)",
    "leaves the folder": "import os, shutil, tempfile\nos.chdir(tempfile.mkdtemp())\nreturn 0",
    "blocks signals": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\nreturn 0",
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("body", [*HUNG.values(), *DIES.values(), *STRANGE.values()], ids=[*HUNG, *DIES, *STRANGE])
def test_the_next_candidate_gets_its_own_verdict(judge: Judge, step: Step, body: str) -> None:
    began = time.monotonic()
    attempt = judge.one(judge.add(body, step=step), step)
    assert not attempt.passed
    assert attempt.why != "the worker died"
    assert time.monotonic() - began < 60
    if body in HUNG.values():
        assert attempt.hung
    if body in DIES.values():
        assert (kinds(attempt), attempt.hung) == (["ProcessDied"], False)
    original = judge.one(judge.add("return a - b", step=step), step)
    assert (original.step, kinds(original), original.passed) == (step, ["AssertionError"], False)
    assert judge.one(judge.add("return a + b", step=step), step).passed


@pytest.mark.parametrize("step", STEPS)
def test_a_candidate_that_kills_its_parent(judge: Judge, step: Step) -> None:
    attempt = judge.one(
        judge.add("import os\nos.kill(os.getppid(), 9)\nos.killpg(os.getpgid(os.getppid()), 9)", step=step)
    )
    assert not attempt.passed
    # Refused, where the kernel can.
    assert kinds(attempt) == ["PermissionError"] or (attempt.results, attempt.why) == ((), "the worker died")
    assert kinds(judge.one(judge.add("return a - b", step=step), step)) == ["AssertionError"]


DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open({path!r}, "w") as file: file.write(str(os.getpid()))
        time.sleep(1000)
    os._exit(0)
while not os.path.exists({path!r}) or not os.path.getsize({path!r}): time.sleep(0.01)
return a - b
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_daemon_dies_with_its_candidate(judge: Judge, step: Step, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    attempt = judge.one(judge.add(DAEMON.format(path=str(path)).strip(), step=step), step)
    assert kinds(attempt) == ["AssertionError"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)


def test_a_helper_that_the_project_started_lives_on(tmp_path: Path) -> None:
    """It was there before the first candidate, and belongs to all of them."""
    helper = """
        import subprocess, sys
        HELPER = subprocess.Popen(
            [sys.executable, "-c", "while True: print(input(), flush=True)"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )
        """
    test = """
        import lib
        from conftest import HELPER
        def test_add():
            HELPER.stdin.write(b"up?\\n")
            assert HELPER.stdout.readline() == b"up?\\n"
            assert lib.add(1, 2) == 3
        """
    judge = Judge(tmp_path, {**FILES, "conftest.py": helper, "tests/test_lib.py": test})
    with judge.pool:
        found = [judge.one(judge.add(body)) for body in ("return 0", "return 1", "return a + b")]
    assert [(a.step, a.passed) for a in found] == [("direct", False), ("direct", False), ("direct", True)]


def test_answers_come_in_the_order_of_the_questions(judge: Judge) -> None:
    bodies = [f"import time\ntime.sleep({0.3 if n % 3 == 0 else 0})\nreturn a + b + {n % 4}" for n in range(10)]
    trials = [judge.add(body) for body in bodies]
    with judge.open(jobs=2) as pool:
        found = list(pool.run(iter(trials)))
    assert [t for t, _ in found] == trials
    assert [a.passed for _, a in found] == [n % 4 == 0 for n in range(10)]
    assert pool.cpu_seconds > 0


def test_who_asks_no_further_waits_for_nothing(judge: Judge) -> None:
    endless = (judge.add("return 3") for _ in iter(int, 1))
    with judge.open(jobs=2) as pool:
        for _, attempt in pool.run(endless):
            assert attempt.passed
            break


def test_fuel_is_what_the_caller_says(judge: Judge) -> None:
    body = "for _ in range(1000): pass\nreturn a + b"
    with judge.open(fuel=500) as pool:
        ((_, attempt),) = list(pool.run(iter([judge.add(body)])))
    assert (attempt.passed, attempt.hung, kinds(attempt)) == (False, True, ["OutOfFuel"])
    with judge.open(fuel=5000) as pool:
        ((_, attempt),) = list(pool.run(iter([judge.add(body)])))
    assert (attempt.passed, attempt.hung) == (True, False)


def test_a_candidate_that_waits_is_broken_off_when_the_run_must_end(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the time was up says nothing about it: it is neither rejected nor kept for more fuel."""
    monkeypatch.setattr(reknit.runner.workers, "_MIN_SECONDS", 60.0)
    began = time.monotonic()
    with judge.open(deadline=began + 6) as pool:
        ((_, right),) = list(pool.run(iter([judge.add("return a + b")])))
        ((_, waiting),) = list(pool.run(iter([judge.add("import time; time.sleep(100)")])))
    assert right.passed
    assert (waiting.results, waiting.hung, waiting.passed, waiting.why) == ((), False, False, "time was up")
    assert time.monotonic() - began < 20


def test_a_step_that_time_was_too_short_for_is_no_step_that_does_not_hold(judge: Judge) -> None:
    with judge.open(deadline=time.monotonic()) as pool:
        ((_, late),) = list(pool.run(iter([judge.add("return a + b")])))
    assert (late.results, late.why, pool.steps_down) == ((), "time was up", ())


def test_no_process_is_left(judge: Judge) -> None:
    import psutil

    before = {p.pid for p in psutil.Process().children(recursive=True)}
    with judge.open(jobs=2) as pool:
        list(pool.run(iter([judge.add("return 0"), judge.add("return 0", step="fresh")])))
        started = {p.pid for p in psutil.Process().children(recursive=True)} - before
        assert started
    assert not [pid for pid in started if psutil.pid_exists(pid)]
