"""Cancels always pass; a bracket waits for its turn, and is judged anew when it comes."""

from __future__ import annotations

import asyncio

import pytest

from router.errors import Recoverable
from router.messages import (
    CancelAll,
    CancelOrders,
    CancelReply,
    CommandRefused,
    LinkPhase,
    Message,
    PlaceReply,
    Target,
)
from router.reasons import Reason
from tests.router.factory import order_event
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.counter import READY, bracket, order, play, refused, serving
from tests.workers.gateway.harness import eventually
from tests.workers.gateway.peer import Peer, frame


@pytest.mark.parametrize("degraded", [False, True])
def test_cancel(configure: Configure, degraded: bool) -> None:
    """Live orders of ours under the named refs, whatever the phase; ended, unknown and foreign ones are left out."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            for event in (
                order_event("a-1-E", perm_id=1, order_id=11),
                order_event("a-1-S1", perm_id=2, order_id=12),
                order_event("b-1-E", perm_id=3, order_id=13, status="Filled"),
                order_event("c-1-E", perm_id=4, order_id=14, client_id=9),
            ):
                counter.one.current.observe(event)
            if degraded:
                peer.say(frame(4, 2, -1, 1100, "Connectivity has been lost.", ""))
                await counter.one.reaches(LinkPhase.DEGRADED)
            reply = await counter.ask(CancelOrders(("a-1-E", "b-1-E", "c-1-E", "d-1-E")))
            assert reply == CancelReply(("a-1-E",))
            await counter.one.session.link.ping(5)
            assert [fields[2] for fields in peer.asked["4"]] == ["11"]
            assert await counter.ask(CancelOrders(("nobody-1-E",))) == CancelReply(())

    play(story)


def test_cancel_on_a_dying_connection(configure: Configure) -> None:
    """The socket goes before the cancel's turn comes: nothing was written, and the same may succeed later."""

    async def story(peer: Peer) -> None:
        slow = configure(peer.port, requests_per_second=8, reserved_per_second=0)
        async with serving(slow) as counter:
            counter.one.current.observe(order_event("a-1-E", order_id=11))
            for _ in range(8):
                counter.one.session.link.cancel(999, lambda: None)
            asking = asyncio.ensure_future(counter.ask(CancelOrders(("a-1-E",))))
            peer.hang_up()
            assert refused(await asking) == ("LINK_NOT_READY", True)

    play(story)


def test_cancel_all(configure: Configure) -> None:
    """The kill switch is one message that IB applies to every order; it names the live ones, and brackets that wait
    for their turn are taken back for good."""

    async def story(peer: Peer) -> None:
        slow = configure(peer.port, requests_per_second=8, reserved_per_second=2)
        async with serving(slow) as counter:
            counter.one.current.observe(order_event("a-1-E", order_id=11))
            orders = [order(delivery=f"{name}-mfqwpfk0") for name in "abcd"]
            placing = [asyncio.ensure_future(counter.ask(bracket(each))) for each in orders]
            await asyncio.sleep(0)
            assert await counter.ask(CancelAll()) == CancelReply(("a-1-E",))
            replies = await asyncio.gather(*placing)
            sent = [reply for reply in replies if isinstance(reply, PlaceReply)]
            taken_back = [reply for reply in replies if isinstance(reply, CommandRefused)]
            assert len(sent) + len(taken_back) == 4
            assert taken_back
            assert {(reply.code, reply.retry) for reply in taken_back} == {("CANCELLED", False)}
            await eventually(lambda: peer.asked["58"], "the global cancel")
            assert len(peer.asked["3"]) == 3 * len(sent) == 3 * len(counter.durable)

    play(story)


def test_place_on_a_dying_connection(configure: Configure) -> None:
    """A bracket that had not left when the socket went was never intended: it may be placed on the next one."""

    async def story(peer: Peer) -> None:
        slow = configure(peer.port, requests_per_second=8, reserved_per_second=2)
        async with serving(slow) as counter:
            orders = [order(delivery=f"{name}-mfqwpfk0") for name in "abc"]
            placing = [asyncio.ensure_future(counter.ask(bracket(each))) for each in orders]
            await asyncio.sleep(0)
            peer.hang_up()
            last = (await asyncio.gather(*placing))[-1]
            assert refused(last) == ("LINK_NOT_READY", True)
            await counter.one.reaches(READY, times=2)
            again = await counter.ask(bracket(orders[-1]))
            assert again == PlaceReply(orders[-1].delivery, "sent")

    play(story)


def test_the_same_bracket_waits_twice(configure: Configure) -> None:
    """Asked twice before its turn came, it leaves once: looked up again in the moment it leaves."""

    async def story(peer: Peer) -> None:
        slow = configure(peer.port, requests_per_second=8, reserved_per_second=2)
        async with serving(slow) as counter:
            wanted = order()
            replies = await asyncio.gather(*(counter.ask(bracket(wanted)) for _ in range(2)))
            outcomes = [reply.outcome for reply in replies if isinstance(reply, PlaceReply)]
            assert outcomes == ["sent", "adopted"]
            await eventually(lambda: len(peer.asked["3"]) == 3, "one bracket")

    play(story)


def test_not_ready_any_more_when_its_turn_comes(configure: Configure) -> None:
    """IB's servers went away while the bracket waited: it is refused for now, not sent."""

    async def story(peer: Peer) -> None:
        slow = configure(peer.port, requests_per_second=8, reserved_per_second=2)
        async with serving(slow) as counter:
            orders = [order(delivery=f"{name}-mfqwpfk0") for name in "abcd"]
            placing = [asyncio.ensure_future(counter.ask(bracket(each))) for each in orders]
            await asyncio.sleep(0)
            peer.say(frame(4, 2, -1, 1100, "Connectivity has been lost.", ""))
            await counter.one.reaches(LinkPhase.DEGRADED)
            replies = await asyncio.gather(*placing)
            assert refused(replies[-1]) == ("LINK_NOT_READY", True)
            assert counter.late["r4"] is replies[-1]

    play(story)


def test_too_many_legs(configure: Configure) -> None:
    """A bracket that could never leave together is refused for good, with what to change."""

    async def story(peer: Peer) -> None:
        slow = configure(peer.port, requests_per_second=8, reserved_per_second=4)
        async with serving(slow) as counter:
            wide = order(targets=tuple(Target(2.0 + i, 1) for i in range(7)))
            reply = await counter.ask(bracket(wide))
            assert refused(reply) == ("TOO_MANY_LEGS", False)
            assert counter.durable == []

    play(story)


def test_intent_that_cannot_be_kept(configure: Configure) -> None:
    """Without a durable intent nothing is sent: refused for now."""

    class NoRoom(Recoverable):
        pass

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:

            def full(*_: Message) -> None:
                raise NoRoom("no room for the journal")

            counter.commands._durable = full
            reply = await counter.ask(bracket(order()))
            assert reply == CommandRefused(Reason.NOT_KEPT, "no room for the journal", retry=True)
            await counter.one.session.link.ping(5)
            assert not peer.asked["3"]

    play(story)
