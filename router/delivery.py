"""What is known of one delivery of a signal: facts only, so that their order of arrival cannot matter.

IB repeats, reorders and corrects (status before execution, commission before execution, `.01` then `.02`); each
fact is kept once under its own name, and everything else is computed from the whole.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from router.execution import Commission, Execution
from router.messages import Leg, OrderRequest, Signal, Ticket
from router.quantity import EPSILON
from router.tally import Side, Tally, count


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
    passed: int = 0  # executions, in order of arrival, that scale-outs were looked for in
    passed_quantity: float = 0.0  # of the closing ones among them

    @property
    def in_doubt(self) -> bool:
        """Whether the entry's end is doubtful and nothing was told from it yet."""
        return self.entry.doubtful and (self.pending_told or not self.acked)


class Delivery(msgspec.Struct, frozen=True):
    """One delivery of one signal."""

    name: str
    context: Context = Context()
    progress: Progress = Progress()
    executions: dict[str, Execution] = {}
    commissions: dict[str, Commission] = {}
    tally: Tally = Tally()

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
    def entered(self) -> float:
        """Quantity entered."""
        return self.tally.entry.quantity

    @property
    def closed(self) -> float:
        """Quantity closed."""
        return self.tally.closing.quantity

    @property
    def entry_price(self) -> float:
        """Average fill price of the entry; 0 without one."""
        return self.tally.entry.price

    @property
    def last_entry(self) -> Execution:
        """The entry's last execution by IB's time. Raises ValueError without one."""
        return _existing(self.tally.entry.last, self.name)

    @property
    def last_closing(self) -> Execution:
        """The last closing execution by IB's time. Raises ValueError without one."""
        return _existing(self.tally.closing.last, self.name)

    @property
    def exit(self) -> Side:
        """What the EXIT speaks of: the closing executions that no SCALE_OUT has told, all of them if each was."""
        closings = [x for x in self.executions.values() if x.leg != "E"]
        untold = [x for x in closings if not x.told]
        return count(untold or closings, self.commissions).closing

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
    def held(self) -> float:
        """Quantity that it has entered and nothing has closed yet."""
        held = self.entered - self.closed
        return held if held > EPSILON else 0.0

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

    # ------------------------------------------------------------ money, USD

    @property
    def commission(self) -> float:
        """All commission as far as it is known."""
        return self.tally.entry.commission + self.tally.closing.commission

    @property
    def realized(self) -> float:
        """Realized PnL: IB's where it said it, else from prices less the exit's commission (contract 7)."""
        closing = self.tally.closing
        gross = closing.free_value - self.entry_price * closing.free_quantity
        return closing.realized + gross * self.multiplier * self.sign - closing.free_commission

    def realized_by(self, execution: Execution) -> float:
        """The same of one closing execution."""
        alone = count([execution], self.commissions).closing
        gross = alone.free_value - self.entry_price * alone.free_quantity
        return alone.realized + gross * self.multiplier * self.sign - alone.free_commission


def recounted(delivery: Delivery) -> Delivery:
    """The delivery with its tally made from the start."""
    return replace(delivery, tally=count(delivery.executions.values(), delivery.commissions))


def _existing(execution: Execution | None, name: str) -> Execution:
    if execution is None:
        raise ValueError(f"{name} has no such execution")
    return execution
