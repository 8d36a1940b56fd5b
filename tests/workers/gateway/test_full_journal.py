"""An order whose intent cannot be kept is not sent, whoever wants it sent; nothing is decided by a full disk."""

from __future__ import annotations

import msgspec

from ipc.bus import JournalError, JournalFull
from router.messages import (
    CommandRefused,
    FindDelivery,
    Message,
    OrderIntent,
    OrderParked,
    ParkedQuery,
    ParkedReply,
    PlaceReply,
    ResolveParked,
)
from tests.workers.gateway.conftest import Configure
from tests.workers.gateway.counter import Counter, bracket, order, play, refused, serving
from tests.workers.gateway.harness import eventually
from tests.workers.gateway.peer import Peer
from tests.workers.gateway.test_known import intent
from workers.clock import now_ms
from workers.gateway.commands import DECIDED_MS
from workers.gateway.known import Known


def fill_disk(counter: Counter, error: JournalError) -> None:
    """From now on nothing can be made durable."""

    def full(*_: Message) -> None:
        raise error

    counter.commands._durable = full


def test_an_entry_is_refused_by_name_and_taken_when_there_is_room(configure: Configure) -> None:
    """JOURNAL_FULL for now, any other trouble of the journal under its own name; then the same order is sent."""

    async def story(peer: Peer) -> None:
        async with serving(configure(peer.port)) as counter:
            room = counter.commands._durable
            wanted = bracket(order())
            fill_disk(counter, JournalFull("make room"))
            assert await counter.ask(wanted) == CommandRefused("JOURNAL_FULL", "make room", retry=True)
            fill_disk(counter, JournalError("check the disk"))
            assert refused(await counter.ask(wanted)) == ("NOT_KEPT", True)
            counter.commands._durable = room
            reply = await counter.ask(wanted)
            assert isinstance(reply, PlaceReply)
            assert reply.outcome == "sent"
            await eventually(lambda: len(peer.asked["3"]) == 3, "the bracket, once")

    play(story)


def test_an_operators_decision_waits_for_room(configure: Configure) -> None:
    """Refused, the order is still parked and can be decided on later; then it is sent."""

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent())
        async with serving(configure(peer.port), known=known) as counter:
            await eventually(lambda: counter.one.told.of(OrderParked), "it is parked")
            room = counter.commands._durable
            fill_disk(counter, JournalFull("make room"))
            decision = ResolveParked(delivery=intent().delivery, how="resend")
            assert refused(await counter.ask(decision)) == ("JOURNAL_FULL", True)
            parked = await counter.ask(ParkedQuery())
            assert isinstance(parked, ParkedReply)
            assert [one.delivery for one in parked.parked] == [intent().delivery]
            counter.commands._durable = room
            assert isinstance(await counter.ask(decision), PlaceReply)

    play(story)


def test_an_operators_decision_that_cannot_be_carried_out_leaves_it_parked(configure: Configure) -> None:
    """The account is being made flat: refused, and still there to decide on; then it is sent, and not valid for ever."""

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent())
        async with serving(configure(peer.port), known=known) as counter:
            await eventually(lambda: counter.one.told.of(OrderParked), "it is parked")
            decision = ResolveParked(delivery=intent().delivery, how="resend")
            account = intent().request.account
            counter.commands._desk._flattening.begin(account)
            assert refused(await counter.ask(decision)) == ("CANCELLED", False)
            parked = await counter.ask(ParkedQuery())
            assert isinstance(parked, ParkedReply)
            assert [one.delivery for one in parked.parked] == [intent().delivery]
            assert await counter.ask(FindDelivery(intent().delivery)) == PlaceReply(
                intent().delivery, "in_doubt"
            )
            counter.commands._desk._flattening._accounts[account] -= 1
            assert isinstance(await counter.ask(decision), PlaceReply)
            [again] = counter.one.told.of(OrderIntent)
            assert again.request.expires_ms <= now_ms() + DECIDED_MS

    play(story)


def test_what_waits_to_be_sent_again_is_in_doubt_for_whoever_asks(configure: Configure) -> None:
    """Sizing that was started anew must not decide on a signal that the gateway is about to send."""

    async def story(peer: Peer) -> None:
        known = Known()
        known.observe(intent())
        async with serving(configure(peer.port), known=known) as counter:
            await eventually(lambda: counter.one.told.of(OrderParked), "it is parked")
            link, delivery = counter.one.session.link, intent().delivery
            link.outbox.spend(counter.one.session.settings.broker.requests_per_second)
            assert counter.commands.handle("again", ResolveParked(delivery, "resend")) is None
            assert await counter.ask(FindDelivery(delivery)) == PlaceReply(delivery, "in_doubt")
            await eventually(lambda: "again" in counter.late, "its turn")
            assert counter.late["again"] == PlaceReply(delivery, "sent")
            assert await counter.ask(FindDelivery(delivery)) == PlaceReply(delivery, "adopted")

    play(story)


def test_what_the_recovery_would_send_again_is_parked(configure: Configure) -> None:
    """IB never took it, and its second intent cannot be kept: a person decides, and the session goes on."""

    async def story(peer: Peer) -> None:
        known, wanted = Known(), order()
        known.observe(msgspec.structs.replace(intent(wanted.delivery), request=wanted))
        async with serving(configure(peer.port), known=known, ready=False) as counter:
            fill_disk(counter, JournalFull("make room"))
            (parked,) = await eventually(lambda: counter.one.told.of(OrderParked), "it is parked")
            assert parked.reason == "never taken by IB, and not sent again: make room"
            await counter.one.session.link.ping(5)
            assert not peer.asked["3"]
            assert not counter.one.task.done()
            assert counter.one.session.counts["connects"] == 1

    play(story)
