"""What other processes may ask of the gateway: a bracket once, a cancel always, a contract as IB knows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from conf.settings import Settings
from router.bracket import legs
from router.errors import Recoverable
from router.messages import (
    CancelAll,
    CancelOrders,
    CancelReply,
    CommandRefused,
    ContractReady,
    ContractSpec,
    FindDelivery,
    LinkPhase,
    Message,
    OrderIntent,
    OrderLifecycleEvent,
    OrderRequest,
    OrderSent,
    PlaceBracket,
    PlaceReply,
    PrepareContract,
    Quote,
    StatusQuery,
    Target,
)
from router.reasons import Reason
from tests.paper.conftest import RunningGateway
from tests.router.factory import STOCK, order_event, request
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.harness import Running, eventually, running
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.test_known import intent
from tests.workers.gateway.wire import placed
from workers.clock import now_ms
from workers.gateway.commands import Commands
from workers.gateway.known import Known

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


# ---------------------------------------------------------------- place


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


# ---------------------------------------------------------------- cancel


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


# ---------------------------------------------------------------- a bracket that waits for its turn


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


# ---------------------------------------------------------------- the paper gateway


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
