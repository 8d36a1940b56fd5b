"""Each kind of refusal carries what the platform and an operator need to understand it."""

from __future__ import annotations

import pytest

from router.errors import FieldError
from router.refusal import denied, unreadable, unusable
from router.risk import Denial
from router.signal import MAX_PAYLOAD_BYTES, delivery_of, parse
from tests.router import factory

ERROR = FieldError("side", "UP", "must be LONG or SHORT")


def test_a_denial_is_told_with_the_platforms_words_and_ours() -> None:
    """Status and reason as the platform reads them, the check and its numbers beside them."""
    signal = factory.signal()
    denial = Denial("STALE", "stale_signal_5123ms", "fresh", "5123 ms old")
    refused = denied(signal, factory.TICKET, denial)
    assert (refused.status, refused.reason) == ("STALE", "stale_signal_5123ms")
    assert (refused.field, refused.value) == ("fresh", "5123 ms old")
    assert (refused.delivery, refused.signal, refused.malformed) == (delivery_of(signal), signal, False)


def test_an_unreadable_payload_keeps_its_id_and_its_bytes() -> None:
    """Acked where an id can be had, kept whole, without a delivery: it never was a signal."""
    payload = factory.payload(side="UP")
    refused = unreadable(payload, factory.TICKET, ERROR)
    assert (refused.signal_id, refused.symbol) == ("9bbeedc541dd1c7a", "SPY")
    assert refused.raw == payload.decode()
    assert refused.reason == "side = 'UP': must be LONG or SHORT"
    assert (refused.delivery, refused.signal, refused.malformed) == ("", None, True)


@pytest.mark.parametrize("payload", [b"\xff\xfe not text", b"{", b"x" * (MAX_PAYLOAD_BYTES + 1)])
def test_any_bytes_can_be_kept_aside(payload: bytes) -> None:
    """Whatever came, it is bounded and readable, and there is no id to ack."""
    refused = unreadable(payload, factory.TICKET, ERROR)
    assert refused.signal_id == ""
    assert 0 < len(refused.raw) <= 4 * MAX_PAYLOAD_BYTES


def test_an_unusable_signal_is_told_under_its_delivery() -> None:
    """It read well, so its end belongs to its delivery, and its own JSON goes to the dead letters."""
    signal = parse(factory.payload())
    refused = unusable(signal, factory.TICKET, FieldError("symbol", "SPY", "is not configured"))
    assert refused.delivery == delivery_of(signal)
    assert refused.malformed
    assert refused.raw == signal.raw
    assert refused.field == "symbol"
