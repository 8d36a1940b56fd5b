"""Which deliveries may be at the broker already: the lookup behind "never send the same signal twice".

Pure. Evidence is IB's own word (an order, an execution, or an error that says what became of the order); an intent
without evidence is a doubt, never a permission (design, section 6).
"""

from __future__ import annotations

from typing import Literal

from router.bracket import stem_of
from router.messages import (
    BrokerError,
    ExecutionFill,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderRequest,
)
from router.messages import Message as BusMessage

# Deliveries with evidence that are remembered. A signal expires within seconds, so one older than these is refused
# as stale and could not be sent twice even without the memory of it.
KEEP = 50_000

Verdict = Literal["unknown", "adopted", "in_doubt"]


class Known:
    """Stems of orderRefs that were intended or seen, and the highest order id ever."""

    def __init__(self) -> None:
        self.connection = 0  # counts connects; an intent of this connection is on its way, not in doubt
        self.highest_order_id = 0
        self._evidence: dict[str, None] = {}  # stems, oldest first
        self._intended: dict[str, tuple[int, OrderRequest]] = {}  # no evidence yet; connection that wrote it
        self._parked: set[str] = set()

    def new_connection(self) -> None:
        """From here on what an earlier connection sent counts only by evidence."""
        self.connection += 1

    def observe(self, message: BusMessage) -> None:
        """Learn from a message of the trade topic, live or read back from the journal."""
        match message:
            case OrderIntent():
                if message.delivery not in self._evidence:
                    self._intended[message.delivery] = (self.connection, message.request)
                self._see_ids(*(leg.order_id for leg in message.legs))
            case OrderParked():
                self._parked.add(message.delivery)
            case OrderLifecycleEvent() | ExecutionFill():
                self._see_evidence(message.ref)
                self._see_ids(message.order_id)
            case BrokerError(policy="terminal" | "informational" | "modify-only"):
                self._see_evidence(message.ref)
            case _:
                pass

    def verdict(self, delivery: str) -> Verdict:
        """What is known of a delivery; only `unknown` may be sent."""
        if delivery in self._evidence:
            return "adopted"
        if delivery not in self._intended:
            return "in_doubt" if delivery in self._parked else "unknown"
        connection, _ = self._intended[delivery]
        return "adopted" if connection == self.connection else "in_doubt"

    def doubts(self) -> list[OrderRequest]:
        """Requests that an earlier connection may have sent, that IB does not know, and that are not parked."""
        return [
            request
            for delivery, (connection, request) in self._intended.items()
            if connection != self.connection and delivery not in self._parked
        ]

    def _see_evidence(self, ref: str) -> None:
        stem = stem_of(ref)
        if stem and stem not in self._evidence:
            self._evidence[stem] = None
            self._intended.pop(stem, None)
            if len(self._evidence) > KEEP:
                del self._evidence[next(iter(self._evidence))]

    def _see_ids(self, *order_ids: int) -> None:
        self.highest_order_id = max((self.highest_order_id, *order_ids))
