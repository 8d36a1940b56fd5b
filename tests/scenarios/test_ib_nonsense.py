"""Bytes that make no sense, and numbers that are none, in every place: nothing of it passes, everything after it does."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import msgspec
import pytest

from ipc.codec import encode
from router.messages import Alert, ExecutionFill, Heartbeat, LinkPhase, Message, PositionSnapshot, Quote
from tests.router.factory import OPTION as CONTRACT
from tests.scenarios.test_ib_truth import play_peer
from tests.workers.gateway.conftest import Configure, configure
from tests.workers.gateway.harness import Running, eventually
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.test_open_order import message as open_order
from tests.workers.gateway.told import OPTION, commission, execution, status
from workers.gateway.framing import HEADER

__all__ = ["configure"]  # fixture

NONE = ("1.7976931348623157E308", "-1.7976931348623157E308", "NaN", "Infinity", "-Infinity", "1e400", "")
POSITION = ("61", "3", "DU1000001", *OPTION, "7", "250.65")
LAST = frame("61", "3", "DU1000001", *OPTION, "12345", "250.65")  # what comes after everything else

Wire = tuple[str, ...]


def wire(peer: Peer) -> dict[str, Wire]:
    """One good message of each type that carries numbers, as fields."""
    return {
        "tickPrice": ("1", "6", peer.asked["1"][-1][2], "1", "2.48", "10", "0"),
        "tickSize": ("2", "6", peer.asked["1"][-1][2], "0", "10"),
        "orderStatus": tuple(status()),
        "openOrder": tuple(open_order()),
        "execDetails": tuple(execution()),
        "commissionReport": tuple(commission(realized="4.2")),
        "position": POSITION,
        "accountSummary": (
            "63",
            "1",
            peer.asked["62"][-1][2],
            "DU1000001",
            "NetLiquidation",
            "100000",
            "USD",
        ),
        "pnl": ("94", peer.asked["92"][-1][1], "1.5", "2.5", "3.5"),
    }


async def heard(one: Running, peer: Peer, frames: Iterable[bytes]) -> list[Message]:
    """What is told after these frames, up to the word that follows them."""
    before = len(one.told.messages)
    peer.say(*frames, LAST)
    await eventually(
        lambda: [held for held in one.told.of(PositionSnapshot) if held.quantity == 12_345], "what follows"
    )
    return one.told.messages[before:-1]


def scenario(configure: Configure, story: Callable[[Running, Peer], Awaitable[None]]) -> None:
    """Play it with a quote line open; the connection lives through it."""

    async def whole(one: Running, peer: Peer) -> None:
        one.session.stream(CONTRACT)
        await eventually(lambda: peer.asked["1"] and peer.asked["92"], "the subscriptions")
        await story(one, peer)
        assert one.session.phase is LinkPhase.READY
        assert one.session.counts["connects"] == 1

    play_peer(configure, whole)


def numbers(value: Any) -> Iterator[float]:
    """Every number in a message."""
    if isinstance(value, float | int):
        yield float(value)
    elif isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers(each)


KINDS = (
    "tickPrice",
    "tickSize",
    "orderStatus",
    "openOrder",
    "execDetails",
    "commissionReport",
    "position",
    "accountSummary",
    "pnl",
)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_that_are_none_in_any_field(configure: Configure, kind: str) -> None:
    """Each field in turn is unset, NaN, infinite, too large or empty: told as None or kept aside, never as a number."""

    async def story(one: Running, peer: Peer) -> None:
        good = wire(peer)[kind]
        bad = [
            frame(*good[:place], text, *good[place + 1 :]) for place in range(1, len(good)) for text in NONE
        ]
        told = await heard(one, peer, [frame(*good), *bad])
        assert told
        assert len(encode(list(told)))  # the bus can carry it
        for message in told:
            for number in numbers(msgspec.to_builtins(msgspec.structs.asdict(message))):
                assert math.isfinite(number)
                assert abs(number) < 1e300
        assert one.session.counts["undecodable"] == len(quarantined(one))

    scenario(configure, story)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_cut_short_is_kept_aside_or_says_nothing_false(configure: Configure, kind: str) -> None:
    """Ended after each of its fields: kept with its bytes and alerted once, or told with what was there."""

    async def story(one: Running, peer: Peer) -> None:
        good = wire(peer)[kind]
        short = [frame(*good[:size]) for size in range(1, len(good))]
        await heard(one, peer, short)
        kept = quarantined(one)
        assert kept
        assert set(kept) <= {each[HEADER.size :] for each in short}
        assert one.session.counts["undecodable"] == len(kept)
        alerts = [dict(alert.details) for alert in one.told.of(Alert)]
        assert {alert["message"] for alert in alerts} == {good[0]}
        assert len(alerts) == len(kept)  # here nobody limits them: the herald does

    scenario(configure, story)


def test_undecodable_bytes(configure: Configure) -> None:
    """No text, no number, nothing at all: counted, kept with their bytes, alerted; fills go on flowing."""

    async def story(one: Running, peer: Peer) -> None:
        payloads = [b"\xff\xfe\x00\x80", b"", b"\x00", b"eleven\x00", b"-1\x00", b"11\x00\xc3\x28\x00"]
        frames = [HEADER.pack(len(payload)) + payload for payload in payloads]
        before = sum(one.session.link.inbound.unused.values())
        told = await heard(one, peer, [*frames, frame(*execution())])
        assert [message for message in told if isinstance(message, ExecutionFill)]
        kept = quarantined(one)
        assert one.session.counts["undecodable"] == len(kept)
        assert b"11\x00\xc3\x28\x00" in kept
        unused = sum(one.session.link.inbound.unused.values()) - before
        assert len(kept) + unused == len(payloads)
        assert encode(Heartbeat("gateway", 1, "ready", "", one.session.counts))
        assert len(one.told.of(Alert)) == len(kept)

    scenario(configure, story)


def test_a_price_that_went_away_is_none(configure: Configure) -> None:
    """IB writes -1 for no bid: the quote says None and not a price."""

    async def story(one: Running, peer: Peer) -> None:
        line = peer.asked["1"][-1][2]
        await heard(one, peer, [frame(1, 6, line, 1, 2.48, 10, 0)])
        await eventually(lambda: one.told.of(Quote), "a quote")
        before = len(one.told.of(Quote))
        peer.say(frame(1, 6, line, 1, -1, 0, 0))
        await eventually(lambda: len(one.told.of(Quote)) > before, "the next")
        assert one.told.of(Quote)[-1].bid is None

    scenario(configure, story)


def quarantined(one: Running) -> list[bytes]:
    """The payloads in the quarantine file."""
    path = one.session._settings.paths.var / "quarantine" / "ib.jsonl"
    if not path.exists():
        return []
    return [base64.b64decode(json.loads(line)["base64"]) for line in path.read_text().splitlines()]
