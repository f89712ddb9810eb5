"""Signals that share a cause, with their suspects, as faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reknit.diagnose.base import FunctionRange, Lines, Spectrum
from reknit.diagnose.spectrum import group, rank, without_parameters
from reknit.model.fault import Fault, Suspect
from reknit.model.signal import ErrorContext, Signal


def faults(
    signals: Sequence[Signal],
    coverage: Mapping[str, Lines],
    passing: Sequence[str],
    functions: Mapping[str, Sequence[FunctionRange]],
    *,
    is_test: Callable[[str], bool],
    context: Callable[[Signal], ErrorContext],
) -> tuple[Fault, ...]:
    """One fault a group of signals, in the order of the signals; coverage is by test, "" for import."""
    good = {t: coverage[t] for t in passing if t in coverage}

    def suspects(tests: Sequence[Signal]) -> tuple[Suspect, ...]:
        failing = {s.test or "": coverage.get(s.test or "", {}) for s in tests}
        spectrum = Spectrum(failing=failing, passing=good, imported=coverage.get("", {}))
        frames = [f for s in tests for f in s.frames if f.in_project]
        return rank(spectrum, frames, functions, is_test=is_test)

    by_function: dict[str, list[Signal]] = {}
    for signal in signals:
        by_function.setdefault(without_parameters(signal.test or ""), []).append(signal)
    top = {s.test or "": ranked for some in by_function.values() for ranked in [suspects(some)] for s in some}
    groups = group(signals, top)
    return tuple(Fault(contexts=tuple(context(s) for s in some), suspects=suspects(some)) for some in groups)
