"""Whether what runs the tests, and the tests themselves, were left as they are: a candidate shares the process with them.

It stops what is done to make tests pass (a report that lies, a test without its body), not an attack on this module.
What is found is compared with a run of the original, so what plug-ins change does not count.
"""

from __future__ import annotations

import builtins
import hashlib
import sys
from collections.abc import Generator, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

#: Modules whose functions decide over a test, or tell of it.
_JUDGES = ("_pytest", "pluggy", "unittest", __name__.rpartition(".")[0])
_MOST = 100


class Witness:
    """Remembers what there is before the project's code runs; a plug-in, to be asked at the end."""

    def __init__(self, reporter: Any) -> None:
        self._reporter = reporter
        self._send = reporter._send
        self._before = dict(_judges())
        self._codes: dict[str, CodeType] = {}
        self._changed: set[str] = set()
        self._manager: Any = None
        self._known: list[Any] = []
        self._caller: Any = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: Any) -> None:
        """Note who is asked about each test, and how."""
        self._manager = session.config.pluginmanager
        self._known = list(self._manager.get_plugins())
        self._caller = getattr(self._manager, "_inner_hookexec", None)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: Any) -> None:
        """Note the code of each test."""
        self._codes = {item.nodeid: code for item in session.items if (code := _code_of(item)) is not None}

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, Any, None]:
        """See whether it is still that code which is about to run."""
        if self._codes.get(item.nodeid) is not _code_of(item):
            self._changed.add(item.nodeid)
        yield

    def changed(self) -> list[str]:
        """Names of what is no longer what it was."""
        now = dict(_judges())
        found = {name for name, value in self._before.items() if now.get(name) is not value}
        # What a class gets later hides what it has inherited.
        found |= {name for name in now.keys() - self._before.keys() if name.rpartition(".")[0] in self._before}
        if self._reporter._send is not self._send or any(
            hasattr(type(self._reporter), n) for n in vars(self._reporter)
        ):
            found.add("reporter")
        return sorted(found | self._changed | self._newcomers())[:_MOST]

    def _newcomers(self) -> set[str]:
        """Plug-ins that came, or went, after the start, as a conftest module further down does."""
        if self._manager is None:
            return set()
        now = list(self._manager.get_plugins())
        before, after = {id(p) for p in self._known}, {id(p) for p in now}
        moved = [p for p in (*self._known, *now) if (id(p) in before) != (id(p) in after)]
        names = {f"plug-in {getattr(p, '__name__', None) or type(p).__qualname__}" for p in moved}
        same = getattr(self._manager, "_inner_hookexec", None) is self._caller
        return names if same else names | {"the caller of hooks"}

    def marks(self) -> dict[str, str]:
        """A digest of each test's code: the same for the same source in the same interpreter."""
        seen: dict[int, str] = {}
        for code in self._codes.values():
            if id(code) not in seen:
                seen[id(code)] = _digest(code).hexdigest()[:16]
        return {test: seen[id(code)] for test, code in self._codes.items()}


def _judges() -> Iterator[tuple[str, Any]]:
    for name, value in vars(builtins).items():
        if name != "_" and not name.startswith("@"):
            yield f"builtins.{name}", value
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _JUDGES and isinstance(module, ModuleType):
            yield f"module:{name.replace('.', ':')}", module
            yield from _members(name, vars(module), name)


def _members(prefix: str, members: Any, module: str) -> Iterator[tuple[str, Any]]:
    """Functions by their code and classes by themselves, with their methods, as far as they are `module`'s own."""
    for name, value in list(members.items()):
        plain = getattr(value, "__func__", getattr(value, "fget", value))
        if isinstance(plain, FunctionType):
            yield f"{prefix}.{name}", plain.__code__
        elif isinstance(value, type) and value.__module__ == module:
            yield f"{prefix}.{name}", value
            yield from _members(f"{prefix}.{name}", vars(value), "")


def _code_of(item: Any) -> CodeType | None:
    function = getattr(item, "function", None)
    return getattr(getattr(function, "__wrapped__", function), "__code__", None)


def _digest(code: CodeType) -> Any:
    found = hashlib.sha256(code.co_code)
    found.update(repr((code.co_names, code.co_varnames, code.co_freevars)).encode("utf-8", "backslashreplace"))
    for value in code.co_consts:
        inner = (
            _digest(value).digest() if isinstance(value, CodeType) else repr(value).encode("utf-8", "backslashreplace")
        )
        found.update(inner)
    return found
