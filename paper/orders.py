"""Orders as the client stated them and as they stand, and the events that tell of them. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from paper.contracts import ContractQuery, Instrument

OrderKey = tuple[int, int]  # (client id, order id)


class Status(StrEnum):
    """Order states, in TWS's words."""

    PENDING_CANCEL = "PendingCancel"
    PRE_SUBMITTED = "PreSubmitted"
    SUBMITTED = "Submitted"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    INACTIVE = "Inactive"


DONE = frozenset({Status.FILLED, Status.CANCELLED, Status.INACTIVE})
STOPS = frozenset({"STP", "STP LMT", "TRAIL", "TRAIL LIMIT"})
LIMITS = frozenset({"LMT", "STP LMT", "TRAIL LIMIT", "LOC"})


class Trail(StrEnum):
    """What a trailing amount is counted in."""

    AMOUNT = "amount"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a stop turns into once the market goes through `trigger`. Prices in USD; None is unset."""

    order_type: str
    trigger: Decimal
    stop: Decimal | None
    limit: Decimal | None
    trailing: Decimal | None
    unit: Trail


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as it came: its type (1 price, 3 time, 4 margin, 5 execution, 6 volume, 7 percent), "a"nd or "o"r.

    `fields` are the rest in the order of the wire: whether the value must be above or below, the value, and so on.
    """

    kind: int
    conjunction: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What the client asked for. Prices in USD per share, quantity in shares or contracts; None is unset.

    `raw` holds every field as it came, by IB's name, for those that are only given back. `aux` is a stop's price
    or a trail's amount, `trail_percent` a trail in percent instead, `trail_stop` where a trail starts,
    `limit_offset` how far a trailing limit stays behind its stop.
    """

    contract: ContractQuery
    action: str
    quantity: Decimal
    order_type: str
    limit: Decimal | None
    aux: Decimal | None
    tif: str
    oca_group: str
    oca_type: int
    account: str
    order_ref: str
    transmit: bool
    parent_id: int
    what_if: bool
    algo_params: tuple[tuple[str, str], ...] = ()
    raw: Mapping[str, str] = field(default_factory=dict)
    trail_stop: Decimal | None = None
    trail_percent: Decimal | None = None
    limit_offset: Decimal | None = None
    outside_rth: bool = False
    trigger_method: int = 0
    good_till: str = ""
    good_after: str = ""
    adjustment: Adjustment | None = None
    conditions: tuple[Condition, ...] = ()
    conditions_cancel: bool = False

    @property
    def buys(self) -> bool:
        """Whether the order adds to the position."""
        return self.action == "BUY"

    @property
    def has_stop(self) -> bool:
        """Whether the order waits for a trigger price."""
        return self.order_type in STOPS

    @property
    def trails(self) -> bool:
        """Whether the trigger price follows the market."""
        return self.order_type in ("TRAIL", "TRAIL LIMIT")

    @property
    def at_close(self) -> bool:
        """Whether the order trades at the close of the session only."""
        return self.order_type in ("MOC", "LOC")

    @property
    def at_open(self) -> bool:
        """Whether the order trades at the opening of a session only."""
        return self.tif == "OPG"

    @property
    def at_auction(self) -> bool:
        """Whether the order does not trade in the course of a session."""
        return self.at_open or self.at_close

    @property
    def at_once(self) -> bool:
        """Whether what does not trade at once is cancelled."""
        return self.tif in ("IOC", "FOK")

    @property
    def has_limit(self) -> bool:
        """Whether the order has a worst price."""
        return self.order_type in LIMITS


@dataclass(frozen=True, slots=True)
class Order:
    """An accepted order as it stands. A change makes a new value, so an event can keep the one it tells of.

    `stop` and `limit` are the prices in force, USD: a trail moves them, an adjustment replaces them. It does nothing
    before `starts`, and a cancel under way ends it at `ends`; so does the date it is good till.
    """

    client_id: int
    order_id: int
    perm_id: int
    instrument: Instrument
    terms: OrderTerms
    quantity: Decimal
    status: Status = Status.PRE_SUBMITTED
    why_held: str = ""
    filled: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)
    last_price: Decimal = Decimal(0)
    triggered: bool = False
    revision: int = 0
    commission: Decimal | None = None
    completed_at: datetime | None = None
    completed_status: str = ""
    stop: Decimal | None = None
    limit: Decimal | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    good_till: datetime | None = None
    made_market: bool = False  # a modification turned it into a market order
    parent_perm_id: int = 0

    @property
    def key(self) -> OrderKey:
        """Where the book keeps it."""
        return (self.client_id, self.order_id)

    @property
    def parent_key(self) -> OrderKey | None:
        """The parent's place in the book, if it has one."""
        return (self.client_id, self.terms.parent_id) if self.terms.parent_id else None

    @property
    def remaining(self) -> Decimal:
        """Shares or contracts still to be filled."""
        return self.quantity - self.filled

    @property
    def is_live(self) -> bool:
        """Whether anything can still happen to it."""
        return self.status not in DONE


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill. `price` in USD per share, `shares` in shares or contracts."""

    exec_id: str
    order: Order
    shares: Decimal
    price: Decimal
    time: datetime
    exchange: str
    commission: Decimal
    realized: Decimal | None  # USD; None when the fill only opened


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order was taken; no client is told by this, the ledger is."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderOpened:
    """openOrder: the order's terms and state."""

    order: Order


@dataclass(frozen=True, slots=True)
class StatusReported:
    """orderStatus."""

    order: Order


@dataclass(frozen=True, slots=True)
class Executed:
    """execDetails."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Charged:
    """commissionReport."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class Margin:
    """A whatIf's answer, USD: before, change, after of initial margin, maintenance margin, equity with loan."""

    initial: tuple[Decimal, Decimal, Decimal]
    maintenance: tuple[Decimal, Decimal, Decimal]
    equity: tuple[Decimal, Decimal, Decimal]
    commission: Decimal


@dataclass(frozen=True, slots=True)
class WhatIfAnswered:
    """openOrder in answer to a whatIf order."""

    order: Order
    margin: Margin


@dataclass(frozen=True, slots=True)
class Refused:
    """An error message tied to an order id of one client."""

    client_id: int
    order_id: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A fill changed what is held of an instrument."""

    instrument: Instrument


Event = (
    Accepted | OrderOpened | StatusReported | Executed | Charged | WhatIfAnswered | Refused | PositionChanged
)
