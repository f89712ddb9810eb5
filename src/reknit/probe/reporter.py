"""The pytest plugin that tells reknit what each test did."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from types import FrameType
from typing import Any, Callable

import pytest
from _pytest.doctest import DoctestItem

from .facts import cpu_seconds
from .fuel import OutOfFuel
from .onway import OnTheWay
from .plugins import Timeouts, hurry, leave_out_idle, not_again, settle_items, settle_options, timed_out
from .protocol import Message

_LONGEST = 2000
#: Of a traceback: the first, and the last.
_FIRST_FRAMES, _LAST_FRAMES = 5, 60
_LOCALS = 40
#: Share of the limit that is left to a test whose parametrised sibling has used all of it.
_SIBLING = 0.1
#: Times that a test may swallow its end before its process is given up.
_SWALLOWED = 10
#: What pytest itself makes of functions, methods, unittest's too, and docstrings.
_OWN = (pytest.Function, DoctestItem)
_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")

#: Of a test that pytest has begun and not reported.
_NO_REPORT: Message = {
    "type": "NoReport",
    "message": "the test, or a hook of the project or of a plug-in, ended pytest itself in the midst of it",
    "frames": [],
    "locals": {},
    "hung": False,
}

#: A frame and the line that it is at.
Place = tuple[FrameType, int]


class TestHung(BaseException):
    """The test has used its CPU time without coming to an end."""

    __test__ = False


class Reporter(Timeouts):
    """Sends `collected`, `start`, `result` and `collect-error` messages through `send`."""

    def __init__(
        self,
        send: Callable[[Message], None],
        root: str,
        wanted: Sequence[str] | None = None,
        on_test: Callable[[str | None], None] | None = None,
        hang_seconds: float | None = None,
        hung: Sequence[str] = (),
        *,
        tell_locals: bool = True,
    ) -> None:
        self._send = send
        self._tell_locals = tell_locals
        self._root = os.path.join(os.path.realpath(root), "")
        self._wanted = None if wanted is None else {t: i for i, t in enumerate(wanted)}
        self._on_test = on_test
        #: They have fuel in place of seconds.
        self._candidates = hang_seconds is None
        self._hang = hang_seconds if hasattr(signal, "setitimer") else None
        self._hung_functions = {_function(t) for t in hung}
        self._state: Message = {}
        #: Whether a failure is all that is asked for, not the smallest example of it.
        self.hurried = False
        #: Told of each finished test; a true answer ends the run.
        self.stop_when: Callable[[Message], bool] | None = None

    @pytest.hookimpl(hookwrapper=True)
    def pytest_load_initial_conftests(self, early_config: Any) -> Generator[None, None, None]:
        """Keep pytest-cov off, whose tracer would meet ours, and pytest's memory of earlier runs out of the project.

        Not by arguments: those of a plugin that is off are errors.
        """
        early_config.known_args_namespace.cov_source = []
        # Another plugin may name sources later, as pytest-enabler does.
        early_config.known_args_namespace.no_cov = True
        early_config._inicache["cache_dir"] = os.path.join(tempfile.gettempdir(), f"pytest-cache-{os.getpid()}")
        yield

    def pytest_cmdline_main(self, config: Any) -> None:
        """Keep the tests in this process, and let no failure, nor a module that cannot be imported, hide what comes after.

        Not earlier: xdist has read its options by now.
        """
        config.option.dist, config.option.numprocesses, config.option.tx = "no", None, []
        config.option.maxfail = 0
        config.option.continue_on_collection_errors = True
        settle_options(config, candidates=self._candidates)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: Any) -> None:
        """Collect the wanted tests' files only; they are named relative to pytest's own root, wherever that is."""
        if self._wanted is not None:
            files = dict.fromkeys(t.split("::")[0] for t in self._wanted)
            root = getattr(session.config, "rootpath", None) or session.config.rootdir  # `rootpath` is of pytest 6.1
            session.config.args = [os.path.join(str(root), f) for f in files]
            # Since pytest 8 all that lies in a folder on the way is looked at.
            if hasattr(session.config.hook, "pytest_collect_directory"):
                session.config.pluginmanager.register(OnTheWay(str(root), files))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the wanted tests only, in the wanted order."""
        wanted = self._wanted
        if wanted is not None:
            items[:] = sorted((i for i in items if i.nodeid in wanted), key=lambda i: wanted[i.nodeid])

    def pytest_collectstart(self, collector: Any) -> None:
        """Name what is imported next: it may be the last that is heard."""
        self._send({"event": "collecting", "what": collector.nodeid})

    def pytest_collection_finish(self, session: Any) -> None:
        """Name every test that will run, and of what kind it is where it is neither a function nor an example."""
        settle_items(session.items, session.config)
        if self._candidates:
            leave_out_idle(session.items, session.config)
        if self.hurried:
            hurry(session.items)
        foreign = {i.nodeid: type(i).__name__ for i in session.items if not isinstance(i, _OWN)}
        self._send({"event": "collected", "tests": [i.nodeid for i in session.items], "foreign": foreign})

    def pytest_collectreport(self, report: Any) -> None:
        """Tell of modules that cannot be collected."""
        if report.failed:
            self._send({"event": "collect-error", "test": report.nodeid, "text": report.longreprtext[-_LONGEST * 2 :]})

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, Any, None]:
        """Frame one test by its start and its result."""
        self._send({"event": "start", "test": item.nodeid})
        self._state = {}
        if self._on_test:
            self._on_test(item.nodeid)
        began = time.perf_counter()
        yield
        if self._on_test:
            self._on_test(None)
        state = self._state or {"outcome": "error", "failure": _NO_REPORT}
        seconds = time.perf_counter() - began
        result = {"event": "result", "test": item.nodeid, "seconds": seconds, "cpu": cpu_seconds(), **state}
        self._send(result)
        if self.stop_when and self.stop_when(result):
            # `shouldstop` would print a traceback, which costs more than the rest of the attempt.
            item.session.shouldfail = "reknit has seen enough"

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: Any) -> Generator[None, Any, None]:
        """Limit the CPU time of the set-up."""
        with self._limit(item):
            yield

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, Any, None]:
        """Limit the CPU time of the test itself."""
        with self._limit(item):
            yield

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: Any) -> Generator[None, Any, None]:
        """Limit the CPU time of the tear-down."""
        with self._limit(item):
            yield

    @contextlib.contextmanager
    def _limit(self, item: Any) -> Iterator[None]:
        if self._hang is None:
            yield
            return
        function = _function(item.nodeid)
        limit = self._hang * (_SIBLING if function in self._hung_functions else 1)

        message, fired = f"no end after {limit:.2g} s of CPU time", []

        def expire(_number: int, frame: Any) -> None:
            self._hung_functions.add(function)
            fired.append(frame)
            if len(fired) > _SWALLOWED:
                self._give_up(item, frame, message)
            raise TestHung(message)

        before = signal.signal(signal.SIGPROF, expire)
        # It fires again, since `except BaseException` in the program may swallow the first.
        signal.setitimer(signal.ITIMER_PROF, limit, max(limit / 10, 0.1))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, signal.SIG_DFL if before is None else before)

    def _give_up(self, item: Any, frame: Any, message: str) -> None:
        """End the process of a test that cannot be ended."""
        stack = [*traceback.walk_stack(frame)][::-1]
        facts = {**_facts(TestHung, message, stack, self._root), "type": "TestStalled"}  # it takes the process with it
        self._send({"event": "result", "test": item.nodeid, "seconds": 0.0, "outcome": "failed", "failure": facts})
        os._exit(1)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
        """Keep the facts of a failure before pytest turns them into text."""
        if call.excinfo is not None:
            item.repr_failure = _short_failure  # pytest's own text is the dearest part of a failing test
        report = (yield).get_result()
        if report.failed and call.excinfo is not None:
            report.reknit_failure = facts_of(call.excinfo.value, self._root, tell_locals=self._tell_locals)
            if report.reknit_failure["hung"]:
                not_again(item)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note what counts: plugins may have changed a report, dropped it for another try, or made one of their own."""
        if self._state.get("outcome") in ("failed", "error"):
            return
        if report.failed:
            facts = getattr(report, "reknit_failure", None) or _text_failure(report)
            self._state = {"outcome": "failed" if report.when == "call" else "error", "failure": facts}
        elif report.skipped:
            self._state = {"outcome": "xfailed" if hasattr(report, "wasxfail") else "skipped"}
        elif report.when == "call" and report.passed:
            self._state = {"outcome": "passed"}


def _function(nodeid: str) -> str:
    """What parametrised siblings share."""
    return nodeid.split("[", maxsplit=1)[0]


def _message(value: Any) -> str:
    missing = getattr(value, "argname", None)
    # pytest's own error has no text of its own: only its report, which is not made here, says what is missing.
    if type(value).__name__ == "FixtureLookupError" and isinstance(missing, str):
        return f"fixture {missing!r} not found"
    return str(value)


def _short_failure(excinfo: Any, *_style: Any, **_options: Any) -> str:
    return _shorten(_safe(lambda: f"{excinfo.typename}: {excinfo.value}"))


def _text_failure(report: Any) -> Message:
    return {"type": "Failed", "message": _shorten(report.longreprtext), "frames": [], "locals": {}, "hung": False}


def facts_of(exc: BaseException, root: str, *, tell_locals: bool = False) -> Message:
    """What there is to know of a failure: type, message, frames below `root`, and the locals of the last of these."""
    message = _safe(lambda: _message(exc))
    facts = _facts(type(exc), message, [*traceback.walk_tb(exc.__traceback__)], root, tell_locals=tell_locals)
    return {**facts, "hung": facts["hung"] or timed_out(exc)}


def _facts(kind: type, message: str, stack: list[Place], root: str, *, tell_locals: bool = True) -> Message:
    stack = [place for place in stack if not place[0].f_code.co_filename.startswith(_HERE)]
    inside = [i for i, (frame, _) in enumerate(stack) if _real(frame.f_code.co_filename).startswith(root)]
    shown = stack[inside[0] :] if inside else stack  # what comes before is pytest's own
    return {
        "type": _safe(lambda: _type_name(kind)),
        "message": _shorten(message),
        "frames": [_frame(*place) for place in shown[:_FIRST_FRAMES] + shown[_FIRST_FRAMES:][-_LAST_FRAMES:]],
        "locals": _locals(stack[inside[-1]][0].f_locals) if inside and tell_locals else {},
        "hung": issubclass(kind, (OutOfFuel, TestHung)),
    }


@functools.cache
def _real(path: str) -> str:
    return os.path.realpath(path)


def learn_paths() -> None:
    """Resolve the paths of all that is imported, so that a child, which forgets, need not."""
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str):
            _real(path)


def _type_name(kind: type) -> str:
    plain = kind.__module__ == "builtins" or kind in (OutOfFuel, TestHung)
    return kind.__name__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def _frame(frame: FrameType, line: int) -> Message:
    code = frame.f_code
    return {"path": code.co_filename, "line": line, "function": getattr(code, "co_qualname", code.co_name)}


def _locals(variables: dict[str, Any]) -> dict[str, str]:
    names = [n for n in variables if not n.startswith("@")][:_LOCALS]
    return {n: _shorten(_safe(lambda n=n: repr(variables[n])), 200) for n in names}  # type: ignore[misc]


def _safe(text: Callable[[], str]) -> str:
    try:
        return text()
    except BaseException as exc:  # noqa: BLE001 - the program's own __repr__ or __str__ may raise anything
        return f"<{type(exc).__name__} while it was printed>"


def _shorten(text: str, limit: int = _LONGEST) -> str:
    text = text[: limit + 1].encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= limit else text[:limit] + "…"
