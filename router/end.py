"""Which order a word of IB is about, and whether it is its last. Pure."""

from __future__ import annotations

from router.messages import OrderLifecycleEvent

ENDED = frozenset(
    {"Filled", "Cancelled", "ApiCancelled", "Inactive"}
)  # statuses after which an order works no longer

OrderKey = int | tuple[int, int]  # permId, or client id and order id while IB has not given one


def order_key(event: OrderLifecycleEvent) -> OrderKey:
    """What tells this order from every other one: an order that IB refuses at once never gets a permId."""
    return event.perm_id or (event.client_id, event.order_id)


def ended(event: OrderLifecycleEvent) -> bool:
    """Whether this word on an order is its last; a completed order is over whatever its status says."""
    return event.status in ENDED or event.origin == "completed"
