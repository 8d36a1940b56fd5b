"""What is held and what works, per account and contract, as the guard needs it: folded from IB's events. Pure.

IB tells a position apart from the executions that made it, before them or seconds late. Executions run ahead of IB's
word, so a word that they have passed on their way is an old one. Any other one is news: IB is ahead of the executions,
or somebody else trades, whose executions nobody is told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from router.bracket import stem_of
from router.end import OrderKey, ended, order_key
from router.fills import filled_by, not_before
from router.messages import (
    ContractSpec,
    ExecutionFill,
    LinkPhase,
    LinkState,
    Message,
    OrderLifecycleEvent,
    PositionSnapshot,
)
from router.quantity import EPSILON
from router.stops import in_force

LAG_NS = 2_000_000_000  # how long executions may leave unexplained what IB says of a position
SETTLE_NS = 200_000_000  # of quiet before a place is judged: events of one fill come apart
EXPLAIN_NS = 500_000_000  # for executions that IB has to be asked for
MAX_PATH = 64
QUICK_ATTEMPTS = 5  # repairs that may follow each other as soon as IB has told of the last one

Key = tuple[str, int]  # account, conId


@dataclass
class Place:
    """One contract in one account. Times are monotonic ns; quantities signed."""

    account: str
    contract: ContractSpec
    path: list[float] = field(default_factory=lambda: [0.0])  # from the last word confirmed, by execution
    word: float = 0.0  # IB's last one
    said: float | None = None  # the same while it is not on the path
    ahead: list[float] = field(default_factory=list)  # what executions have made of that, itself first
    said_ns: int = 0
    filled_ns: int = 0
    avg_cost: float = 0.0  # IB's: for an option per contract
    changed_ns: int = 0
    held_back_ns: int = 0  # no new repair before then: one is on its way
    repaired_ns: int = 0
    attempts: int = 0  # looks in a row that found something wrong
    repairs: int = 0  # of them those after which something was done
    alerted: str = ""  # what a person was last told, empty again once all is well
    delivery: str = ""  # whose entry filled here last, since it was flat
    entry_sign: int = 0  # +1 for a purchase
    entries: dict[str, float] = field(default_factory=dict)  # what the entry of each delivery paid
    day: float = 0.0  # what the executions of the day, as the rebuild repeats them, have come to
    ratchet: float | None = None  # the tightest stop that what is held has had
    orders: dict[OrderKey, OrderLifecycleEvent] = field(default_factory=dict)

    @property
    def quantity(self) -> float:
        """What is held, as far as anyone knows."""
        held = self.path[-1] if self.said is None else self.said
        return held if abs(held) > EPSILON else 0.0

    @property
    def is_certain(self) -> bool:
        """Not while executions and IB's word have both moved and do not meet."""
        return self.said is None or self.filled_ns <= self.said_ns

    def is_explained(self, now_ns: int) -> bool:
        """Whether executions have explained IB's word, or had their time: until then the fill may be one of ours."""
        return self.said is None or now_ns - self.said_ns >= EXPLAIN_NS

    def executed(self, delta: float, now_ns: int) -> None:
        """One more execution; `delta` is positive for a purchase."""
        self.believe(now_ns)
        expected = self.path[-1] + delta
        if self.said is not None and abs(expected - self.said) <= EPSILON:
            self.path, self.said = [expected], None
        else:
            _follow(self.path, expected)
            if self.said is not None:  # it may be somebody else's trade, which this one comes after
                _follow(self.ahead, self.ahead[-1] + delta)
        self.filled_ns = now_ns

    def observed(self, quantity: float, now_ns: int, *, asked: bool) -> None:
        """IB's word; what IB was asked for counts whole."""
        self.believe(now_ns)
        self.word, self.said_ns = quantity, now_ns
        if asked:
            self.path, self.said = [quantity], None
            return
        for way in (self.ahead[1:] if self.said is not None else [], self.path):
            passed = [index for index, step in enumerate(way) if abs(step - quantity) <= EPSILON]
            if passed:
                self.path, self.said = way[passed[-1] :], None
                return
        if self.said is None or abs(self.said - quantity) > EPSILON:
            self.said, self.ahead = quantity, [quantity]

    def moved(self, before: float) -> None:
        """Held from flat, gone flat, or turned round: what was told of the position before says nothing of this one."""
        if self.quantity * before <= 0:
            self.delivery, self.entries, self.ratchet = "", {}, None

    def replay(self, delta: float) -> None:
        """One of the day's executions, told again in their order: who had entered before they came to zero is out."""
        self.day += delta
        if abs(self.day) <= EPSILON:
            self.delivery, self.entries = "", {}

    def entered(self, stem: str, fill: ExecutionFill) -> None:
        """An execution of a delivery's entry."""
        self.delivery, self.entries[stem] = stem, fill.avg_price or fill.price
        self.entry_sign = 1 if fill.action == "BUY" else -1

    def believe(self, now_ns: int) -> None:
        """A word that nothing has contradicted for a while is where a new path begins, explained or not."""
        newest = self.said_ns >= self.filled_ns or self.said is not None
        if newest and now_ns - max(self.said_ns, self.filled_ns) >= LAG_NS:
            self.path, self.said = [self.word], None

    def tighten(self, event: OrderLifecycleEvent) -> None:
        """Remember where a stop of what is held stands; of what is flat there is none."""
        stop = in_force(event)
        if not self.quantity:
            self.ratchet = None
        elif stop is not None and event.action == ("SELL" if self.quantity > 0 else "BUY"):
            better = max if self.quantity > 0 else min
            self.ratchet = stop.price if self.ratchet is None else better(self.ratchet, stop.price)

    def waits(self, event: OrderLifecycleEvent) -> bool:
        """Whether its parent still works. An order id means something for its own client only; 0 is none."""
        parent = (event.client_id, event.parent_id)
        return bool(event.parent_id) and any(
            (one.client_id, one.order_id) == parent for one in self.orders.values()
        )

    def look_again(self) -> None:
        """What the last look had to wait for is there."""
        self.attempts, self.held_back_ns = 0, 0

    def may_repair(self, now_ns: int) -> bool:
        """Whether the last repair has shown in IB's events, or had its time; not at once after several in vain."""
        shown = self.changed_ns > self.repaired_ns and self.attempts <= QUICK_ATTEMPTS
        return shown or now_ns >= self.held_back_ns

    @property
    def owner(self) -> str:
        """The delivery in whose name it is protected: none for what was made, or turned round, by hand."""
        return self.delivery if self.quantity * self.entry_sign > 0 else ""

    def price(self, stem: str = "") -> float:
        """What a delivery paid per share or unit of premium, the last one where none is named: by its executions,
        else IB's average cost."""
        own = self.entries.get(stem or self.delivery) if self.owner else None
        return own or abs(self.avg_cost) / self.contract.multiplier


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
                before = place.quantity
                place.observed(message.quantity, now_ns, asked=message.replayed)
                place.avg_cost = message.avg_cost
                if not message.replayed:  # else it may be the zero of the rebuild that it ends
                    place.moved(before)
                place.changed_ns = now_ns
            case _:
                pass

    def forget(self) -> None:
        """Know as little as after a start: what was heard may be over unheard, and a snapshot tells what is not."""
        self._places.clear()
        self.ready = False

    def places(self) -> Iterable[Place]:
        """All of them, whatever is known of each."""
        return self._places.values()

    def settled(self, now_ns: int) -> Iterator[Place]:
        """Places that can be judged: those that are quiet and certain."""
        if not self.ready:
            return
        for place in self._places.values():
            place.believe(now_ns)
            if now_ns - place.changed_ns >= SETTLE_NS and place.is_certain:
                yield place

    def _on_link(self, link: LinkState, now_ns: int) -> None:
        self.ready = link.phase is LinkPhase.READY
        self.client_id, self.account = link.client_id, link.account
        if link.phase is LinkPhase.SYNCING:
            for place in self._places.values():
                place.orders.clear()  # all that live are told again, and so are all positions that are not flat
                place.observed(0.0, now_ns, asked=True)
                place.filled_ns, place.changed_ns, place.day = 0, now_ns, 0.0
        elif (
            self.ready
        ):  # all has been told: what is flat without orders is over, and would be judged for ever
            self._places = {key: one for key, one in self._places.items() if one.quantity or one.orders}

    def _on_order(self, place: Place, event: OrderLifecycleEvent, now_ns: int) -> None:
        place.orders.pop((event.client_id, event.order_id), None)  # before it had a permId
        key = order_key(event)
        known = place.orders.pop(key, None)
        if not ended(event):
            place.orders[key] = not_before(event, known)
            place.tighten(event)
        place.changed_ns = now_ns

    def _on_fill(self, fill: ExecutionFill, now_ns: int) -> None:
        place = self._place(fill.account, fill.contract)
        order = place.orders.get(fill.perm_id)
        if order is not None:
            place.orders[fill.perm_id] = filled_by(order, fill)
        if fill.replayed and self.ready and place.quantity:
            return  # an answer to a question beside the rebuild: what is held has been followed
        signed = fill.quantity if fill.action == "BUY" else -fill.quantity
        if fill.replayed:  # it is part of the position already
            place.replay(signed)
        elif not fill.supersedes:
            before = place.quantity
            place.executed(signed, now_ns)
            place.changed_ns = now_ns
            place.moved(before)
        stem = stem_of(fill.ref)
        if stem and fill.ref == f"{stem}-E":
            place.entered(stem, fill)

    def _place(self, account: str, contract: ContractSpec) -> Place:
        key = (account, contract.con_id)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place(account, contract)
        elif contract.exchange and not place.contract.exchange:
            place.contract = contract
        return place


def _follow(path: list[float], quantity: float) -> None:
    """In place: a storm tells of thousands, and 64 are slow to copy."""
    path.append(quantity)
    del path[:-MAX_PATH]
