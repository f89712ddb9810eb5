"""Which lines of the project run in which test, by the cheapest means that the interpreter has.

monitoring  sys.monitoring (3.12+): a line costs once a test, a foreign function once a test
coverage    the project's coverage.py, if it has its C tracer: contexts instead of our own bookkeeping
settrace    sys.settrace, which skips foreign functions
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

#: Lines by path.
Lines = dict[str, list[int]]

#: Folders inside a project that hold other people's code.
FOREIGN = frozenset({"site-packages", "dist-packages", ".venv", ".tox", ".nox"})
#: File descriptors below are the program's.
_HIGH = 200


class Tracer:
    """Records the lines of files under `roots` and not under `excluded`; `switch` says which test they belong to."""

    def __init__(
        self, roots: Sequence[str], excluded: Sequence[str], backend: str | None = None, *, quick: bool = False
    ) -> None:
        if backend is not None and backend not in _BACKENDS:
            raise ValueError(f"no trace backend {backend!r}; there are {', '.join(_BACKENDS)}")
        # To import coverage.py costs more than it saves where tests take no time.
        usual = [name for name in _BACKENDS if not (quick and name == "coverage")]
        self._wanted = [backend] if backend else usual
        self._files = _Files(roots, excluded)
        self._recorder: Any = None
        self.backend: str | None = None

    def start(self) -> None:
        """Begin with no test: what runs now belongs to import and collection. To begin again is nothing."""
        if self._recorder is not None:
            return
        for name in self._wanted:
            recorder = _BACKENDS[name](self._files)
            if recorder.start():
                self._recorder, self.backend = recorder, name
                return
        msg = "trace backend {} cannot be used here".format(" or ".join(self._wanted))
        raise RuntimeError(msg)

    def switch(self, test_id: str | None) -> None:
        """From now on lines belong to `test_id`; None for none. A test met again goes on where it was."""
        self.start()
        self._recorder.switch(test_id or "")

    def stop(self) -> None:
        """Record no more, and give the interpreter back as it was."""
        if self._recorder is not None:
            self._recorder.stop()

    def lines(self) -> dict[str, Lines]:
        """Test → absolute path → sorted lines; "" holds what ran in no test. Tests that ran no line are left out."""
        found: dict[str, dict[str, set[int]]] = {}
        for test, filename, line in self._recorder.records() if self._recorder is not None else ():
            path = self._files.path(filename)
            if path is not None and line > 0:
                found.setdefault(test, {}).setdefault(path, set()).add(line)
        return {test: {path: sorted(lines) for path, lines in files.items()} for test, files in found.items()}


def stream(path: str, roots: Sequence[str], excluded: Sequence[str]) -> None:
    """From now on, append each line of this process to the file at `path` when it first runs, as "number path"."""
    files = _Files(roots, excluded)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    # High up, since a program may count on the numbers of those that it opens.
    kept = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(fd)
    for kind in (_Monitoring, _SetTrace):
        recorder = kind(files)
        recorder._now = _Written(kept, files)
        if recorder.start():
            return


class _Written(set[tuple[str, int]]):
    """Places that are written down at once: a process may end without a word."""

    def __init__(self, fd: int, files: _Files) -> None:
        super().__init__()
        self._fd, self._files = fd, files

    def add(self, place: tuple[str, int]) -> None:
        if place in self:
            return
        super().add(place)
        path = self._files.path(place[0])
        if path is not None and place[1] > 0:
            with contextlib.suppress(OSError):  # the program has closed what it did not open
                os.write(self._fd, b"%d %s\n" % (place[1], os.fsencode(path)))


class _Files:
    """Tells the project's files from all others; asked once a filename."""

    def __init__(self, roots: Sequence[str], excluded: Sequence[str]) -> None:
        self.roots = [os.path.realpath(root) for root in roots]
        self._excluded = [os.path.realpath(folder) for folder in excluded]
        self._known: dict[str, str | None] = {}

    def path(self, filename: str) -> str | None:
        """The file's real path where it is the project's, else None."""
        try:
            return self._known[filename]
        except KeyError:
            self._known[filename] = found = self._look(filename)
            return found

    def _look(self, filename: str) -> str | None:
        if filename.startswith("<"):
            return None
        path = os.path.realpath(filename)
        for root in self.roots:
            if _under(path, root) and not any(_under(path, folder) for folder in self._excluded):
                inside = os.path.relpath(path, root).split(os.sep)
                return None if FOREIGN.intersection(inside) else path
        return None


def _under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


class _Own:
    """What the two recorders that keep their own books share."""

    def __init__(self, files: _Files) -> None:
        self._files = files
        self._tests: dict[str, set[tuple[str, int]]] = {}
        self._now = self._tests.setdefault("", set())

    def _turn(self, test: str) -> None:
        self._now = self._tests.setdefault(test, set())

    def records(self) -> Iterator[tuple[str, str, int]]:
        for test, places in list(self._tests.items()):
            for filename, line in list(places):
                yield test, filename, line


class _Monitoring(_Own):
    # Coverage.py claims 1 and debuggers 0: those come last.
    _IDS = (4, 3, 5, 2, 1, 0)

    def start(self) -> bool:
        self._api: Any = getattr(sys, "monitoring", None)
        if self._api is None:
            return False
        for tool in self._IDS:
            # Asked first: claiming an id in use raises, and another tool may hold any of them.
            if self._api.get_tool(tool) is None:
                self._tool = tool
                break
        else:
            return False
        # By identity, as equal code objects are traced apart; kept, so that no id is used twice.
        self._codes: dict[int, Any] = {}
        events = self._api.events
        self._api.use_tool_id(self._tool, "reknit")
        self._api.register_callback(self._tool, events.PY_START, self._enter)
        self._api.register_callback(self._tool, events.LINE, self._line)
        self._api.set_events(self._tool, events.PY_START)
        return True

    def _enter(self, code: Any, _offset: int) -> Any:
        if self._files.path(code.co_filename) is not None and id(code) not in self._codes:
            self._codes[id(code)] = code
            self._api.set_local_events(self._tool, code, self._api.events.LINE)
        return self._api.DISABLE

    def _line(self, code: Any, line: int) -> Any:
        self._now.add((code.co_filename, line))
        return self._api.DISABLE

    def switch(self, test: str) -> None:
        self._turn(test)
        self._api.restart_events()

    def stop(self) -> None:
        events = self._api.events
        self._api.set_events(self._tool, 0)
        for code in self._codes.values():
            self._api.set_local_events(self._tool, code, 0)
        self._api.register_callback(self._tool, events.PY_START, None)
        self._api.register_callback(self._tool, events.LINE, None)
        self._api.free_tool_id(self._tool)


class _SetTrace(_Own):
    def start(self) -> bool:
        # One bound method each, so that the interpreter can be asked whether it still has ours.
        self._enter, self._line = self._enter_frame, self._line_event
        self._before = sys.gettrace()
        self._threads_before = getattr(threading, "_trace_hook", None)
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        return True

    def _enter_frame(self, frame: Any, _event: str, _arg: Any) -> Any:
        return self._line if self._files.path(frame.f_code.co_filename) is not None else None

    def _line_event(self, frame: Any, event: str, _arg: Any) -> Any:
        if event == "line":
            self._now.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def switch(self, test: str) -> None:
        self._turn(test)
        # The last test may have set its own trace function and left it.
        if sys.gettrace() is not self._enter:
            sys.settrace(self._enter)

    def stop(self) -> None:
        threading.settrace(self._threads_before)
        if sys.gettrace() is self._enter:
            sys.settrace(self._before)


class _Coverage:
    def __init__(self, files: _Files) -> None:
        self._files = files

    def start(self) -> bool:
        # Its patterns have no way to write these characters plainly; one coverage at a time can trace.
        if any(c in root for root in self._files.roots for c in "*?[]{}") or sys.gettrace() is not None:
            return False
        try:
            self._begin()
        except Exception:  # noqa: BLE001 - whatever version of it the project has; our own tracer is the next choice
            sys.settrace(None)
            return False
        self._hook = sys.gettrace()
        return True

    def _begin(self) -> None:
        import coverage
        from coverage.tracer import CTracer  # noqa: F401 - without it our own tracer is faster

        self._coverage = coverage.Coverage(
            data_file=None,
            config_file=False,
            include=[os.path.join(root, "*") for root in self._files.roots],
            messages=False,
            check_preimported=False,
        )
        self._coverage.set_option("run:disable_warnings", list(_COVERAGE_WARNINGS))
        self._coverage.start()

    def switch(self, test: str) -> None:
        # The last test may have set its own trace function and left it.
        if sys.gettrace() is not self._hook:
            self.stop()
            self._coverage.start()
            self._hook = sys.gettrace()
        self._coverage.switch_context(test)

    def stop(self) -> None:
        # It insists on being the last that was started; a plugin or a test may have started another one.
        with contextlib.suppress(AssertionError):
            self._coverage.stop()

    def records(self) -> Iterator[tuple[str, str, int]]:
        data = self._coverage.get_data()
        for filename in data.measured_files():
            for line, tests in data.contexts_by_lineno(filename).items():
                for test in tests:
                    yield test, filename, line


_COVERAGE_WARNINGS = ("trace-changed", "no-data-collected", "module-not-measured", "couldnt-parse", "no-ctracer")
_BACKENDS: dict[str, Any] = {"monitoring": _Monitoring, "coverage": _Coverage, "settrace": _SetTrace}
