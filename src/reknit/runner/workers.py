"""Workers that judge candidates in forked children, and the ladder between their steps."""

from __future__ import annotations

import base64
import contextlib
import os
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

from reknit.errors import SandboxError
from reknit.probe.protocol import Message
from reknit.runner.base import TIME_UP, Attempt, Failure, Step, SuiteRun, TestRun, Trial
from reknit.runner.session import Place, Session, amount, text, untrusted
from reknit.runner.suite import as_run, death
from reknit.sandbox.base import ViewKind

#: Ticks: what a candidate gets at least, and how many times the original's own use.
MIN_FUEL = 200_000
FUEL_FACTOR = 60
#: Failing tests of a fault that the original is run through before its candidates are.
_CONTROLS = 3
#: Wall clock, the last resort where no tick is reached (a C loop, a sleep).
_MIN_SECONDS = 5.0
_SECONDS_FACTOR = 30.0
_READY_SECONDS = 120.0
#: CPU seconds of a process that a test starts: at least, and times the longest of the tests.
_CHILD_SECONDS, _CHILD_FACTOR = 1.0, 5.0
_IN_MEMORY: frozenset[Step] = frozenset({"collected", "fresh"})
_ON_DISK: frozenset[Step] = frozenset({"collected-disk", "fresh-disk"})
#: Views of the project that are the worker's own to change.
_OWN_VIEWS = frozenset({ViewKind.OVERLAY, ViewKind.COPY})
#: For a zygote to end a candidate that is late, and to answer.
_GRACE_SECONDS = 10.0


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
        #: Tests that the original does not end here as it does in a clean process.
        self._unreliable: set[str] = set()
        #: What the original was already run through.
        self._learned: set[tuple[str, ...]] = set()

    @property
    def cpu_seconds(self) -> float:
        """Of the zygotes and all their children."""
        return self._spent + self._current

    def attempt(self, trial: Trial) -> Attempt:
        """Judge one trial: its failing tests first, then, in pytest's order, all that it names.

        Where a test to be kept ends it, the original runs them too, once: a test that does not end here as it does in
        a clean process speaks against nothing, and tests that need more fuel get it.
        """
        first = self._try(trial, trial.must)
        if not first.passed or not trial.keep:
            return first
        while True:
            keep = tuple(t for t in trial.keep if t not in self._unreliable)
            second = self._try(trial, self._in_order({*trial.must, *keep}))
            seen = {r.test: r for r in (*first.results, *second.results)}
            attempt = replace(second, results=tuple(seen.values()))
            bad = second.first_bad
            if bad is None or bad.test in trial.must or not self._learn(self._in_order(set(keep))):
                return attempt

    def _in_order(self, tests: Collection[str]) -> tuple[str, ...]:
        return tuple(t for t in self._plan.baseline.collected if t in tests)

    def _learn(self, tests: tuple[str, ...]) -> bool:
        """Run the original through tests that it passes; whether that has taught anything new."""
        if tests in self._learned:
            return False
        self._learned.add(tests)
        original = self._original(tests, fuel=None)
        differing = {r.test for r in original.results if self._differs(r, hangs=False)} - self._unreliable
        self._unreliable |= differing
        before = self._fuel
        self._feed(original)
        return bool(differing) or self._fuel > before

    def _feed(self, original: Attempt) -> None:
        if self._plan.fuel is None:
            self._fuel = max(self._fuel, FUEL_FACTOR * original.ticks)

    def _try(self, trial: Trial, tests: Sequence[str]) -> Attempt:
        session = self._open(trial)
        if session is None:
            return self._none(self.broken or "")
        order: Message = {"tests": list(tests), "fuel": self._fuel * trial.patience}
        path = str(session.root / trial.path)
        if self.step == "collected" and trial.swap is not None:
            swap = trial.swap
            order["swap"] = {
                "path": path,
                "line": swap.line,
                "name": swap.name,
                "classes": swap.classes,
                "snippet": swap.snippet,
            }
        elif self.step != "process":
            order["files"] = {path: base64.b64encode(trial.content).decode()}
        return self._ask(session, order, stop=True)

    def control(self, tests: Sequence[str]) -> str | None:
        """Run the original code: why this step cannot be trusted with these failing tests, or None; feeds by its use."""
        known = self._plan.baseline.tests
        # Those that fail only after others are run after them, in one process.
        together = any(t in known and not known[t].bad for t in tests)
        for group in [tests] if together else [(t,) for t in tests[:_CONTROLS]]:
            hangs = any(_hung(known.get(t)) for t in group)
            attempt = self._original(group, fuel=self._fuel if hangs else None)
            if len(attempt.results) < len(group):
                return attempt.why or f"{group[len(attempt.results)]} did not run here"
            if why := next((why for r in attempt.results if (why := self._differs(r, hangs=hangs))), None):
                return why
            if not hangs:
                self._feed(attempt)
        return None

    def again(self, tests: Sequence[str]) -> TestRun | None:
        """The original's result of the last of `tests`; None where this step gives none; fuel stops one that hangs."""
        hangs = _hung(self._plan.baseline.tests.get(tests[-1]))
        attempt = self._original(tests, fuel=self._fuel if hangs else None)
        return next((r for r in attempt.results if r.test == tests[-1]), None)

    def _original(self, tests: Sequence[str], *, fuel: int | None) -> Attempt:
        session = self._open()
        if session is None:
            return self._none(self.broken or "")
        return self._ask(session, {"tests": list(tests), "fuel": fuel}, stop=False)

    def _differs(self, run: TestRun, *, hangs: bool) -> str | None:
        """How a result of the original code differs from that of the clean process."""
        known = self._plan.baseline.tests.get(run.test)
        if known is None or (hangs and _hung(run)) or _kind(run) == _kind(known):
            return None
        return f"{run.test} ends here with {' '.join(_kind(run))}, in a clean process with {' '.join(_kind(known))}"

    def close(self) -> None:
        """End the zygote and its children."""
        if self._session is not None:
            self._spent, self._current = self._spent + self._current, 0.0
            session, self._session = self._session, None
            session.close()

    def _open(self, trial: Trial | None = None) -> Session | None:
        """The running zygote, started where there is none; None where it cannot be started.

        Of a step that judges each candidate in a process of its own, the process that has this one on disk, or none.
        """
        if self.step == "process":
            self.close()
        if self._session is None and not self.broken:
            known = self._plan.baseline.facts
            order = {
                **self._plan.order,
                "mode": "collected" if self.step.startswith("collected") else "fresh",
                "on_disk": self.step not in _IN_MEMORY,
                "tests": list(self._plan.tests),
                "modules": known.modules,
                "files_to_warm": known.files,
            }
            self._session = Session(self._plan.place, order, files=self._files(trial))
            message = self._answer(self._session, ("ready", "no-collection"), None, min(_READY_SECONDS, self._left()))
            view = self._session.running.view_kind
            if message is None or message["event"] != "ready":
                self.broken = f"the {self.step} worker did not start" if self._left() else TIME_UP
                self.close()
            elif self.step in _ON_DISK and view not in _OWN_VIEWS:
                self.broken = (
                    f"its view of the project, {view}, cannot be changed, so each candidate has a process of its own"
                )
                self.close()
            else:
                self._current = amount(message.get("cpu"))
        return self._session

    def _files(self, trial: Trial | None) -> dict[str, bytes | None]:
        """What is shown in place of the project's files."""
        if self.step == "process" and trial is not None:
            return {trial.path: trial.content}
        if self.step in _ON_DISK and self._plan.baseline.facts.files:
            # As it is: without isolation, only a view with other files is a copy.
            path = self._plan.baseline.facts.files[0]
            return {path: (self._plan.place.root / path).read_bytes()}
        return {}

    @staticmethod
    def _answer(session: Session, events: tuple[str, ...], number: int | None, seconds: float) -> Message | None:
        """The message that is waited for; None where it does not come in time, or the zygote is gone."""
        deadline = time.monotonic() + seconds
        try:
            while (message := session.receive(deadline)) is not None:
                if message.get("event") in events and message.get("id") == number:
                    return message
        except TimeoutError:
            pass
        return None

    def _ask(self, session: Session, order: Message, *, stop: bool) -> Attempt:
        self._number += 1
        seconds = _MIN_SECONDS + _SECONDS_FACTOR * sum(self._seconds(t) for t in order["tests"])
        seconds = min(seconds, self._left())
        order = {**order, "id": self._number, "timeout": seconds, "stop_on_failure": stop}
        if self.step not in _IN_MEMORY:
            order["child_cpu"] = _CHILD_SECONDS + _CHILD_FACTOR * max(map(self._seconds, order["tests"]), default=0)
        session.send(order)
        message = self._answer(session, ("attempt",), self._number, seconds + _GRACE_SECONDS)
        if message is None:
            self.close()  # the next trial gets a new zygote
            return self._none("the worker died")
        if message.get("timed_out") and not self._left():
            return self._none(TIME_UP)
        self._current = amount(message.get("cpu"))
        if message.get("clean") is False:
            self.close()  # something is left that cannot be taken back
        try:
            with untrusted():
                return self._read(message, order["tests"], (session.root, self._plan.place.root))
        except SandboxError as exc:
            return self._none(exc.message)

    def _left(self) -> float:
        """Seconds until the run must end."""
        return max(0.0, self._plan.deadline - time.monotonic())

    def _seconds(self, test: str) -> float:
        run = self._plan.baseline.tests.get(test)
        return run.seconds if run and not _hung(run) else 0.1

    def _none(self, why: str) -> Attempt:
        return Attempt(step=self.step, results=(), passed=False, ticks=0, hung=False, why=why)

    def _read(self, message: Message, wanted: Sequence[str], roots: tuple[Path, ...]) -> Attempt:
        why = text(message["why"])
        if not message["loaded"]:
            return self._none(why or "the candidate was not loaded")
        hung = bool(message["exhausted"] or message["timed_out"])
        results = [as_run(m, roots) for m in message["results"]]
        if message["running"]:
            results.append(_unfinished(text(message["running"]), int(message["status"]), hung=hung))
        if not results and message["errors"]:
            why = text(message["errors"][0]["text"])[-300:]
        good = {r.test for r in results if self._good(r)}
        return Attempt(
            step=self.step,
            results=tuple(results),
            passed=bool(message["finished"]) and not hung and good >= set(wanted),
            ticks=int(message["ticks"]),
            hung=hung,
            why=why,
        )

    def _good(self, run: TestRun) -> bool:
        """Whether it passed, or ended without a failure exactly as it did before; a test that starts to skip did not."""
        known = self._plan.baseline.tests.get(run.test)
        return run.outcome == "passed" or (not run.bad and known is not None and known.outcome == run.outcome)


def _hung(run: TestRun | None) -> bool:
    return run is not None and run.failure is not None and run.failure.hung


def _kind(run: TestRun) -> tuple[str, ...]:
    return (run.outcome, run.failure.type) if run.failure else (run.outcome,)


def _unfinished(test: str, status: int, *, hung: bool) -> TestRun:
    """The result of a test whose process did not live to tell it."""
    failure = Failure(
        type="TestStalled" if hung else "ProcessDied", message=death(os.waitstatus_to_exitcode(status)), hung=hung
    )
    return TestRun(test=test, outcome="error", seconds=0.0, failure=failure)


class Pool:
    """Workers side by side; each has a `collected` step and, for what that cannot judge, a `fresh` one."""

    def __init__(self, plan: Plan, jobs: int) -> None:
        self._plan = plan
        self._workers = [
            {step: Worker(plan, step, f"{step}-{n}") for step in get_args(Step)} for n in range(max(1, jobs))
        ]
        self._controls: dict[tuple[int, Step, tuple[str, ...]], str | None] = {}

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds used so far, children included."""
        return sum(w.cpu_seconds for pair in self._workers for w in pair.values())

    @property
    def steps_down(self) -> tuple[str, ...]:
        """Which steps were found not to hold for this project, and why."""
        return tuple(
            dict.fromkeys(f"{step}: {why}" for (_, step, _), why in self._controls.items() if why and why != TIME_UP)
        )

    def again(self, tests: Sequence[str]) -> TestRun | None:
        """The last of `tests` after the others, on the code as it is, by the first step that can; None where none."""
        steps = self._workers[0].values()
        return next((run for step in steps if (run := step.again(tests)) is not None), None)

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
        for step in self._steps(trial):
            if self._distrust(number, step, trial.must) is not None:
                continue
            attempt = self._workers[number][step].attempt(trial)
            if attempt.results or attempt.hung:
                return attempt
        held = TIME_UP if time.monotonic() >= self._plan.deadline else "no step of the ladder holds here"
        why = "; ".join(self.steps_down) or held
        return attempt or Attempt(step="fresh", results=(), passed=False, ticks=0, hung=False, why=why)

    def _steps(self, trial: Trial) -> tuple[Step, ...]:
        """From the fastest to the surest, as far as each can judge the trial."""
        if not self._plan.baseline.spawning.isdisjoint(trial.must):
            # What the tests' own process has imported is only there in memory.
            imported = trial.path in self._plan.baseline.facts.files
            return ("fresh-disk", "process") if imported else ("collected-disk", "fresh-disk", "process")
        return ("collected", "fresh") if trial.swap is not None else ("fresh",)

    def _distrust(self, number: int, step: Step, tests: tuple[str, ...]) -> str | None:
        """Why a worker's step is not used for `tests`; the positive control runs at its first use."""
        key = (number, step, tests)
        if key not in self._controls:
            self._controls[key] = self._workers[number][step].control(tests)
        return self._controls[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.ExitStack() as stack:
            for pair in self._workers:
                for worker in pair.values():
                    stack.callback(worker.close)
