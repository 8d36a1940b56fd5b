"""A session and its settings: what the tests of its life share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from router.messages import (
    LinkPhase,
)
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.told import OPTION as OPTION_FIELDS

DOWN, CONNECTING, SYNCING = LinkPhase.DOWN, LinkPhase.CONNECTING, LinkPhase.SYNCING
READY, DEGRADED = LinkPhase.READY, LinkPhase.DEGRADED
REBUILD = {
    "61": "positions",
    "16": "open_orders",
    "99": "completed_orders",
    "7": "executions",
    "62": "account_summary",
}
LOST = frame(4, 2, -1, 1100, "Connectivity between IBKR and Trader Workstation has been lost.", "")
KEPT = frame(4, 2, -1, 1102, "Connectivity has been restored - data maintained.", "")


def play(story: Callable[[Peer], Awaitable[None]], **options: Any) -> None:
    """Let the story happen with a peer that listens, within a deadline."""

    async def run() -> None:
        async with Peer(**options) as peer:
            await asyncio.wait_for(story(peer), 30)

    asyncio.run(run())


def position(quantity: float) -> bytes:
    """A position of the option."""
    return frame(61, 3, "DU1000001", *OPTION_FIELDS, quantity, 250.65)
