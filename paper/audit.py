"""An auditor that watches every event of an exchange and recomputes what must be true of it, by other means.

It keeps the crudest possible books (cash and quantities of every trade, nothing averaged) beside the account's, and
what it was last told of every order. A violation is a sentence; none is ever expected.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from paper.account import Account, commission_on
from paper.contracts import Instrument
from paper.exchange import Exchange
from paper.orders import DONE, Event, Executed, Order, OrderKey, OrderOpened, StatusReported

_ZERO = Decimal(0)
_DUST = Decimal("1E-18")  # USD; a mark times a quantity is exact, sums of averages are cut to 1E-8


class AuditedAccount(Account):
    """An account that also writes every trade into crude books."""

    def __init__(self, name: str, starting_cash: Decimal) -> None:
        super().__init__(name, starting_cash)
        self.crude_cash = starting_cash
        self.crude_held: dict[int, Decimal] = defaultdict(Decimal)
        self.instruments: dict[int, Instrument] = {}

    def apply(
        self, instrument: Instrument, quantity: Decimal, price: Decimal, commission: Decimal
    ) -> Decimal | None:
        """Book a fill in both books."""
        self.crude_cash -= quantity * price * instrument.multiplier + commission
        self.crude_held[instrument.con_id] += quantity
        self.instruments[instrument.con_id] = instrument
        return super().apply(instrument, quantity, price, commission)


@dataclass
class Auditor:
    """Watches one exchange. `caps` are groups of orders that together may trade at most so many shares."""

    exchange: Exchange
    account: AuditedAccount
    events: int = 0
    checks: int = 0
    violations: list[str] = field(default_factory=list)
    touched: set[OrderKey] = field(default_factory=set)
    told: dict[OrderKey, Order] = field(default_factory=dict)
    traded: dict[OrderKey, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    paid: dict[OrderKey, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    exec_ids: set[str] = field(default_factory=set)
    perm_ids: dict[int, OrderKey] = field(default_factory=dict)
    caps: dict[OrderKey, tuple[str, Decimal]] = field(default_factory=dict)
    capped: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def watch(self, event: Event) -> None:
        """Look at one event and at everything at that moment."""
        self.events += 1
        match event:
            case Executed(execution):
                self._executed(execution.exec_id, execution.order, execution.shares, execution.price)
            case StatusReported(order) | OrderOpened(order):
                self._order_told(order)
        self._money()

    def order_books(self) -> None:
        """Look at the book's index and at every order told of since the last time; to be called between actions."""
        book = self.exchange.book
        touched, self.touched = self.touched, set()
        for key in touched:
            order = book.orders.get(key)
            if order is not None:  # not yet forgotten with its day
                self._check(
                    order.is_live == (key in book.live), f"{key} is {order.status}, the index differs"
                )
                self._check(
                    order.filled == self.traded[key],
                    f"{key} is filled {order.filled}, executions {self.traded[key]}",
                )

    def _executed(self, exec_id: str, order: Order, shares: Decimal, price: Decimal) -> None:
        key = order.key
        self._check(exec_id not in self.exec_ids, f"execution id {exec_id} twice")
        self.exec_ids.add(exec_id)
        self._check(shares > 0, f"{key} traded {shares}")
        self.traded[key] += shares
        self.paid[key] += shares * price
        self._check(
            order.filled == self.traded[key], f"{key} says filled {order.filled}, not {self.traded[key]}"
        )
        self._check(order.filled <= order.quantity, f"{key} traded more than its quantity {order.quantity}")
        gap = abs(order.average_price * order.filled - self.paid[key])
        self._check(gap < _DUST, f"{key} average price is off by {gap}")
        if key in self.caps:
            group, most = self.caps[key]
            self.capped[group] += shares
            self._check(self.capped[group] <= most, f"group {group} traded {self.capped[group]} of {most}")

    def _order_told(self, order: Order) -> None:
        key = order.key
        if order.perm_id:
            owner = self.perm_ids.setdefault(order.perm_id, key)
            self._check(owner == key, f"permId {order.perm_id} belongs to {owner} and {key}")
        before = self.told.get(key)
        if before is not None:
            self._check(order.filled >= before.filled, f"{key} filled went back to {order.filled}")
            over = before.status in DONE and order.status is not before.status
            self._check(not over, f"{key} went from {before.status} to {order.status}")
        full = order.filled == order.quantity
        self._check((order.status == "Filled") == full, f"{key} is {order.status} with {order.filled} filled")
        booked = self.exchange.book.orders.get(key, order)
        if booked.filled:
            due = commission_on(order.instrument, booked.filled, booked.average_price)
            self._check(booked.commission == due, f"{key} was charged {booked.commission}, not {due}")
        self.told[key] = order
        self.touched.add(key)

    def _money(self) -> None:
        """Cash, positions, PnL and net liquidation, from the crude books and from the account."""
        account, market = self.account, self.exchange.market
        balance = account.balance(market.mark, market.underlying_mark)
        worth, daily = account.crude_cash, _ZERO
        for con_id, held in account.positions.items():
            crude, mark = account.crude_held[con_id], market.mark(held.instrument)
            worth += crude * mark * held.instrument.multiplier
            daily += held.daily(mark)
            self.checks += 2
            if held.quantity != crude:
                self._fail(f"position {con_id} is {held.quantity}, not {crude}")
            if not crude and held.basis:
                self._fail(f"position {con_id} is flat and cost {held.basis}")
        total = balance.net_liquidation
        gained = account.realized_before + balance.realized + balance.unrealized
        self.checks += 4
        if account.cash != account.crude_cash:
            self._fail(f"cash {account.cash}, not {account.crude_cash}")
        if total != worth:
            self._fail(f"net liquidation {total}, not {worth}")
        if total != account.starting_cash + gained:
            self._fail(f"PnL {gained} does not explain {total}")
        if daily != balance.daily:
            self._fail(f"daily PnL {balance.daily}, its positions' {daily}")

    def _check(self, holds: bool, sentence: str) -> None:
        self.checks += 1
        if not holds:
            self._fail(sentence)

    def _fail(self, sentence: str) -> None:
        self.violations.append(f"event {self.events}: {sentence}")
