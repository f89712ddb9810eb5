"""Z1: everything is collected and imported, and a candidate's code takes the place of the original's in a forked child."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from . import swap
from .direct import Direct, NotDirectError
from .plugins import hurry
from .protocol import Message
from .reporter import Reporter
from .worker import Worker


class Collected:
    """Z1: takes the place of pytest's loop over the collected tests."""

    def __init__(self, worker: Worker, reporter: Reporter) -> None:
        self._worker = worker
        self._reporter = reporter
        self._live: Any = None
        self._direct: Any = None
        #: Tests that only pytest's own protocol can judge.
        self._whole: Any = ()
        self.served = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        """Serve candidates instead of running the tests."""
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return True
        self.served = True
        terminal = session.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            session.config.pluginmanager.unregister(terminal)
        items = {item.nodeid: item for item in session.items}
        self._live = swap.Live(self._worker.sources.covers)
        self._direct = Direct(session, self._worker.pipe, self._worker.order["root"])
        self._whole = exceptions = self._direct.exceptions(session.items)
        self._direct.prepare(session.items)
        self._worker.loop(
            lambda order, changes: self._judge(order, changes, items, session),
            self._planned,
            direct=self._direct.why_not(),
            exceptions=exceptions,
        )
        return True

    def _judge(self, order: Message, changes: swap.Change, items: dict[str, Any], session: Any) -> Message:
        missing = [t for t in order["tests"] if t not in items]
        if missing:
            return {"loaded": False, "finished": False, "why": f"{missing[0]} was not collected"}
        swap.swap(changes)
        chosen = [items[t] for t in order["tests"]]
        if order.get("stop_on_failure"):
            hurry(chosen)
        results = _Results(self._worker.stop_when(order))
        try:
            self._run(chosen, session, direct=order["direct"], stop_when=results)
        except NotDirectError as exc:
            return {"loaded": False, "finished": False, "why": str(exc)}
        facts = {"loaded": True, "finished": True, **self._worker.seen()}
        if changes and order["restore"] and not results.bad:
            facts["fails_again"] = self._fails_again(order, chosen, session, changes, facts)
        return facts

    def _run(self, chosen: list[Any], session: Any, *, direct: bool, stop_when: Callable[[Message], bool]) -> None:
        self._reporter.stop_when = self._direct.stop_when = stop_when
        for item, following in zip(chosen, [*chosen[1:], None]):
            if direct and item.nodeid not in self._whole:
                self._direct.run(item, following)
            else:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                break

    def _fails_again(
        self, order: Message, chosen: list[Any], session: Any, changes: swap.Change, facts: Message
    ) -> bool:
        """Whether the tests that have passed fail with the original code, in this very process.

        If not, it was not the candidate's code that made them pass: it, or a cache, changed something around it.
        """
        self._worker.pipe.send({"event": "passed", "why": "", **facts})  # should the original not live to tell
        swap.take_back(changes)
        self._worker.tank.used = 0
        self._worker.pipe.aside = []
        results = _Results(self._worker.stop_when(order))
        self._run(chosen, session, direct=order["direct"], stop_when=results)
        self._worker.pipe.aside = None
        return results.bad

    def _planned(self, order: Message) -> swap.Change:
        """What to swap, found and compiled here: a child would copy each page that this touches."""
        change = order.get("swap")
        if not change:
            return []
        path, line, name = change["path"], change["line"], change["name"]
        old = self._live.code(path, line, name)
        if old is None:
            raise ValueError(f"{name} is not a live function")
        new = swap.compile_function(change["snippet"], change["classes"], path, line, name, old.co_flags)
        return swap.plan(self._live, old, new)


class _Results:
    """Hears results, and knows whether one was bad."""

    def __init__(self, enough: Callable[[Message], bool]) -> None:
        self._enough = enough
        self.bad = False

    def __call__(self, result: Message) -> bool:
        self.bad = self.bad or result["outcome"] in ("failed", "error")
        return self._enough(result)
