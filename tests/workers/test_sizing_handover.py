"""What comes between sizing and submission: crashes, refusals, time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from conf.settings import Settings
from router.messages import (
    CommandRefused,
    FindDelivery,
    LinkPhase,
    LinkState,
    Message,
    OrderRequest,
    PlaceReply,
    Quote,
    SignalGated,
    SignalReceived,
    SignalRefused,
    SignalSized,
    StatusQuery,
)
from router.reasons import Reason
from tests.router import factory
from tests.workers.played_bus import Stage
from tests.workers.sizing_scene import ACCOUNT, EXPIRY, QUOTE, READY, Broker, Scene, redis, scene, stage
from tests.workers.store.server import Server
from workers.store import keys
from workers.store.client import Client

__all__ = ["redis", "scene", "stage"]  # fixtures


def no_room(_: str, message: Message) -> Message:
    """A submission that takes nothing for now, and has nothing."""
    if isinstance(message, FindDelivery):
        return PlaceReply(message.delivery, "unknown")
    return CommandRefused(Reason.FAILED, "no room", retry=True)


def test_a_gateway_that_is_not_ready_is_asked_again(scene: Scene) -> None:
    """A refusal that says `retry` only delays the signal, and what was decided of it is told once."""
    scene.broker.contract = CommandRefused("LINK_NOT_READY", "syncing", retry=True)
    scene.push()
    scene.stage.until(lambda: len(scene.gateway.commands) >= 2, "a second question")
    scene.broker.contract = None
    scene.stage.until(lambda: scene.submission.commands, "an order request")
    assert len({request_id for request_id, _ in scene.gateway.commands}) == len(scene.gateway.commands)
    scene.stage.until(lambda: scene.stage.of(SignalSized), "the size is told")
    assert len(scene.stage.of(SignalGated)) == 1


def test_nothing_is_taken_until_everything_needed_is_there(stage: Stage, redis: Client) -> None:
    """Signals wait in Redis while the link is down or the account unknown, and it says for what."""
    scene = Scene(stage, redis, [])
    scene.push()
    stage.until(lambda: scene.worker.waiting_for == "the gateway process", "word of Redis")
    scene.gateway.publish(LinkState(phase=LinkPhase.SYNCING, reason="rebuilding"))
    stage.until(lambda: "SYNCING" in scene.worker.waiting_for, "word of the link")
    scene.gateway.publish(READY)
    stage.until(lambda: "account" in scene.worker.waiting_for, "word of the account")
    assert redis.call("LLEN", keys.execution_list("SPY")) == 1
    scene.gateway.publish(ACCOUNT, QUOTE)
    stage.until(lambda: scene.submission.commands, "an order request")


def test_a_signal_taken_before_a_crash_is_looked_up_first(stage: Stage, redis: Client) -> None:
    """Known to the gateway: nothing more is done; unknown: it goes on as if new."""
    known, unknown = factory.document(id="known"), factory.document(id="unknown")
    for number, document in enumerate((known, unknown), start=1):
        document["contract"] = factory.contract(expiry=EXPIRY)
        document["ts"] = time.time_ns() // 1_000_000
        value = keys.execution_list("SPY").encode() + b"\n" + json.dumps(document).encode()
        redis.call("HSET", keys.TAKEN, f"{number}-x", value)
    scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE])

    def answer(request_id: str, message: Message) -> Message:
        if isinstance(message, FindDelivery) and message.delivery.startswith("known"):
            return PlaceReply(message.delivery, "adopted")
        return Broker.answer(scene.broker, request_id, message)

    scene.gateway._answer = answer
    stage.until(scene.ordered, "the unknown one's order")
    [request] = scene.ordered()
    assert request.signal.id == "unknown"
    stage.until(scene.worker.drain, "nothing on its way")
    received = stage.of(SignalReceived)
    assert all(isinstance(message, SignalReceived) and message.redelivered for message in received)


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (CommandRefused(Reason.UNDECODABLE, "not a command of this version: x"), Reason.NOT_SENT),
        (CommandRefused(Reason.UNKNOWN_COMMAND, "no OrderRequest here"), Reason.NOT_SENT),
        (CommandRefused(Reason.BAD_FIELD, "stop_price = -1: is no price"), Reason.BAD_FIELD),
    ],
)
def test_what_submission_cannot_take_is_told_as_refused(
    scene: Scene, refusal: CommandRefused, code: Reason
) -> None:
    """Nobody else knows of it: without this the signal would have no end until sizing starts again."""
    scene.submission._answer = lambda *_: refusal
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.code, refused.reason) == ("REJECTED", code, refusal.text)
    assert (refused.field, refused.value) == (refusal.code, refusal.text)
    assert scene.worker.drain()
    assert scene.worker.progress["submitted"] == 0


def test_what_submission_cannot_take_for_now_is_offered_again(scene: Scene) -> None:
    """FAILED may succeed later: the same order, decided once, until the signal is too old."""
    answers: list[Message] = [CommandRefused(Reason.FAILED, "no room", retry=True)] * 2
    taken = scene.submission._answer
    scene.submission._answer = lambda name, message: answers.pop() if answers else taken(name, message)
    scene.push()
    scene.stage.until(lambda: scene.worker.progress["submitted"], "the order is taken")
    assert len({request for _, request in scene.submission.commands}) == 1
    assert len(scene.submission.commands) == 3
    assert len(scene.stage.of(SignalSized)) == 1
    assert not scene.stage.of(SignalRefused)


def test_what_submission_cannot_take_in_time_is_stale(
    make_settings: Callable[..., Settings], redis_server: Server, redis: Client
) -> None:
    """Nothing is offered for ever: past its expiry the signal ends, once the gateway says that it was never sent."""
    stage = Stage(make_settings(REDIS__URL=redis_server.url, INGRESS__MAX_AGE_MS="1000"))
    try:
        scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE])
        scene.submission._answer = no_room
        scene.push()
        refused = scene.refused()
        assert (refused.status, refused.code) == ("STALE", Reason.STALE)
        assert refused.reason.startswith("stale_signal_1")
        assert refused.field == "fresh"
        assert len(scene.ordered()) > 1
        assert [one for _, one in scene.gateway.commands if isinstance(one, FindDelivery)]
    finally:
        stage.close()


def test_what_an_earlier_submission_had_sent_is_not_told_as_stale(
    make_settings: Callable[..., Settings], redis_server: Server, redis: Client
) -> None:
    """One that died over its answer; its successor takes nothing until the signal is too old. IB tells the end."""
    stage = Stage(make_settings(REDIS__URL=redis_server.url, INGRESS__MAX_AGE_MS="1000"))
    try:
        scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE])
        answer = scene.gateway._answer
        scene.submission._answer = no_room
        scene.gateway._answer = lambda name, message: (
            PlaceReply(message.delivery, "adopted")
            if isinstance(message, FindDelivery)
            else answer(name, message)
        )
        scene.push()
        stage.until(lambda: scene.submission.commands, "an order request")
        stage.until(scene.worker.drain, "nothing on its way")
        assert not stage.of(SignalRefused)
    finally:
        stage.close()


def test_what_submission_has_told_is_not_told_again(scene: Scene) -> None:
    """A refusal of the gateway is submission's to tell: one end for one signal."""

    def told(_: str, message: Message) -> Message:
        assert isinstance(message, OrderRequest)
        return PlaceReply(message.delivery, "refused")

    scene.submission._answer = told
    scene.push()
    scene.stage.until(lambda: scene.submission.commands, "an order request")
    scene.stage.until(scene.worker.drain, "nothing on its way")
    assert (scene.worker.progress["submitted"], scene.worker.progress["refused"]) == (0, 0)


def test_the_same_delivery_twice_makes_one_order(scene: Scene) -> None:
    """Both are told as received, so that both can be settled; one goes on."""
    ts = time.time_ns() // 1_000_000
    scene.push(ts=ts)
    scene.push(ts=ts)
    scene.stage.until(lambda: len(scene.stage.of(SignalReceived)) == 2, "both received")
    scene.stage.until(scene.worker.drain, "nothing on its way")
    assert len(scene.ordered()) == 1


def test_a_signal_that_was_sent_and_comes_again_is_not_refused(scene: Scene) -> None:
    """From the stream as well as from the list, or after a loss of Redis: its order works, whatever the gates say now."""
    ts = time.time_ns() // 1_000_000
    scene.push(ts=ts)
    scene.stage.until(lambda: scene.worker.progress["submitted"], "the order is taken")
    scene.broker.verdict = PlaceReply("whose", "adopted")
    scene.redis.call("SET", keys.NEW_POSITIONS_ALLOWED, "false")
    scene.push(ts=ts)
    scene.stage.until(lambda: len(scene.stage.of(SignalReceived)) == 2, "both received")
    scene.stage.until(scene.worker.drain, "nothing on its way")
    assert not scene.stage.of(SignalRefused)
    assert len(scene.ordered()) == 1


@pytest.mark.parametrize("lives", [1, 2])
def test_a_signal_that_was_refused_stays_refused(
    make_settings: Callable[..., Settings], redis_server: Server, redis: Client, lives: int
) -> None:
    """It comes again, or sizing starts again before dispatch has settled it, and by now the gates would let it pass."""
    settings = make_settings(REDIS__URL=redis_server.url)
    first = Stage(settings)
    try:
        scene = Scene(first, redis, [READY, ACCOUNT, QUOTE])
        redis.call("SET", keys.NEW_POSITIONS_ALLOWED, "false")
        ts = time.time_ns() // 1_000_000
        scene.push(ts=ts)
        assert scene.refused().status == "RISK_REJECTED"
        redis.call("SET", keys.NEW_POSITIONS_ALLOWED, "true")
        if lives == 1:
            scene.push(ts=ts)
            first.until(lambda: len(first.of(SignalReceived)) == 2, "it comes again")
            first.until(scene.worker.drain, "nothing on its way")
            assert not scene.submission.commands
            return
    finally:
        first.close()
    second = Stage(settings)
    try:
        scene = Scene(second, redis, [READY, ACCOUNT, QUOTE])
        second.until(lambda: scene.worker.progress["received"], "it is found again")
        second.until(scene.worker.drain, "nothing on its way")
        assert not scene.submission.commands
        assert [type(one) for one in second.heard if type(one) is not SignalReceived] == []
    finally:
        second.close()


def test_a_drain_takes_nothing_more(scene: Scene) -> None:
    """After SIGTERM signals stay where they are."""
    scene.stage.until(lambda: not scene.worker.waiting_for, "ready")
    assert scene.worker.drain()
    scene.push()
    polled = scene.stage.loop
    ticks: list[Quote] = []
    polled.every(0.05, lambda: ticks.append(QUOTE))
    scene.stage.until(lambda: len(ticks) >= 4, "four polls")
    assert scene.redis.call("LLEN", keys.execution_list("SPY")) == 1


def test_commands_are_refused(scene: Scene) -> None:
    """Sizing takes none, and says which one it was asked."""
    reply = scene.worker.handle("id", StatusQuery())
    assert isinstance(reply, CommandRefused)
    assert "StatusQuery" in reply.text
    assert list(scene.worker.snapshot()) == []


def test_what_submission_still_offers_is_not_decided_on_anew(stage: Stage, redis: Client) -> None:
    """Sizing was killed while the gateway was away: its successor must not refuse what is about to be sent."""
    document = factory.document(contract=factory.contract(expiry=EXPIRY), ts=time.time_ns() // 1_000_000)
    value = keys.execution_list("SPY").encode() + b"\n" + json.dumps(document).encode()
    redis.call("HSET", keys.TAKEN, "1-x", value)
    redis.call("SET", keys.NEW_POSITIONS_ALLOWED, "false")
    scene = Scene(stage, redis, [READY, ACCOUNT, QUOTE])
    scene.placing += ["twice", "once"]
    scene.broker.verdict = PlaceReply("whose", "adopted")
    stage.until(lambda: scene.gateway.commands, "the gateway is asked in the end")
    stage.until(scene.worker.drain, "nothing on its way")
    assert [type(one) for _, one in scene.submission.commands] == [FindDelivery] * 3
    assert not stage.of(SignalRefused)
