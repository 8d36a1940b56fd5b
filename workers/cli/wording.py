"""A message in one line for people: what `router explain` prints."""

from __future__ import annotations

from router.messages import (
    Adjustment,
    Alert,
    BrokerError,
    CommissionReport,
    ExecutionFill,
    Message,
    OrderChange,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderSent,
    OrderSubmitted,
    OrderTimedOut,
    Published,
    SignalGated,
    SignalReceived,
    SignalRefused,
    SignalSized,
)


def told(message: Message) -> str:
    """One line for people."""
    match message:
        case SignalReceived():
            again = " again" if message.redelivered else ""
            return f"received{again}: {message.signal.strategy} {message.signal.side} {message.signal.symbol}"
        case SignalGated():
            return f"gated: {len(message.checks)} checks passed"
        case SignalSized(request=request):
            price = "MKT" if request.limit_price is None else f"LMT {request.limit_price:g}"
            return f"sized: {request.action} {request.quantity} {price}, stop {request.stop_price:g}"
        case SignalRefused():
            return f"refused: {refusal(message)}"
        case OrderIntent():
            legs = ", ".join(f"{leg.ref.rpartition('-')[2]}={leg.order_id}" for leg in message.legs)
            return f"intended: {legs}"
        case OrderSent():
            return f"sent: {len(message.order_ids)} orders"
        case OrderSubmitted():
            return f"submitted: {message.how}"
        case OrderParked():
            return f"parked: {message.reason}"
        case OrderTimedOut():
            return f"timed out after {message.after_s:.1f} s, cancelled"
        case OrderChange():
            return f"{message.what}: {', '.join(leg.ref for leg in message.legs) or message.name} ({message.reason})"
        case _:
            return _of_broker(message)


def refusal(message: SignalRefused) -> str:
    """Status and reason, with field and value where the reason does not name them itself."""
    named = not message.field or message.reason.startswith(f"{message.field} = ")
    return f"{message.status}: {message.reason}" + ("" if named else f" ({message.field} {message.value})")


def _of_broker(message: Message) -> str:
    match message:
        case OrderLifecycleEvent():
            return _of_order(message)
        case ExecutionFill():
            leg = message.ref.rpartition("-")[2] or "somebody's order"
            return f"IB: {leg} {message.action} {message.quantity:g} at {message.price:g} ({message.exec_id})"
        case CommissionReport():
            return f"IB: commission {message.commission:g} {message.currency} ({message.exec_id})"
        case BrokerError():
            return f"IB: error {message.code} on {message.ref.rpartition('-')[2]}: {message.text}"
        case Published():
            return " ".join(
                filter(None, ("told the platform:", message.kind, message.status, message.detail))
            )
        case Alert():
            return f"alert: {message.severity} {message.kind}: {message.text}"
        case _:
            return type(message).__name__


def _of_order(event: OrderLifecycleEvent) -> str:
    replayed = " (told again)" if event.replayed else ""
    leg = event.ref.rpartition("-")[2]
    prices = {
        "limit": event.limit_price,
        "stop": event.trail_stop or event.stop_price,
        "trailing %": event.trail_percent,
    }
    at = "".join(f" {name} {price:g}" for name, price in prices.items() if price is not None)
    terms = f"{event.action} {event.quantity:g} {event.order_type}{at}{_coming(event.adjustment)}"
    filled = f"filled {event.filled:g}, left {event.remaining:g}"
    return f"IB: {leg} {event.status} {terms}, {filled} {event.reason}".rstrip() + replayed


def _coming(adjustment: Adjustment | None) -> str:
    if adjustment is None:
        return ""
    return f" (at {adjustment.trigger_price:g} {adjustment.order_type} {adjustment.stop_price:g})"
