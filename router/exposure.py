"""What is held and what works, per account and contract, as the guard needs it: folded from IB's events. Pure.

IB tells a position apart from the executions that made it, sometimes seconds late. Executions run ahead of IB's word on
the position; that word counts once it is newer and nothing has traded for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from router.bracket import stem_of
from router.messages import (
    ContractSpec,
    ExecutionFill,
    LinkPhase,
    LinkState,
    Message,
    OrderLifecycleEvent,
    PositionSnapshot,
)

LAG_NS = 2_000_000_000  # how long after an execution IB's word on the position may still be an older one
SETTLE_NS = 200_000_000  # of quiet before a place is judged: events of one fill come apart
QUICK_ATTEMPTS = 5  # repairs that may follow each other as soon as IB has told of the last one
TERMINAL = frozenset({"Filled", "Cancelled", "ApiCancelled", "Inactive"})
EPSILON = 1e-6

Key = tuple[str, int]  # account, conId


@dataclass
class Place:
    """One contract in one account. Times are monotonic ns; quantities signed."""

    account: str
    contract: ContractSpec
    said: float = 0.0  # IB's word
    said_ns: int = 0
    booked: float = 0.0  # with the executions since
    filled_ns: int = 0
    avg_cost: float = 0.0  # IB's: for an option per contract
    changed_ns: int = 0
    held_back_ns: int = 0  # no new repair before then: one is on its way
    repaired_ns: int = 0
    attempts: int = 0  # repairs in a row that did not help
    delivery: str = ""  # whose entry filled here last
    entry_price: float = 0.0  # of that entry
    orders: dict[object, OrderLifecycleEvent] = field(default_factory=dict)

    def quantity(self, now_ns: int) -> float:
        """What is held, as far as anyone can know now."""
        recent = now_ns - self.filled_ns < LAG_NS
        held = self.booked if self.filled_ns and (self.said_ns < self.filled_ns or recent) else self.said
        return held if abs(held) > EPSILON else 0.0

    def may_repair(self, now_ns: int) -> bool:
        """Whether the last repair has shown in IB's events, or had its time; not at once after several in vain."""
        shown = self.changed_ns > self.repaired_ns and self.attempts <= QUICK_ATTEMPTS
        return shown or now_ns >= self.held_back_ns

    def price(self) -> float:
        """What was paid per share or unit of premium: the entry's executions, else IB's average cost."""
        return self.entry_price or abs(self.avg_cost) / self.contract.multiplier


class Exposure:
    """All places. Between a lost connection and the next READY nothing is known for certain."""

    def __init__(self) -> None:
        self._places: dict[Key, Place] = {}
        self.client_id = 0
        self.account = ""
        self.ready = False

    def observe(self, message: Message, now_ns: int) -> None:
        """Learn from one message of the gateway."""
        match message:
            case LinkState():
                self._on_link(message, now_ns)
            case OrderLifecycleEvent(contract=ContractSpec() as contract):
                self._on_order(self._place(message.account, contract), message, now_ns)
            case ExecutionFill():
                self._on_fill(message, now_ns)
            case PositionSnapshot():
                place = self._place(message.account, message.contract)
                place.said, place.said_ns, place.avg_cost = message.quantity, now_ns, message.avg_cost
                if message.replayed or now_ns - place.filled_ns >= LAG_NS:
                    place.booked = message.quantity
                    place.filled_ns = 0 if message.replayed else place.filled_ns
                place.changed_ns = now_ns
            case _:
                pass

    def settled(self, now_ns: int) -> Iterator[Place]:
        """Places that can be judged: those that are quiet."""
        if not self.ready:
            return
        for place in self._places.values():
            if now_ns - place.changed_ns >= SETTLE_NS:
                yield place

    def _on_link(self, link: LinkState, now_ns: int) -> None:
        self.ready = link.phase is LinkPhase.READY
        self.client_id, self.account = link.client_id, link.account
        if link.phase is LinkPhase.SYNCING:
            for place in self._places.values():
                place.orders.clear()  # all that live are told again, and so are all positions that are not flat
                place.said = place.booked = 0.0
                place.filled_ns, place.said_ns, place.changed_ns = 0, now_ns, now_ns

    def _on_order(self, place: Place, event: OrderLifecycleEvent, now_ns: int) -> None:
        place.orders.pop((event.client_id, event.order_id), None)  # before it had a permId
        key: object = event.perm_id or (event.client_id, event.order_id)
        if event.status in TERMINAL or event.origin == "completed":
            place.orders.pop(key, None)
        else:
            place.orders[key] = event
        place.changed_ns = now_ns

    def _on_fill(self, fill: ExecutionFill, now_ns: int) -> None:
        place = self._place(fill.account, fill.contract)
        stem = stem_of(fill.ref)
        if stem and fill.ref == f"{stem}-E":
            place.delivery, place.entry_price = stem, fill.avg_price or fill.price
        if not fill.replayed and not fill.supersedes:  # else it is part of the position already
            place.booked += fill.quantity if fill.action == "BUY" else -fill.quantity
            place.filled_ns = place.changed_ns = now_ns

    def _place(self, account: str, contract: ContractSpec) -> Place:
        key = (account, contract.con_id)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place(account, contract)
        elif contract.exchange and not place.contract.exchange:
            place.contract = contract
        return place
