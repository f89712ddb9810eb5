"""The pytest plugin that tells reknit what each test did."""

from __future__ import annotations

import os
import signal
import time
from types import TracebackType
from typing import Any, Callable, Dict, Generator, List, Optional, Sequence

import pytest

from .fuel import OutOfFuel
from .protocol import Message

_LONGEST = 2000
_FRAMES = 60
_LOCALS = 40


class TestHung(BaseException):
    """The test has used its CPU time without coming to an end."""

    __test__ = False


class Reporter:
    """Sends `collected`, `start`, `result` and `collect-error` messages through `send`."""

    def __init__(
        self,
        send: Callable[[Message], None],
        root: str,
        wanted: Optional[Sequence[str]] = None,
        on_test: Optional[Callable[[Optional[str]], None]] = None,
        hang_seconds: Optional[float] = None,
    ) -> None:
        self._send = send
        self._root = os.path.join(os.path.realpath(root), "")
        self._wanted = None if wanted is None else {t: i for i, t in enumerate(wanted)}
        self._on_test = on_test
        self._hang = hang_seconds
        self._hung_functions: Dict[str, int] = {}
        self._current: Dict[str, Message] = {}
        #: Told of each finished test; a true answer ends the run.
        self.stop_when: Optional[Callable[[Message], bool]] = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: Any, items: List[Any]) -> None:
        """Keep the wanted tests only, in the wanted order."""
        if self._wanted is None:
            return
        keep = [i for i in items if i.nodeid in self._wanted]
        keep.sort(key=lambda i: self._wanted[i.nodeid])  # type: ignore[index]
        items[:] = keep

    def pytest_collection_finish(self, session: Any) -> None:
        """Name every test that will run."""
        self._send({"event": "collected", "tests": [i.nodeid for i in session.items]})

    def pytest_collectreport(self, report: Any) -> None:
        """Tell of modules that cannot be collected."""
        if report.failed:
            self._send({"event": "collect-error", "test": report.nodeid, "text": report.longreprtext[-_LONGEST * 2 :]})

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, Any, None]:
        """Frame one test: start, result, and the limit of its CPU time."""
        self._send({"event": "start", "test": item.nodeid})
        self._current = {}
        if self._on_test:
            self._on_test(item.nodeid)
        began = time.perf_counter()
        self._arm(item)
        yield
        self._disarm()
        if self._on_test:
            self._on_test(None)
        state = self._current.get(item.nodeid) or {"outcome": "error"}
        result = {"event": "result", "test": item.nodeid, "seconds": time.perf_counter() - began, **state}
        self._send(result)
        if self.stop_when and self.stop_when(result):
            item.session.shouldstop = "reknit has seen enough"

    def _arm(self, item: Any) -> None:
        if self._hang is None or not hasattr(signal, "setitimer"):
            return
        function = item.nodeid.split("[")[0]
        limit = self._hang / 10 if self._hung_functions.get(function) else self._hang

        def expire(_number: int, _frame: Any) -> None:
            self._hung_functions[function] = self._hung_functions.get(function, 0) + 1
            raise TestHung("no end after %.1f s of CPU time" % limit)

        signal.signal(signal.SIGPROF, expire)
        # It fires again, since `except BaseException` in the program may swallow the first.
        signal.setitimer(signal.ITIMER_PROF, limit, max(limit / 10, 0.1))

    def _disarm(self) -> None:
        if self._hang is not None and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
        """Keep the facts of a failure before pytest turns them into text."""
        if call.when == "call" or call.excinfo is not None:
            self._disarm()
        if call.excinfo is not None:
            item.repr_failure = _short_failure  # pytest's own text is the dearest part of a failing test
        report = (yield).get_result()
        self._note(report, call)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """See reports that plugins make by themselves, subtests among them."""
        if report.failed and not self._failed(report.nodeid):
            self._current[report.nodeid] = {"outcome": "failed", "failure": _text_failure(report)}

    def _failed(self, nodeid: str) -> bool:
        return self._current.get(nodeid, {}).get("outcome") in ("failed", "error")

    def _note(self, report: Any, call: Any) -> None:
        nodeid = report.nodeid
        if report.failed:
            if not self._failed(nodeid):
                outcome = "failed" if report.when == "call" else "error"
                facts = _failure(call.excinfo, self._root) if call.excinfo else _text_failure(report)
                self._current[nodeid] = {"outcome": outcome, "failure": facts}
        elif report.skipped and not self._failed(nodeid):
            self._current[nodeid] = {"outcome": "xfailed" if hasattr(report, "wasxfail") else "skipped"}
        elif report.when == "call" and nodeid not in self._current:
            self._current[nodeid] = {"outcome": "passed"}


def _short_failure(excinfo: Any, style: Any = None) -> str:
    return _shorten(_safe(lambda: "%s: %s" % (excinfo.typename, excinfo.value)))


def _text_failure(report: Any) -> Message:
    return {"type": "Failed", "message": _shorten(report.longreprtext), "frames": [], "locals": {}, "hung": False}


def _failure(excinfo: Any, root: str) -> Message:
    kind = excinfo.type
    frames: List[Message] = []
    variables: Dict[str, str] = {}
    tb: Optional[TracebackType] = excinfo.tb
    while tb is not None:
        code = tb.tb_frame.f_code
        inside = os.path.realpath(code.co_filename).startswith(root)
        frames.append(
            {
                "path": code.co_filename,
                "line": tb.tb_lineno,
                "function": getattr(code, "co_qualname", code.co_name),
                "first_line": code.co_firstlineno,
            }
        )
        if inside:
            variables = _locals(tb.tb_frame.f_locals)
        tb = tb.tb_next
    return {
        "type": kind.__name__ if kind.__module__ == "builtins" else "%s.%s" % (kind.__module__, kind.__qualname__),
        "message": _shorten(_safe(lambda: str(excinfo.value))),
        "frames": frames[:5] + frames[5:][-_FRAMES:],
        "locals": variables,
        "hung": issubclass(kind, (OutOfFuel, TestHung)),
    }


def _locals(variables: Dict[str, Any]) -> Dict[str, str]:
    names = [n for n in variables if not n.startswith("@")][:_LOCALS]
    return {n: _shorten(_safe(lambda n=n: repr(variables[n])), 200) for n in names}  # type: ignore[misc]


def _safe(text: Callable[[], str]) -> str:
    try:
        return text()
    except BaseException as exc:  # noqa: BLE001 - the program's own __repr__ or __str__ may raise anything
        return "<%s while it was printed>" % type(exc).__name__


def _shorten(text: str, limit: int = _LONGEST) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= limit else text[:limit] + "…"
