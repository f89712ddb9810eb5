"""Everything that travels comes back as it was, and nothing else comes in."""

from __future__ import annotations

import datetime as dt
import json
import os
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reknit.errors import UsageError
from reknit.model import codec
from reknit.model.outcome import Outcome
from reknit.model.patch import Create, Entry, Relink, Span
from reknit.model.signal import ErrorInfo, PastSignal, Signal, SignalKind
from tests.unit.model.strategies import of

PAST = {"at": "2026-01-01T00:00:00Z", "fingerprint": "f", "delta": 1.0, "outcome": "healed"}


@pytest.mark.parametrize("kind", codec.WIRE.values(), ids=codec.WIRE)
@settings(max_examples=30, phases=set(Phase) - {Phase.shrink})  # values this deep take minutes to shrink
@given(data=st.data())
def test_round_trip(kind: Any, data: st.DataObject) -> None:
    """As data and as text, of the same type, with equal content."""
    value = data.draw(of(kind))
    for back in (
        codec.parse(kind, json.loads(json.dumps(codec.dump(kind, value), allow_nan=False))),
        codec.loads(kind, codec.dumps(kind, value)),
    ):
        assert type(back) is type(value)
        assert back == value


@settings(max_examples=20)
@given(data=st.data())
def test_an_outcome_says_which_it_is(data: st.DataObject) -> None:
    """Two outcomes with the same fields are told apart by their tag."""
    value = data.draw(of(Outcome))
    assert codec.dump(Outcome, value)["tag"] == value.tag


@pytest.mark.parametrize(
    "edit",
    [
        Span(path="a", start=0, end=2, old=b"\xff\xfe", new=b"\x00"),
        Create(path="a", entry=Entry(content=b"\x80\r\n")),
        Relink(path="a", old=b"\xff", new=b"\xfe"),
    ],
)
def test_bytes_that_are_not_utf8(edit: Any) -> None:
    assert codec.loads(codec.WIRE["edit"], codec.dumps(codec.WIRE["edit"], edit)) == edit


def test_text_that_is_not_utf8() -> None:
    """A message from a Latin-1 file does not stop a report from being stored."""
    error = ErrorInfo(type="E", message=os.fsdecode(b"caf\xe9"))
    text = codec.dumps(ErrorInfo, error)
    assert text.isascii()
    assert codec.loads(ErrorInfo, text) == error


def test_keys_that_are_not_utf8() -> None:
    """A patch of such a file still knows which file it was made for."""
    signal = Signal(kind=SignalKind.TEST, error=ErrorInfo(type="E", message=""), local_variables={"\udcff": "\udcfe"})
    assert codec.loads(Signal, codec.dumps(Signal, signal)) == signal


@pytest.mark.parametrize(
    "change",
    [
        {"at": "2026-01-01T00:00:00"},
        {"at": "yesterday"},
        {"at": None},
        {"delta": "much"},
        {"fingerprint": 7},
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        codec.parse(PastSignal, PAST | change)
    assert caught.value.slug in {"invalid-data", "time"}
    assert "nothing was" in caught.value.message


def test_the_message_names_the_place() -> None:
    with pytest.raises(UsageError, match=r"invalid data at delta: "):
        codec.parse(PastSignal, PAST | {"delta": "much"})


@pytest.mark.parametrize("text", [b"", b"{", b"[NaN]", b"\xff", '{"a": Infinity}', "[" * 100_000])
def test_what_is_no_json_is_refused(text: bytes | str) -> None:
    with pytest.raises(UsageError, match="nothing was read"):
        codec.loads(PastSignal, text)


def test_numbers_are_finite() -> None:
    value = PastSignal(at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), fingerprint="f", delta=float("nan"), outcome="x")
    with pytest.raises(ValueError, match="not JSON compliant"):
        codec.dumps(PastSignal, value)


@pytest.mark.parametrize("offset", [None, dt.timezone(dt.timedelta(hours=1, seconds=7))])
def test_times_mean_the_same_everywhere(offset: dt.timezone | None) -> None:
    with pytest.raises(UsageError, match="no offset from UTC") as caught:
        PastSignal(at=dt.datetime(2026, 1, 1, tzinfo=offset), fingerprint="f", delta=0, outcome="healed")
    assert caught.value.slug == "time"
