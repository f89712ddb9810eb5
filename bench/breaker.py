"""What a breaker costs, against the settings of others over a fixed grid.

    python bench/breaker.py [--seeds N] [--first SEED] [--quick] [--kind KIND]...

Calls come at random (Poisson), and each would fail or not, whoever asks; a breaker lets it through and is told, or rejects
it. Cost: failing calls let through + good calls rejected. Six kinds of trouble are drawn by seed, with 5 to 50 calls a
second and a failure rate of 0 to 5 % in good times: an outage, a brownout (60 to 80 % fail), a ramp, flapping, a gradual
recovery, and an outage with a call in 2 to 10 seconds. Seeds 1 to 40 were used to make the breaker, and are not among the
default ones. Ours has its defaults throughout. The others:

- resilience4j, a model: windows by time in whole seconds, thresholds 0.3, 0.5, 0.7 × windows 10, 30, 60 s × waits 1, 5, 15,
  60 s × minimum calls 5, 20, 100; 10 calls permitted in half-open, judged as soon as there are as many as the minimum;
- client-side throttling as in the SRE book, a model, with dice of its own: the same windows, and K = 1/(1 - threshold), at
  which it starts to reject when more than the threshold fails;
- pybreaker and purgatory, the real ones, on a simulated clock: 3, 5, 10, 20 consecutive failures × the same waits.

For each kind the mean over the seeds: (ours + 20) / (the best setting's for that kind + 20). The total is the sum over the
kinds. The last line is JSON; `decision_us` is the median CPU of a decision while closed, `counted_us` of counting a
success. Bars: `worst_ratio` at most 1.5, `total` below `best_total`, `decision_us` at most 3.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import itertools
import json
import math
import random
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Protocol

import purgatory.domain.model
import pybreaker
from purgatory import SyncCircuitBreakerFactory

from reknit.guard.breaker import Ending, Limits, Permit, State, decide, record

THRESHOLDS, WINDOWS, WAITS = (0.3, 0.5, 0.7), (10, 30, 60), (1, 5, 15, 60)
MINIMA, IN_A_ROW, PERMITTED = (5, 20, 100), (3, 5, 10, 20), 10
ALLOWANCE = 20

#: When each call comes, and 1 where it would fail, 0 where not.
Calls = Sequence[tuple[float, int]]


class Breaker(Protocol):
    """Lets calls through, or does not."""

    def call(self, at: float, fails: int) -> bool:
        """Whether it was let through; times never fall."""


class Ours:
    """`reknit.guard.breaker` with its defaults."""

    def __init__(self) -> None:
        self.state, self.limits = State(), Limits()

    def call(self, at: float, fails: int) -> bool:
        """Decide, and count."""
        answer, step = decide(self.state, self.limits, at)
        self.state = step.state
        if not isinstance(answer, Permit):
            return False
        ending = Ending.FAILED if fails else Ending.SUCCEEDED
        self.state = record(self.state, self.limits, answer, ending, at).state
        return True


class Resilience:
    """resilience4j's machine with a window by time."""

    def __init__(self, threshold: float, window: int, wait: float, minimum: int) -> None:
        self.threshold, self.window, self.wait, self.minimum = threshold, window, wait, minimum
        self.until: float | None = None
        self.trials: list[int] | None = None
        self.forget()

    def forget(self) -> None:
        """Closed, with nothing counted."""
        #: Second, calls, failures.
        self.seconds: deque[list[int]] = deque()
        self.calls = self.failures = 0
        self.until = self.trials = None

    def call(self, at: float, fails: int) -> bool:
        """As in its states closed, open and half-open."""
        if self.until is not None:
            if at <= self.until:
                return False
            self.until, self.trials = None, []
        if self.trials is None:
            self.count(int(at), fails)
            if self.calls >= self.minimum and self.failures >= self.threshold * self.calls:
                self.until = at + self.wait
            return True
        self.trials.append(fails)
        if len(self.trials) >= min(self.minimum, PERMITTED):
            failed = sum(self.trials) >= self.threshold * len(self.trials)
            self.forget()
            self.until = at + self.wait if failed else None
        return True

    def count(self, second: int, fails: int) -> None:
        """Into the window, and out of it what is too old."""
        seconds = self.seconds
        if not seconds or seconds[-1][0] != second:
            while seconds and seconds[0][0] <= second - self.window:
                _, calls, failures = seconds.popleft()
                self.calls, self.failures = self.calls - calls, self.failures - failures
            seconds.append([second, 0, 0])
        last = seconds[-1]
        last[1] += 1
        last[2] += fails
        self.calls += 1
        self.failures += fails


class Throttle:
    """Client-side throttling: rejects with the probability (requests - K · accepted) / (requests + 1)."""

    def __init__(self, threshold: float, window: int) -> None:
        self.factor, self.window = 1 / (1 - threshold), window
        self.dice = random.Random(1)  # noqa: S311 - no secret
        self.requests: deque[tuple[float, bool]] = deque()
        self.accepted = 0

    def call(self, at: float, fails: int) -> bool:
        """A request counts whether it was let through or not."""
        while self.requests and self.requests[0][0] < at - self.window:
            self.accepted -= self.requests.popleft()[1]
        count = len(self.requests)
        through = self.dice.random() >= (count - self.factor * self.accepted) / (count + 1)
        accepted = through and not fails
        self.requests.append((at, accepted))
        self.accepted += accepted
        return through


class Clock:
    """What the real ones are told the time is."""

    now = 0.0


class SimulatedDatetime(dt.datetime):
    """pybreaker asks `datetime.now`."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> SimulatedDatetime:
        """The simulated clock."""
        return cls.fromtimestamp(Clock.now, tz)


def simulate_clock() -> None:
    """Let pybreaker and purgatory, in this process, see the simulated clock."""
    vars(pybreaker)["datetime"] = SimulatedDatetime
    vars(purgatory.domain.model)["time"] = SimpleNamespace(time=lambda: Clock.now)


class FailedError(Exception):
    """A call failed."""


def end(fails: int) -> None:
    """Of a call."""
    if fails:
        raise FailedError


class Pybreaker:
    """The real one."""

    def __init__(self, failures: int, wait: float) -> None:
        self.breaker = pybreaker.CircuitBreaker(fail_max=failures, reset_timeout=wait)

    def call(self, at: float, fails: int) -> bool:
        """What it raises on the call that opens it is no rejection: that one was made."""
        Clock.now = at
        made = []

        def work() -> None:
            made.append(at)
            end(fails)

        with contextlib.suppress(FailedError, pybreaker.CircuitBreakerError):
            self.breaker.call(work)
        return bool(made)


class Purgatory:
    """The real one, in memory."""

    def __init__(self, failures: int, wait: float) -> None:
        factory = SyncCircuitBreakerFactory(default_threshold=failures, default_ttl=wait)
        self.breaker = factory.get_breaker("one")

    def call(self, at: float, fails: int) -> bool:
        """What it raises before the call is a rejection."""
        Clock.now = at
        made = False
        with contextlib.suppress(FailedError, purgatory.domain.model.OpenedState), self.breaker:
            made = True
            end(fails)
        return made


def grid() -> Iterator[tuple[str, Callable[[], Breaker]]]:
    """All settings of the others, by name."""
    for threshold, window in itertools.product(THRESHOLDS, WINDOWS):
        yield f"throttling {threshold} {window}s", partial(Throttle, threshold, window)
        for wait, least in itertools.product(WAITS, MINIMA):
            name = f"resilience4j {threshold} {window}s, wait {wait}s, minimum {least}"
            yield name, partial(Resilience, threshold, window, wait, least)
    for failures, wait in itertools.product(IN_A_ROW, WAITS):
        yield f"pybreaker {failures}, wait {wait}s", partial(Pybreaker, failures, wait)
        yield f"purgatory {failures}, wait {wait}s", partial(Purgatory, failures, wait)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is drawn."""

    #: Calls a second, and seconds in all.
    traffic: float
    seconds: float = 420.0
    #: The failure rate at a time.
    rate: Callable[[float], float]


def outage(rng: random.Random, base: float) -> Trouble:
    """Nearly all fails for a while."""
    start, length = rng.uniform(60, 90), rng.choice([20, 60, 180])
    return Trouble(traffic=_traffic(rng), rate=lambda at: 0.97 if start <= at < start + length else base)


def brownout(rng: random.Random, base: float) -> Trouble:
    """Most fails for a while."""
    start, length, rate = rng.uniform(60, 90), rng.choice([60, 180]), rng.uniform(0.6, 0.8)
    return Trouble(traffic=_traffic(rng), rate=lambda at: rate if start <= at < start + length else base)


def ramp(rng: random.Random, base: float) -> Trouble:
    """More and more fails until all does, for a minute."""
    start, rise = rng.uniform(60, 90), rng.uniform(30, 120)

    def rate(at: float) -> float:
        inside = start <= at < start + rise + 60
        return base + (1 - base) * min((at - start) / rise, 1) if inside else base

    return Trouble(traffic=_traffic(rng), rate=rate)


def flapping(rng: random.Random, base: float) -> Trouble:
    """Bad and good in turn, 5 to 20 seconds each, for four minutes."""
    start, half = rng.uniform(60, 90), rng.uniform(5, 20)

    def rate(at: float) -> float:
        bad = start <= at < start + 240 and int((at - start) / half) % 2 == 0
        return 0.95 if bad else base

    return Trouble(traffic=_traffic(rng), rate=rate)


def recovery(rng: random.Random, base: float) -> Trouble:
    """All fails for half a minute, then less and less."""
    start, fall = rng.uniform(60, 90), rng.uniform(60, 180)

    def rate(at: float) -> float:
        return max(base, 1 - max((at - start - 30) / fall, 0)) if at >= start else base

    return Trouble(traffic=_traffic(rng), rate=rate)


def low_traffic(rng: random.Random, base: float) -> Trouble:
    """An outage that few calls meet."""
    length, traffic = rng.choice([600, 1800]), rng.choice([0.1, 0.2, 0.5])
    return Trouble(traffic=traffic, seconds=7200, rate=lambda at: 0.97 if 1200 <= at < 1200 + length else base)


def _traffic(rng: random.Random) -> float:
    return rng.choice([5.0, 10.0, 20.0, 50.0])


KINDS: dict[str, Callable[[random.Random, float], Trouble]] = {
    "outage": outage,
    "brownout": brownout,
    "ramp": ramp,
    "flapping": flapping,
    "gradual recovery": recovery,
    "low traffic": low_traffic,
}


def drawn(kind: str, seed: int) -> Calls:
    """The calls of one kind of trouble."""
    rng = random.Random(f"{kind} {seed}")  # noqa: S311 - no secret
    trouble = KINDS[kind](rng, rng.uniform(0, 0.05))
    calls, at = list[tuple[float, int]](), rng.expovariate(trouble.traffic)
    while at <= trouble.seconds:
        calls.append((at, int(rng.random() < trouble.rate(at))))
        at += rng.expovariate(trouble.traffic)
    return calls


def cost(breaker: Breaker, calls: Calls) -> int:
    """Failing calls let through + good calls rejected."""
    call = breaker.call
    return sum(call(at, fails) == fails for at, fails in calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Means over the seeds."""

    ours: float
    others: dict[str, float]

    @property
    def best(self) -> str:
        """The setting of others that costs least."""
        return min(self.others, key=self.others.__getitem__)

    @property
    def ratio(self) -> float:
        """Ours to the best, each with an allowance."""
        return (self.ours + ALLOWANCE) / (self.others[self.best] + ALLOWANCE)


def compared(seeds: Sequence[int], kind: str) -> Result:
    """Ours and the grid, on the same calls."""
    draws = [drawn(kind, seed) for seed in seeds]
    return Result(
        ours=statistics.fmean(cost(Ours(), calls) for calls in draws),
        others={name: statistics.fmean(cost(make(), calls) for calls in draws) for name, make in grid()},
    )


def in_all(results: dict[str, Result]) -> dict[str, object]:
    """What the last line says of the costs."""
    totals = {name: math.fsum(r.others[name] for r in results.values()) for name, _ in grid()}
    best = min(totals, key=totals.__getitem__)
    return {
        "worst_ratio": round(max(result.ratio for result in results.values()), 3),
        "kinds": {
            kind: {
                "ours": round(r.ours, 1), "best": round(r.others[r.best], 1), "setting": r.best, "ratio": round(r.ratio, 3)
            }
            for kind, r in results.items()
        },
        "total": round(math.fsum(result.ours for result in results.values()), 1),
        "best_total": round(totals[best], 1),
        "best_total_setting": best,
    }  # fmt: skip


def cpu_us(work: Callable[[], object], rounds: int = 200, each: int = 200) -> float:
    """Median over rounds of the CPU of one call, in microseconds; what the loop itself costs is counted too."""
    found = []
    for _ in range(rounds):
        start = time.process_time_ns()
        for _ in range(each):
            work()
        found.append((time.process_time_ns() - start) / each / 1000)
    return round(statistics.median(found), 2)


def costs_of_one() -> dict[str, float]:
    """CPU of deciding, and of counting a success, on a closed breaker in use."""
    state, limits = State(), Limits()
    for at in range(100):
        state = record(state, limits, Permit(generation=0), Ending.SUCCEEDED, float(at)).state
    permit, now = Permit(generation=state.generation), 100.0
    return {
        "decision_us": cpu_us(lambda: decide(state, limits, now)),
        "counted_us": cpu_us(lambda: record(state, limits, permit, Ending.SUCCEEDED, now)),
    }


def main() -> None:
    """Draw, play, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--first", type=int, default=1001)
    parser.add_argument("--quick", action="store_true", help="three seeds")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this one; may be given again")
    options = parser.parse_args()
    kinds = options.kind or list(KINDS)
    count = 3 if options.quick else options.seeds
    seeds = range(options.first, options.first + count)
    results = {}
    with ProcessPoolExecutor(initializer=simulate_clock) as pool:
        for kind, result in zip(kinds, pool.map(partial(compared, seeds), kinds), strict=True):
            results[kind] = result
            costs = f"ours {result.ours:7.1f}  best {result.others[result.best]:7.1f}  ratio {result.ratio:.2f}"
            print(f"{kind:17} {costs}  {result.best}", flush=True)
    print(json.dumps({**in_all(results), **costs_of_one(), "settings": len(list(grid())), "seeds": count}))


if __name__ == "__main__":
    main()
