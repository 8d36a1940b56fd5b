"""An execution says how far its order has filled, before IB's word on the order does. Pure.

Executions overtake orderStatus, and an openOrder says nothing of fills. Whoever changes the quantity of an order must
know of every fill there is: what has filled counts in it.
"""

from __future__ import annotations

from msgspec.structs import replace

from router.messages import ExecutionFill, OrderLifecycleEvent


def filled_by(event: OrderLifecycleEvent, fill: ExecutionFill) -> OrderLifecycleEvent:
    """IB's word on a live order, with this execution of it counted."""
    return _filled(event, fill.cum_quantity)


def not_before(event: OrderLifecycleEvent, known: OrderLifecycleEvent | None) -> OrderLifecycleEvent:
    """IB's newer word on an order, with what was known to have filled: nothing becomes unfilled again."""
    return event if known is None else _filled(event, known.filled)


def _filled(event: OrderLifecycleEvent, filled: float) -> OrderLifecycleEvent:
    if filled <= event.filled:
        return event
    return replace(event, filled=filled, remaining=max(0.0, event.quantity - filled))
