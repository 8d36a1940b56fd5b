"""The desk makes accounts flat, whatever is asked of it meanwhile."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest

from router.messages import (
    CommandRefused,
    ContractReady,
    Flatten,
    FlattenReply,
    Leg,
    ModifyOrder,
    PlaceOrders,
    PlaceReply,
    PositionSnapshot,
    PrepareContract,
    Quote,
)
from tests.paper.conftest import RunningGateway
from tests.router.factory import OPTION, order_event
from tests.router.history import Story
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.counter import AAPL, bracket, order, play, refused, serving
from tests.workers.gateway.flat import HELD
from tests.workers.gateway.harness import SECONDS, eventually
from tests.workers.gateway.peer import Peer, frame


def test_nothing_is_placed_while_the_account_is_made_flat(
    configure: Configure, paper: RunningGateway
) -> None:
    """A bracket, or a stop of the guard, that came in between would be left over and sell what is no longer held."""

    async def story() -> None:
        async with serving(configure(paper.port)) as counter:
            one = counter.one
            ready = await counter.ask(PrepareContract(AAPL))
            assert isinstance(ready, ContractReady)
            await eventually(
                lambda: any(q.bid and q.ask for q in one.told.of(Quote)), "both sides of a quote"
            )
            buy = Leg("K1-desk-X", "exit", "BUY", "MKT", HELD, tif="DAY")
            account = one.session.account
            assert isinstance(
                await counter.ask(PlaceOrders("K1", account, ready.contract, (buy,), "test")), PlaceReply
            )
            await eventually(one.current.positions, "the position")
            assert counter.commands.handle("flat", Flatten()) is None
            wanted = bracket(order(contract=ready.contract))
            guard = Leg("K2-desk-S1", "stop", "SELL", "STP", HELD, stop_price=1.0, tif="GTC")
            stop = PlaceOrders("K2", account, ready.contract, (guard,), "test")
            for command, refusal in ((wanted, ("CANCELLED", False)), (stop, ("FLATTENING", True))):
                reply = counter.commands.handle(f"during {type(command).__name__}", command)
                assert isinstance(reply, CommandRefused)
                assert refused(reply) == refusal
            reply = await eventually(lambda: counter.late.get("flat"), "the reply to Flatten")
            assert isinstance(reply, FlattenReply)
            assert len(reply.closing) == 1
            await eventually(lambda: not one.current.positions(), "flat")

            again = itertools.count()
            await eventually(
                lambda: counter.commands.handle(f"again {next(again)}", wanted) is None, "placing goes on"
            )

    asyncio.run(asyncio.wait_for(story(), 30))


def test_orders_written_just_before_are_cancelled_too(configure: Configure, paper: RunningGateway) -> None:
    """IB has not told of them yet: it is asked before anything is cancelled."""

    async def story() -> None:
        async with serving(configure(paper.port)) as counter:
            one = counter.one
            ready = await counter.ask(PrepareContract(AAPL))
            assert isinstance(ready, ContractReady)
            wanted = order(contract=ready.contract)
            assert counter.commands.handle("place", bracket(wanted)) is None
            assert counter.late["place"] == PlaceReply(wanted.delivery, "sent")
            assert one.current.live_refs() == ()
            reply = await counter.ask(Flatten())
            assert isinstance(reply, FlattenReply)
            assert set(reply.cancelled) == {leg.ref for leg in bracket(wanted).legs}
            assert one.current.live_refs() == ()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_orders_written_after_a_question_that_is_under_way_are_cancelled_too(configure: Configure) -> None:
    """Somebody had asked IB before they left: that answer does not have them, so it is asked once more."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            link = counter.one.session.link
            del peer.answers["16"]
            asking = asyncio.ensure_future(link.open_orders(SECONDS))
            before = len(peer.asked["16"])
            await eventually(lambda: len(peer.asked["16"]) > before, "somebody's question")
            wanted = order()
            assert await counter.ask(bracket(wanted)) == PlaceReply(wanted.delivery, "sent")
            assert counter.commands.handle("flat", Flatten()) is None
            await link.ping(SECONDS)
            entry = order_event(f"{wanted.delivery}-E", order_id=12, client_id=counter.one.session.client_id)

            def listed(_: list[str]) -> list[bytes]:
                counter.one.current.observe(entry)
                return [frame(53, 1)]

            peer.answers["16"] = listed
            peer.say(frame(53, 1))
            await asking
            await eventually(lambda: [fields[2] for fields in peer.asked["4"]] == ["12"], "its cancel")

    play(story)


def test_what_waits_for_other_accounts_goes_on_while_one_is_made_flat(configure: Configure) -> None:
    """Only what would be placed in that account is taken back; entries there for good."""

    async def story(peer: Peer) -> None:
        peer.answers["71"] = lambda _: [frame(15, 1, "DU1000001,DU2"), frame(9, 1, 1)]
        slow = configure(peer.port, requests_per_second=8, reserved_per_second=2, account="DU1000001")
        async with serving(slow) as counter:
            here = counter.one.session.account
            entries = [order(delivery=f"{name}-1", account=name) for name in (here, "DU2")]
            leg = Leg("K1-x-S1", "stop", "SELL", "STP", HELD, stop_price=1.0, tif="GTC")
            stops = [
                PlaceOrders(name, name, OPTION, (msgspec.structs.replace(leg, ref=f"{name}-x-S1"),), "test")
                for name in (here, "DU2")
            ]
            link = counter.one.session.link
            link.outbox.spend(8)  # nothing leaves for a second
            probe = asyncio.ensure_future(link.ping(SECONDS))
            for number, command in enumerate([*map(bracket, entries), *stops]):
                assert counter.commands.handle(f"waits {number}", command) is None
            await asyncio.sleep(0)
            assert counter.commands.handle("flat", Flatten(here)) is None
            assert {name: refused(reply) for name, reply in counter.late.items()} == {
                "waits 0": ("CANCELLED", False),
                "waits 2": ("CANCELLED", False),
            }
            await probe
            await eventually(lambda: {"waits 1", "waits 3"} <= counter.late.keys(), "their turn")
            assert counter.late["waits 1"] == PlaceReply("DU2-1", "sent")
            assert counter.late["waits 3"] == PlaceReply("DU2", "sent")
            assert len(peer.asked["3"]) == 4

    play(story)


def test_a_trailing_stop_is_not_modified_once_its_account_is_made_flat(configure: Configure) -> None:
    """IB is asked where the stop stands first; what has begun meanwhile cancels it."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            terms = {"order_type": "TRAIL", "action": "SELL", "trail_stop": 1.5, "trail_percent": 10.0}
            counter.one.current.observe(order_event("a-1-S1", order_id=12, **terms))
            del peer.answers["16"]
            assert (
                counter.commands.handle("modify", ModifyOrder(ref="a-1-S1", reason="test", quantity=5))
                is None
            )
            assert counter.commands.handle("flat", Flatten()) is None
            await eventually(lambda: len(peer.asked["16"]) > 1, "IB is asked")
            peer.say(frame(53, 1))
            reply = await eventually(lambda: counter.late.get("modify"), "the reply to ModifyOrder")
            assert reply is not None
            assert refused(reply) == ("FLATTENING", True)
            await counter.one.session.link.ping(5)
            assert not peer.asked["3"]

    play(story)


def test_what_many_deliveries_hold_is_closed_too(configure: Configure) -> None:
    """More closing orders than may leave at once leave one after the other."""
    many = 8

    async def story(peer: Peer) -> None:
        slow = configure(peer.port, requests_per_second=many, reserved_per_second=2)
        async with serving(slow) as counter:
            current = counter.one.current
            stops = [
                order_event(
                    f"a-{n}-S1", action="SELL", order_type="STP", remaining=1.0, perm_id=n, order_id=n
                )
                for n in range(1, many + 1)
            ]
            for event in (*stops, PositionSnapshot("DU1000001", OPTION, float(many), 250.0, False, 1)):
                current.observe(event)
            assert counter.commands.handle("flat", Flatten()) is None
            await eventually(lambda: len(peer.asked["4"]) == many, "the stops are cancelled")
            for event in stops:
                current.observe(msgspec.structs.replace(event, status="Cancelled"))
            reply = await eventually(lambda: counter.late.get("flat"), "the reply to Flatten")
            assert isinstance(reply, FlattenReply)
            assert len(reply.closing) == many
            await eventually(lambda: len(peer.asked["3"]) == many, "the closing orders")

    play(story)


def test_what_was_sold_already_is_not_sold_again(configure: Configure) -> None:
    """A stop fills while its cancel is under way, and IB's word on the position comes after: nothing is left to close."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            current, client_id = counter.one.current, counter.one.session.client_id
            stop = order_event(
                "a-1-S1", action="SELL", order_type="STP", perm_id=5, order_id=5, client_id=client_id
            )
            word = PositionSnapshot("DU1000001", OPTION, float(HELD), 250.0, True, 1)
            current.observe(word)
            current.observe(stop)
            assert counter.commands.handle("flat", Flatten()) is None
            await eventually(lambda: peer.asked["4"], "the stop is cancelled")
            sale = Story().fill("S1", 3, 1.4, exec_id="s.01", ref=stop.ref, perm_id=5)
            rest = msgspec.structs.replace(sale, exec_id="t.01", quantity=4.0)
            current.observe(sale)
            current.observe(msgspec.structs.replace(word, quantity=4.0, replayed=False))
            current.observe(rest)
            current.observe(msgspec.structs.replace(stop, status="Filled", filled=7.0, remaining=0.0))
            reply = await eventually(lambda: counter.late.get("flat"), "the reply to Flatten")
            assert reply == FlattenReply(("a-1-S1",), ())
            await counter.one.session.link.ping(5)
            assert not peer.asked["3"]

    play(story)


@pytest.mark.parametrize("again", ["connected", "away"])
def test_an_account_is_not_made_flat_over_two_connections(configure: Configure, again: str) -> None:
    """What was held before the connection was lost may be closed by now: selling it would turn it round."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port, backoff_first_s=0.01)) as counter:
            current, session = counter.one.current, counter.one.session
            stop = order_event(
                "a-1-S1", action="SELL", order_type="STP", perm_id=5, order_id=5, client_id=session.client_id
            )
            for event in (PositionSnapshot("DU1000001", OPTION, float(HELD), 250.0, False, 1), stop):
                current.observe(event)
            assert counter.commands.handle("flat", Flatten()) is None
            await eventually(lambda: peer.asked["4"], "the stop is cancelled")
            del peer.answers["61"]  # so that the next connection goes on asking what is held
            if again == "away":
                peer.stop_listening()
            peer.hang_up()
            await eventually(lambda: "flat" in counter.late, "the reply to Flatten")
            assert refused(counter.late["flat"]) == ("LINK_NOT_READY", True)
            assert not peer.asked["3"]
            assert counter.commands.handle("next", bracket(order())) is not None
            assert refused(await counter.ask(bracket(order()))) == ("LINK_NOT_READY", True)

    play(story)


def test_closing_orders_that_never_left_are_not_told_as_sent(configure: Configure) -> None:
    """The connection is lost while they wait for their turn: whoever asked is to ask again."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port, requests_per_second=8, reserved_per_second=2)) as counter:
            link, current = counter.one.session.link, counter.one.current
            current.observe(PositionSnapshot("DU1000001", OPTION, float(HELD), 250.0, False, 1))
            asked = len(peer.asked["16"])
            peer.answers["16"] = lambda _: [frame(53, 1)] if len(peer.asked["16"]) == asked + 1 else []
            assert counter.commands.handle("flat", Flatten()) is None
            await eventually(lambda: len(peer.asked["16"]) == asked + 2, "IB is asked twice")
            link.outbox.spend(8)  # nothing leaves for a second
            peer.say(frame(53, 1))
            await eventually(lambda: counter.one.session.counts["queued_protect"], "the closing order waits")
            peer.stop_listening()
            peer.hang_up()
            await eventually(lambda: "flat" in counter.late, "the reply to Flatten")
            assert refused(counter.late["flat"]) == ("LINK_NOT_READY", True)
            assert not peer.asked["3"]

    play(story)
