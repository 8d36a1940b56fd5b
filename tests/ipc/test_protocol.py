"""ipc.protocol: the bus's own requests and replies survive the wire and are told apart."""

from __future__ import annotations

from typing import get_args

import pytest

from ipc.codec import DecodeError, decode_bus_reply, decode_request, encode
from ipc.protocol import BusReply, BusRequest, Lost, SnapshotPart, Sync, Synced, TakeSnapshot
from router.messages import CommandRefused

REQUESTS: list[BusRequest] = [Sync(("trade",), 5, 7), TakeSnapshot(("trade", "link"), 3, 2)]
REPLIES: list[BusReply] = [
    Synced("gateway", 5, 9, 8, {"trade": 1}, {"trade": 2}, (b"frame",)),
    Lost("gateway", "too old"),
    SnapshotPart("gateway", 5, 9, {"trade": 2}, 0, 1, (b"frame", b"frame")),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_requests(request_: BusRequest) -> None:
    """What a subscriber asks is what the publisher reads."""
    assert decode_request(encode(request_)) == request_


@pytest.mark.parametrize("reply", REPLIES)
def test_replies(reply: BusReply) -> None:
    """What the publisher answers is what the subscriber reads."""
    assert decode_bus_reply(encode(reply)) == reply


def test_all_of_them() -> None:
    """None is left out above."""
    assert {type(one) for one in REQUESTS} == set(get_args(BusRequest))
    assert {type(one) for one in REPLIES} == set(get_args(BusReply))


def test_refusal_is_no_answer_of_the_bus() -> None:
    """A subscriber that asked the wrong process notices."""
    with pytest.raises(DecodeError):
        decode_bus_reply(encode(CommandRefused("NO_PUBLISHER", "")))
