"""What a rebuild finds, and what becomes of it."""

from __future__ import annotations

import asyncio

from router.bracket import legs
from router.messages import (
    Alert,
    BrokerError,
    LinkState,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    PositionSnapshot,
)
from tests.paper.conftest import RunningGateway
from tests.router.factory import OPTION, STOCK, order_event, request
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.harness import eventually, running
from tests.workers.gateway.life import DEGRADED, KEPT, LOST, READY, REBUILD, play, position
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.test_known import intent
from tests.workers.gateway.told import status
from workers.clock import now_ms
from workers.gateway.known import SILENCE_MS, Known


def test_position_that_vanished(configure: Configure) -> None:
    """A position closed while the link was down is told as zero before READY: IB only leaves it out."""

    async def story(peer: Peer) -> None:
        peer.answers["61"] = lambda _: (
            [position(7), frame(62, 1)] if len(peer.asked["61"]) == 1 else [frame(62, 1)]
        )
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            peer.hang_up()
            await one.reaches(READY, times=2)
            first, gone = one.told.of(PositionSnapshot)
            assert (first.quantity, gone.quantity, gone.replayed) == (7.0, 0.0, True)
            assert gone.contract == first.contract
            assert isinstance(one.told.messages[-1], LinkState)

    play(story)


def test_doubt_is_parked(configure: Configure) -> None:
    """An intent of an earlier run that IB, asked twice, does not know is parked, once, and never sent."""

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent())
        async with running(configure(peer.port), known=known) as one:
            await one.reaches(READY)
            (parked,) = await eventually(lambda: one.told.of(OrderParked), "it is parked")
            assert parked.delivery == intent().delivery
            (alert,) = one.told.of(Alert)
            assert (alert.kind, intent().delivery in alert.text) == ("orders_in_doubt", True)
            assert len(peer.asked["16"]) == 2
            peer.hang_up()
            await one.reaches(READY, times=2)
            assert one.told.of(OrderParked) == [parked]
            assert known.verdict(parked.delivery) == "in_doubt"
            assert not peer.asked["3"]

    play(story)


def test_an_order_that_ib_never_says_a_word_on_comes_to_an_end(configure: Configure) -> None:
    """It was swallowed, and the connection lives on: long after its signal has expired IB is asked for everything."""

    async def story(peer: Peer) -> None:
        known = Known()
        async with running(configure(peer.port, heartbeat_timeout_s=0.4), known=known) as one:
            await one.reaches(READY)
            waiting = request(delivery="a-1", expires_ms=now_ms())
            silent = request(delivery="b-1", expires_ms=now_ms() - SILENCE_MS - 1)
            heard = request(delivery="c-1", expires_ms=now_ms() - SILENCE_MS - 1)
            for wanted in (waiting, silent, heard):
                known.observe(OrderIntent(wanted.delivery, wanted, ()))
            known.observe(order_event("c-1-E"))
            await one.reaches(READY, times=2)
            parked = await eventually(lambda: one.told.of(OrderParked), "it is parked")
            assert {each.delivery for each in parked} >= {"b-1"}
            assert "c-1" not in {each.delivery for each in parked}
            assert one.session.counts["connects"] == 1
            assert (known.verdict("b-1"), known.silent(now_ms())) == ("in_doubt", False)

    play(story)


def test_a_rebuild_ends_the_recovery_of_the_one_before(configure: Configure) -> None:
    """IB's servers were away while it settled: its rounds begin anew, and there is one that decides, not two."""

    def recoveries() -> int:
        return sum("Session._recover " in repr(task.get_coro()) for task in asyncio.all_tasks())

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent())
        async with running(configure(peer.port, settle_s=60.0), known=known) as one:
            await one.reaches(READY)
            assert recoveries() == 1
            peer.say(LOST, KEPT)
            await one.reaches(READY, times=2)
            assert recoveries() == 1
            assert one.told.of(OrderParked) == []

    play(story)


def test_doubt_that_ib_settles(configure: Configure, paper: RunningGateway) -> None:
    """An intent of an earlier run that IB lists is adopted: not parked, not sent again."""

    async def story() -> None:
        order = request(contract=STOCK, limit_price=1.0, reference_price=1.0, stop_price=0.5)
        bracket = legs(order, outside_rth=True)
        async with running(configure(paper.port)) as one:
            await one.reaches(READY)
            one.session.link.place(STOCK, one.session.link.bracket(bracket, one.session.account))
            await eventually(lambda: len(one.told.of(OrderLifecycleEvent)) >= 3, "IB's word on the bracket")
        known = Known()
        known.observe(intent(order.delivery))
        async with running(configure(paper.port), known=known) as two:
            await two.reaches(READY)
            assert two.told.of(OrderParked) == []
            assert known.verdict(order.delivery) == "adopted"
            replayed = two.told.of(OrderLifecycleEvent)
            assert {event.ref for event in replayed} == {leg.ref for leg in bracket}
            assert all(event.replayed for event in replayed)

    asyncio.run(asyncio.wait_for(story(), 60))


def test_order_that_an_error_leaves_open(configure: Configure) -> None:
    """A code that proves nothing: IB is asked, and what it does not know after two rounds was never taken."""

    async def story(peer: Peer) -> None:
        peer.answers["3"] = lambda asked: [frame(4, 2, asked[1], 99_999, "nobody knows this code", "")]
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            bracket = legs(request(), outside_rth=True)
            one.session.link.place(OPTION, one.session.link.bracket(bracket, "DU1000001"))
            await eventually(
                lambda: (
                    [error.policy for error in one.told.of(BrokerError)] == ["query"] * 3 + ["terminal"] * 3
                ),
                "IB's silence is told as the end",
            )
            assert {error.ref for error in one.told.of(BrokerError)} == {leg.ref for leg in bracket}
            assert {alert.kind for alert in one.told.of(Alert)} == {"ib_error_unknown"}
            assert {alert.ref for alert in one.told.of(Alert)} == {leg.ref for leg in bracket}
            assert len(peer.asked["16"]) == len(peer.asked["99"]) == 3
            assert one.session.phase is READY

    play(story)


def test_order_that_an_error_leaves_open_and_ib_lists(configure: Configure) -> None:
    """The same error about an order that IB lists when asked ends nothing."""

    async def story(peer: Peer) -> None:
        peer.answers["3"] = lambda asked: [frame(4, 2, asked[1], 99_999, "nobody knows this code", "")]
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            bracket = legs(request(), outside_rth=True)
            orders = one.session.link.bracket(bracket, "DU1000001")

            def listed(_: list[str]) -> list[bytes]:
                words = [
                    frame(*status(order_id=str(each.orderId), perm_id=str(800_000 + each.orderId)))
                    for each in orders
                ]
                return [*words, frame(53, 1)]

            peer.answers["16"] = listed
            one.session.link.place(OPTION, orders)
            await eventually(lambda: len(one.told.of(OrderLifecycleEvent)) >= 3, "IB's word")
            await one.session.link.ping(5)
            assert {error.policy for error in one.told.of(BrokerError)} == {"query"}

    play(story)


def test_farm_that_breaks(configure: Configure) -> None:
    """Market data that is away makes the connection DEGRADED until it is back: entries would be priced blind."""

    async def story(peer: Peer) -> None:
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            peer.say(frame(4, 2, -1, 2103, "Market data farm connection is broken:usfarm", ""))
            await one.reaches(DEGRADED)
            peer.say(frame(4, 2, -1, 2104, "Market data farm connection is OK:usfarm", ""))
            await one.reaches(READY, times=2)
            assert all(len(peer.asked[message_id]) == 1 for message_id in REBUILD)

    play(story)


def test_ids_of_the_journal(configure: Configure) -> None:
    """nextValidId was rolled back by a restart: ids of the journal are not issued again, not even to requests."""

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent(first_id=500))
        async with running(configure(peer.port), known=known) as one:
            await one.reaches(READY)
            assert int(peer.asked["7"][0][2]) > 502
            orders = one.session.link.bracket(legs(request(), outside_rth=True), "DU1000001")
            assert orders[0].orderId > 502

    play(story, next_id=3)


def test_ids_that_ib_tells_of(configure: Configure) -> None:
    """An order of the rebuild with a higher id counts as well; the unset id of a manual order does not."""

    async def story(peer: Peer) -> None:
        peer.answers["16"] = lambda _: [
            frame(*status(order_id="900")),
            frame(*status(order_id="2147483647", perm_id="900002", client_id="0")),
            frame(53, 1),
        ]
        async with running(configure(peer.port)) as one:
            await one.reaches(READY)
            orders = one.session.link.bracket(legs(request(), outside_rth=True), "DU1000001")
            assert 900 < orders[0].orderId < 2_000

    play(story)
