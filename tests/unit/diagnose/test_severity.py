"""The table of severities, whole, and what leads into it."""

from __future__ import annotations

import math
from itertools import pairwise, product

import pytest

from reknit.diagnose import severity as module
from reknit.diagnose.severity import Growth, Scope, growth, scope, severity
from reknit.errors import UsageError
from reknit.model.signal import Severity, SignalKind

ORDER = list(Severity)


def test_the_table_in_the_docstring_is_the_table() -> None:
    lines = [line for line in (module.__doc__ or "").splitlines() if line.startswith("    ")]
    assert lines[0].split() == list(Growth)
    for line, at in zip(lines[1:], Scope, strict=True):
        words = line.strip().removeprefix(at)
        assert words.split() == [severity(at, how).value for how in Growth]


@pytest.mark.parametrize(("at", "how"), list(product(Scope, Growth)))
def test_worse_is_never_milder(at: Scope, how: Growth) -> None:
    rank = ORDER.index(severity(at, how))
    for worse_at, worse_how in product(list(Scope)[list(Scope).index(at) :], list(Growth)[list(Growth).index(how) :]):
        assert ORDER.index(severity(worse_at, worse_how)) >= rank


def test_scopes() -> None:
    assert scope(SignalKind.TEST, 0.19) is Scope.ONE_TEST
    assert scope(SignalKind.TEST, 0.2) is Scope.MANY_TESTS
    assert scope(SignalKind.CRASH, 0.0) is scope(SignalKind.FORECAST, 1.0) is Scope.SERVICE
    assert scope(SignalKind.INVARIANT, 0.0) is Scope.INVARIANT


@pytest.mark.parametrize(
    ("delta", "degrading", "spike", "expected"),
    [
        (-0.1, False, False, Growth.FALLING),
        (-0.1, True, False, Growth.RISING),
        (0.0, False, False, Growth.STEADY),
        (0.0, False, True, Growth.STEADY),
        (0.01, False, True, Growth.RISING),
        (0.01, True, True, Growth.SURGING),
        (0.5, False, False, Growth.SURGING),
    ],
)
def test_growth(delta: float, degrading: bool, spike: bool, expected: Growth) -> None:
    assert growth(delta, degrading=degrading, spike=spike) is expected


def test_growth_is_monotone_in_delta() -> None:
    steps = [growth(delta / 20) for delta in range(-20, 21)]
    assert all(list(Growth).index(a) <= list(Growth).index(b) for a, b in pairwise(steps))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.1, 1.1])
def test_numbers_that_are_none(bad: float) -> None:
    with pytest.raises(UsageError):
        scope(SignalKind.TEST, bad)
    if not math.isfinite(bad):
        with pytest.raises(UsageError):
            growth(bad)
