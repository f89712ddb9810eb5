"""Z1 direct: a test's set-up, call and tear-down without the reports that pytest makes around them.

What pytest itself hooks around a test (captured output, logs, reports) costs more than most tests. Here only what decides
is left: what a test raises, and in which phase. Hooks of the project and of plug-ins run as ever. Where one of them
reads reports, or a mark changes what an end counts as, pytest's own protocol judges.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
import time
import unittest
from collections.abc import Iterable
from typing import Any, Callable

import pytest
from _pytest import tmpdir
from _pytest import warnings as pytest_warnings

from .protocol import Message
from .reporter import facts_of

#: Hooks that are handed a report, or stand in the place of the whole protocol.
_REPLACED = ("pytest_runtest_protocol", "pytest_runtest_makereport")
#: Plug-ins that add words to a report and leave its outcome as it is.
_WORDS_ONLY = frozenset({"_hypothesis_pytestplugin", "hypothesis", "pytest_html", "pytest_metadata"})
#: Marks that only pytest's own protocol reads.
_MARKS = frozenset({"skip", "skipif", "xfail", "filterwarnings"})
#: Fixtures that only work inside of what is left out.
_FIXTURES = frozenset({"caplog", "subtests"})
#: Bytes of printed output that are kept for the reports of pytest's own protocol.
_OUTPUT = 1 << 20
_OURS = __name__.rpartition(".")[0]


class NotDirectError(Exception):
    """Only as a test ran it was seen that pytest's own protocol has to judge it."""


class Direct:
    """Runs items of one session."""

    def __init__(self, session: Any, pipe: Any, root: str) -> None:
        self._pipe = pipe
        self._root = root
        self._config = session.config
        self._manager = session.config.pluginmanager
        self._left_out = [p for p in self._manager.get_plugins() if self._is_left_out(p)]
        #: By item and phase.
        self._hooks: dict[tuple[int, str], Callable[..., Any]] = {}
        self._skips = (pytest.skip.Exception, unittest.SkipTest)
        self._filtered: Any = None
        #: Told of each finished test; a true answer ends the run.
        self.stop_when: Callable[[Message], bool] = lambda _result: False

    def _is_left_out(self, plugin: Any) -> bool:
        # A warning of a thread, or of what cannot be raised, is a failure where the project's filters say so.
        warns = self._manager.get_name(plugin) in ("unraisableexception", "threadexception") and self._filters()
        return _module(plugin).startswith(("_pytest.", _OURS)) and not _is_runner(plugin) and not warns

    def _filters(self) -> bool:
        return bool(self._config.getini("filterwarnings") or self._config.known_args_namespace.pythonwarnings)

    def why_not(self) -> str | None:
        """Which plug-in goes by pytest's reports; None where none does."""
        for name in _REPLACED:
            for hook in getattr(self._manager.hook, name).get_hookimpls():
                module = _module(hook.plugin)
                if not module.startswith(("_pytest.", _OURS)) and module.split(".")[0] not in _WORDS_ONLY:
                    return f"{module} has a {name} hook"
        return None

    def exceptions(self, items: Iterable[Any]) -> dict[str, str]:
        """Of the items that only pytest's own protocol can judge, why."""
        found: dict[str, str] = {}
        for item in items:
            marks = sorted({m.name for m in item.iter_markers()} & _MARKS)
            fixtures = sorted(_FIXTURES.intersection(getattr(item, "fixturenames", ())))
            if marks or fixtures:
                found[item.nodeid] = f"a test has the mark {marks[0]}" if marks else f"a test asks for {fixtures[0]}"
            elif hasattr(item, "addSubTest"):
                found[item.nodeid] = "a test may have sub-tests"
        return found

    def prepare(self, items: Iterable[Any]) -> None:
        """What pytest's own hooks set up anew for each test is set up once, before the first fork."""
        for item in items:
            _make_room(item)
            for phase in ("setup", "call", "teardown"):
                self._hooks[id(item), phase] = self._hook(f"pytest_runtest_{phase}", item)
        capture = self._manager.getplugin("capturemanager")
        if capture is not None:
            capture.resume_global_capture()
        logging.getLogger().addHandler(_Strict(level=0))
        filters = pytest_warnings.catch_warnings_for_item(
            config=self._config, ihook=self._manager.hook, when="runtest", item=None
        )
        filters.__enter__()  # for good: this process and its children do nothing else
        self._filtered = filters

    def run(self, item: Any, following: Any) -> None:
        """One test, as `pytest_runtest_protocol` does it; tells its result; may raise `NotDirectError`."""
        self._pipe.flush()  # the results before it must be known, should it end the process
        began = time.perf_counter()
        state = self._phases(item, following)
        seconds = time.perf_counter() - began
        result = {"event": "result", "test": item.nodeid, "seconds": seconds, **state}
        self._pipe.hold(result)
        if self.stop_when(result):
            item.session.shouldfail = "reknit has seen enough"

    def _phases(self, item: Any, following: Any) -> Message:
        if hasattr(item, "_request") and not item._request:
            item._initrequest()  # it has run before
            _make_room(item)
        exc = self._phase("setup", item)
        state = self._state(exc, "error")
        if exc is None:
            exc = self._phase("call", item) or _of_unittest(item)
            state = self._state(exc, "failed")
        late = self._phase("teardown", item, nextitem=following)
        if any(m.name in _MARKS for m in item.own_markers):
            raise NotDirectError("a test marks itself as it runs")
        if late is not None and state["outcome"] not in ("failed", "error"):
            state = self._state(late, "error")
        if hasattr(item, "_request"):
            item._request, item.funcargs = False, None
        return state

    def _phase(self, phase: str, item: Any, **more: Any) -> BaseException | None:
        """What the phase raises."""
        try:
            self._hooks[id(item), phase](item=item, **more)
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise  # as in pytest, the end of the run
        except BaseException as exc:  # noqa: BLE001 - a test may raise anything
            return exc
        return None

    def _hook(self, name: str, item: Any) -> Callable[..., Any]:
        """The hook without what is left out, and without the conftest modules of other folders."""
        relay = getattr(item.ihook, "_hook_relay", item.ihook)
        hook: Any = self._manager.subset_hook_caller(name, [*self._left_out, *getattr(relay, "remove_mods", ())])
        (first, *more) = hook.get_hookimpls()
        # The usual case: nobody but pytest's runner, which is then called without a manager of hooks between.
        plain: Callable[..., Any] = hook if more or not _is_runner(first.plugin) else first.function
        return plain

    def _state(self, exc: BaseException | None, bad: str) -> Message:
        if exc is None:
            return {"outcome": "passed"}
        if isinstance(exc, self._skips):
            return {"outcome": "skipped"}
        if isinstance(exc, pytest.xfail.Exception):
            return {"outcome": "xfailed"}
        return {"outcome": bad, "failure": facts_of(exc, self._root)}


def _make_room(item: Any) -> None:
    """Where `tmp_path` looks for what the reports of its test say; it takes the place away at its end."""
    results = getattr(tmpdir, "tmppath_result_key", None)  # since pytest 7.3
    if results is not None:
        item.stash.setdefault(results, {})


class _Strict(logging.Handler):
    """Formats records and drops them; as under pytest, one that cannot be formatted fails the test."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def forget_output() -> None:
    """Cut what tests have printed since the last time, where it is kept in a file."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            seen = os.fstat(stream.fileno())
            if stat.S_ISREG(seen.st_mode) and seen.st_size > _OUTPUT:
                os.ftruncate(stream.fileno(), 0)
                os.lseek(stream.fileno(), 0, os.SEEK_SET)


def _module(plugin: Any) -> str:
    """Where a plug-in comes from: it is a module, a class or any other object."""
    name = plugin.__name__ if isinstance(plugin, type(os)) else getattr(plugin, "__module__", type(plugin).__module__)
    return str(name)


def _is_runner(plugin: Any) -> bool:
    return _module(plugin) == "_pytest.runner"


def _of_unittest(item: Any) -> BaseException | None:
    """What a test of unittest has caught itself, the first."""
    caught = getattr(item, "_excinfo", None)
    return caught.pop(0).value if caught else None
