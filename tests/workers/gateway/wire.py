"""A link and a peer that speaks TWS: what the tests of the link share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from router.messages import (
    ContractSpec,
)
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.told import OPTION as OPTION_FIELDS
from tests.workers.gateway.told import commission, execution, status

AAPL = ContractSpec(sec_type="STK", symbol="AAPL")
# placeOrder at server version 176, simple order: places of the fields that a bracket sets
PLACED = {
    "order_id": 1,
    "con_id": 2,
    "symbol": 3,
    "sec_type": 4,
    "expiry": 5,
    "strike": 6,
    "right": 7,
    "multiplier": 8,
    "exchange": 9,
    "currency": 11,
    "action": 16,
    "quantity": 17,
    "order_type": 18,
    "limit": 19,
    "stop": 20,
    "tif": 21,
    "oca_group": 22,
    "account": 23,
    "ref": 26,
    "transmit": 27,
    "parent_id": 28,
    "outside_rth": 33,
    "oca_type": 47,
}


def play(story: Callable[[Peer], Awaitable[None]], **options: Any) -> None:
    """Let the story happen with a peer that listens, within a deadline."""

    async def run() -> None:
        async with Peer(**options) as peer:
            await asyncio.wait_for(story(peer), 30)

    asyncio.run(run())


def placed(peer: Peer) -> list[dict[str, str]]:
    """The placeOrder messages the peer has read, by field name."""
    return [{name: fields[place] for name, place in PLACED.items()} for fields in peer.asked["3"]]


TALK = (
    frame(*status())
    + frame(*execution())
    + frame(*commission())
    + frame(61, 3, "DU1000001", *OPTION_FIELDS, 7, 250.65)
    + frame(4, 2, -1, 2104, "Market data farm connection is OK:usfarm \u00e9\u20ac", "")
    + frame(21, 9, 10)
    + frame(9, 1, 50)
    + frame(58, 1, 9, 1)
)


def details(request_id: str, con_id: int, tick: str = "0.05") -> bytes:
    """contractDetails at server version 176."""
    return frame(
        10, request_id, "SPY", "OPT", "20250919", 451.0, "C", "SMART", "USD", "SPY   250919C00451000", "SPY", "SPY",
        con_id, tick, 100, "LMT,MKT", "SMART,CBOE", 1, 756733, "SPDR S&P 500", "", "202509", "", "", "", "US/Eastern",
        "20250919:0930-20250919:1600", "20250919:0930-20250919:1600", "", 0, 0, 1, "SPY", "STK", "32", "20250919", "",
        1, 1, 1,
    )  # fmt: skip
