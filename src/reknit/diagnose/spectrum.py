"""Spectrum-based localisation: lines that run when tests fail, and rarely when they pass, come first.

The measure is Ochiai (Abreu, Zoeteweij and van Gemund, "On the accuracy of spectrum-based fault localization", 2007).
It orders, and never filters: in real bugs the wrong line is often far down, so every line that a failing test runs
stays a suspect, and being last costs no more than `RANK_NATS`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from reknit.diagnose.base import FunctionRange, Lines, Spectrum
from reknit.model.fault import Suspect
from reknit.model.signal import Frame, Signal

__all__ = ["IMPORT_NATS", "RANK_NATS", "Spectrum", "group", "rank"]

MODULE = "<module>"

#: Penalty of the last rank, in nats.
RANK_NATS = 1.5
#: A list shorter than this does not spread over the whole of `RANK_NATS`.
SHORT_LIST = 50
#: Added for code that runs at import: every test of the module runs it, so coverage says little.
IMPORT_NATS = 1.0
#: Added again where no test runs a line of the module at all, as with a file of constants.
UNTOUCHED_NATS = 0.5
#: What the traceback weighs beside coverage; small, as it misses the wrong file in most real bugs.
TRACE_WEIGHT = 0.4
IN_TRACED_FUNCTION = 0.5

Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    """A line with its evidence, not yet ranked."""

    path: str
    line: int
    function: str
    score: float
    extra: float
    why: str


def rank(
    spectrum: Spectrum,
    frames: Sequence[Frame],
    functions: Mapping[str, Sequence[FunctionRange]],
    *,
    is_test: Callable[[str], bool],
) -> tuple[Suspect, ...]:
    """Every line that a failing test ran, and the import-time code it rests on, by rising penalty.

    `frames` are those of the failing tests; `is_test` tells the files whose lines are never suspects.
    """
    run = _run_findings(spectrum, frames, functions, is_test)
    seen = {(f.path, f.line) for f in run}
    imported = [f for f in _import_findings(spectrum, is_test) if (f.path, f.line) not in seen]
    suspects = [*_penalise(run), *_penalise(imported)]
    return tuple(sorted(suspects, key=lambda s: (s.penalty, -s.score, s.path, s.line)))


def ochiai(failed: int, passed: int, total_failed: int) -> float:
    """Suspiciousness ef / √(total failing · (ef + ep)), in [0, 1]; 0 where no failing test runs the line."""
    return failed / math.sqrt(total_failed * (failed + passed)) if failed else 0.0


def _run_findings(
    spectrum: Spectrum,
    frames: Sequence[Frame],
    functions: Mapping[str, Sequence[FunctionRange]],
    is_test: Callable[[str], bool],
) -> list[_Finding]:
    failed = _count(spectrum.failing.values())
    passed = _count(spectrum.passing.values(), among=failed.keys())
    names = _Names(functions)
    raised = {(f.path, f.line) for f in frames if f.in_project}
    on_trace = {(path, names.at(path, line)) for path, line in raised}
    findings = []
    # A line of the traceback ran, whatever the tracer saw: it may have been switched off by the test.
    for path, line in failed.keys() | raised:
        if is_test(path):
            continue
        ef, ep, function = failed[path, line], passed[path, line], names.at(path, line)
        where = 1.0 if (path, line) in raised else 0.0
        if not where and function != MODULE and (path, function) in on_trace:
            where = IN_TRACED_FUNCTION
        score = (ochiai(ef, ep, len(spectrum.failing)) + TRACE_WEIGHT * where) / (1 + TRACE_WEIGHT)
        why = _why(ef, len(spectrum.failing), ep, len(spectrum.passing), where)
        findings.append(_Finding(path=path, line=line, function=function, score=score, extra=0.0, why=why))
    return findings


def _import_findings(spectrum: Spectrum, is_test: Callable[[str], bool]) -> Iterator[_Finding]:
    failed, passed = _count_files(spectrum.failing.values()), _count_files(spectrum.passing.values())
    for path, lines in spectrum.imported.items():
        ef, ep = failed[path], passed[path]
        # A module that only passing tests enter explains no failure; one that no test enters may hold a wrong table.
        if is_test(path) or (not ef and ep):
            continue
        extra = IMPORT_NATS if ef else IMPORT_NATS + UNTOUCHED_NATS
        why = "runs at import of a module " + (f"that {ef} failing and {ep} passing tests enter" if ef else "of data")
        score = ochiai(ef, ep, len(spectrum.failing)) / (1 + TRACE_WEIGHT)
        for line in lines:
            yield _Finding(path=path, line=line, function=MODULE, score=score, extra=extra, why=why)


def _count(tests: Iterable[Lines], *, among: Iterable[Place] | None = None) -> Counter[Place]:
    """How many tests run each line; of those in `among` only, as passing tests run much that no failing one does."""
    count: Counter[Place] = Counter()
    wanted: dict[str, set[int]] = {}
    for path, line in among or ():
        wanted.setdefault(path, set()).add(line)
    for test in tests:
        for path, lines in test.items():
            chosen = lines if among is None else lines & wanted.get(path, frozenset())
            count.update((path, line) for line in chosen)
    return count


def _count_files(tests: Iterable[Lines]) -> Counter[str]:
    return Counter(path for test in tests for path, lines in test.items() if lines)


def _why(ef: int, failing: int, ep: int, passing: int, where: float) -> str:
    text = f"run by {ef} of {failing} failing and {ep} of {passing} passing tests"
    if where == 1.0:
        return text + "; on the traceback"
    return text + "; in a function on the traceback" if where else text


def _penalise(findings: Sequence[_Finding]) -> Iterator[Suspect]:
    """`RANK_NATS` · log(1 + rank) / log(1 + last rank), counted from 0; a tie shares its mean rank."""
    ordered = sorted(findings, key=lambda f: -f.score)
    scale = RANK_NATS / math.log1p(max(len(ordered) - 1, SHORT_LIST))
    first = 0
    for _, tie in groupby(ordered, key=lambda f: f.score):
        members = list(tie)
        penalty = scale * math.log1p(first + (len(members) - 1) / 2)
        first += len(members)
        for f in members:
            yield Suspect(
                path=f.path, line=f.line, function=f.function, score=f.score, penalty=penalty + f.extra, why=f.why
            )


class _Names:
    """The innermost function around a line, each file's ranges unfolded once."""

    def __init__(self, functions: Mapping[str, Sequence[FunctionRange]]) -> None:
        self._functions = functions
        self._files: dict[str, dict[int, str]] = {}

    def at(self, path: str, line: int) -> str:
        if path not in self._files:
            by_line: dict[int, str] = {}
            # Wide ranges first: the inner function, being narrower, overwrites the outer one.
            for first, last, name in sorted(self._functions.get(path, ()), key=lambda r: r[0] - r[1]):
                by_line.update(dict.fromkeys(range(first, last + 1), name))
            self._files[path] = by_line
        return self._files[path].get(line, MODULE)


def group(signals: Sequence[Signal], top: Mapping[str, Sequence[Suspect]]) -> tuple[tuple[Signal, ...], ...]:
    """Signals that share a cause, in order of their first member.

    One group for the parameters of one test function, and for tests whose most suspicious functions are the same;
    `top` maps a test's node id to its own suspects, most suspicious first. A tie counts as all its functions, so
    two causes are not joined because of something that every test runs.
    """
    groups: list[tuple[set[object], list[int]]] = []
    for index, signal in enumerate(signals):
        keys, members = set(_keys(signal, top)), [index]
        apart = []
        for known in groups:
            if known[0].isdisjoint(keys):
                apart.append(known)
            else:
                keys |= known[0]
                members += known[1]
        groups = [*apart, (keys, members)]
    return tuple(tuple(signals[i] for i in sorted(members)) for _, members in sorted(groups, key=lambda g: min(g[1])))


def _keys(signal: Signal, top: Mapping[str, Sequence[Suspect]]) -> Iterator[object]:
    if signal.test is None:
        return
    yield without_parameters(signal.test)
    places = _top_functions(top.get(signal.test, ()))
    if places:
        yield places


def _top_functions(suspects: Sequence[Suspect]) -> frozenset[tuple[str, str]]:
    return frozenset((s.path, s.function) for s in suspects if s.score == suspects[0].score and s.function != MODULE)


def without_parameters(test: str) -> str:
    """The node id without parameters: "a.py::T::test_x[1-b::c]" is "a.py::T::test_x"."""
    path, colons, rest = test.partition("::")
    return path + colons + rest.partition("[")[0]
