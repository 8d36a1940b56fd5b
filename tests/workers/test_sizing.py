"""Sizing: every signal taken from Redis ends in a refusal or in one order request."""

from __future__ import annotations

import time

from router.messages import (
    OrderRequest,
    SignalGated,
    SignalReceived,
    SignalSized,
)
from router.reasons import Reason
from tests.router import factory
from tests.workers.played_bus import Stage
from tests.workers.sizing_scene import ACCOUNT, QUOTE, READY, Scene, redis, scene, stage
from workers.store import keys
from workers.store.client import Client

__all__ = ["redis", "scene", "stage"]  # fixtures


def test_a_signal_becomes_the_platforms_own_order(scene: Scene) -> None:
    """The contract's example: 94 % confidence on 100 k gives 7 contracts at 2.50, stop 1.40, target 3.25."""
    scene.push()
    scene.stage.until(lambda: scene.submission.commands, "an order request")
    [(request_id, request)] = scene.submission.commands
    assert isinstance(request, OrderRequest)
    assert request_id.endswith(request.delivery)
    assert (request.action, request.quantity, request.entry_type, request.limit_price) == (
        "BUY",
        7,
        "LMT",
        2.5,
    )
    assert (request.stop_price, request.notional) == (1.4, 1750.0)
    assert [(target.price, target.quantity) for target in request.targets] == [(3.25, 7)]
    scene.stage.until(scene.worker.drain, "nothing on its way")
    assert [type(message) for message in scene.stage.heard] == [SignalReceived, SignalGated, SignalSized]
    assert scene.redis.call("HLEN", keys.TAKEN) == 1  # until dispatch has told its end


def test_a_market_signal_waits_for_its_first_quote(stage: Stage, redis: Client) -> None:
    """No fixed wait: the quote that arrives sizes the signal."""
    scene = Scene(stage, redis, [READY, ACCOUNT])
    scene.push(strategy="1dte")
    stage.until(lambda: scene.gateway.commands, "the contract to be asked for")
    other = factory.quote(con_id=77)
    scene.gateway.publish(other, QUOTE)
    stage.until(lambda: scene.submission.commands, "an order request")
    request = scene.submission.commands[0][1]
    assert isinstance(request, OrderRequest)
    assert (request.entry_type, request.limit_price, request.reference_price) == ("MKT", None, 2.5)


def test_without_a_quote_the_signal_ends_as_no_market_data(stage: Stage, redis: Client) -> None:
    """After entry.quote_wait_s nothing prices it."""
    scene = Scene(stage, redis, [READY, ACCOUNT])
    scene.push()
    refused = scene.refused()
    assert (refused.status, refused.reason) == ("NO_MARKET_DATA", "price_unavailable")


def test_an_old_quote_prices_nothing(stage: Stage, redis: Client) -> None:
    """Older than quotes.max_age_s: the signal waits for a new one, and that one prices it."""
    age_ns = int(1e9 * (stage.settings.quotes.max_age_s + 1))
    old = factory.quote(9.0, 9.1, received_ns=time.monotonic_ns() - age_ns)
    scene = Scene(stage, redis, [READY, ACCOUNT, old])
    scene.push(id="first")
    assert (scene.refused().status, scene.refused().code) == ("NO_MARKET_DATA", Reason.NO_MARKET_DATA)
    scene.push(id="second")
    stage.until(lambda: len(scene.gateway.commands) == 2, "the second signal's contract")
    scene.gateway.publish(factory.quote(received_ns=time.monotonic_ns()))
    stage.until(lambda: scene.submission.commands, "the order at the new price")
    [(_, request)] = scene.submission.commands
    assert isinstance(request, OrderRequest)
    assert request.limit_price == 2.5


def test_a_price_hint_of_the_signal_prices_it_without_a_quote(stage: Stage, redis: Client) -> None:
    """`entry` stands in for the market when the wait is over (contract 6)."""
    scene = Scene(stage, redis, [READY, ACCOUNT])
    scene.push(entry=2.5)
    stage.until(lambda: scene.submission.commands, "an order request")
