"""Which deliveries may be at the broker already: the lookup behind "never send the same signal twice".

Pure. Evidence is IB's own word (an order, an execution, or an error that says what became of the order); an intent
without evidence is a doubt, never a permission (design, section 6).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from router.bracket import stem_of
from router.messages import (
    BrokerError,
    ExecutionFill,
    Leg,
    OrderChange,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderSent,
)
from router.messages import Message as BusMessage
from workers.gateway.hearing import Hears, tell

# Deliveries with evidence that are remembered. A signal expires within seconds, so one older than these is refused
# as stale and could not be sent twice even without the memory of it.
KEEP = 50_000
# after a signal's expiry, for IB's first word on its bracket; it takes milliseconds
SILENCE_MS = 30_000
# policies of errors by which IB shows that it knows the order
EVIDENT = frozenset({"terminal", "informational", "modify-only"})

Verdict = Literal["unknown", "adopted", "in_doubt"]


@dataclass
class Intention:
    """A bracket without evidence: the connection that wrote it, and whether its last byte left."""

    connection: int
    intent: OrderIntent
    sent: bool = False
    released: int | None = (
        None  # to be sent again: the connection in which it was decided, and not intended anew yet
    )


class Intended(Struct, frozen=True):
    """An Intention of no connection of this process."""

    intent: OrderIntent
    sent: bool
    released: bool


class KnownState(Struct, frozen=True):
    """What is known before a process first connects, as plain values; each list oldest first."""

    highest_order_id: int = 0
    evidence: list[str] = []
    intended: list[Intended] = []
    parked: list[OrderParked] = []


class Known:
    """Stems of orderRefs that were intended or seen, and the highest order id ever."""

    def __init__(self, state: KnownState | None = None) -> None:
        state = state or KnownState()
        self.connection = 0  # counts connects; an intent of this connection is on its way, not in doubt
        self.highest_order_id = state.highest_order_id
        # stems, oldest first; a plain dict is slow to lose its first key
        self._evidence: OrderedDict[str, None] = OrderedDict.fromkeys(state.evidence)
        self._intended = {  # no evidence yet
            one.intent.delivery: Intention(
                self.connection, one.intent, one.sent, self.connection if one.released else None
            )
            for one in state.intended
        }
        self._parked = {parked.delivery: parked for parked in state.parked}
        self.hears: Hears = {
            OrderIntent: self._on_intent,
            OrderSent: self._on_sent,
            OrderParked: self._on_parked,
            OrderChange: self._on_change,
            OrderLifecycleEvent: self._on_word,
            ExecutionFill: self._on_word,
            BrokerError: self._on_error,
        }

    def state(self) -> KnownState:
        """What another process needs to know as much. Which connection wrote an intent is not its concern."""
        return KnownState(
            self.highest_order_id,
            list(dict.keys(self._evidence)),  # in the same order, as nothing moves, and ten times as fast
            [Intended(one.intent, one.sent, one.released is not None) for one in self._intended.values()],
            list(self._parked.values()),
        )

    def new_connection(self) -> None:
        """From here on what an earlier connection sent counts only by evidence."""
        self.connection += 1

    def observe(self, message: BusMessage) -> None:
        """Learn from a message of the trade topic, live or read back from the journal."""
        tell(self.hears, message)

    def verdict(self, delivery: str) -> Verdict:
        """What is known of a delivery; only `unknown` may be sent."""
        if delivery in self._evidence:
            return "adopted"
        if delivery not in self._intended:
            return "in_doubt" if delivery in self._parked else "unknown"
        intention = self._intended[delivery]
        if intention.released == self.connection:
            return "unknown"
        return "adopted" if intention.connection == self.connection else "in_doubt"

    def doubts(self) -> list[Intention]:
        """Brackets that an earlier connection may have sent, that IB does not know, and that are not parked.

        Also those that were to be sent again, by a process that was killed before it intended them anew.
        """
        return [
            intention
            for delivery, intention in self._intended.items()
            if intention.connection != self.connection and delivery not in self._parked
        ]

    def silent(self, now_ms: int) -> bool:
        """Whether IB has not said a word on a bracket of the present connection for far too long."""
        return any(
            intention.connection == self.connection
            and now_ms > intention.intent.request.expires_ms + SILENCE_MS
            for intention in self._intended.values()
        )

    def parked(self) -> list[OrderParked]:
        """What an operator has to decide, oldest first: parked, not resolved, and IB has not told of it since."""
        return list(self._parked.values())

    def intent_of(self, delivery: str) -> OrderIntent | None:
        """The bracket as it was intended, while there is no evidence of it."""
        intention = self._intended.get(delivery)
        return intention.intent if intention is not None else None

    def _on_intent(self, intent: OrderIntent) -> None:
        if intent.delivery not in self._evidence:
            self._intended[intent.delivery] = Intention(self.connection, intent)
        self._see_legs(intent.legs)

    def _on_sent(self, sent: OrderSent) -> None:
        if sent.delivery in self._intended:
            self._intended[sent.delivery].sent = True

    def _on_parked(self, parked: OrderParked) -> None:
        self._parked[parked.delivery] = parked

    def _on_change(self, change: OrderChange) -> None:
        if change.what == "parked":
            self._resolve(change.name, change.reason)
        else:
            self._see_legs(change.legs)

    def _on_word(self, word: OrderLifecycleEvent | ExecutionFill) -> None:
        stem = stem_of(word.ref)
        if stem not in self._evidence:  # asked here, as a storm's words repeat each other
            self._see_evidence(word.ref)
        if word.order_id > self.highest_order_id:
            self.highest_order_id = word.order_id

    def _on_error(self, error: BrokerError) -> None:
        if error.policy in EVIDENT:
            self._see_evidence(error.ref)

    def _resolve(self, delivery: str, how: str) -> None:
        """An operator's or the recovery's word: only `resend` makes it unknown again."""
        self._parked.pop(delivery, None)
        if how == "resend":
            if delivery in self._intended:
                self._intended[delivery].released = self.connection
        else:
            self._see_evidence(f"{delivery}-E")

    def _see_evidence(self, ref: str) -> None:
        stem = stem_of(ref)
        if stem and stem not in self._evidence:
            self._evidence[stem] = None
            self._intended.pop(stem, None)
            self._parked.pop(stem, None)
            if len(self._evidence) > KEEP:
                self._evidence.popitem(last=False)

    def _see_legs(self, legs: Sequence[Leg]) -> None:
        for leg in legs:
            self._see_id(leg.order_id)

    def _see_id(self, order_id: int) -> None:
        if order_id > self.highest_order_id:
            self.highest_order_id = order_id
