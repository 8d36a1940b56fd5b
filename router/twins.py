"""Two live orders under one orderRef: an incident, because an orderRef is the name of one order for ever. Pure.

Identity at IB is the permId (design, section 3), which grows with time: of two, the older is the order that the journal
knows; the younger was sent by somebody else under our name, or by a copy of the router on a journal of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.messages import Alert, LinkPhase, LinkState, Message, OrderLifecycleEvent
from router.protection import is_ours

ENDED = frozenset({"Filled", "Cancelled", "ApiCancelled", "Inactive"})


class Twins:
    """The live orders by orderRef. A rebuild tells all of them again."""

    def __init__(self) -> None:
        self._live: dict[str, dict[int, OrderLifecycleEvent]] = {}
        self._told: set[int] = set()  # permIds

    def observe(self, message: Message) -> OrderLifecycleEvent | None:
        """Learn from one message; the younger twin that it brings to light, once."""
        if isinstance(message, LinkState) and message.phase is LinkPhase.SYNCING:
            self._live.clear()
        if not isinstance(message, OrderLifecycleEvent) or not message.perm_id or not message.ref:
            return None
        live = self._live.setdefault(message.ref, {})
        live.pop(message.perm_id, None)
        if message.status in ENDED or message.origin == "completed":
            if not live:
                del self._live[message.ref]
            return None
        live[message.perm_id] = message
        return self._younger(live) if len(live) > 1 and is_ours(message.ref) else None

    def _younger(self, live: Mapping[int, OrderLifecycleEvent]) -> OrderLifecycleEvent | None:
        newest = max(live)
        if newest in self._told:
            return None
        self._told.add(newest)
        return live[newest]


def alert(event: OrderLifecycleEvent, *, ours: bool) -> Alert:
    """What a person is told of a younger twin. IB lets nobody cancel another client's order."""
    what = "is being cancelled" if ours else f"belongs to client {event.client_id}: cancel it there"
    return Alert(
        kind="duplicate_order",
        severity="critical",
        text=f"two live orders under one orderRef: the younger, permId {event.perm_id}, {what}",
        ref=event.ref,
        symbol=event.contract.symbol if event.contract else "",
        details=(("perm_id", str(event.perm_id)), ("client_id", str(event.client_id))),
    )
