"""What may be asked of a test runner, and what it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from reknit.model.signal import Frame

TestOutcome = Literal["passed", "failed", "error", "skipped", "xfailed"]
OUTCOMES: tuple[TestOutcome, ...] = get_args(TestOutcome)
#: Why an attempt has no result that the run's deadline has broken off.
TIME_UP = "time was up"
#: How a candidate is judged: see `ladder`.
Step = Literal["direct", "collected", "fresh", "collected-disk", "fresh-disk", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a test failed."""

    type: str
    message: str
    frames: tuple[Frame, ...] = ()
    local_variables: Mapping[str, str] = field(default_factory=dict)
    #: It did not fail, it did not end.
    hung: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRun:
    """One test, run once."""

    __test__ = False

    test: str
    outcome: TestOutcome
    #: Wall clock.
    seconds: float
    failure: Failure | None = None

    @property
    def bad(self) -> bool:
        """Whether it counts against the program."""
        return self.outcome in {"failed", "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the probe found out about the project's interpreter and what the suite loaded there."""

    python: str
    executable: str
    platform: str
    prefixes: tuple[str, ...]
    #: `sys.path`, real paths.
    path: tuple[str, ...]
    packages: Mapping[str, str]
    #: Names of third-party modules that the suite imported.
    modules: tuple[str, ...] = ()
    #: The project's files that were imported, relative to its root.
    files: tuple[str, ...] = ()
    #: Top-level modules that were imported from elsewhere → the file.
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """A run of the suite, or of part of it, in clean processes."""

    tests: Mapping[str, TestRun]
    #: Node ids in pytest's order, run or not.
    collected: tuple[str, ...]
    #: (module, text) of what could not be collected.
    collect_errors: tuple[tuple[str, str], ...]
    #: Collected and not run, for want of time.
    not_run: tuple[str, ...]
    #: pytest's exit status; None where the process died or was stopped.
    status: int | None
    #: Test → path → lines; "" is what ran in no test. Empty where it was not asked for.
    coverage: Mapping[str, Mapping[str, frozenset[int]]]
    facts: Facts
    cpu_seconds: float
    isolation: str
    view: str
    #: Tests that started processes of the program, as far as it was asked for coverage.
    spawning: frozenset[str] = frozenset()
    #: Tests that are neither functions nor examples, such as a linter's, with the name of their kind.
    foreign: Mapping[str, str] = field(default_factory=dict)
    #: The end of what the process printed, for messages about infrastructure.
    output: str = ""
    #: By which means coverage was traced; "" where it was not asked for.
    tracer: str = ""
    #: What of pytest, of the probe or of the tests was not left as it was, by name; asked for without coverage only.
    changed: frozenset[str] = frozenset()
    #: Test → a digest of its code as it was collected.
    marks: Mapping[str, str] = field(default_factory=dict)
    #: Files that were to be left as they are, and were not.
    broken_seals: tuple[str, ...] = ()

    @property
    def own(self) -> tuple[str, ...]:
        """Functions and examples, in pytest's order: what a linter says of a module does not make it a test."""
        return tuple(t for t in self.collected if t not in self.foreign)

    @property
    def bad(self) -> tuple[str, ...]:
        """Tests that count against the program, in pytest's order."""
        return tuple(t for t in self.collected if t in self.tests and self.tests[t].bad)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A function whose code shall be replaced in the living process."""

    #: As the function knows itself: `co_firstlineno` and `co_name`.
    line: int
    name: str
    #: Enclosing classes, outermost first.
    classes: tuple[str, ...]
    #: The function's new text, whole lines.
    snippet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One changed file to be tried."""

    #: Relative to the project, POSIX.
    path: str
    #: The whole file after the change.
    content: bytes
    #: None where more than one function changes.
    swap: Swap | None
    #: Failing tests that must pass, run first.
    must: tuple[str, ...]
    #: Passing tests that must stay good, run when all of `must` pass.
    keep: tuple[str, ...]
    #: Times the usual fuel.
    patience: int = 1

    @property
    def id(self) -> bytes:
        """The same for the same change: 8 bytes of a hash of path and content."""
        return hashlib.sha256(self.path.encode("utf-8", "surrogateescape") + b"\0" + self.content).digest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one trial did; a failing candidate is never an exception."""

    step: Step
    #: Every test that was run, in order; the run ends at the first bad one.
    results: tuple[TestRun, ...]
    #: All wanted tests ran and none was bad.
    passed: bool
    ticks: int
    #: Stopped by fuel or by the last-resort deadline: kept for a try with more.
    hung: bool
    #: Why there is no result, where there is none.
    why: str = ""

    @property
    def first_bad(self) -> TestRun | None:
        """The test that ended the trial."""
        return next((r for r in self.results if r.bad), None)


class Trials(Protocol):
    """A pool of workers that judge candidates against the tests that they name."""

    @property
    def cpu_seconds(self) -> float:
        """Used so far, children included."""

    @property
    def judged(self) -> Mapping[Step, int]:
        """Candidates by the step of the ladder that has judged them."""

    @property
    def steps_down(self) -> tuple[str, ...]:
        """Steps of the ladder that were found not to hold for this project or for single candidates, and why."""

    def again(self, tests: Sequence[str]) -> TestRun | None:
        """The last of `tests` after the others, on the code as it is, in one process; None where no step can run it."""

    def run(self, trials: Iterator[Trial]) -> Iterator[tuple[Trial, Attempt]]:
        """Judge trials side by side; answers come in the order of the questions, whatever the load."""


class Runner(Protocol):
    """Runs one project's tests; pytest is the first, others can follow."""

    def suite(
        self,
        *,
        files: Mapping[str, bytes | None] | None = None,
        tests: Sequence[str] | None = None,
        whole: bool = False,
        trace: bool = False,
        deadline: float,
        hang_seconds: float,
        hash_seed: int = 0,
        sealed: Sequence[str] = (),
    ) -> SuiteRun:
        """Run the suite in a clean process, with `files` in place of the user's; `deadline` is of `time.monotonic`.

        Sets of strings have another order with another `hash_seed`. Whether the files `sealed` are left as they are is
        looked at from outside of the process; a folder, named with a slash at its end, stands for the files in it.
        """

    def trials(
        self, *, tests: Sequence[str], baseline: SuiteRun, jobs: int, fuel: int | None, deadline: float
    ) -> AbstractContextManager[Trials]:
        """Workers that have collected `tests`, which are all that trials may name; none works on after `deadline`."""
