"""Orders of other clients: IB tells of them when it is asked for all, and of their ends to nobody else. Pure.

The guard counts what they protect, so it must not go on believing in one that has ended.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from router.messages import OrderLifecycleEvent


def repeats(event: OrderLifecycleEvent, known: OrderLifecycleEvent | None) -> bool:
    """Whether an answer of IB says nothing about an order that was not known: no news for anybody."""
    if known is None or not event.replayed:
        return False
    return (
        replace(event, origin=known.origin, replayed=known.replayed, received_ns=known.received_ns) == known
    )


def ended(
    known: Iterable[OrderLifecycleEvent], listed: Iterable[int], *, client_id: int, now_ns: int
) -> list[OrderLifecycleEvent]:
    """The ends of other clients' orders that IB lists no longer (by permId): filled or cancelled, it does not say."""
    still = set(listed)
    return [
        unlisted(event, "no longer listed by IB", now_ns)
        for event in known
        if event.client_id != client_id and event.perm_id not in still
    ]


def unlisted(event: OrderLifecycleEvent, reason: str, now_ns: int) -> OrderLifecycleEvent:
    """The end of an order that IB lists no longer."""
    return replace(event, status="Cancelled", remaining=0.0, replayed=True, received_ns=now_ns, reason=reason)
