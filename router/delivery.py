"""What is known of one delivery of a signal: facts only, so that their order of arrival cannot matter.

IB repeats, reorders and corrects (status before execution, commission before execution, `.01` then `.02`); each
fact is kept once under its own name, and everything else is computed from the whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from router.messages import Leg, OrderRequest, Signal, Ticket

EPSILON = 1e-6  # shares or contracts; below it two quantities are the same
ENDED = frozenset({"Filled", "Cancelled", "ApiCancelled", "Inactive"})

Reason = Literal["STOP", "TARGET", "MANUAL"]


class Execution(msgspec.Struct, frozen=True, array_like=True):
    """One execution of one leg. `number` grows with arrival, `told` says that a SCALE_OUT spoke of it."""

    exec_id: str
    leg: str  # E, T1, S1, X...
    quantity: float
    price: float
    at: datetime
    order_id: int
    learned_ms: int
    number: int
    supersedes: str = ""
    told: bool = False


class Commission(msgspec.Struct, frozen=True, array_like=True):
    """One commission report; `realized` is IB's, net of commission, None where the execution opened."""

    amount: float
    realized: float | None


class Context(msgspec.Struct, frozen=True, array_like=True):
    """What the delivery was meant to be. `request` is None while the signal has not become an order."""

    signal: Signal | None = None
    request: OrderRequest | None = None
    legs: tuple[Leg, ...] = ()
    placed_ms: int = 0


class EntryOrder(msgspec.Struct, frozen=True, array_like=True):
    """The entry leg as IB last told of it; `filled` is the highest it ever said."""

    status: str = ""
    filled: float = 0.0
    ended_ms: int = 0  # 0 while it works
    doubtful: bool = False  # ended, but its executions or the reason may still follow


class ToldEntry(msgspec.Struct, frozen=True, array_like=True):
    """The numbers of the ENTRY or its last ADJUSTMENT, as whole units so that they compare exactly."""

    quantity_e6: int
    price_e4: int


class ToldExit(msgspec.Struct, frozen=True, array_like=True):
    """The numbers of the EXIT or its last ADJUSTMENT, as whole units, and where its closed record lies."""

    realized_cents: int
    commission_e4: int
    quantity_e6: int
    day: str
    record_id: str


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """What happened so far and what the platform was told of it."""

    tickets: tuple[Ticket, ...] = ()
    entry: EntryOrder = EntryOrder()
    rejection: str = ""  # IB's text
    timed_out: bool = False
    parked: str = ""  # the reason
    superseded: tuple[str, ...] = ()
    pending_told: bool = False
    acked: str = ""  # the status
    entry_told: ToldEntry | None = None
    exit_told: ToldExit | None = None
    events: int = 0  # lifecycle events told: numbers their dedupe tokens
    changed_ms: int = 0


class Delivery(msgspec.Struct, frozen=True):
    """One delivery of one signal."""

    name: str
    context: Context = Context()
    progress: Progress = Progress()
    executions: dict[str, Execution] = {}
    commissions: dict[str, Commission] = {}

    @property
    def request(self) -> OrderRequest:
        """What was ordered. Raises ValueError where the signal never became an order."""
        if self.context.request is None:
            raise ValueError(f"{self.name} has no order to speak of")
        return self.context.request

    @property
    def position_id(self) -> str:
        """The platform's id of the position it makes."""
        return f"{self.request.account}:{self.request.contract.con_id}"

    # ------------------------------------------------------------ entry

    @property
    def entries(self) -> list[Execution]:
        """Executions of the entry, in order of arrival."""
        return [x for x in self.executions.values() if x.leg == "E"]

    @property
    def closings(self) -> list[Execution]:
        """Executions of targets, stops and exits, in order of arrival."""
        return [x for x in self.executions.values() if x.leg != "E"]

    @property
    def last_closings(self) -> list[Execution]:
        """What the EXIT speaks of: the closing executions that no SCALE_OUT has told, all of them if each was."""
        return [x for x in self.closings if not x.told] or self.closings

    @property
    def entered(self) -> float:
        """Quantity entered."""
        return total(self.entries)

    @property
    def closed(self) -> float:
        """Quantity closed."""
        return total(self.closings)

    @property
    def entry_price(self) -> float:
        """Average fill price of the entry; 0 without one."""
        return average(self.entries)

    @property
    def sign(self) -> int:
        """+1 for what was bought to open, -1 for what was sold."""
        request = self.context.request
        return -1 if request is not None and request.action == "SELL" else 1

    @property
    def net(self) -> float:
        """Signed quantity held because of this delivery."""
        held = self.entered - self.closed
        return self.sign * held if abs(held) > EPSILON else 0.0

    @property
    def multiplier(self) -> int:
        """Units of the underlying per contract."""
        return self.context.request.contract.multiplier if self.context.request else 1

    @property
    def notional(self) -> float:
        """USD of what was entered, at its fill price."""
        return self.entered * self.entry_price * self.multiplier

    @property
    def entry_complete(self) -> bool:
        """Everything the entry will ever fill is here: it is full, or ended and its executions have come."""
        request, order = self.context.request, self.progress.entry
        if request is None:
            return False
        entered = self.entered
        if entered >= request.quantity - EPSILON:
            return True
        if order.status == "Filled" and entered <= EPSILON:
            return False  # IB names no quantity for some completed orders
        return order.ended_ms > 0 and entered >= order.filled - EPSILON

    @property
    def flat(self) -> bool:
        """Entered, and all of it closed again."""
        return self.entry_complete and self.entered > EPSILON and self.closed >= self.entered - EPSILON

    # ------------------------------------------------------------ money

    def commission(self, execution: Execution) -> Commission | None:
        """The report of an execution, or of the one it corrects as long as its own has not come."""
        return self.commissions.get(execution.exec_id) or self.commissions.get(execution.supersedes)

    def uncharged(self, executions: Iterable[Execution]) -> list[Execution]:
        """Those whose commission report has not come."""
        return [x for x in executions if self.commission(x) is None]

    def charged(self, executions: Iterable[Execution]) -> float:
        """Commission of these executions as far as it is known, USD."""
        return sum(abs(report.amount) for x in executions if (report := self.commission(x)))

    def realized(self, executions: Iterable[Execution]) -> float:
        """Realized PnL of closing executions in USD: IB's where it said it, else from prices (contract 7)."""
        return sum(self._realized(x) for x in executions)

    def _realized(self, execution: Execution) -> float:
        report = self.commission(execution)
        if report is not None and report.realized is not None and execution.exec_id in self.commissions:
            return report.realized
        gross = (execution.price - self.entry_price) * execution.quantity * self.multiplier * self.sign
        return gross - (abs(report.amount) if report else 0.0)


def total(executions: Iterable[Execution]) -> float:
    """Sum of quantities."""
    return sum(x.quantity for x in executions)


def average(executions: Iterable[Execution]) -> float:
    """Quantity-weighted price; 0 of nothing."""
    pairs = [(x.quantity, x.price) for x in executions]
    quantity = sum(q for q, _ in pairs)
    return sum(q * price for q, price in pairs) / quantity if quantity > EPSILON else 0.0


def closing_reason(executions: Iterable[Execution]) -> Reason:
    """What closed a position: the leg of the last execution by IB's time."""
    last = max(executions, key=lambda x: (x.at, x.exec_id))
    match last.leg[0]:
        case "S":
            return "STOP"
        case "T":
            return "TARGET"
        case _:
            return "MANUAL"
