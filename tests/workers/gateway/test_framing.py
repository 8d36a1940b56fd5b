"""Cutting the socket's bytes into messages."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.framing import MAX_PAYLOAD, Frames, fields_of


def frame(payload: bytes) -> bytes:
    """Length and payload."""
    return struct.pack(">I", len(payload)) + payload


@given(st.lists(st.binary(max_size=60), max_size=12), st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_law_payloads_come_out_as_they_went_in(payloads: list[bytes], cuts: list[int]) -> None:
    """However the network cuts the stream, each payload comes once, whole and in order."""
    stream, frames, came = b"".join(map(frame, payloads)), Frames(), []
    while stream:
        size = cuts.pop() if cuts else len(stream)
        came += frames.feed(stream[:size])
        stream = stream[size:]
    assert came == payloads
    assert frames.rest == b""


def test_a_frame_is_given_at_its_last_byte_and_not_before() -> None:
    """A fill's frame that ends now is handed on now."""
    frames, data = Frames(), frame(b"11\0")
    assert [frames.feed(data[at : at + 1]) for at in range(len(data))] == [[]] * (len(data) - 1) + [[b"11\0"]]


def test_an_impossible_length_is_not_waited_for() -> None:
    """A length above IB's maximum means that the stream is out of step; what came before it is given all the same."""
    frames = Frames()
    assert frames.feed(frame(b"good") + struct.pack(">I", MAX_PAYLOAD + 1) + b"rest") == [b"good"]
    assert "a message of 16777216 bytes" in frames.lost
    assert frames.feed(frame(b"never read")) == []
    assert b"rest" in frames.rest
    frames.reset()
    assert frames.feed(frame(b"again")) == [b"again"]


def test_the_longest_message_passes() -> None:
    """IB's maximum itself is a message."""
    payload = bytes(MAX_PAYLOAD)
    assert Frames().feed(frame(payload)) == [payload]


def test_fields_end_with_a_nul_each() -> None:
    """Empty fields count; bytes that are no text are shown, not dropped."""
    assert fields_of(b"3\0\0x\0") == ["3", "", "x"]
    assert fields_of(b"4\0caf\xe9\0") == ["4", "caf\\xe9"]
