"""Frames: a stream is cut into the messages that were put in, and what is no stream of frames is told apart."""

from __future__ import annotations

import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reknit.probe import protocol
from reknit.probe.protocol import Decoder, encode, receive

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), max_size=4)


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


@given(messages=MESSAGES, data=st.data())
def test_a_stream_may_be_split_anywhere(messages: list[protocol.Message], data: st.DataObject) -> None:
    stream = b"".join(map(encode, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    decoder = Decoder()
    found: list[protocol.Message] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += decoder.feed(stream[start:end])
    assert found == messages


@given(messages=MESSAGES)
def test_the_other_side_reads_the_same_byte_by_byte(messages: list[protocol.Message]) -> None:
    stream = io.BytesIO(b"".join(map(encode, messages)))
    assert [receive(lambda _n: stream.read(1)) for _ in range(len(messages) + 1)] == [*messages, None]


def test_a_cut_frame_is_the_end_of_the_stream() -> None:
    stream = io.BytesIO(encode({"a": 1})[:-1])
    assert receive(stream.read) is None
    assert list(Decoder().feed(encode({"a": 1})[:-1])) == []


BROKEN = {
    "too long": struct.pack(">I", protocol.MAX_FRAME + 1),
    "no JSON": frame(b"hello"),
    "no UTF-8": frame(b'"\xff"'),
    "no object": frame(b"[1]"),
    "too deep": frame(b"[" * 200_000),
    "a number too big to be read": frame(b"1" * 10_000),
}


@pytest.mark.parametrize("stream", BROKEN.values(), ids=BROKEN)
def test_what_is_no_frame_is_a_value_error(stream: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - also json's own
        list(Decoder().feed(stream))
    with pytest.raises(ValueError):  # noqa: PT011 - also json's own
        receive(io.BytesIO(stream).read)


def test_the_longest_frame_is_a_frame() -> None:
    decoder = Decoder()
    assert list(decoder.feed(struct.pack(">I", protocol.MAX_FRAME))) == []


def test_what_comes_before_a_broken_frame_stands() -> None:
    found: list[protocol.Message] = []
    with pytest.raises(json.JSONDecodeError):
        found.extend(Decoder().feed(encode({"a": 1}) + frame(b"x")))
    assert found == [{"a": 1}]
