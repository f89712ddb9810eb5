"""Workers that judge candidates in forked children, and the ladder between their steps."""

from __future__ import annotations

import base64
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from reknit.probe.protocol import Message
from reknit.runner.base import Attempt, Step, SuiteRun, TestRun, Trial
from reknit.runner.session import Place, Session, text
from reknit.runner.suite import as_run

#: Ticks: what a candidate gets at least, and how many times the original's own use.
MIN_FUEL = 200_000
FUEL_FACTOR = 60
#: Wall clock, the last resort where no tick is reached (a C loop, a sleep).
_MIN_SECONDS = 5.0
_SECONDS_FACTOR = 30.0
_READY_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the workers of one pool have in common."""

    place: Place
    #: Arguments, roots and exclusions for the probe.
    order: Message
    failing: tuple[str, ...]
    passing: tuple[str, ...]
    baseline: SuiteRun
    fuel: int | None


class Worker:
    """One zygote and its children; steps that do not hold for this project are never used."""

    def __init__(self, plan: Plan, step: Step, name: str) -> None:
        self._plan = plan
        self.step = step
        self.name = name
        self._session: Session | None = None
        self._fuel = plan.fuel or MIN_FUEL
        self._number = 0
        #: CPU seconds of sessions that have ended, and of the one that runs.
        self._spent = 0.0
        self._current = 0.0
        self.broken: str | None = None

    @property
    def cpu_seconds(self) -> float:
        """Of the zygotes and all their children."""
        return self._spent + self._current

    def attempt(self, trial: Trial) -> Attempt:
        """Judge one trial."""
        order: Message = {"tests": [*self._plan.failing, *trial.keep], "fuel": self._fuel}
        if self.step == "collected" and trial.swap is not None:
            swap = trial.swap
            path = str(self._root() / trial.path)
            order["swap"] = {
                "path": path,
                "line": swap.line,
                "name": swap.name,
                "classes": swap.classes,
                "snippet": swap.snippet,
            }
        else:
            order["files"] = {str(self._root() / trial.path): base64.b64encode(trial.content).decode()}
        return self._ask(order, stop=True)

    def control(self) -> str | None:
        """Run the original code: why this step cannot be trusted here, or None; sets the fuel by what it used."""
        for test in self._plan.failing:
            attempt = self._ask({"tests": [test], "fuel": MIN_FUEL * 10}, stop=False)
            if self.broken or (not attempt.results and not attempt.hung):
                return self.broken or attempt.why or "no result for the original"
            if not attempt.hung and not any(r.bad for r in attempt.results):
                return f"{test} does not fail here as it does in a clean process"
        good = self._ask({"tests": list(self._plan.passing), "fuel": None}, stop=False) if self._plan.passing else None
        if good is not None:
            bad = next((r.test for r in good.results if r.bad), None)
            if bad or len(good.results) < len(self._plan.passing):
                return f"{bad or 'a test'} does not pass here as it does in a clean process"
            if self._plan.fuel is None:
                self._fuel = max(MIN_FUEL, FUEL_FACTOR * good.ticks)
        return None

    def close(self) -> None:
        """End the zygote and its children."""
        if self._session is not None:
            self._spent, self._current = self._spent + self._current, 0.0
            self._session.__exit__(None, None, None)
            self._session = None

    def _root(self) -> Path:
        return self._open().root

    def _open(self) -> Session:
        if self._session is None:
            known = self._plan.baseline.facts
            root = self._plan.place.root
            order = {
                **self._plan.order,
                "mode": self.step,
                "tests": [*self._plan.failing, *self._plan.passing],
                "modules": [m for m in known.modules if m != "conftest"],
                "files_to_warm": [str(root / f) for f in known.files],
            }
            session = Session(self._plan.place, order)
            self._session = session
            try:
                message = session.receive(time.monotonic() + _READY_SECONDS)
                while message is not None and message.get("event") not in ("ready", "no-collection"):
                    message = session.receive(time.monotonic() + _READY_SECONDS)
            except TimeoutError:
                message = None
            if message is None or message["event"] != "ready":
                self.broken = f"the {self.step} worker did not start"
            else:
                self._current = float(message["cpu"])
        return self._session

    def _ask(self, order: Message, *, stop: bool) -> Attempt:
        session = self._open()
        if self.broken:
            return self._none(self.broken)
        self._number += 1
        seconds = _MIN_SECONDS + _SECONDS_FACTOR * sum(self._seconds(t) for t in order["tests"])
        session.send({**order, "id": self._number, "timeout": seconds, "stop_on_failure": stop})
        try:
            message = session.receive(time.monotonic() + seconds + 10)
            while message is not None and (message.get("event"), message.get("id")) != ("attempt", self._number):
                message = session.receive(time.monotonic() + seconds + 10)
        except TimeoutError:
            message = None
        if message is None:
            self.close()  # the next trial gets a new zygote
            return self._none("the worker died")
        self._current = float(message["cpu"])
        return self._read(message, order["tests"])

    def _seconds(self, test: str) -> float:
        run = self._plan.baseline.tests.get(test)
        return run.seconds if run and not (run.failure and run.failure.hung) else 0.1

    def _none(self, why: str) -> Attempt:
        return Attempt(step=self.step, results=(), passed=False, ticks=0, hung=False, why=why)

    def _read(self, message: Message, wanted: Sequence[str]) -> Attempt:
        roots = (self._open().root, self._plan.place.root)
        results: list[TestRun] = [as_run(m, roots) for m in message["results"]]
        hung = bool(message["exhausted"] or message["timed_out"])
        good = {r.test for r in results if not r.bad}
        why = text(message["why"])
        if not message["loaded"]:
            return self._none(why or "the candidate was not loaded")
        passed = bool(message["finished"]) and not hung and good >= set(wanted)
        if not results and message["errors"]:
            why = text(message["errors"][0]["text"])[-300:]
        return Attempt(
            step=self.step, results=tuple(results), passed=passed, ticks=int(message["ticks"]), hung=hung, why=why
        )


class Pool:
    """Workers side by side; each has a `collected` step and, for what that cannot judge, a `fresh` one."""

    def __init__(self, plan: Plan, jobs: int) -> None:
        self._plan = plan
        self._workers = [
            {step: Worker(plan, step, f"{step}-{n}") for step in ("collected", "fresh")} for n in range(jobs)
        ]
        self._controls: dict[tuple[int, Step], str | None] = {}

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds used so far, children included."""
        return sum(w.cpu_seconds for pair in self._workers for w in pair.values())

    @property
    def steps_down(self) -> tuple[str, ...]:
        """Which steps were found not to hold for this project, and why."""
        return tuple(dict.fromkeys(f"{step}: {why}" for (_, step), why in self._controls.items() if why))

    def run(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Attempt]]:
        """Judge trials side by side; answers come in the order of the questions."""
        free = deque(range(len(self._workers)))
        waiting: deque[tuple[Trial, int, Future[Attempt]]] = deque()
        with ThreadPoolExecutor(len(self._workers)) as threads:
            for trial in trials:
                if not free:
                    yield self._settle(waiting, free)
                number = free.popleft()
                waiting.append((trial, number, threads.submit(self._attempt, number, trial)))
            while waiting:
                yield self._settle(waiting, free)

    @staticmethod
    def _settle(waiting: deque[tuple[Trial, int, Future[Attempt]]], free: deque[int]) -> tuple[Trial, Attempt]:
        trial, number, future = waiting.popleft()
        attempt = future.result()
        free.append(number)
        return trial, attempt

    def _attempt(self, number: int, trial: Trial) -> Attempt:
        attempt: Attempt | None = None
        steps: tuple[Step, ...] = ("collected", "fresh") if trial.swap is not None else ("fresh",)
        for step in steps:
            if self._distrust(number, step) is not None:
                continue
            attempt = self._workers[number][step].attempt(trial)
            if attempt.results or attempt.hung:
                return attempt
        why = attempt.why if attempt else "; ".join(self.steps_down) or "no step of the ladder holds here"
        return attempt or Attempt(step="fresh", results=(), passed=False, ticks=0, hung=False, why=why)

    def _distrust(self, number: int, step: Step) -> str | None:
        """Why a worker's step is not used; its positive control runs at its first use."""
        if (number, step) not in self._controls:
            self._controls[number, step] = self._workers[number][step].control()
        return self._controls[number, step]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        for pair in self._workers:
            for worker in pair.values():
                worker.close()
