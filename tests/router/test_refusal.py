"""Each kind of refusal carries what the platform and an operator need to understand it."""

from __future__ import annotations

import pytest

from conf.ib_errors import Policy
from router.errors import FieldError
from router.messages import Alert, BrokerError
from router.reasons import Reason
from router.refusal import alarming, denied, unreadable, unusable
from router.risk import Denial
from router.signal import MAX_PAYLOAD_BYTES, delivery_of, parse
from tests.router import factory

ERROR = FieldError("side", "UP", "must be LONG or SHORT")


def test_a_denial_is_told_with_the_platforms_words_and_ours() -> None:
    """Status and reason as the platform reads them, the check and its numbers beside them."""
    signal = factory.signal()
    denial = Denial(Reason.STALE, "stale_signal_5123ms", "fresh", "5123 ms old")
    refused = denied(signal, factory.TICKET, denial)
    assert (refused.status, refused.reason) == ("STALE", "stale_signal_5123ms")
    assert (refused.code, refused.field, refused.value) == (Reason.STALE, "fresh", "5123 ms old")
    assert (refused.delivery, refused.signal, refused.malformed) == (delivery_of(signal), signal, False)


def test_an_unreadable_payload_keeps_its_id_and_its_bytes() -> None:
    """Acked where an id can be had, kept whole, without a delivery: it never was a signal."""
    payload = factory.payload(side="UP")
    refused = unreadable(payload, factory.TICKET, ERROR)
    assert (refused.signal_id, refused.symbol) == ("9bbeedc541dd1c7a", "SPY")
    assert refused.raw == payload.decode()
    assert refused.reason == "side = 'UP': must be LONG or SHORT"
    assert (refused.delivery, refused.signal, refused.malformed) == ("", None, True)
    assert (refused.status, refused.code) == ("REJECTED", Reason.BAD_FIELD)


@pytest.mark.parametrize("payload", [b"\xff\xfe not text", b"{", b"x" * (MAX_PAYLOAD_BYTES + 1)])
def test_any_bytes_can_be_kept_aside(payload: bytes) -> None:
    """Whatever came, it is bounded and readable, and there is no id to ack."""
    refused = unreadable(payload, factory.TICKET, ERROR)
    assert refused.signal_id == ""
    assert 0 < len(refused.raw) <= 4 * MAX_PAYLOAD_BYTES


def test_an_unusable_signal_is_told_under_its_delivery() -> None:
    """It read well, so its end belongs to its delivery, and its own JSON goes to the dead letters."""
    signal = parse(factory.payload())
    error = FieldError("symbol", "SPY", "is not configured", Reason.UNKNOWN_SYMBOL)
    refused = unusable(signal, factory.TICKET, error)
    assert (refused.status, refused.code) == ("REJECTED", Reason.UNKNOWN_SYMBOL)
    assert refused.delivery == delivery_of(signal)
    assert refused.malformed
    assert refused.raw == signal.raw
    assert refused.field == "symbol"


@pytest.mark.parametrize("text", ["Margin Violation", "Order rejected - reason:Margin Violation"])
def test_two_rejections_are_alarming(text: str) -> None:
    """`order_rejection` with the fields of contract 2.2."""
    error = BrokerError(101, 201, text, "abc-1-E", 1, "terminal")
    assert alarming(error, factory.TS_MS) == Alert(
        kind="order_rejection",
        severity="critical",
        text="Margin Violation",
        ref="abc-1-E",
        details=(("order_id", 101), ("time", "2025-09-19T14:00:00+00:00")),
    )


@pytest.mark.parametrize(
    ("text", "policy"),
    [("Order rejected - reason:Insufficient Buying Power.", "terminal"), ("Margin Violation", "query")],
)
def test_other_rejections_are_not(text: str, policy: Policy) -> None:
    """The reason must be one of the two exactly, and the order ended by it."""
    assert alarming(BrokerError(101, 201, text, "abc-1-E", 1, policy), 0) is None
