"""In which order and how often a live Gateway tells what happened to an order. Pure.

Seen live: see `docs/paper-vs-live.md`. Where recordings differ a switch decides.
"""

from dataclasses import replace
from decimal import Decimal

from paper.orders import (
    Charged,
    Event,
    Executed,
    Execution,
    Order,
    OrderOpened,
    PositionChanged,
    Refused,
    Status,
    StatusReported,
)
from paper.switches import Switches

_GUARD = Decimal(
    "0.03"
)  # USD: how far above its stop, on either side, TWS first shows a stop's or trail's limit
CANCELLED = (202, "Order Canceled - reason:")


def told(order: Order) -> list[Event]:
    """openOrder and orderStatus."""
    return [OrderOpened(order), StatusReported(order)]


def acknowledged(order: Order, switches: Switches) -> list[Event]:
    """A new order."""
    if _waits_for_trigger(order):
        first = _guarded(order) if switches.stop_limit_shown else order
        return [*told(first), *(told(order) if switches.stop_twice else [])]
    if order.status is Status.SUBMITTED and switches.limit_presubmitted and order.terms.order_type == "LMT":
        return [*told(replace(order, status=Status.PRE_SUBMITTED)), *told(order)]
    if order.status is Status.SUBMITTED and switches.limit_twice and order.terms.order_type == "LMT":
        return [*told(order), *told(order)]
    return told(order)


def modified(order: Order, switches: Switches) -> list[Event]:
    """An order with other terms. One that became a market order and will trade is not given a status of its own."""
    if _waits_for_trigger(order) and switches.stop_twice:
        return [*told(order), *told(order)]
    if order.made_market and switches.modified_filled_first:
        return [OrderOpened(order)]
    return told(order)


def filled(execution: Execution, charged: Order, switches: Switches) -> list[Event]:
    """One fill. `charged` is the order with the commission on it, the execution's order is without."""
    order = execution.order
    end: list[Event] = [Charged(execution), PositionChanged(order.instrument)]
    if order.made_market and switches.modified_filled_first:
        shown: list[Event] = [OrderOpened(charged)] if switches.fill_twice else []
        return [StatusReported(order), Executed(execution), *shown, *end]
    again = told(charged) if switches.fill_twice else []
    return [Executed(execution), *told(order), *again, *end]


def cancelled(order: Order, reason: str = "") -> list[Event]:
    """A cancel that is done: the error follows the status."""
    code, text = CANCELLED
    return [StatusReported(order), Refused(*order.key, code, text + reason)]


def retold(told: list[Event], order: Order, client_id: int) -> list[Event]:
    """What a client hears that cancelled another one's order: status and 202 under its own client id, as recorded."""
    heard: list[Event] = []
    for event in told if client_id != order.client_id else ():
        match event:
            case StatusReported(one) if one.key == order.key:
                heard.append(StatusReported(replace(one, client_id=client_id)))
            case Refused(_, order_id, code, text) if order_id == order.order_id:
                heard.append(Refused(client_id, order_id, code, text))
    return heard


def not_traded_at_once(order: Order) -> list[Event]:
    """What follows when an IOC or FOK could not trade; the order has its last status."""
    if order.status is Status.INACTIVE:
        return told(order)
    return [*told(replace(order, status=Status.PENDING_CANCEL)), StatusReported(order)]


def rejected(order: Order, code: int, text: str) -> list[Event]:
    """An order IB would not have."""
    return [*told(order), Refused(*order.key, code, text)]


def _waits_for_trigger(order: Order) -> bool:
    return order.why_held == "trigger"


def _guarded(order: Order) -> Order:
    """A stop as TWS first announces it, with a limit next to the stop."""
    if order.stop is None or order.limit is not None:
        return order
    return replace(order, limit=order.stop + _GUARD)
