"""How a signal ends that never reaches the broker: the SignalRefused for each kind of refusal."""

from __future__ import annotations

from router.errors import FieldError
from router.formats import iso
from router.messages import Alert, BrokerError, Signal, SignalRefused, Ticket
from router.risk import Denial
from router.signal import MAX_PAYLOAD_BYTES, delivery_of, salvage_id

ALARMING = frozenset({"Insufficient Buying Power", "Margin Violation"})  # contract 2.2


def denied(signal: Signal, ticket: Ticket, denial: Denial) -> SignalRefused:
    """A gate, a lookup or a price said no."""
    return SignalRefused(
        delivery=delivery_of(signal),
        ticket=ticket,
        status=denial.status,
        reason=denial.reason,
        signal=signal,
        signal_id=signal.id,
        symbol=signal.symbol,
        field=denial.check,
        value=denial.detail,
        code=denial.code,
    )


def unreadable(payload: bytes, ticket: Ticket, error: FieldError) -> SignalRefused:
    """A payload that is no signal; acked only where an id could be read from it all the same."""
    signal_id, symbol = salvage_id(payload)
    return SignalRefused(
        delivery="",
        ticket=ticket,
        status=error.reason.status,
        reason=str(error),
        signal_id=signal_id,
        symbol=symbol,
        field=error.field,
        value=error.value,
        raw=payload[:MAX_PAYLOAD_BYTES].decode(errors="backslashreplace"),
        malformed=True,
        code=error.reason,
    )


def unusable(signal: Signal, ticket: Ticket, error: FieldError) -> SignalRefused:
    """A signal that reads well and still cannot be acted on: unknown symbol, expired contract, future time."""
    return SignalRefused(
        delivery=delivery_of(signal),
        ticket=ticket,
        status=error.reason.status,
        reason=str(error),
        signal=signal,
        signal_id=signal.id,
        symbol=signal.symbol,
        field=error.field,
        value=error.value,
        raw=signal.raw,
        malformed=True,
        code=error.reason,
    )


def alarming(error: BrokerError, now_ms: int) -> Alert | None:
    """`order_rejection` for the platform, for the two reasons it wants to hear of, word by word (contract 2.2)."""
    reason = error.text.rpartition("reason:")[2].strip()
    if error.policy != "terminal" or reason not in ALARMING:
        return None
    return Alert(
        kind="order_rejection",
        severity="critical",
        text=reason,
        ref=error.ref,
        details=(("order_id", error.request_id), ("time", iso(now_ms))),
    )
