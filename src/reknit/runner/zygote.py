"""One probe that stays and judges candidates in forked children: started when first asked, and again when it has died."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reknit.probe.protocol import Message
from reknit.runner.base import TIME_UP, SuiteRun
from reknit.runner.session import Place, Session, amount, text, texts
from reknit.sandbox.base import ViewKind

_READY_SECONDS = 120.0
#: For a zygote to end a candidate that is late, and to answer.
_GRACE_SECONDS = 10.0
#: Views of the project that are the zygote's own to change.
_OWN_VIEWS = frozenset({ViewKind.OVERLAY, ViewKind.COPY})

#: What a zygote has loaded: the tests with all that they import, or nothing of the project.
Mode = Literal["collected", "fresh"]
#: Where a candidate is: in its child's memory, in its file's place in the view, or there for one process alone.
Where = Literal["memory", "disk", "process"]
Files = Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the workers of one pool have in common."""

    place: Place
    #: Arguments, roots and exclusions for the probe.
    order: Message
    tests: tuple[str, ...]
    baseline: SuiteRun
    fuel: int | None
    #: Of `time.monotonic`.
    deadline: float

    @property
    def left(self) -> float:
        """Seconds until the run must end."""
        return max(0.0, self.deadline - time.monotonic())


class Zygote:
    """At most one process at a time, with its children."""

    def __init__(self, plan: Plan, mode: Mode, where: Where) -> None:
        self._plan = plan
        self._mode = mode
        self.where = where
        self._session: Session | None = None
        self._number = 0
        #: CPU seconds of sessions that have ended, and of the one that runs.
        self._spent = 0.0
        self._current = 0.0
        #: Why none can be started.
        self.broken: str | None = None
        #: Why tests cannot be run without pytest's protocol: all of them, or by test.
        self.no_direct: str | None = None
        self.whole_protocol: Mapping[str, str] = {}
        #: Third-party modules that leave threads behind are better imported by each child.
        self._preloads = True

    @property
    def cpu_seconds(self) -> float:
        """Of the processes and all their children."""
        return self._spent + self._current

    def open(self, candidate: Files) -> Session | None:
        """The running process, started where there is none; None where it cannot be started.

        Where each candidate has a process of its own, that with this `candidate` on disk.
        """
        if self.where == "process":
            self.close()
        if self._session is None and not self.broken:
            known = self._plan.baseline.facts
            order = {
                **self._plan.order,
                "mode": self._mode,
                "on_disk": self.where != "memory",
                "tests": list(self._plan.tests),
                "modules": known.modules if self._preloads else (),
                "files_to_warm": known.files,
            }
            self._session = Session(self._plan.place, order, files=self._files(candidate))
            seconds = min(_READY_SECONDS, self._plan.left)
            self._settle(self._session, self._answer(self._session, ("ready", "no-collection"), None, seconds))
            if self._session is None and not self.broken:
                return self.open(candidate)
        return self._session

    def _settle(self, session: Session, message: Message | None) -> None:
        """Note what the process says of itself; it is closed where it cannot be used."""
        view = session.running.view_kind
        if message is None or message["event"] != "ready":
            name = f"{self._mode} worker" if self.where == "memory" else f"{self._mode} worker, candidates on disk,"
            self.broken = f"the {name} did not start" if self._plan.left else TIME_UP
        elif self.where == "disk" and view not in _OWN_VIEWS:
            self.broken = (
                f"its view of the project, {view}, cannot be changed, so each candidate has a process of its own"
            )
        elif threads := texts(message.get("threads")):
            if self._mode == "fresh" and self._preloads:
                self._preloads = False
                self.close()
                return
            self.broken = f"what runs beside the tests would be missing in a forked child: {', '.join(threads[:3])}"
        else:
            self._current = amount(message.get("cpu"))
            self.no_direct = text(message.get("direct")) or None
            told = message.get("exceptions")
            self.whole_protocol = {str(t): text(why) for t, why in told.items()} if isinstance(told, dict) else {}
            return
        self.close()

    def _files(self, candidate: Files) -> dict[str, bytes | None]:
        """What is shown in place of the project's files."""
        if self.where == "process":
            return dict(candidate)
        if self.where == "disk" and self._plan.baseline.facts.files:
            # As it is: without isolation, only a view with other files is a copy.
            path = self._plan.baseline.facts.files[0]
            return {path: (self._plan.place.root / path).read_bytes()}
        return {}

    def ask(self, session: Session, order: Message, seconds: float) -> Message | None:
        """The answer to an order that may take so long; None where the process died of it."""
        self._number += 1
        seconds = min(seconds, self._plan.left)
        session.send({**order, "id": self._number, "timeout": seconds})
        message = self._answer(session, ("attempt",), self._number, seconds + _GRACE_SECONDS)
        if message is None:
            self.close()  # the next order gets a new one
        else:
            self._current = amount(message.get("cpu"))
            if message.get("clean") is False:
                self.close()  # something is left that cannot be taken back
        return message

    def cancel(self) -> None:
        """End what is being judged, if anything is, from another thread: it is answered as one that was late."""
        session = self._session
        if session is not None:
            session.send({"cancel": True})

    @staticmethod
    def _answer(session: Session, events: tuple[str, ...], number: int | None, seconds: float) -> Message | None:
        """The message that is waited for; None where it does not come in time, or the process is gone."""
        deadline = time.monotonic() + seconds
        try:
            while (message := session.receive(deadline)) is not None:
                if message.get("event") in events and message.get("id") == number:
                    return message
        except TimeoutError:
            pass
        return None

    def close(self) -> None:
        """End the process and its children."""
        if self._session is not None:
            self._spent, self._current = self._spent + self._current, 0.0
            session, self._session = self._session, None
            session.close()
