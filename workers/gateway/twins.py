"""Two live orders of this client under one orderRef: the same order went out twice (design, section 3). Pure."""

from __future__ import annotations

from router.messages import OrderLifecycleEvent
from workers.gateway.bridge import ended


class Twins:
    """The live orders of one client by orderRef, which is unique among them unless something went wrong."""

    def __init__(self) -> None:
        self._live: dict[str, OrderLifecycleEvent] = {}
        self._told: set[int] = set()  # permIds of younger ones

    def forget(self) -> None:
        """Before a rebuild: an order that ended meanwhile is not told of."""
        self._live.clear()
        self._told.clear()

    def observe(self, event: OrderLifecycleEvent, client_id: int) -> OrderLifecycleEvent | None:
        """The younger of two that this event shows to be live, once. Orders of other clients may share a ref."""
        ref, perm_id = event.ref, event.perm_id
        if event.client_id != client_id or not ref or not perm_id:
            return None
        other = self._live.get(ref)
        if ended(event):
            if other is not None and other.perm_id == perm_id:
                del self._live[ref]
            return None
        if other is None or other.perm_id == perm_id:
            self._live[ref] = event
            return None
        older, younger = sorted((other, event), key=lambda one: one.perm_id)
        self._live[ref] = older
        if younger.perm_id in self._told:
            return None
        self._told.add(younger.perm_id)
        return younger
