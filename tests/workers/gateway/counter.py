"""Commands on a session, and what they answer: what their tests share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from conf.settings import Settings
from router.bracket import legs
from router.messages import (
    CommandRefused,
    ContractSpec,
    LinkPhase,
    Message,
    OrderRequest,
    PlaceBracket,
    Target,
)
from tests.router.factory import STOCK, request
from tests.workers.gateway.harness import Running, eventually, running
from tests.workers.gateway.peer import Peer
from workers.gateway.commands import Commands

READY = LinkPhase.READY
AAPL = ContractSpec(sec_type="STK", symbol="AAPL")


class Counter:
    """A gateway's command side: asks, and waits for a reply that comes later."""

    def __init__(self, one: Running) -> None:
        self.one = one
        self.late: dict[str, Message] = {}
        self.durable: list[Message] = []
        self.commands = Commands(
            one.session,
            one.known,
            one.current,
            sink=one.told,
            durable=self._keep,
            reply=self.late.__setitem__,
        )
        self._asked = 0

    def _keep(self, *messages: Message) -> None:
        self.durable.extend(messages)
        self.one.told(*messages)

    async def ask(self, command: Message) -> Message:
        """The reply, at once or later."""
        self._asked += 1
        request_id = f"r{self._asked}"
        reply = self.commands.handle(request_id, command)
        if reply is None:
            await eventually(lambda: request_id in self.late, f"the reply to {type(command).__name__}")
            reply = self.late[request_id]
        return reply


@asynccontextmanager
async def serving(settings: Settings, *, ready: bool = True, **parts: Any) -> AsyncIterator[Counter]:
    """Commands over a session that is READY."""
    async with running(settings, **parts) as one:
        if ready:
            await one.reaches(READY)
        yield Counter(one)


def play(story: Callable[[Peer], Awaitable[None]], **options: Any) -> None:
    """Let the story happen with a peer that listens, within a deadline."""

    async def run() -> None:
        async with Peer(**options) as peer:
            await asyncio.wait_for(story(peer), 30)

    asyncio.run(run())


def order(**changes: Any) -> OrderRequest:
    """A limit order for seven shares that will rest, fresh for a minute."""
    resting = {
        "contract": STOCK,
        "limit_price": 1.0,
        "reference_price": 1.0,
        "stop_price": 0.5,
        "targets": (Target(2.0, 7),),
        "expires_ms": time.time_ns() // 1_000_000 + 60_000,
    }
    return request(**(resting | changes))


def bracket(wanted: OrderRequest) -> PlaceBracket:
    """The command for it."""
    return PlaceBracket(request=wanted, legs=legs(wanted, outside_rth=True))


def refused(reply: Message) -> tuple[str, bool]:
    """Code and retry of a refusal."""
    assert isinstance(reply, CommandRefused)
    return reply.code, reply.retry
