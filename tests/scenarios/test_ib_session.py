"""The connection to IB through what a day brings: floods, frozen sockets, restarts, ids that go backwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import Any

import pytest

from router.messages import (
    Alert,
    CancelAll,
    CancelReply,
    CommandRefused,
    ContractSpec,
    ExecutionFill,
    Leg,
    LinkPhase,
    LinkState,
    OrderLifecycleEvent,
)
from router.pacing import Priority
from tests.paper.conftest import RunningGateway
from tests.paper.raw import RawClient
from tests.router.factory import STOCK
from tests.scenarios.test_ib_truth import buy, play
from tests.workers.gateway.conftest import Configure, configure, paper
from tests.workers.gateway.counter import Counter, bracket, order
from tests.workers.gateway.harness import Running, eventually, running

__all__ = ["configure", "paper"]  # fixtures

READY, DOWN, DEGRADED = LinkPhase.READY, LinkPhase.DOWN, LinkPhase.DEGRADED
FLOOD = 70  # more than IB's 50 messages a second
QUEUED = 500


class Meter:
    """When each message was given to the socket, in monotonic ns."""

    def __init__(self, one: Running) -> None:
        self.times: list[int] = []
        connection: Any = one.session.link._client.conn
        self._send: Any = connection.sendMsg
        vars(connection)["sendMsg"] = self._count

    def _count(self, message: bytes) -> None:
        self.times.append(time.monotonic_ns())
        self._send(message)

    @property
    def busiest_second(self) -> int:
        """The most messages of any second."""
        return max(
            sum(first <= other < first + 1_000_000_000 for other in self.times) for first in self.times
        )


def test_a_flood_stays_below_ibs_limit(paper: RunningGateway, configure: Configure) -> None:
    """Seventy entries at once leave in order, and no second sees more than the configured messages."""

    async def story(one: Running) -> None:
        meter, link = Meter(one), one.session.link
        client: Any = link._client
        for _ in range(FLOOD):
            link.outbox.offer(Priority.ENTRY, client.reqCurrentTime)
        assert one.session.counts["queued_entry"] >= FLOOD - 35
        await eventually(lambda: not one.session.counts["queued_entry"], "the flood is over")
        assert len(meter.times) >= FLOOD
        assert meter.busiest_second <= 45

    play(paper, configure, story)


def test_the_kill_switch_passes_a_flood(paper: RunningGateway, configure: Configure) -> None:
    """It is on the socket before the call returns; entries that still waited never leave, and are told."""

    async def story(one: Running) -> None:
        await buy(one, price=2.0)
        await eventually(lambda: len(one.current.live_refs()) == 3, "the bracket is open")
        link = one.session.link
        dropped: list[Exception] = []
        client: Any = link._client
        for _ in range(500):
            link.outbox.offer(Priority.ENTRY, client.reqCurrentTime, dropped=dropped.append)
        waiting = one.session.counts["queued_entry"]
        meter = Meter(one)
        written: list[int] = []
        link.cancel_all(lambda: written.append(len(meter.times)))
        assert written == [1]
        assert len(dropped) == waiting >= 465
        await eventually(lambda: one.current.live_refs() == (), "every order is cancelled")

    play(paper, configure, story)


def test_the_kill_switch_passes_five_hundred_brackets(paper: RunningGateway, configure: Configure) -> None:
    """As commands: reqGlobalCancel is the next message on the socket, no bracket follows, each is told why."""

    async def story(one: Running) -> None:
        counter = Counter(one)
        contract = await listed(one)
        for number in range(QUEUED):
            wanted = bracket(order(contract=contract, delivery=f"{number:016x}-mfqwpfk0"))
            assert counter.commands.handle(f"b{number}", wanted) is None
        waiting = sum(f"b{number}" not in counter.late for number in range(QUEUED))
        assert waiting >= QUEUED - 15  # brackets of three, at most 45 messages a second
        meter = Meter(one)
        counter.commands.handle("kill", CancelAll())
        assert len(meter.times) == 1
        assert isinstance(counter.late["kill"], CancelReply)
        refused = [reply.code for reply in counter.late.values() if isinstance(reply, CommandRefused)]
        assert refused == ["CANCELLED"] * waiting
        await eventually(
            lambda: requests(paper)[-1] == "GlobalCancel", "it has arrived, after the last order"
        )
        assert requests(paper).count("PlaceOrder") == 3 * (QUEUED - waiting)
        await one.session.link.open_orders(5)
        assert one.current.live_refs() == ()

    play(paper, configure, story)


def requests(paper: RunningGateway) -> list[str]:
    """What was asked of the paper gateway about orders, in order."""
    records = [json.loads(line) for line in paper.ledger.read_bytes().split(b"\n")[:-1]]
    return [record["name"] for record in records if record["kind"] == "request"]


async def listed(one: Running) -> ContractSpec:
    """The stock as IB knows it."""
    (ready,) = await one.session.link.contract_details(STOCK, 5)
    return ready.contract


def test_a_frozen_gateway_is_given_up_within_the_deadline(
    paper: RunningGateway, configure: Configure
) -> None:
    """A socket that is open and silent is no connection: DOWN after heartbeat_timeout_s, READY when it is back."""

    async def story(one: Running) -> None:
        os.kill(paper.process.pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            down = await one.reaches(DOWN)
            assert "half-open" in down.reason
            assert time.monotonic() - began < 4.0
        finally:
            os.kill(paper.process.pid, signal.SIGCONT)
        await one.reaches(READY, times=2)

    play(paper, configure, story, heartbeat_timeout_s=1.0, connect_timeout_s=1.0)


def test_a_client_id_in_use_says_so_within_a_second(paper: RunningGateway, configure: Configure) -> None:
    """IB's own words reach the operator at once, and the connection comes up when the id is free."""

    async def run() -> None:
        with RawClient(paper.port) as other:
            other.start(1)
            async with running(configure(paper.port)) as one:
                began = time.monotonic()
                down = await one.reaches(DOWN)
                assert time.monotonic() - began < 1.0
                assert "client id is already in use" in down.reason
                other.socket.close()
                await one.reaches(READY)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_ids_that_go_backwards_are_never_used_again(paper: RunningGateway, configure: Configure) -> None:
    """After an automatic restart IB may offer ids that are taken; the next order's is above all of them."""

    async def story(one: Running) -> None:
        await buy(one, 1, price=2.0)
        await eventually(lambda: len(one.current.live_refs()) == 3, "the bracket is open")
        used = {event.order_id for event in one.told.of(OrderLifecycleEvent)}
        paper.do("rollback 1 by 3")
        paper.do("disconnect 1")
        await one.reaches(READY, times=2)
        await buy(one, 2, price=2.0)
        await eventually(lambda: len(one.current.live_refs()) == 6, "the next bracket is open")
        later = {event.order_id for event in one.told.of(OrderLifecycleEvent)} - used
        assert len(later) == 3
        assert min(later) > max(used)

    play(paper, configure, story)


def test_the_same_order_twice_is_an_incident(paper: RunningGateway, configure: Configure) -> None:
    """Two live permIds under one orderRef: told, the younger is cancelled, the older goes on working."""

    async def story(one: Running) -> None:
        contract = await listed(one)
        leg = Leg("twice-mfqwpfk0-E", "entry", "BUY", "LMT", 7, limit_price=2.0, tif="DAY")
        for _ in range(2):
            one.session.link.place(contract, [one.session.link.single(leg, one.session.account)])
        (alert,) = await eventually(lambda: one.told.of(Alert), "the alert")
        assert (alert.kind, alert.ref) == ("two_orders_one_ref", leg.ref)

        def live() -> list[OrderLifecycleEvent]:
            return one.current.live_orders((leg.ref,), 1)

        orders = {event.perm_id for event in one.told.of(OrderLifecycleEvent)}
        await eventually(lambda: len(live()) == 1 and len(orders) == 2, "one is left")
        assert live()[0].perm_id == min(orders)
        await one.session.link.open_orders(5)
        assert [event.perm_id for event in live()] == [min(orders)]
        assert requests(paper).count("CancelOrder") == 1
        assert len(one.told.of(Alert)) == 1

    play(paper, configure, story)


@pytest.mark.parametrize(
    "fault",
    [
        "drop openOrderEnd",
        "drop completedOrdersEnd",
        "drop execDetailsEnd",
        "drop positionEnd",
        "drop accountSummaryEnd",
        "cut positionEnd at 3",
        "cut execDetailsEnd at 9",
    ],
)
def test_a_rebuild_that_loses_an_answer_does_not_end_in_ready(
    paper: RunningGateway, configure: Configure, fault: str
) -> None:
    """READY comes after the answer came in the end, by asking again or on the next connection; not before."""

    async def story(one: Running) -> None:
        await buy(one, price=2.0)
        await eventually(lambda: len(one.current.live_refs()) == 3, "the bracket is open")
        paper.do(f"{fault}\ndisconnect 1")
        await one.reaches(READY, times=2)
        phases = [state.phase for state in one.told.of(LinkState)]
        assert phases[-2:] == [LinkPhase.SYNCING, READY]
        assert len(one.current.live_refs()) == 3
        assert one.session.counts["connects"] == (3 if fault.startswith("cut") else 2)

    play(paper, configure, story, request_timeout_s=0.5)


@pytest.mark.parametrize("back", ["kept", "data-lost"])
def test_ibs_servers_go_away_and_come_back(paper: RunningGateway, configure: Configure, back: str) -> None:
    """1100, then 1102 or 1101: DEGRADED meanwhile, and what was executed meanwhile is told before READY, once."""

    async def story(one: Running) -> None:
        await buy(one, price=2.0)
        await eventually(lambda: len(one.current.live_refs()) == 3, "the bracket is open")
        paper.do("connectivity lost")
        await one.reaches(DEGRADED)
        (entry,) = [ref for ref in one.current.live_refs() if ref.endswith("-E")]
        paper.do(f"fill {entry} shares 3")
        paper.do(f"connectivity {back}")
        await one.reaches(READY, times=2)
        ready = max(index for index, one_ in enumerate(one.told.messages) if isinstance(one_, LinkState))
        fills = [message for message in one.told.messages[:ready] if isinstance(message, ExecutionFill)]
        assert {fill.exec_id: fill.quantity for fill in fills}.values() == pytest.approx([3.0])
        assert sum(not fill.replayed for fill in one.told.of(ExecutionFill)) <= 1
        assert one.session.counts["connects"] == 1

    play(paper, configure, story)


def test_a_restart_in_a_reset_window_says_so(paper: RunningGateway, configure: Configure) -> None:
    """IB's nightly restart: DOWN with the hour at which it is over, tried again meanwhile, READY when it is back."""

    async def story(one: Running) -> None:
        paper.do("restart down 0.5")
        await eventually(
            lambda: [s for s in one.told.of(LinkState) if "IB resets its servers until" in s.reason], "why"
        )
        assert one.session.phase is not READY
        await one.reaches(READY, times=2)

    play(paper, configure, story, reset_windows="Mon-Sun 00:00-00:00")
