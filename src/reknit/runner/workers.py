"""One step of the ladder: candidates judged in forked children, and the original, which shows what the step can tell."""

from __future__ import annotations

import base64
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from reknit.errors import SandboxError
from reknit.probe.protocol import Message
from reknit.runner.base import TIME_UP, Attempt, Failure, Step, TestRun, Trial
from reknit.runner.session import Session, text, untrusted
from reknit.runner.suite import as_run, death
from reknit.runner.zygote import Plan, Zygote

#: Ticks: what a candidate gets at least, and how many times the original's own use.
MIN_FUEL = 200_000
FUEL_FACTOR = 60
#: Failing tests of a fault that the original is run through before its candidates are.
_CONTROLS = 3
#: Wall clock, the last resort where no tick is reached (a C loop, a sleep).
_MIN_SECONDS = 5.0
_SECONDS_FACTOR = 30.0
#: CPU seconds of a process that a test starts: at least, and times the longest of the tests.
_CHILD_SECONDS, _CHILD_FACTOR = 1.0, 5.0


class Worker:
    """One step on one zygote, which other steps may share."""

    def __init__(self, plan: Plan, step: Step, zygote: Zygote) -> None:
        self._plan = plan
        self.step = step
        self.zygote = zygote
        self._fuel = plan.fuel or MIN_FUEL
        #: Tests that the original does not end here as it does in a clean process.
        self._unreliable: set[str] = set()
        #: What the original was already run through.
        self._learned: set[tuple[str, ...]] = set()

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
        session = self.zygote.open({trial.path: trial.content})
        if session is None:
            return self._none(self.zygote.broken or "")
        order: Message = {"tests": list(tests), "fuel": self._fuel * trial.patience}
        path = str(session.root / trial.path)
        if self.step in {"direct", "collected"} and trial.swap is not None:
            swap = trial.swap
            order["swap"] = {
                "path": path,
                "line": swap.line,
                "name": swap.name,
                "classes": swap.classes,
                "snippet": swap.snippet,
            }
            # A test that does not end would have to be waited for once more.
            order["restore"] = tests == trial.must and not any(map(self._hangs, tests))
        elif self.zygote.where != "process":
            order["files"] = {path: base64.b64encode(trial.content).decode()}
        return self._ask(session, order, stop=True)

    def control(self, tests: Sequence[str]) -> str | None:
        """Run the original code: why this step cannot be trusted with these failing tests, or None; feeds by its use."""
        if (why := self.unusable(tests)) is not None:
            return why
        known = self._plan.baseline.tests
        # Those that fail only after others are run after them, in one process.
        together = any(t in known and not known[t].bad for t in tests)
        for group in [tests] if together else [(t,) for t in tests[:_CONTROLS]]:
            hangs = any(map(self._hangs, group))
            attempt = self._original(group, fuel=self._fuel if hangs else None)
            if len(attempt.results) < len(group):
                return attempt.why or f"{group[len(attempt.results)]} did not run here"
            if why := next((why for r in attempt.results if (why := self._differs(r, hangs=hangs))), None):
                return why
            if not hangs:
                self._feed(attempt)
        return None

    def unusable(self, tests: Sequence[str] = ()) -> str | None:
        """Why this step cannot be used, for `tests` in particular, as far as is known without running one."""
        if self.zygote.open({}) is None:
            return self.zygote.broken
        if self.step != "direct":
            return None
        exceptions = self.zygote.whole_protocol
        return self.zygote.no_direct or next((exceptions[t] for t in tests if t in exceptions), None)

    def again(self, tests: Sequence[str]) -> TestRun | None:
        """The original's result of the last of `tests`; None where this step gives none; fuel stops one that hangs."""
        attempt = self._original(tests, fuel=self._fuel if self._hangs(tests[-1]) else None)
        return next((r for r in attempt.results if r.test == tests[-1]), None)

    def _original(self, tests: Sequence[str], *, fuel: int | None) -> Attempt:
        session = self.zygote.open({})
        if session is None:
            return self._none(self.zygote.broken or "")
        return self._ask(session, {"tests": list(tests), "fuel": fuel}, stop=False)

    def _hangs(self, test: str) -> bool:
        return _hung(self._plan.baseline.tests.get(test))

    def _differs(self, run: TestRun, *, hangs: bool) -> str | None:
        """How a result of the original code differs from that of the clean process."""
        known = self._plan.baseline.tests.get(run.test)
        if known is None or (hangs and _hung(run)) or _kind(run) == _kind(known):
            return None
        return f"{run.test} ends here with {' '.join(_kind(run))}, in a clean process with {' '.join(_kind(known))}"

    def _ask(self, session: Session, order: Message, *, stop: bool) -> Attempt:
        seconds = _MIN_SECONDS + _SECONDS_FACTOR * sum(self._seconds(t) for t in order["tests"])
        order = {"restore": False, **order, "direct": self.step == "direct", "stop_on_failure": stop}
        if self.zygote.where != "memory":
            order["child_cpu"] = _CHILD_SECONDS + _CHILD_FACTOR * max(map(self._seconds, order["tests"]), default=0)
        message = self.zygote.ask(session, order, seconds)
        if message is None:
            return self._none("the worker died")
        if message.get("timed_out") and not self._plan.left:
            return self._none(TIME_UP)
        try:
            with untrusted():
                return self._read(message, order["tests"], (session.root, self._plan.place.root))
        except SandboxError as exc:
            return self._none(exc.message)

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
        passed = bool(message["finished"]) and not hung and good >= set(wanted)
        if passed and message.get("fails_again") is False:
            return self._none("the tests pass with the original code too, once the candidate has run")
        return Attempt(
            step=self.step,
            results=tuple(results),
            passed=passed,
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
