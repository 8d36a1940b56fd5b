"""What other processes may ask of the gateway: a bracket once, a contract as IB knows it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from router.bracket import legs
from router.messages import (
    CancelAll,
    CancelOrders,
    CancelReply,
    CommandRefused,
    ContractReady,
    FindDelivery,
    LinkPhase,
    Message,
    OrderIntent,
    OrderLifecycleEvent,
    OrderSent,
    PlaceReply,
    PrepareContract,
    Quote,
    StatusQuery,
)
from tests.paper.conftest import RunningGateway
from tests.router.factory import order_event
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.counter import AAPL, READY, bracket, order, play, refused, serving
from tests.workers.gateway.harness import eventually
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.test_known import intent
from tests.workers.gateway.wire import placed
from workers.clock import now_ms
from workers.gateway.known import Known


def test_place(configure: Configure) -> None:
    """The intent is durable before the first byte leaves, with the ids that then stand on the wire; SENT follows."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            wanted = order()
            seen: list[int] = []
            keep = counter._keep

            def durable(*messages: Message) -> None:
                seen.append(len(peer.asked["3"]))
                keep(*messages)

            counter.commands._durable = durable
            reply = await counter.ask(bracket(wanted))
            assert reply == PlaceReply(wanted.delivery, "sent")
            assert seen == [0]
            await eventually(lambda: len(peer.asked["3"]) == 3, "the bracket on the wire")
            (intended,) = counter.durable
            assert isinstance(intended, OrderIntent)
            assert intended.request == wanted
            wire = [(each["order_id"], each["ref"]) for each in placed(peer)]
            assert [(str(leg.order_id), leg.ref) for leg in intended.legs] == wire
            (sent,) = counter.one.told.of(OrderSent)
            assert sent == OrderSent(wanted.delivery, tuple(leg.order_id for leg in intended.legs))
            assert counter.one.told.messages.index(intended) < counter.one.told.messages.index(sent)
            assert {each["account"] for each in placed(peer)} == {wanted.account}
            assert counter.commands.placed == 1

    play(story)


def test_place_twice(configure: Configure) -> None:
    """The same delivery again, under whatever request id, is adopted and not sent."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            wanted = order()
            replies = [await counter.ask(bracket(wanted)) for _ in range(3)]
            assert [reply.outcome for reply in replies if isinstance(reply, PlaceReply)] == [
                "sent",
                "adopted",
                "adopted",
            ]
            await counter.one.session.link.ping(5)
            assert len(peer.asked["3"]) == 3

    play(story)


def test_place_in_doubt(configure: Configure) -> None:
    """Intended by an earlier run and unknown to IB: in doubt, never sent again by itself."""

    async def story(peer: Peer) -> None:
        wanted, known = order(), Known()
        known.observe(intent(wanted.delivery))
        async with serving(configure(peer.port), known=known) as counter:
            assert await counter.ask(bracket(wanted)) == PlaceReply(wanted.delivery, "in_doubt")
            assert await counter.ask(FindDelivery(wanted.delivery)) == PlaceReply(wanted.delivery, "in_doubt")
            await counter.one.session.link.ping(5)
            assert not peer.asked["3"]
            assert counter.durable == []

    play(story)


def test_what_was_intended_is_not_refused_while_ib_is_away(configure: Configure) -> None:
    """A refusal would be told as the signal's end, and its order may be at IB."""

    async def story(peer: Peer) -> None:
        peer.greeting = b""
        wanted, known = order(), Known()
        known.observe(intent(wanted.delivery))
        async with serving(configure(peer.port), ready=False, known=known) as counter:
            known.new_connection()
            assert await counter.ask(bracket(wanted)) == PlaceReply(wanted.delivery, "in_doubt")
            assert await counter.ask(FindDelivery(wanted.delivery)) == PlaceReply(wanted.delivery, "in_doubt")
            known.observe(order_event(f"{wanted.delivery}-E"))
            assert await counter.ask(bracket(wanted)) == PlaceReply(wanted.delivery, "adopted")

    play(story)


@pytest.mark.parametrize("error", [ConnectionError("gone"), ValueError("nan")])
def test_a_bracket_whose_write_failed_half_way_is_not_refused(
    configure: Configure, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was intended, and a part of it may have left."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:

            def fail(*_: object) -> None:
                raise error

            monkeypatch.setattr(counter.one.session.link, "place", fail)
            wanted = order()
            with suppress(ValueError):  # a mistake is seen by whoever runs the loop
                assert counter.commands.handle("one", bracket(wanted)) is None
            assert counter.late["one"] == PlaceReply(wanted.delivery, "adopted")

    play(story)


def test_place_after_the_link_broke(configure: Configure) -> None:
    """Sent on a connection that then broke, and unknown to IB afterwards: no second bracket."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            wanted = order()
            await counter.ask(bracket(wanted))
            await eventually(lambda: len(peer.asked["3"]) == 3, "the bracket on the wire")
            peer.hang_up()
            await counter.one.reaches(READY, times=2)
            assert await counter.ask(bracket(wanted)) == PlaceReply(wanted.delivery, "in_doubt")
            assert len(peer.asked["3"]) == 3

    play(story)


def test_place_stale(configure: Configure) -> None:
    """A signal that expired on its way is not sent, and asking again is no use."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            old = order(expires_ms=time.time_ns() // 1_000_000 - 1)
            assert refused(await counter.ask(bracket(old))) == ("STALE", False)
            assert counter.durable == []

    play(story)


@pytest.mark.parametrize(
    "command",
    [
        bracket(order()),
        FindDelivery("a-mfqwpfk0"),
        PrepareContract(AAPL),
        CancelOrders(("a-mfqwpfk0-E",)),
        CancelAll(),
    ],
)
def test_not_connected(configure: Configure, command: Message) -> None:
    """Without a connection every command is refused for now, with the phase."""

    async def story(peer: Peer) -> None:
        peer.greeting = b""
        async with serving(configure(peer.port), ready=False) as counter:
            reply = await counter.ask(command)
            assert refused(reply) == ("LINK_NOT_READY", True)
            assert isinstance(reply, CommandRefused)
            assert "DOWN" in reply.text

    play(story)


@pytest.mark.parametrize("command", [bracket(order()), FindDelivery("a-mfqwpfk0"), PrepareContract(AAPL)])
def test_nothing_new_while_degraded(configure: Configure, command: Message) -> None:
    """While IB's servers are away nothing is placed or looked up."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            peer.say(frame(4, 2, -1, 1100, "Connectivity has been lost.", ""))
            await counter.one.reaches(LinkPhase.DEGRADED)
            assert refused(await counter.ask(command)) == ("LINK_NOT_READY", True)
            await counter.one.session.link.ping(5)
            assert not peer.asked["3"]

    play(story)


def test_find(configure: Configure) -> None:
    """A delivery nobody ever saw is unknown; one that IB told of is adopted."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            assert await counter.ask(FindDelivery("a-mfqwpfk0")) == PlaceReply("a-mfqwpfk0", "unknown")
            counter.one.known.observe(order_event("a-mfqwpfk0-S1"))
            assert await counter.ask(FindDelivery("a-mfqwpfk0")) == PlaceReply("a-mfqwpfk0", "adopted")

    play(story)


def test_what_waits_for_its_turn_is_neither_known_nor_unknown(configure: Configure) -> None:
    """Whoever asks is to ask again: sizing, started anew, would tell the end of a signal that is about to be sent."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port, requests_per_second=8, reserved_per_second=2)) as counter:
            sent, stale = order(delivery="a-1"), order(delivery="b-1", expires_ms=now_ms() + 200)
            counter.one.session.link.outbox.spend(8)  # nothing leaves for a second
            for number, wanted in enumerate((sent, sent, stale)):
                assert counter.commands.handle(f"place {number}", bracket(wanted)) is None
            for delivery in ("a-1", "b-1"):
                assert refused(await counter.ask(FindDelivery(delivery))) == ("WAITING", True)
            await eventually(lambda: "place 2" in counter.late, "their turn")
            assert counter.late["place 0"] == PlaceReply("a-1", "sent")
            assert counter.late["place 1"] == PlaceReply("a-1", "adopted")
            assert await counter.ask(FindDelivery("a-1")) == PlaceReply("a-1", "adopted")
            assert await counter.ask(FindDelivery("b-1")) == PlaceReply("b-1", "unknown")
            peer.hang_up()
            await counter.one.reaches(LinkPhase.DOWN)
            assert refused(await counter.ask(FindDelivery("b-1"))) == ("LINK_NOT_READY", True)

    play(story)


def test_unknown_command(configure: Configure) -> None:
    """A command that is not the gateway's is refused for good."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            assert refused(await counter.ask(StatusQuery())) == ("UNKNOWN_COMMAND", False)

    play(story)


def test_on_the_paper_gateway(configure: Configure, paper: RunningGateway) -> None:
    """Prepare, place, adopt after a reconnect, cancel: one bracket at the gateway, whatever was asked."""

    async def story() -> None:
        async with serving(configure(paper.port)) as counter:
            one = counter.one
            ready = await counter.ask(PrepareContract(AAPL))
            assert isinstance(ready, ContractReady)
            await eventually(
                lambda: any(quote.bid and quote.ask for quote in one.told.of(Quote)), "both sides of a quote"
            )
            wanted = order(contract=ready.contract)
            assert await counter.ask(bracket(wanted)) == PlaceReply(wanted.delivery, "sent")
            refs = {leg.ref for leg in legs(wanted, outside_rth=True)}
            await eventually(
                lambda: {event.ref for event in one.told.of(OrderLifecycleEvent)} == refs, "the bracket rests"
            )
            paper.do("disconnect 1")
            await one.reaches(READY, times=2)
            assert await counter.ask(bracket(wanted)) == PlaceReply(wanted.delivery, "adopted")
            entry = f"{wanted.delivery}-E"
            assert await counter.ask(CancelOrders((entry,))) == CancelReply((entry,))
            await eventually(lambda: not one.current.live_orders(tuple(refs), 1), "all three are cancelled")
            ended = {event.ref for event in one.told.of(OrderLifecycleEvent) if event.status == "Cancelled"}
            assert ended == refs
            assert await counter.ask(CancelOrders((entry,))) == CancelReply(())
            text = paper.ledger.read_text()
            assert text.count('"name": "PlaceOrder"') + text.count('"name":"PlaceOrder"') == 3

    asyncio.run(asyncio.wait_for(story(), 60))
