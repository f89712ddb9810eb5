"""The offline engine: searches one-edit changes of one fault and offers those that pass, best first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from reknit import __version__
from reknit.lang.difference import unified_diff
from reknit.lang.python import Source, functions
from reknit.model.fault import Fault
from reknit.model.outcome import Rejected, WhyNot
from reknit.model.patch import Entry, Metadata, Origin, Patch, Span
from reknit.propose.base import Candidate, FunctionRef
from reknit.propose.candidates import Hints, candidates
from reknit.propose.rank import confidence, order
from reknit.propose.search import Found, NearMiss, Search
from reknit.propose.trial import TrialMaker, render
from reknit.runner.base import TIME_UP, Runner, Step, SuiteRun, Trials

#: Tests that a candidate must not break, at most this many and this long (seconds) for each change.
_KEEP_TESTS = 300
_KEEP_SECONDS = 10.0
_SHOWN = 5
#: pytest's error for a fixture that nobody defines.
_NO_FIXTURE = "FixtureLookupError"
#: What a candidate ends with that has used all its ticks.
_OUT_OF_FUEL = "OutOfFuel"

Ranges = Mapping[FunctionRef, frozenset[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the engine came to for one fault."""

    #: Best first.
    patches: tuple[Patch, ...]
    why_not: WhyNot
    cpu_seconds: float
    #: Steps of the ladder that do not hold for this project.
    notes: tuple[str, ...]
    #: Ids of the trials that tests spoke against, those of earlier runs with them.
    rejected: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The search over one project; the same for all its faults."""

    runner: Runner
    faults: tuple[Fault, ...]
    sources: Mapping[str, Source]
    #: The files that the sources were parsed from.
    entries: Mapping[str, Entry]
    #: A run with coverage.
    run: SuiteRun
    hints: Callable[[Sequence[str]], Hints]
    jobs: int
    fuel: int | None
    #: Of `time.monotonic`: a trial that then still runs is broken off, and says nothing.
    deadline: float

    def trials(self) -> AbstractContextManager[Trials]:
        """Workers for all faults: one start of the interpreter serves every search."""
        tests = [*(t for f in self.faults for t in f.tests), *self._passing()]
        return self.runner.trials(
            tests=tests, baseline=self.run, jobs=self.jobs, fuel=self.fuel, deadline=self.deadline
        )

    def propose(
        self,
        fault: Fault,
        trials: Trials,
        *,
        spent: Callable[[float], bool],
        now: dt.datetime,
        tell: Callable[[int], None],
        known: frozenset[bytes] = frozenset(),
        near: tuple[Rejected, ...] = (),
        lead: tuple[str, ...] = (),
    ) -> Proposal:
        """Search until enough candidates pass or `spent(cpu seconds of the search)` says so.

        `known` are ids of trials that were rejected before, and are not run again; `near` those that came nearest.
        `lead` are passing tests that have to run before those of the fault, which pass by themselves.
        """
        if (why := self.out_of_reach(fault)) is not None:
            nothing = WhyNot(suspects=(), rejected=(), candidates=0, exhausted=True, unblock=why)
            return Proposal(patches=(), why_not=nothing, cpu_seconds=0.0, notes=())
        paths = {s.path for s in fault.suspects}
        sources = {p: s for p, s in self.sources.items() if p in paths}
        passing = self._passing()
        wanted = {*lead, *fault.tests}
        failing = [t for t in self.run.collected if t in wanted] if lead else sorted(fault.tests, key=self._dearness)
        ranges = {path: _ranges(source) for path, source in sources.items()}
        maker = TrialMaker(sources, tuple(failing), lambda c: self._keep(c, ranges[c.path], passing))
        found_here = candidates(sources, fault.suspects, hints=self.hints(fault.tests))
        stream = (self._as_it_runs(c, ranges[c.path], failing) for c in found_here)
        before = trials.cpu_seconds
        search = Search(stream, maker, spent=lambda: spent(trials.cpu_seconds - before), known=known)
        found = search.run(trials, tell)
        ranked = order(found.plausible)
        return Proposal(
            patches=tuple(self._patch(c, confidence(c, ranked), found.steps[c], now) for c in ranked),
            why_not=self._why_not(fault, found, len(failing), near),
            cpu_seconds=trials.cpu_seconds - before,
            notes=trials.steps_down,
            rejected=known | found.rejected,
        )

    def out_of_reach(self, fault: Fault) -> str | None:
        """Why no change of the program can heal it: its tests end in their own set-up, before any of it runs."""
        runs = [self.run.tests[t] for t in fault.tests]
        cover = self.run.coverage
        failure = runs[0].failure
        if failure and all(r.failure and r.failure.type.endswith(_NO_FIXTURE) for r in runs):
            return f"{failure.message}: is the plug-in that brings it installed in the project's interpreter?"
        if all(r.test in self.run.foreign and self.sources.keys().isdisjoint(cover.get(r.test, ())) for r in runs):
            kind = self.run.foreign[runs[0].test]
            return (
                f"it runs no line of the project: what a {kind} of pytest's plug-in finds fault with is mended by hand"
            )
        if any(r.outcome != "error" or not self.sources.keys().isdisjoint(cover.get(r.test, ())) for r in runs):
            return None
        said = f": {failure.message.strip().splitlines()[-1]}" if failure and failure.message.strip() else ""
        return f"the set-up of the test fails before a line of the project runs in it{said}"

    def _dearness(self, test: str) -> tuple[bool, float]:
        run = self.run.tests[test]
        return (bool(run.failure and run.failure.hung), run.seconds)

    def _passing(self) -> list[str]:
        paths = {s.path for f in self.faults for s in f.suspects}
        near = [
            t
            for t, lines in self.run.coverage.items()
            if t in self.run.tests and self.run.tests[t].outcome == "passed" and any(p in lines for p in paths)
        ]
        return self._afford(near)

    def _afford(self, tests: Sequence[str]) -> list[str]:
        chosen, left = [], _KEEP_SECONDS
        for test in sorted(tests, key=lambda t: (self.run.tests[t].seconds, t))[:_KEEP_TESTS]:
            left -= self.run.tests[test].seconds
            if left < 0:
                break
            chosen.append(test)
        return chosen

    def _as_it_runs(self, candidate: Candidate, ranges: Ranges, failing: Sequence[str]) -> Candidate:
        """A function that has done its work when tests are collected counts as code that runs at import."""
        lines = ranges.get(candidate.function) if candidate.function else None
        if lines is None:
            return candidate
        cover, path = self.run.coverage, candidate.path
        in_tests = any(not lines.isdisjoint(cover.get(t, {}).get(path, ())) for t in failing)
        at_import = not lines.isdisjoint(cover.get("", {}).get(path, ()))
        return replace(candidate, function=None) if at_import and not in_tests else candidate

    def _keep(self, candidate: Candidate, ranges: Ranges, passing: Sequence[str]) -> tuple[str, ...]:
        lines = ranges.get(candidate.function) if candidate.function else None
        cover = self.run.coverage
        if lines is None:
            return tuple(t for t in passing if candidate.path in cover[t])
        return tuple(t for t in passing if not lines.isdisjoint(cover[t].get(candidate.path, ())))

    def _patch(self, candidate: Candidate, share: float, step: Step, now: dt.datetime) -> Patch:
        entry = self.entries[candidate.path]
        span = Span(
            path=candidate.path,
            start=candidate.start,
            end=candidate.end,
            old=entry.content[candidate.start : candidate.end],
            new=candidate.new,
        )
        return Patch(
            edits=(span,),
            base={candidate.path: entry.digest()},
            confidence=share,
            origin=Origin(
                proposer="search",
                operator=candidate.operator,
                note=candidate.note,
                cost=round(candidate.cost, 3),
                step=step,
            ),
            metadata=Metadata(created=now, author="reknit", version=__version__),
        )

    def _why_not(self, fault: Fault, found: Found, failing: int, near: tuple[Rejected, ...]) -> WhyNot:
        return WhyNot(
            suspects=fault.suspects[:_SHOWN],
            rejected=(*(self._rejected(n, failing) for n in found.near), *near)[:_SHOWN],
            candidates=found.tried,
            earlier=found.skipped,
            exhausted=found.exhausted,
            unblock=_unblock(fault, found, failing),
        )

    def _rejected(self, near: NearMiss, failing: int) -> Rejected:
        source, candidate = self.sources[near.candidate.path], near.candidate
        done = min(near.passed, failing)
        verb = "still fails" if near.passed < failing else "breaks"
        return Rejected(
            path=candidate.path,
            line=candidate.line,
            note=candidate.note,
            diff=unified_diff(candidate.path, source.raw, render(source, candidate)),
            broke=f"passes {done} of {failing} failing tests; {verb} {near.test}"
            + (f" ({near.why})" if near.why else ""),
        )


def _ranges(source: Source) -> Ranges:
    """The lines of each function's body."""
    return {
        FunctionRef(path=source.path, qualname=f.qualname, first_line=f.first_line): frozenset(
            range(f.node.body[0].lineno, (f.node.end_lineno or f.first_line) + 1)
        )
        for f in functions(source)
    }


def _unblock(fault: Fault, found: Found, failing: int) -> str:
    if not fault.suspects:
        return (
            "no line of the project runs in this test: is the code under test outside the project, or in a test file?"
        )
    if found.unjudged and found.unjudged == found.tried and found.unjudged_why != TIME_UP:
        return f"no candidate could be run: {found.unjudged_why}"
    if found.near and found.near[0].why.startswith(_OUT_OF_FUEL):
        return "the best of them was stopped, as it does far more work: give more with --fuel, such as --fuel 100000000"
    if not found.exhausted:
        return "the budget ended the search: give it more with --max-time"
    if any(n.passed >= failing for n in found.near):
        return "a change makes it pass but breaks other tests: is one of those tests out of date?"
    return "no single edit that the operators know makes it pass: it may need new code, or more than one change"
