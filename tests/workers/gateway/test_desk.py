"""The desk: orders beside brackets, and what becomes of them when they come too late."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from router.messages import (
    CancelOrders,
    ContractReady,
    Leg,
    LinkPhase,
    ModifyOrder,
    ModifyReply,
    PlaceOrders,
    PlaceReply,
    PositionSnapshot,
    PrepareContract,
    Quote,
)
from tests.paper.conftest import RunningGateway
from tests.router.factory import OPTION, order_event
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.counter import AAPL, play, refused, serving
from tests.workers.gateway.flat import HELD
from tests.workers.gateway.harness import eventually
from tests.workers.gateway.life import KEPT, LOST
from tests.workers.gateway.peer import Peer
from workers.gateway import desk


def test_a_stop_of_the_guard_that_came_too_late_is_not_written(
    configure: Configure, paper: RunningGateway
) -> None:
    """What it protects was closed while it waited for its turn: it would sell what is not held."""

    async def story() -> None:
        async with serving(configure(paper.port)) as counter:
            one = counter.one
            ready = await counter.ask(PrepareContract(AAPL))
            assert isinstance(ready, ContractReady)
            await eventually(
                lambda: any(q.bid and q.ask for q in one.told.of(Quote)), "both sides of a quote"
            )
            account, contract = one.session.account, ready.contract
            stop = Leg("guard:265598-S1", "stop", "SELL", "STP", HELD, stop_price=1.0, tif="GTC")
            for held in (0, HELD):
                name = f"guard {held}"
                if held:
                    buy = Leg("K1-desk-X", "exit", "BUY", "MKT", held, tif="DAY")
                    await counter.ask(PlaceOrders("K1", account, contract, (buy,), "test"))
                    await eventually(one.current.positions, "the position")
                reply = await counter.ask(
                    PlaceOrders(name, account, contract, (stop,), "position without a stop")
                )
                if held:
                    assert reply == PlaceReply(name, "sent")
                else:
                    assert refused(reply) == ("NOT_MISSING", True)
            twin = msgspec.structs.replace(stop, ref="guard:265598-S2")
            again = PlaceOrders("again", account, contract, (twin,), "position without a stop")
            assert refused(await counter.ask(again)) == ("NOT_MISSING", True)  # before IB tells of the first
            await eventually(
                lambda: one.current.live_refs() == (stop.ref,), "one stop, the one that was needed"
            )

    asyncio.run(asyncio.wait_for(story(), 30))


def test_a_stop_that_ib_lost_is_made_anew(configure: Configure) -> None:
    """Nothing ever comes of the guard's first one. IB is asked, does not list it, and the next one is sent."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            account = counter.one.session.account
            counter.one.current.observe(PositionSnapshot(account, OPTION, float(HELD), 250.0, False, 1))
            for number in (1, 2):
                stop = Leg(f"guard:1001-S{number}", "stop", "SELL", "STP", HELD, stop_price=1.0, tif="GTC")
                name = f"guard {number}"
                reply = await counter.ask(PlaceOrders(name, account, OPTION, (stop,), "no stop"))
                assert reply == PlaceReply(name, "sent")
            await counter.one.session.link.ping(5)
            assert len(peer.asked["3"]) == 2

    play(story)


def test_names_are_remembered_within_bounds(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was placed last is not placed twice; who asks for it again does so soon."""
    monkeypatch.setattr(desk, "KEEP", 2)

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            outcomes = []
            for name in ("K1", "K2", "K3", "K3", "K2", "K1"):
                leg = Leg(f"{name}-x-X", "exit", "BUY", "MKT", HELD, tif="DAY")
                command = PlaceOrders(name, counter.one.session.account, OPTION, (leg,), "test")
                reply = await counter.ask(command)
                assert isinstance(reply, PlaceReply)
                outcomes.append(reply.outcome)
            assert outcomes == ["sent", "sent", "sent", "adopted", "adopted", "sent"]

    play(story)


def test_no_order_is_denied_while_ib_is_asked_which_there_are(configure: Configure) -> None:
    """In a rebuild nothing is known of an order until IB has told of it again: whoever cancels it is to ask again."""

    async def story(peer: Peer) -> None:
        del peer.answers["16"]
        async with serving(configure(peer.port), ready=False) as counter:
            await counter.one.reaches(LinkPhase.SYNCING)
            assert refused(await counter.ask(CancelOrders(("a-1-E",)))) == ("LINK_NOT_READY", True)

    play(story)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (TimeoutError("silent"), ("LINK_NOT_READY", True)),
        (ValueError("nan"), ("FAILED", True)),
    ],
)
def test_a_question_that_fails_is_answered(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, error: Exception, answer: tuple[str, bool]
) -> None:
    """IB is asked where a trailing stop stands; whatever comes of it, who wants it modified hears."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            terms = {"order_type": "TRAIL", "action": "SELL", "trail_stop": 1.5, "trail_percent": 10.0}
            counter.one.current.observe(order_event("a-1-S1", order_id=12, **terms))

            async def fail(seconds: float) -> None:
                raise error

            monkeypatch.setattr(counter.one.session.link, "open_orders", fail)
            assert refused(await counter.ask(ModifyOrder(ref="a-1-S1", reason="test", quantity=5))) == answer

    play(story)


@pytest.mark.parametrize(("perm_id", "order_id"), [(0, 12), (7, 12), (8, 13)])
def test_of_two_orders_under_one_ref_the_named_one_is_modified(
    configure: Configure, perm_id: int, order_id: int
) -> None:
    """By its permId; the older where none is named."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            for perm, number in ((8, 13), (7, 12)):
                stop = {"order_type": "STP", "action": "SELL", "stop_price": 1.5, "account": "DU1000001"}
                counter.one.current.observe(
                    order_event("a-1-S1", order_id=number, perm_id=perm, contract=OPTION, **stop)
                )
            change = ModifyOrder(ref="a-1-S1", reason="test", stop_price=1.6, perm_id=perm_id)
            reply = await counter.ask(change)
            assert reply == ModifyReply("a-1-S1", order_id)
            gone = await counter.ask(ModifyOrder(ref="a-1-S1", reason="test", stop_price=1.6, perm_id=99))
            assert refused(gone) == ("NO_SUCH_ORDER", False)

    play(story)


def test_a_stop_that_waited_is_not_written_in_a_rebuild(configure: Configure) -> None:
    """IB's servers were away: which orders there are is being asked, and the stop may be among them."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port, requests_per_second=8, reserved_per_second=2)) as counter:
            link, account = counter.one.session.link, counter.one.session.account
            link.outbox.spend(8)  # nothing leaves for a second
            stop = Leg("guard:1001-S1", "stop", "SELL", "STP", HELD, stop_price=1.0, tif="GTC")
            command = PlaceOrders("guard 1", account, OPTION, (stop,), "no stop")
            counter.one.current.observe(PositionSnapshot(account, OPTION, float(HELD), 250.0, True, 1))
            assert counter.commands.handle("stop", command) is None
            del peer.answers["61"]
            peer.say(LOST, KEPT)
            await eventually(lambda: counter.one.session.phase is LinkPhase.SYNCING, "the rebuild")
            counter.one.current.observe(PositionSnapshot(account, OPTION, float(HELD), 250.0, True, 1))
            await eventually(lambda: "stop" in counter.late, "its turn")
            assert refused(counter.late["stop"]) == ("LINK_NOT_READY", True)
            assert not peer.asked["3"]

    play(story)
