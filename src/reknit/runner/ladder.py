"""The ladder: which step judges which candidate, side by side on several workers.

From the fastest to the surest: direct, collected (the same process, with pytest's whole protocol), fresh, and a process
for each candidate; of tests that start the program as a process of their own, the steps with candidates on disk. A step
is used for a fault's tests once the original has ended there as it does in a clean process; what a step cannot judge
goes on to the next.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from reknit.runner.base import TIME_UP, Attempt, Step, TestRun, Trial
from reknit.runner.workers import Worker
from reknit.runner.zygote import Mode, Plan, Where, Zygote

_IN_ZYGOTE: Mapping[Step, tuple[Mode, Where]] = {
    "direct": ("collected", "memory"),
    "collected": ("collected", "memory"),
    "fresh": ("fresh", "memory"),
    "collected-disk": ("collected", "disk"),
    "fresh-disk": ("fresh", "disk"),
    "process": ("fresh", "process"),
}

#: Steps for a change of a function; the last two judge any change.
_FUNCTIONS: tuple[Step, ...] = ("direct", "collected", "fresh", "process")
#: Share of the candidates from which on it is told that a step could not judge them.
_MANY = 0.25
#: Seconds between two tries to end what is being judged.
_GLANCE = 0.1


def _bench(plan: Plan) -> dict[Step, Worker]:
    """A worker for every step; those that need the same of a zygote share it."""
    zygotes = {kind: Zygote(plan, *kind) for kind in dict.fromkeys(_IN_ZYGOTE.values())}
    return {step: Worker(plan, step, zygotes[kind]) for step, kind in _IN_ZYGOTE.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How a change of a function would be judged, as far as can be told before a test has run."""

    #: None where no worker starts.
    step: Step | None
    #: Why not in a faster step.
    reasons: tuple[str, ...]


class Pool:
    """Workers side by side, with what was found out about their steps."""

    def __init__(self, plan: Plan, jobs: int) -> None:
        self._plan = plan
        self._benches = [_bench(plan) for _ in range(max(1, jobs))]
        self._zygotes = [list(dict.fromkeys(w.zygote for w in bench.values())) for bench in self._benches]
        self._controls: dict[tuple[int, Step, tuple[str, ...]], str | None] = {}
        self._judged: Counter[Step] = Counter()
        #: Workers whose answer nobody waits for.
        self._unwanted: set[int] = set()
        #: Around what workers note side by side.
        self._lock = threading.Lock()
        self._passed_on: Counter[str] = Counter()

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds used so far, children included."""
        return sum(z.cpu_seconds for zygotes in self._zygotes for z in zygotes)

    @property
    def judged(self) -> Mapping[Step, int]:
        """Candidates by the step that has judged them."""
        return {step: self._judged[step] for step in _IN_ZYGOTE if self._judged[step]}

    @property
    def steps_down(self) -> tuple[str, ...]:
        """Which steps were found not to hold for this project, and why; and why single candidates were passed on."""
        with self._lock:
            controls, passed_on = list(self._controls.items()), list(self._passed_on.items())
        found = (f"{step}: {why}" for (_, step, _), why in controls if why and why != TIME_UP)
        most = sum(self._judged.values()) * _MANY
        single = (f"{why} ({count} candidates)" for why, count in passed_on if count > max(most, 1))
        return (*dict.fromkeys(found), *single)

    def outlook(self) -> Outlook:
        """The first step of the ladder that may be used, with nothing but the start of its worker to go by."""
        reasons: list[str] = []
        for step in _FUNCTIONS:
            why = self._benches[0][step].unusable()
            if why is None:
                return Outlook(step=step, reasons=tuple(reasons))
            reasons.append(f"{step}: {why}")
        return Outlook(step=None, reasons=tuple(reasons))

    def again(self, tests: Sequence[str]) -> TestRun | None:
        """The last of `tests` after the others, on the code as it is, by the first step that can; None where none."""
        steps = [worker for step, worker in self._benches[0].items() if step != "direct"]
        return next((run for step in steps if (run := step.again(tests)) is not None), None)

    def run(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Attempt]]:
        """Judge trials side by side; answers come in the order of the questions.

        Who stops asking for answers ends what is still being judged.
        """
        free = deque(range(len(self._benches)))
        waiting: deque[tuple[Trial, int, Future[Attempt]]] = deque()
        with ThreadPoolExecutor(len(self._benches)) as threads:
            try:
                for trial in trials:
                    if not free:
                        yield self._settle(waiting, free)
                    number = free.popleft()
                    waiting.append((trial, number, threads.submit(self._attempt, number, trial)))
                while waiting:
                    yield self._settle(waiting, free)
            finally:
                for _, number, future in waiting:
                    self._cancel(number, future)

    def _settle(self, waiting: deque[tuple[Trial, int, Future[Attempt]]], free: deque[int]) -> tuple[Trial, Attempt]:
        trial, number, future = waiting[0]
        attempt = future.result()
        waiting.popleft()
        free.append(number)
        if attempt.results or attempt.hung:
            self._judged[attempt.step] += 1
        return trial, attempt

    def _cancel(self, number: int, future: Future[Attempt]) -> None:
        self._unwanted.add(number)
        while not future.done() and not future.cancel():
            for zygote in self._zygotes[number]:
                zygote.cancel()
            # It may have come just before an order: then it says nothing about that one.
            with contextlib.suppress(TimeoutError):
                future.exception(_GLANCE)
        self._unwanted.discard(number)

    def _attempt(self, number: int, trial: Trial) -> Attempt:
        attempt: Attempt | None = None
        for step in self._steps(trial):
            if number in self._unwanted:
                break
            if attempt is not None and (attempt.step, step) == ("fresh", "process"):
                break  # a fresh process has looked, and what it could not load no other will
            if self._distrust(number, step, trial.must) is not None:
                continue
            attempt = self._benches[number][step].attempt(trial)
            if attempt.results or attempt.hung or number in self._unwanted:
                return attempt
            with self._lock:
                self._passed_on[f"{step}: {attempt.why}"] += 1
        if attempt is not None:
            return attempt
        held = TIME_UP if not self._plan.left else "no step of the ladder holds here"
        why = "; ".join(self.steps_down) or held
        return Attempt(step="fresh", results=(), passed=False, ticks=0, hung=False, why=why)

    def _steps(self, trial: Trial) -> tuple[Step, ...]:
        """From the fastest to the surest, as far as each can judge the trial."""
        if not self._plan.baseline.spawning.isdisjoint(trial.must):
            # What the tests' own process has imported is only there in memory.
            imported = trial.path in self._plan.baseline.facts.files
            return ("fresh-disk", "process") if imported else ("collected-disk", "fresh-disk", "process")
        return _FUNCTIONS if trial.swap is not None else _FUNCTIONS[2:]

    def _distrust(self, number: int, step: Step, tests: tuple[str, ...]) -> str | None:
        """Why a worker's step is not used for `tests`; the positive control runs at its first use."""
        key = (number, step, tests)
        if key not in self._controls:
            why = self._benches[number][step].control(tests)
            if number in self._unwanted:
                return "nobody waits for it"  # it was ended, which says nothing of the step
            with self._lock:
                self._controls[key] = why
        return self._controls[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        with contextlib.ExitStack() as stack:
            for zygotes in self._zygotes:
                for zygote in zygotes:
                    stack.callback(zygote.close)
