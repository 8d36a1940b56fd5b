"""Submission: brackets are offered until the gateway answers, and entries that rest too long are cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
import pytest

from conf.settings import Settings
from ipc.bus import Requester
from router.messages import (
    Alert,
    BrokerError,
    CancelOrders,
    CancelReply,
    CommandRefused,
    FindDelivery,
    LinkPhase,
    LinkState,
    Message,
    OrderRequest,
    OrderSubmitted,
    OrderTimedOut,
    PlaceBracket,
    PlaceReply,
    SignalRefused,
    StatusQuery,
)
from tests.router import factory
from tests.workers.played_bus import Answer, Stage
from workers.submission import Submission

READY = LinkState(phase=LinkPhase.READY, reason="rebuilt", account="DU1", client_id=1)


@pytest.fixture
def stage(make_settings: Callable[..., Settings]) -> Iterator[Stage]:
    """A stage whose entries time out after a fifth of a second."""
    stage = Stage(make_settings(ENTRY__LIMIT_TIMEOUT_S="0.2", ENTRY__MARKET_TIMEOUT_S="0.2"))
    yield stage
    stage.close()


def placed(outcome: Literal["sent", "adopted", "in_doubt"]) -> Answer:
    """A gateway that answers every bracket in the same way."""

    def answer(_: str, message: Message) -> Message:
        assert isinstance(message, PlaceBracket)
        return PlaceReply(delivery=message.request.delivery, outcome=outcome)

    return answer


def cancelled(_: str, message: Message) -> Message:
    """A gateway that writes every cancel."""
    assert isinstance(message, CancelOrders)
    return CancelReply(message.refs)


def fresh_request() -> OrderRequest:
    """The example request, not stale for a long time."""
    return factory.request(expires_ms=time.time_ns() // 1_000_000 + 60_000)


def submit(stage: Stage, request: OrderRequest) -> list[Message]:
    """Send a request as sizing does; the list fills with the replies."""
    replies: list[Message] = []
    requester = Requester(stage.context, stage.settings.cmd("submission"))
    stage.loop.attach(requester)
    requester.send(request.delivery, request, replies.append)
    return replies


def test_a_request_becomes_one_bracket_and_one_answer(stage: Stage) -> None:
    """Legs and request go to the gateway, `sent` comes back to sizing and is told on the bus."""
    gateway = stage.peer("gateway", placed("sent"), [READY])
    worker = stage.worker("submission", Submission, ("decision",))
    request = fresh_request()
    replies = submit(stage, request)
    stage.until(lambda: replies and stage.heard, "an answer")
    [(_, command)] = gateway.commands
    assert isinstance(command, PlaceBracket)
    assert command.request == request
    assert [leg.ref.rpartition("-")[2] for leg in command.legs] == ["E", "T1", "S1"]
    assert replies == [PlaceReply(delivery=request.delivery, outcome="sent")]
    assert stage.heard == [OrderSubmitted(delivery=request.delivery, signal_id=request.signal.id, how="sent")]
    assert worker.drain()
    assert worker.progress["sent"] == 1


def test_a_gateway_that_is_not_ready_is_asked_again(stage: Stage) -> None:
    """A refusal that says `retry` is not an end: the bracket is offered until it is taken, under new ids."""
    answers: list[Message] = [CommandRefused("LINK_NOT_READY", "syncing", retry=True)] * 2

    def answer(_: str, message: Message) -> Message:
        assert isinstance(message, PlaceBracket)
        return answers.pop() if answers else PlaceReply(message.request.delivery, "adopted")

    gateway = stage.peer("gateway", answer, [READY])
    worker = stage.worker("submission", Submission, ("decision",))
    replies = submit(stage, fresh_request())
    assert worker.drain()
    stage.until(lambda: replies, "an answer")
    assert [type(reply) for reply in replies] == [PlaceReply]
    assert len({request_id for request_id, _ in gateway.commands}) == 3


@pytest.mark.parametrize(
    ("refusal", "status", "reason"),
    [
        (CommandRefused("STALE", "too late"), "STALE", "stale_signal_"),
        (CommandRefused("REJECTED", "no such account"), "REJECTED", "no such account"),
    ],
)
def test_a_refusal_of_the_gateway_ends_the_signal(
    stage: Stage, refusal: CommandRefused, status: str, reason: str
) -> None:
    """It is told as the signal's end with the platform's status, and sizing hears that it is told."""
    stage.peer("gateway", lambda *_: refusal, [READY])
    stage.worker("submission", Submission, ("decision",))
    request = fresh_request()
    replies = submit(stage, request)
    stage.until(lambda: replies and stage.heard, "the refusal")
    [refused] = stage.of(SignalRefused)
    assert isinstance(refused, SignalRefused)
    assert (refused.delivery, refused.status) == (request.delivery, status)
    assert refused.reason.startswith(reason)
    assert (refused.field, refused.value) == (refusal.code, refusal.text)
    assert replies == [PlaceReply(request.delivery, "refused")]


def test_what_was_refused_is_not_placed_by_a_later_life(make_settings: Callable[..., Settings]) -> None:
    """Killed between telling the end and answering sizing, which asks the next life: the gateway would take it now."""
    settings, request = make_settings(), fresh_request()
    first = Stage(settings)
    try:
        first.peer("gateway", lambda *_: CommandRefused("CANCELLED", "the account is made flat"), [READY])
        first.worker("submission", Submission, ("decision",))
        replies = submit(first, request)
        first.until(lambda: replies, "the refusal")
    finally:
        first.close()
    second = Stage(settings)
    try:
        gateway = second.peer("gateway", placed("sent"), [READY])
        second.worker("submission", Submission, ("decision",))
        replies = submit(second, request)
        second.until(lambda: replies, "an answer")
        assert replies == [PlaceReply(request.delivery, "refused")]
        assert (gateway.commands, second.of(SignalRefused)) == ([], [])
    finally:
        second.close()


def test_what_is_being_offered_is_neither_known_nor_unknown(stage: Stage) -> None:
    """Sizing, started anew, is to ask again until the gateway has answered for it."""
    answers: list[Message] = []

    def answer(_: str, message: Message) -> Message:
        return answers[0] if answers else CommandRefused("LINK_NOT_READY", "down", retry=True)

    stage.peer("gateway", answer, [READY])
    worker = stage.worker("submission", Submission, ("decision",))
    request = fresh_request()
    replies = submit(stage, request)
    stage.until(lambda: worker.progress["placing"], "the request")
    waiting = worker.handle("q", FindDelivery(request.delivery))
    assert isinstance(waiting, CommandRefused)
    assert (waiting.code, waiting.retry) == ("WAITING", True)
    answers.append(CommandRefused("CANCELLED", "the account is made flat"))
    stage.until(lambda: replies, "the end")
    assert worker.handle("q", FindDelivery(request.delivery)) == PlaceReply(request.delivery, "refused")
    assert worker.handle("q", FindDelivery("a-1")) == PlaceReply("a-1", "unknown")


def test_a_request_that_grows_stale_while_the_gateway_is_away_is_refused(stage: Stage) -> None:
    """Nothing is offered for ever: past its expiry a request ends as STALE."""
    stage.peer("gateway", lambda *_: CommandRefused("LINK_NOT_READY", "down", retry=True), [READY])
    stage.worker("submission", Submission, ("decision",))
    replies = submit(stage, factory.request(expires_ms=time.time_ns() // 1_000_000 + 150))
    stage.until(lambda: replies and stage.heard, "the end of the request")
    [refused] = stage.of(SignalRefused)
    assert isinstance(refused, SignalRefused)
    assert refused.status == "STALE"


def test_a_request_in_doubt_is_left_to_the_gateway(stage: Stage) -> None:
    """Submission says nothing of it on the bus: the gateway finds out or parks."""
    stage.peer("gateway", placed("in_doubt"), [READY])
    worker = stage.worker("submission", Submission, ("decision",))
    replies = submit(stage, fresh_request())
    stage.until(lambda: replies, "an answer")
    assert worker.progress["in_doubt"] == 1
    assert not stage.heard


def test_an_entry_that_rests_too_long_is_cancelled(stage: Stage) -> None:
    """A live entry of ours, seen in the snapshot after a restart, is cancelled after its time and told."""
    request = fresh_request()
    resting = msgspec.structs.replace(
        factory.order_event(),
        ref=f"{request.delivery}-E",
        status="Submitted",
        order_type="LMT",
        replayed=True,
    )
    gateway = stage.peer("gateway", cancelled, [READY, resting])
    worker = stage.worker("submission", Submission, ("decision", "alert"))
    stage.until(lambda: gateway.commands, "the cancel")
    assert [command for _, command in gateway.commands] == [CancelOrders(refs=(resting.ref,))]
    stage.until(lambda: stage.of(Alert), "the time-out on the bus")
    [alert] = stage.of(Alert)
    assert isinstance(alert, Alert)
    assert (alert.kind, alert.ref, alert.symbol) == ("execution_timeout", resting.ref, "SPY")
    [timed_out] = stage.of(OrderTimedOut)
    assert isinstance(timed_out, OrderTimedOut)
    assert timed_out.delivery == request.delivery
    assert timed_out.after_s >= 0.2
    assert (worker.progress["timed_out"], worker.progress["resting"]) == (1, 0)


def test_an_entry_that_ended_unheard_rests_no_more(make_settings: Callable[..., Settings]) -> None:
    """The gateway's journal is gone, and with it that the entry ended: nothing is told or cancelled of it."""
    stage = Stage(make_settings())
    try:
        gateway = stage.peer("gateway", cancelled, [READY])
        worker = stage.worker("submission", Submission, ("decision",))
        stage.until(lambda: not worker.waiting_for, "ready")
        gateway.publish(factory.order_event())
        stage.until(lambda: worker.progress["resting"] == 1, "the resting entry")
        down = LinkState(phase=LinkPhase.DOWN, reason="between two lives")
        gateway.lose_journal(down)
        stage.until(lambda: down.reason in worker.waiting_for, "word of the second life")
        assert worker.progress["resting"] == 0
    finally:
        stage.close()


def test_a_rejection_the_platform_wants_to_hear_of_is_an_alert(stage: Stage) -> None:
    """`order_rejection` for a lack of buying power; other rejections end their signal and nothing more."""
    resting = factory.order_event(replayed=True)
    gateway = stage.peer("gateway", cancelled, [READY, resting])
    stage.worker("submission", Submission, ("alert",))
    stage.until(lambda: stage.of(Alert), "the time-out, after which we know to be heard")
    said = ("No trading permissions", "Insufficient Buying Power")
    for order_id, reason in enumerate(said, start=101):
        text = f"Order rejected - reason:{reason}"
        gateway.publish(BrokerError(order_id, 201, text, f"abc-{order_id}-E", 1, "terminal"))
    stage.until(lambda: len(stage.of(Alert)) > 1, "the alert")
    _, alert = stage.of(Alert)
    assert isinstance(alert, Alert)
    assert (alert.kind, alert.ref) == ("order_rejection", "abc-102-E")


def test_a_refused_cancel_is_loud_and_ends_nothing(stage: Stage) -> None:
    """The order may still be live: the worker goes on and IB's next word decides."""
    resting = msgspec.structs.replace(
        factory.order_event(), ref="abc-1-E", status="Submitted", order_type="MKT", replayed=True
    )
    gateway = stage.peer("gateway", lambda *_: CommandRefused("LINK_NOT_READY", "down"), [READY, resting])
    stage.worker("submission", Submission, ("decision",))
    stage.until(lambda: gateway.commands, "the cancel")
    assert not stage.stopped


def test_a_cancel_that_is_refused_for_now_is_sent_again(stage: Stage) -> None:
    """The gateway had been killed before it wrote it, or IB was away: the time-out is told once, the cancel comes."""
    answers: list[Message] = [CommandRefused("LINK_NOT_READY", "syncing", retry=True)] * 2
    resting = factory.order_event(replayed=True)
    gateway = stage.peer(
        "gateway",
        lambda name, message: answers.pop() if answers else cancelled(name, message),
        [READY, resting],
    )
    worker = stage.worker("submission", Submission, ("decision", "alert"))
    stage.until(lambda: len(gateway.commands) == 3, "the cancel that is taken")
    assert {command for _, command in gateway.commands} == {CancelOrders(refs=(resting.ref,))}
    assert (worker.progress["timed_out"], worker.progress["resting"]) == (1, 0)
    assert len(stage.of(OrderTimedOut)) == len(stage.of(Alert)) == 1


def test_it_says_what_it_waits_for(stage: Stage) -> None:
    """First the gateway process, then its IB connection, then nothing."""
    worker = stage.worker("submission", Submission, ("decision",))
    assert worker.waiting_for == "the gateway process"
    down = LinkState(phase=LinkPhase.DOWN, reason="refused")
    gateway = stage.peer("gateway", lambda *_: None, [down])
    stage.until(lambda: "refused" in worker.waiting_for, "word of the link")
    gateway.publish(READY)
    stage.until(lambda: not worker.waiting_for, "ready")


def test_other_commands_are_refused(stage: Stage) -> None:
    """Only order requests are taken; anything else is named in the refusal."""
    worker = stage.worker("submission", Submission, ("decision",))
    reply = worker.handle("id", StatusQuery())
    assert isinstance(reply, CommandRefused)
    assert "StatusQuery" in reply.text
    assert list(worker.snapshot()) == []
