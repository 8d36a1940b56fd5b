"""What others do at IB, on the paper gateway: asked for when there is a reason, and published only when it is news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from conf.settings import Settings
from router.messages import ExecutionFill, LinkPhase, Message, OrderLifecycleEvent
from tests.paper.conftest import RunningGateway
from tests.paper.raw import RawClient, place_order
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.harness import Told, eventually
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.told import OPTION as OPTION_FIELDS
from workers.gateway.current import Current
from workers.gateway.known import Known
from workers.gateway.lookout import Lookout
from workers.gateway.session import Session


class Watched:
    """A session whose words pass a lookout, as in the gateway process."""

    def __init__(self, settings: Settings) -> None:
        self.told = Told()
        self.current = Current()
        self.session = Session(settings, self._publish, Known(), self.current)
        self.lookout = Lookout(self.session, self.current)
        runs = (self.session.run(), self.lookout.run())
        self.tasks = [asyncio.ensure_future(one) for one in runs]

    def _publish(self, *messages: Message) -> None:
        self.told(*self.lookout.news(*messages))

    def orders(self) -> list[OrderLifecycleEvent]:
        """What was told of orders."""
        return self.told.of(OrderLifecycleEvent)


@asynccontextmanager
async def watched(settings: Settings) -> AsyncIterator[Watched]:
    """One that ends with the test."""
    one = Watched(settings)
    try:
        await eventually(lambda: one.session.phase is LinkPhase.READY, "READY")
        yield one
    finally:
        for task in one.tasks:
            task.cancel()
        await asyncio.gather(*one.tasks, return_exceptions=True)


def play(paper: RunningGateway, configure: Configure, story: Callable[[Watched], Awaitable[None]]) -> None:
    """Let the story happen."""

    async def run() -> None:
        async with watched(configure(paper.port)) as one:
            await asyncio.wait_for(story(one), 30)

    asyncio.run(run())


def test_a_trade_in_tws(paper: RunningGateway, configure: Configure) -> None:
    """Nobody tells us of it but the position; its execution is asked for, once."""

    async def story(one: Watched) -> None:
        paper.do("manual BUY 30 AAPL")
        fill = (await eventually(lambda: one.told.of(ExecutionFill), "the execution"))[0]
        assert (fill.client_id, fill.quantity, fill.action) == (0, 30.0, "BUY")
        assert len(one.told.of(ExecutionFill)) == 1

    play(paper, configure, story)


def test_the_end_of_somebody_elses_order(paper: RunningGateway, configure: Configure) -> None:
    """Told at the rebuild, told again only when it is news, and told to have ended when IB lists it no longer."""

    async def run() -> None:
        with RawClient(paper.port) as other:
            other.start(9)
            other.ask(*place_order(other.version, 7, orderType="LMT", lmtPrice=1.0, totalQuantity=5))
            async with watched(configure(paper.port)) as one:
                [order] = {event.perm_id for event in one.orders()}
                said = len(one.orders())
                asked = one.session.counts["messages"]
                await eventually(lambda: one.session.counts["messages"] > asked, "it was asked for")
                assert len(one.orders()) == said  # and nothing was new
                other.send(4, 1, 7)
                await eventually(lambda: one.orders()[-1].status == "Cancelled", "its end is told")
                assert (one.orders()[-1].perm_id, one.orders()[-1].reason) == (
                    order,
                    "no longer listed by IB",
                )
                assert one.current.orders() == []

    asyncio.run(asyncio.wait_for(run(), 30))


def test_executions_that_ib_did_not_tell_are_asked_for_again(configure: Configure) -> None:
    """It did not answer in time, and the connection lives on: without them the position is written off."""

    async def run() -> None:
        async with Peer() as peer, watched(configure(peer.port, request_timeout_s=0.1)) as one:
            answer = peer.answers.pop("7")
            asked = len(peer.asked["7"])
            peer.say(frame(61, 3, "DU1000001", *OPTION_FIELDS, 7, 250.65))
            await eventually(lambda: len(peer.asked["7"]) > asked, "they are asked for")
            peer.answers["7"] = answer
            await eventually(lambda: len(peer.asked["7"]) > asked + 1, "they are asked for again")
            assert one.session.counts["connects"] == 1

    asyncio.run(asyncio.wait_for(run(), 30))
