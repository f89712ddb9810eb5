"""A suite in clean processes: whatever one test does costs its own result only."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

import reknit.runner.suite
from reknit.errors import CannotJudgeError, SandboxError
from reknit.probe.protocol import Message
from reknit.runner.base import TestRun
from reknit.runner.suite import _stall, _State, as_run, death, facts, run_suite, told
from tests import projects

DEADLY = {
    "test_deadly.py": """
        import ctypes
        import os
        import signal
        import time
        import pytest

        def test_first(): pass
        def test_exits(): os._exit(0)
        def test_between(): assert 0
        def test_segfaults(): ctypes.string_at(0)
        def test_killed(): os.kill(os.getpid(), signal.SIGKILL)
        @pytest.mark.parametrize("n", range(2))
        def test_sleeps(n): time.sleep(1000)
        def test_closes_everything():
            os.closerange(3, 1000)
            time.sleep(1000)
        def test_last(): pass
        """
}


def test_each_costs_its_own_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reknit.runner.suite, "_STALL_SECONDS", 2.0)
    monkeypatch.setattr(reknit.runner.suite, "_STALL_FACTOR", 0.1)
    run = projects.suite(projects.runner(projects.project(tmp_path, DEADLY)))
    found = {
        t.partition("::")[2]: (r.outcome, r.failure and (r.failure.type, r.failure.message))
        for t, r in run.tests.items()
    }
    between = found.pop("test_between")
    closes = found.pop("test_closes_everything")
    assert between[0] == "failed"
    assert closes[0] == "error"
    assert found == {
        "test_first": ("passed", None),
        "test_exits": ("error", ("ProcessDied", "the process ended itself with status 0")),
        "test_segfaults": ("error", ("ProcessDied", "the process died of signal 11")),
        "test_killed": ("error", ("ProcessDied", "the process died of signal 9")),
        "test_sleeps[0]": ("error", ("TestStalled", "no end after 2 s")),
        "test_sleeps[1]": ("error", ("TestStalled", "no end after 0 s")),
        "test_last": ("passed", None),
    }
    assert (run.not_run, run.status) == ((), 0)
    assert len(run.collected) == 9
    hung = {t for t, r in run.tests.items() if r.failure and r.failure.hung}
    assert hung == {"test_deadly.py::test_sleeps[0]", "test_deadly.py::test_sleeps[1]"}


def test_what_a_process_used_before_it_died_is_counted(tmp_path: Path) -> None:
    works = "def test_works():\n    end = time.process_time() + 0.5\n    while time.process_time() < end: pass\n"
    files = {"test_a.py": f"import os, time\n{works}def test_dies(): os._exit(1)\n"}
    assert projects.suite(projects.runner(projects.project(tmp_path, files))).cpu_seconds > 0.5


def test_a_module_that_cannot_be_collected(tmp_path: Path) -> None:
    files = {"test_a.py": "def test_good(): pass\n", "test_b.py": "import nothing_like_it\n"}
    run = projects.suite(projects.runner(projects.project(tmp_path, files)))
    ((module, text),) = run.collect_errors
    assert module == "test_b.py"
    assert "nothing_like_it" in text
    assert (run.status, list(run.tests)) == (1, ["test_a.py::test_good"])


def test_a_process_that_dies_while_it_is_traced_leaves_no_result_without_lines(tmp_path: Path) -> None:
    files = {
        "lib.py": "def f():\n    return 1\n",
        "test_a.py": "import lib, os\ndef test_a(): assert lib.f()\ndef test_b(): os._exit(3)\ndef test_c(): assert lib.f()\n",
    }
    run = projects.suite(projects.runner(projects.project(tmp_path, files)), trace=True)
    assert [(t[-1], r.outcome) for t, r in run.tests.items()] == [("b", "error"), ("a", "passed"), ("c", "passed")]
    assert all(run.coverage[f"test_a.py::test_{n}"]["lib.py"] == {2} for n in "ac")


INTERNAL_ERROR = """\
INTERNALERROR> Traceback
INTERNALERROR>   File "a.py", line 1, in f
INTERNALERROR>     x
INTERNALERROR>   File "b.py", line 2, in g
INTERNALERROR>     1/0
INTERNALERROR> ZeroDivisionError
"""


@pytest.mark.parametrize(
    ("output", "left"),
    [
        ("===== test session starts =====\nplatform x\nrootdir: /\n\nsaid\n", "said"),
        (
            INTERNAL_ERROR,
            '   File "b.py", line 2, in g\n     1/0\n ZeroDivisionError',
        ),
        ("line\n" * 100, "\n".join(["line"] * 20)),
        ("", ""),
    ],
    ids=["header", "internal error", "long", "nothing"],
)
def test_what_is_told_of_the_output(output: str, left: str) -> None:
    assert told(output) == left


def test_named_tests_that_time_was_too_short_for_are_not_run(tmp_path: Path) -> None:
    tests = projects.runner(
        projects.project(tmp_path, {"test_a.py": "import time\ntime.sleep(60)\ndef test_a(): pass\n"})
    )
    run = tests.suite(tests=["test_a.py::test_a"], deadline=time.monotonic() + 1, hang_seconds=1)
    assert (run.tests, run.not_run, run.status) == ({}, ("test_a.py::test_a",), None)
    with pytest.raises(CannotJudgeError, match="had not listed the tests when time was up") as caught:
        tests.suite(deadline=time.monotonic() + 1, hang_seconds=1)
    assert caught.value.slug == "too-slow"


def test_no_tests(tmp_path: Path) -> None:
    tests = projects.runner(projects.project(tmp_path, {"lib.py": ""}))
    with pytest.raises(CannotJudgeError) as caught:
        projects.suite(tests)
    assert caught.value.slug == "no-tests"


@pytest.mark.parametrize("argument", ["--version", "--markers"])
def test_a_run_that_collects_nothing_is_no_healthy_one(tmp_path: Path, argument: str) -> None:
    tests = projects.runner(projects.project(tmp_path, {"test_a.py": "def test_a(): assert 0\n"}), argument)
    with pytest.raises(CannotJudgeError) as caught:
        projects.suite(tests)
    assert caught.value.slug == "no-tests"


def test_a_test_that_interrupts_pytest_costs_its_own_result(tmp_path: Path) -> None:
    text = "import pytest\ndef test_a(): pytest.exit('no')\ndef test_b(): raise KeyboardInterrupt\ndef test_c(): pass\n"
    run = projects.suite(projects.runner(projects.project(tmp_path, {"test_a.py": text})))
    assert [(t[-1], r.outcome) for t, r in run.tests.items()] == [("a", "error"), ("b", "error"), ("c", "passed")]
    assert run.not_run == ()


def test_arguments_that_pytest_does_not_know(tmp_path: Path) -> None:
    tests = projects.runner(projects.project(tmp_path, {"test_a.py": "def test_a(): pass\n"}), "--nonsense")
    with pytest.raises(CannotJudgeError, match="--nonsense") as caught:
        projects.suite(tests)
    assert caught.value.slug == "pytest-usage"


def test_a_conftest_that_ends_the_process(tmp_path: Path) -> None:
    files = {"conftest.py": "import os, sys\nprint('last words', flush=True)\nos._exit(1)\n", "test_a.py": ""}
    tests = projects.runner(projects.project(tmp_path, files), "-s")
    with pytest.raises(CannotJudgeError, match="last words") as caught:
        projects.suite(tests)
    assert caught.value.slug == "no-collection"


def test_an_interpreter_without_pytest(tmp_path: Path) -> None:
    """Here: one that cannot find it."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'pytest':\n"
        "            sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        "sys.meta_path.insert(0, Blocker())\n"
    )
    root = projects.project(tmp_path, {"test_a.py": "def test_a(): pass\n"})
    tests = projects.runner(root, env={"PYTHONPATH": str(blocked)})
    with pytest.raises(CannotJudgeError, match="has no pytest") as caught:
        projects.suite(tests)
    assert caught.value.slug == "no-pytest"


def test_out_of_time(tmp_path: Path) -> None:
    """What has no result is said to have none, and does not count as failed."""
    files = {"test_a.py": "import time\ndef test_a(): pass\ndef test_b(): time.sleep(1000)\ndef test_c(): pass\n"}
    tests = projects.runner(projects.project(tmp_path, files))
    began = time.monotonic()
    run = projects.suite(tests, seconds=8)
    assert (run.not_run, run.status) == (("test_a.py::test_b", "test_a.py::test_c"), None)
    assert list(run.tests) == ["test_a.py::test_a"]
    assert time.monotonic() - began < 25


def test_an_end_that_does_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All results are there: nobody waits for the whole of the time."""
    monkeypatch.setattr(reknit.runner.suite, "_STALL_SECONDS", 1.0)
    monkeypatch.setattr(reknit.runner.suite, "_STALL_FACTOR", 0.1)
    files = {
        "conftest.py": "import time\ndef pytest_sessionfinish():\n    time.sleep(1000)\n",
        "test_a.py": "def test_a(): pass\n",
    }
    run = projects.suite(projects.runner(projects.project(tmp_path, files)))
    assert (run.tests["test_a.py::test_a"].outcome, run.status) == ("passed", None)


def test_files_are_shown_patched_and_the_tree_is_left_alone(tmp_path: Path) -> None:
    files = {"lib.py": "VALUE = 1\n", "other.py": "", "test_a.py": "import lib\ndef test_a(): assert lib.VALUE == 2\n"}
    root = projects.project(tmp_path, files)
    tests = projects.runner(root)
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    assert projects.suite(tests).bad == ("test_a.py::test_a",)
    patched = projects.suite(tests, files={"lib.py": b"VALUE = 2\n"})
    assert (patched.bad, patched.view, patched.status) == ((), "copy", 0)
    hidden = projects.suite(tests, files={"lib.py": None})
    assert [m for m, _ in hidden.collect_errors] == ["test_a.py"]
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before


def test_facts_and_coverage_are_relative_whatever_the_view(tmp_path: Path) -> None:
    files = {"src/lib.py": "def f():\n    return 1\n", "test_a.py": "import lib\ndef test_a(): assert lib.f() == 1\n"}
    root = projects.project(tmp_path, {"pytest.ini": "[pytest]\npythonpath = src\n", **files})
    tests = projects.runner(root)
    for patched in ({}, {"extra.txt": b""}):
        run = projects.suite(tests, trace=True, files=patched)
        assert run.coverage["test_a.py::test_a"]["src/lib.py"] == frozenset({2})
        assert run.coverage[""]["src/lib.py"] >= frozenset({1})
        assert run.facts.files == ("src/lib.py", "test_a.py")
        assert "lib" not in run.facts.modules
        assert run.facts.python.count(".") == 2


def test_what_an_earlier_run_remembers_counts_for_nothing(tmp_path: Path) -> None:
    files = {"pytest.ini": "[pytest]\naddopts = --lf\n", "test_a.py": "def test_a(): 0/0\ndef test_b(): pass\n"}
    tests = projects.runner(projects.project(tmp_path, files))
    assert [len(projects.suite(tests).tests) for _ in range(2)] == [2, 2]


@pytest.mark.parametrize("addopts", ["-p no:xdist -p no:cov -p no:cacheprovider", "-x --maxfail=1", "-q -q"])
def test_what_a_project_may_have_in_its_options(tmp_path: Path, addopts: str) -> None:
    files = {"pytest.ini": f"[pytest]\naddopts = {addopts}\n", "test_a.py": "def test_a(): 0/0\ndef test_b(): pass\n"}
    run = projects.suite(projects.runner(projects.project(tmp_path, files), env={}))
    assert {t: r.outcome for t, r in run.tests.items()} == {
        "test_a.py::test_a": "failed",
        "test_a.py::test_b": "passed",
    }


def test_a_program_sees_the_users_arguments_only(tmp_path: Path) -> None:
    files = {"test_a.py": "import sys\ndef test_a(): assert sys.argv[1:] == ['-q']\n"}
    assert projects.suite(projects.runner(projects.project(tmp_path, files), "-q")).bad == ()


RESULT: Message = {
    "event": "result", "nonce": "n", "test": "t", "outcome": "failed", "seconds": 1.0,
    "failure": {
        "type": "E", "message": "m", "frames": [{"path": "/p/a.py", "line": 1, "function": "f"}],
        "locals": {"x": "1"}, "hung": False,
    },
}  # fmt: skip
FACTS: Message = {"python": "3", "executable": "e", "platform": "p", "prefixes": [], "path": [], "packages": {}}


class Garbling:
    """A session whose probe says one thing."""

    class Running:
        level, view_kind, root = "none", "direct", Path("/p")

        @staticmethod
        def wait(_timeout: float) -> int:
            return 0

    running, root = Running, Path("/p")

    def __init__(self, message: Message | None) -> None:
        self._messages = [message, None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...

    def receive(self, _deadline: float) -> Message | None:
        return self._messages.pop(0)

    def output(self) -> str:
        return ""


def broken(change: Callable[[Message], object]) -> Message:
    message: Message = {**RESULT, "failure": {**RESULT["failure"]}}
    change(message)
    return message


GARBLED: dict[str, Message] = {
    "no test": broken(lambda m: m.pop("test")),
    "no seconds": broken(lambda m: m.pop("seconds")),
    "failure is text": broken(lambda m: m.update(failure="text")),
    "frames are numbers": broken(lambda m: m["failure"].update(frames=[1])),
    "frames are missing": broken(lambda m: m["failure"].pop("frames")),
    "a line is infinite": broken(lambda m: m["failure"].update(frames=[{"path": "a", "line": 1e999, "function": "f"}])),
    "locals are a list": broken(lambda m: m["failure"].update(locals=[1])),
    "no tests": {"event": "collected"},
    "coverage is a list": {"event": "coverage", "lines": []},
    "coverage of nothing": {"event": "coverage", "lines": {"t": 3}},
    "finish without status": {"event": "finish"},
    "status is text": {"event": "finish", "status": "bad", **FACTS},
    "packages are a list": {"event": "finish", "status": 0, "cpu": 1, **FACTS, "packages": []},
    "start without a name": {"event": "start"},
    "collect-error without a text": {"event": "collect-error", "test": "t"},
}


@pytest.mark.parametrize("message", GARBLED.values(), ids=GARBLED)
def test_a_garbled_message_is_an_error_for_people(message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reknit.runner.suite, "Session", lambda *_a, **_k: Garbling(message))
    place: Any = Garbling
    with pytest.raises(SandboxError) as caught:
        run_suite(place, {"hang_seconds": 1}, files={}, tests=None, deadline=time.monotonic() + 5)
    assert caught.value.slug == "probe-garbled"


def test_strange_but_harmless_values_are_taken_for_nothing() -> None:
    run = as_run({**RESULT, "seconds": float("nan"), "outcome": ["passed"]}, (Path("/p"),))
    assert (run.seconds, run.outcome) == (0.0, "error")
    assert run.failure is not None
    assert run.failure.frames[0].path == "a.py"
    assert facts({**FACTS, "path": [1, "a"], "prefixes": "ab"}, ()).path == ("a",)
    assert facts({**FACTS, "path": [1, "a"], "prefixes": "ab"}, ()).prefixes == ()


def test_a_starved_test_is_given_time() -> None:
    """The wall clock runs ahead of a loaded machine: at least 20 s, and six times the limit of CPU time."""
    state, order = _State(running="t[1]", collected=["t[1]"]), {"hang_seconds": 2.0, "hung": []}
    assert _stall(state, order) == 20
    assert _stall(state, {**order, "hang_seconds": 10.0}) == 60
    assert _stall(state, {**order, "hung": ["t[0]"]}) == 5
    assert _stall(state, {**order, "hung": ["other"]}) == 20
    assert _stall(_State(), order) == float("inf")
    done = TestRun(test="t[1]", outcome="passed", seconds=0)
    assert _stall(_State(collected=["t[1]"], tests={"t[1]": done}), order) == 20


@pytest.mark.parametrize(
    ("status", "text"), [(None, "closed its connection"), (-9, "signal 9"), (3, "ended itself with status 3")]
)
def test_how_it_ended(status: int | None, text: str) -> None:
    assert death(status).endswith(text)
