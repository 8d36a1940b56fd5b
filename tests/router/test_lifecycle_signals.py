"""Tickets of signals and refusals of them."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from router.messages import (
    SignalRefused,
    SignalSized,
    Ticket,
)
from tests.router.factory import TICKET, TS_MS, payload
from tests.router.history import Desk, Story

OTHER_TICKET = Ticket("stream", "signals:stream", "5-0")


def test_every_ticket_of_a_delivery_is_settled() -> None:
    """The same signal from two places is one delivery: both tickets go with the ack, later ones by themselves."""
    story, late = Story(), Ticket("list", "router:ingress:taken", "9-x")
    desk = Desk().hear(story.received(), story.received(OTHER_TICKET), story.intent())
    desk.hear(story.fill("E", 7, 2.5, exec_id="e.01"), story.commission("e.01", 1))
    assert set(desk.platform.settled) == {TICKET, OTHER_TICKET}
    desk.hear(story.received(late))
    assert desk.platform.settled[-1] == late
    assert len(desk.platform.acks) == 1


def test_a_sized_signal_is_enough_context() -> None:
    """Should the intent be missing (its journal was lost), what sizing said carries the delivery."""
    story = Story()
    desk = Desk().hear(SignalSized(story.name, story.request), story.fill("E", 7, 2.5, exec_id="e.01")).wait()
    assert desk.platform.kinds() == {"ENTRY": 1}


def refusal(**changes: Any) -> SignalRefused:
    """A signal that a gate denied."""
    story = Story()
    plain = SignalRefused(
        delivery=story.name,
        ticket=TICKET,
        status="STALE",
        reason="stale_signal_5123ms",
        signal=story.request.signal,
        signal_id=story.request.signal.id,
        symbol="SPY",
    )
    return replace(plain, **changes)


def test_a_refusal_is_acked_and_broadcast_once() -> None:
    """Whatever sizing says again after a crash, the platform hears it once (contract 3 and 10)."""
    desk = Desk().hear(Story().received(), refusal(), refusal(ticket=OTHER_TICKET), Story().received())
    (ack,) = desk.platform.acks
    body = dict(ack.document)
    assert body.pop("timestamp") == pytest.approx(TS_MS / 1000, abs=1)
    assert body == {
        "id": "9bbeedc541dd1c7a",
        "symbol": "SPY",
        "strategy": "0dte",
        "side": "LONG",
        "status": "STALE",
        "contract_fp": "sigfp:d625406e3ba518cc6234",
        "filled": 0.0,
        "avg_price": None,
        "reason": "stale_signal_5123ms",
    }
    assert ack.fingerprint == "sigfp:d625406e3ba518cc6234"
    assert desk.platform.kinds() == {"EXECUTION_STATUS": 1}
    assert set(desk.platform.settled) == {TICKET, OTHER_TICKET}
    assert desk.platform.letters == []


def test_a_refusal_without_the_signal_knows_it_from_before() -> None:
    """What SignalReceived said serves the refusal too."""
    desk = Desk().hear(Story().received(), refusal(signal=None))
    assert desk.platform.acks[0].document["strategy"] == "0dte"


def test_a_malformed_signal_with_an_id_is_kept_and_acked() -> None:
    """The dead letter has field, value and the raw text; the lock named in it is released (contract 3)."""
    raw = payload(confidence="high").decode()
    message = refusal(
        delivery="", signal=None, malformed=True, reason="no", field="confidence", value="'high'", raw=raw
    )
    desk = Desk().hear(message, message)
    (letter,) = desk.platform.letters
    assert (letter["field"], letter["value"], letter["raw"]) == ("confidence", "'high'", raw)
    (ack,) = desk.platform.acks
    assert ack.fingerprint == "sigfp:d625406e3ba518cc6234"
    assert desk.platform.told == []


@pytest.mark.parametrize(
    "raw", ["{", "[]", '{"contract_fp": 5}', "[" * 100_000, '{"contract_fp": "' + "x" * 65 + '"}']
)
def test_a_lock_that_cannot_be_read_is_not_guessed(raw: str) -> None:
    """Without a fingerprint nothing is released, and nothing breaks."""
    desk = Desk().hear(refusal(delivery="", signal=None, malformed=True, raw=raw))
    assert desk.platform.acks[0].fingerprint == ""


def test_a_malformed_signal_without_an_id_is_only_kept() -> None:
    """Nobody waits for an ack without an id: the letter is kept, the ticket settled."""
    desk = Desk().hear(refusal(delivery="", signal=None, signal_id="", malformed=True, raw="{"))
    assert (desk.platform.acks, desk.platform.settled) == ([], [TICKET])
    assert len(desk.platform.letters) == 1
