"""What comes over the link: frames cut anywhere, garbage, and what the library does not take."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from router.messages import (
    BrokerError,
    CommissionReport,
    ExecutionFill,
    Message,
    OrderLifecycleEvent,
    PositionSnapshot,
)
from tests.workers.gateway.harness import Ear, eventually, linked, new_link
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.told import OPTION as OPTION_FIELDS
from tests.workers.gateway.told import execution
from tests.workers.gateway.wire import TALK, play

TOO_LONG = 2**24  # bytes; IB's own clients refuse a message of this length
KINDS = [OrderLifecycleEvent, ExecutionFill, CommissionReport, PositionSnapshot, BrokerError]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 10_000])
def test_frames_split_anywhere(size: int) -> None:
    """However the bytes arrive, one at a time or all at once, the same messages come out, in order."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (_, ear):
            await peer.trickle(TALK + frame(4, 2, -1, 2106, "last", ""), size)
            await eventually(lambda: len(ear.heard(BrokerError)) == 2, "the last message")
            heard = [message for batch in ear.batches for message in batch][:-1]
            assert [type(message) for message in heard] == KINDS
            assert ear.heard(BrokerError)[0].text.endswith("\u00e9\u20ac")
            assert ear.undecodable == []

    play(story)


def test_one_batch_a_read() -> None:
    """What one socket read brought is handed on together."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (_, ear):
            peer.say(TALK)
            await eventually(lambda: ear.batches, "the batch")
            assert [type(message) for message in ear.batches[0]] == KINDS

    play(story)


@pytest.mark.parametrize(
    "garbage",
    [
        frame("11", "short"),
        frame("5", "101", "x"),
        frame("10", "9"),
        frame("101", "?"),
        frame("4", "2", "x", "y", "z"),
        frame("61", "3", "DU1", *OPTION_FIELDS, "many", "0"),
        frame(),
        b"\0\0\0\x03abc",
        b"\0\0\0\x06\xff\xfe\0\xc3\x28\0",
        frame(*execution(side="?")),
        frame(*execution(price="NaN")),
    ],
)
def test_garbage_frame(garbage: bytes) -> None:
    """A message that cannot be read is kept aside, and the next one flows."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, ear):
            peer.say(frame(4, 2, -1, 2104, "before", ""), garbage, frame(4, 2, -1, 2106, "after", ""))
            await eventually(lambda: len(ear.heard(BrokerError)) == 2, "both notices")
            unused = link.inbound.unused.total()
            assert len(ear.undecodable) + unused >= 1
            assert ear.closed == []

    play(story)


def test_stream_out_of_step() -> None:
    """A length that no message has means that every later byte is misread: the connection ends, with the reason."""

    async def story(peer: Peer) -> None:
        ear = Ear()
        link = new_link(ear)
        await link.connect("127.0.0.1", peer.port, 1, timeout_s=5)
        peer.say(frame(4, 2, -1, 2104, "before", ""), TOO_LONG.to_bytes(4, "big") + b"x")
        (reason,) = await eventually(lambda: ear.closed, "the end")
        assert str(TOO_LONG) in reason
        assert [notice.text for notice in ear.heard(BrokerError)] == ["before"]
        link.disconnect()

    play(story)


def test_what_the_listener_cannot_take_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    """A listener that raises must not be talked past: what it missed would be lost, so the rebuild brings it again."""

    class Full(Ear):
        def on_messages(self, messages: Sequence[Message]) -> None:
            raise RuntimeError("no room")

    async def story(peer: Peer) -> None:
        ear = Full()
        link = new_link(ear)
        failures: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        await link.connect("127.0.0.1", peer.port, 1, timeout_s=5)
        peer.say(frame(4, 2, -1, 2104, "farm is OK", ""))
        await eventually(lambda: ear.closed, "the end")
        assert [str(failure["exception"]) for failure in failures] == ["no room"]

    play(story)
