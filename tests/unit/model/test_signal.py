"""A mistake keeps its name; labels decide what may be done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reknit.model.signal import ErrorInfo, Frame, Signal, SignalKind
from reknit.model.verdict import SAFETY, Label, Safety, Verdict

OUTER = Frame(path="shop/cart.py", line=3, function="Cart.total")
INNER = Frame(path="/usr/lib/python3/json/decoder.py", line=9, function="decode", in_project=False)
SIGNAL = Signal(
    kind=SignalKind.TEST, error=ErrorInfo(type="ValueError", message="x"), frames=(OUTER, INNER), test="t.py::t"
)


@pytest.mark.parametrize(
    "same",
    [
        replace(SIGNAL, error=ErrorInfo(type="ValueError", message="y")),
        replace(SIGNAL, frames=(replace(OUTER, line=99), INNER)),
        replace(SIGNAL, frames=(OUTER,)),
        replace(SIGNAL, local_variables={"a": "1"}),
    ],
)
def test_the_same_mistake_has_one_fingerprint(same: Signal) -> None:
    """Messages, lines and values change from run to run."""
    assert same.fingerprint == SIGNAL.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        replace(SIGNAL, kind=SignalKind.CRASH),
        replace(SIGNAL, test="t.py::u"),
        replace(SIGNAL, error=ErrorInfo(type="KeyError", message="x")),
        replace(SIGNAL, frames=(replace(OUTER, function="Cart.add"),)),
        replace(SIGNAL, frames=()),
    ],
)
def test_another_mistake_has_another(other: Signal) -> None:
    assert other.fingerprint != SIGNAL.fingerprint


def test_a_fingerprint_stands_text_that_is_not_utf8() -> None:
    assert len(replace(SIGNAL, test="t.py::t[\udcff]").fingerprint) == 16


@pytest.mark.parametrize("label", Label)
def test_the_label_decides(label: Label) -> None:
    verdict = Verdict(patch_id="p", label=label, checks=(), isolation="bubblewrap", view="overlay")
    expected = {
        Label.CORROBORATED: (Safety.SAFE, True),
        Label.PLAUSIBLE: (Safety.UNSAFE, True),
        Label.REJECTED: (Safety.SHOW, False),
    }
    assert (verdict.safety, verdict.passed) == expected[label]
    assert SAFETY.keys() == set(Label)
