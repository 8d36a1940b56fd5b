"""Two live orders under one orderRef: the same order went out twice, or somebody uses our name (design, section 3). Pure.

Identity at IB is the permId, which grows with time: of two, the older is the order that the journal knows.
"""

from __future__ import annotations

from router.end import ended
from router.messages import OrderLifecycleEvent
from router.protection import is_ours


class Twins:
    """The live orders by orderRef, which is unique among those of the router's form unless something went wrong."""

    def __init__(self) -> None:
        self._live: dict[str, OrderLifecycleEvent] = {}
        self._told: set[int] = set()  # permIds of younger ones

    def forget(self) -> None:
        """Before a rebuild: an order that ended meanwhile is not told of."""
        self._live.clear()
        self._told.clear()

    def observe(self, event: OrderLifecycleEvent) -> OrderLifecycleEvent | None:
        """The younger of two that this event shows to be live, once. Whoever trades by hand may use any other text."""
        ref, perm_id = event.ref, event.perm_id
        if not perm_id:
            return None
        other = self._live.get(ref)
        if ended(event):
            if other is not None and other.perm_id == perm_id:
                del self._live[ref]
            return None
        if other is None or other.perm_id == perm_id:
            if other is not None or is_ours(ref):
                self._live[ref] = event
            return None
        older, younger = sorted((other, event), key=lambda one: one.perm_id)
        self._live[ref] = older
        if younger.perm_id in self._told:
            return None
        self._told.add(younger.perm_id)
        return younger
