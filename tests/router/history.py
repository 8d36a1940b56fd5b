"""Histories of one bracket, message by message, and a platform that takes in what it is told of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from conf.ib_errors import Policy
from router.book import Book
from router.bracket import legs
from router.effects import (
    Acknowledge,
    DeadLetter,
    Distribute,
    Effect,
    Gauge,
    OrderDone,
    OrderPending,
    PositionClosed,
    PositionCount,
    PositionGone,
    PositionOpen,
    Settle,
    Warn,
)
from router.messages import (
    AccountSnapshot,
    BrokerError,
    CommissionReport,
    ExecutionFill,
    Leg,
    Message,
    OrderIntent,
    OrderLifecycleEvent,
    OrderRequest,
    PositionSnapshot,
    SignalReceived,
    Target,
    Ticket,
)
from tests.router.factory import OPTION, TICKET, TS_MS, order_event, payload, request, signal

ACCOUNT = "DU1000001"
POSITION_ID = f"{ACCOUNT}:{OPTION.con_id}"
WAIT_MS = 2_000
NOON = datetime(2025, 9, 19, 16, 0, tzinfo=UTC)  # 12:00 US/Eastern
FIRST_ID = 101


class Story:
    """Makes the messages of one delivery. Times are seconds after NOON."""

    def __init__(self, **changes: Any) -> None:
        plain: dict[str, Any] = {
            "signal": signal(raw=payload().decode()),
            "targets": (Target(3.25, 3), Target(4.00, 4)),
        }
        self.request: OrderRequest = request(**(plain | changes))
        self.legs: tuple[Leg, ...] = tuple(
            _with_id(leg, FIRST_ID + number)
            for number, leg in enumerate(legs(self.request, outside_rth=True))
        )

    @property
    def name(self) -> str:
        """The delivery."""
        return self.request.delivery

    def ref(self, leg: str) -> str:
        """The orderRef of a leg."""
        return f"{self.name}-{leg}"

    def received(self, ticket: Ticket = TICKET) -> SignalReceived:
        """Sizing took the signal."""
        return SignalReceived(self.name, self.request.signal, ticket)

    def intent(self) -> OrderIntent:
        """The gateway is about to send the bracket."""
        return OrderIntent(self.name, self.request, self.legs)

    def status(self, leg: str, status: str, filled: float = 0.0, **changes: Any) -> OrderLifecycleEvent:
        """An orderStatus of a leg."""
        return order_event(
            self.ref(leg),
            origin="status",
            order_id=self._id(leg),
            status=status,
            filled=filled,
            remaining=max(0.0, self.request.quantity - filled),
            **changes,
        )

    def fill(
        self, leg: str, quantity: float, price: float, *, exec_id: str, at_s: float = 0.0, **changes: Any
    ) -> ExecutionFill:
        """An execution of a leg."""
        plain: dict[str, Any] = {
            "exec_id": exec_id,
            "ref": self.ref(leg),
            "perm_id": 900_001,
            "order_id": self._id(leg),
            "client_id": 1,
            "account": ACCOUNT,
            "contract": self.request.contract,
            "action": self.request.action if leg == "E" else _opposite(self.request.action),
            "quantity": quantity,
            "price": price,
            "cum_quantity": quantity,
            "avg_price": price,
            "exchange": "CBOE",
            "executed_at": NOON + timedelta(seconds=at_s),
            "replayed": False,
            "received_ns": 1,
        }
        return ExecutionFill(**(plain | changes))

    def commission(
        self, exec_id: str, amount: float, realized: float | None = None, *, ref: str = ""
    ) -> CommissionReport:
        """The commission report of an execution."""
        return CommissionReport(exec_id, ref, amount, "USD", realized, replayed=False, received_ns=1)

    def position(self, quantity: float, *, replayed: bool = False) -> PositionSnapshot:
        """IB's word on the position."""
        return PositionSnapshot(
            ACCOUNT, self.request.contract, quantity, 250.65, replayed=replayed, received_ns=1
        )

    def error(
        self,
        code: int,
        text: str,
        *,
        ref: str | None = None,
        order_id: int = FIRST_ID,
        policy: Policy | None = None,
    ) -> BrokerError:
        """An error of IB about the entry; `policy` where it is not the code's own."""
        about = self.ref("E") if ref is None else ref
        policy = policy or ("terminal" if code in (201, 202) else "query")
        return BrokerError(order_id, code, text, about, received_ns=1, policy=policy)

    def _id(self, leg: str) -> int:
        return next((one.order_id for one in self.legs if one.ref == self.ref(leg)), 999)


def won(story: Story) -> list[Message]:
    """Bought 7 in two executions at 2.50, sold 3 at target 1 and 4 at target 2: PnL 3*75 + 4*150 less charges."""
    return [
        story.received(),
        story.intent(),
        story.status("E", "Submitted"),
        story.fill("E", 3, 2.50, exec_id="e.01", at_s=1),
        story.commission("e.01", 1.95),
        story.fill("E", 4, 2.50, exec_id="f.01", at_s=2),
        story.commission("f.01", 2.60),
        story.status("E", "Filled", 7),
        story.position(7),
        story.fill("T1", 3, 3.25, exec_id="g.01", at_s=600),
        story.commission("g.01", 1.95, 221.10),
        story.position(4),
        story.fill("T2", 4, 4.00, exec_id="h.01", at_s=1202),
        story.commission("h.01", 2.60, 594.80),
        story.position(0),
    ]


def account(name: str = ACCOUNT, **changes: Any) -> AccountSnapshot:
    """Account values of IB."""
    plain = AccountSnapshot(
        account=name,
        currency="USD",
        net_liquidation=100_000.0,
        buying_power=400_000.0,
        available_funds=None,
        total_cash=None,
        gross_position_value=None,
        init_margin=None,
        maint_margin=None,
        replayed=False,
        received_ns=1,
    )
    return replace(plain, **changes)


@dataclass
class Platform:
    """What a reader of the platform's keys would have seen."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    acks: list[Acknowledge] = field(default_factory=list)
    settled: list[Ticket] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    pending: dict[int, dict[str, Any]] = field(default_factory=dict)
    open: dict[str, dict[str, Any]] = field(default_factory=dict)
    count: int = 0
    closed: dict[str, dict[str, Any]] = field(default_factory=dict)
    gauges: dict[str, str] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    gap: bool = False  # neither an order nor a position was to be seen between the intent and the exit

    def take(self, effects: Iterable[Effect]) -> None:
        """Take effects in, one by one, as a reader could see them."""
        for effect in effects:
            match effect:
                case Distribute():
                    self.told.append((effect.kind, json.loads(json.dumps(effect.document))))
                case Acknowledge():
                    self.acks.append(effect)
                    self.settled.extend(effect.tickets)
                case Settle():
                    self.settled.extend(effect.tickets)
                case DeadLetter():
                    self.letters.append(dict(effect.document))
                case _:
                    self._take_state(effect)

    def _take_state(self, effect: Effect) -> None:
        match effect:
            case OrderPending():
                self.pending[effect.order_id] = dict(effect.document)
            case OrderDone():
                del self.pending[effect.order_id]
                self.gap |= not self.open
            case PositionOpen():
                self.open[effect.position_id] = dict(effect.document)
            case PositionGone():
                del self.open[effect.position_id]
            case PositionCount():
                self.count = effect.held
            case PositionClosed():
                self.closed[f"{effect.day}:{effect.record_id}"] = dict(effect.document)
            case Gauge():
                self.gauges[effect.name] = effect.text
            case Warn():
                self.warnings.append(dict(effect.document))
            case _:
                raise TypeError(effect)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The documents of one kind, in order."""
        return [document for told, document in self.told if told == kind]

    def kinds(self) -> Counter[str]:
        """How many events of each kind."""
        return Counter(kind for kind, _ in self.told)


class Desk:
    """A book and the platform it tells, with a clock that moves by hand."""

    def __init__(self, account: str = "") -> None:
        self.book = Book(account=account, wait_ms=WAIT_MS)
        self.platform = Platform()
        self.now_ms = TS_MS

    def hear(self, *messages: Message, after_ms: int = 1) -> Desk:
        """The book hears messages, `after_ms` apart."""
        for message in messages:
            self.now_ms += after_ms
            self.platform.take(self.book.apply(message, at_ms=self.now_ms).effects)
        return self

    def wait(self, ms: int = WAIT_MS) -> Desk:
        """Time passes without news."""
        self.now_ms += ms
        self.platform.take(self.book.expire(self.now_ms).effects)
        return self


def _with_id(leg: Leg, order_id: int) -> Leg:
    return replace(leg, order_id=order_id)


def _opposite(action: str) -> str:
    return "SELL" if action == "BUY" else "BUY"
