"""Every message that crosses a process boundary, one frozen Struct each.

On the bus a message is a tagged msgpack array (`ipc.codec`); for people and Redis it is a JSON document
with the same field names. Arrays grow at the end only: a new field takes a default and goes last.

Conventions: prices in the contract's currency per share or per unit of premium, notional and PnL in the
account's currency, quantities in shares or contracts, `*_ns` monotonic nanoseconds of this host, `*_ms`
epoch milliseconds, `*_at` aware UTC. A number that IB left unset is `None`; NaN, inf and 1.797e308 never occur.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

from conf.ib_errors import Policy

Action = Literal["BUY", "SELL"]
Side = Literal["LONG", "SHORT"]
SecType = Literal["STK", "OPT"]
EntryType = Literal["MKT", "LMT"]
Role = Literal["entry", "target", "stop", "exit"]


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Base of everything that travels; `version` counts changes of the JSON document's meaning."""

    version: ClassVar[int] = 1


# ---------------------------------------------------------------- parts of messages


class ContractSpec(msgspec.Struct, frozen=True, array_like=True):
    """A contract in plain values. Stock: `expiry` and `right` are empty, `strike` 0, `multiplier` 1."""

    sec_type: str
    symbol: str
    exchange: str = "SMART"
    currency: str = "USD"
    expiry: str = ""  # YYYYMMDD
    strike: float = 0.0
    right: str = ""  # C or P
    multiplier: int = 1
    con_id: int = 0  # 0 until qualified against IB
    local_symbol: str = ""
    trading_class: str = ""


class PriceBand(msgspec.Struct, frozen=True, array_like=True):
    """Part of a market rule of IB: from `low_edge` on, prices are multiples of `increment`."""

    low_edge: float
    increment: float


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """Where a signal lies in Redis until its end was told: what `dispatch` settles together with the ack."""

    source: Literal["list", "stream"]
    key: str  # processing list, or stream
    entry: str  # payload digest in the processing hash, or stream entry id


class Signal(msgspec.Struct, frozen=True, array_like=True):
    """A validated platform signal (platform contract 1.1)."""

    id: str
    contract_fp: str
    ts_ms: int
    symbol: str
    strategy: str  # raw, as the platform wrote it: the fingerprint depends on its case
    side: Side
    confidence: int  # 0..100
    contract: ContractSpec
    dry_run: bool = False
    entry_hint: float | None = None
    targets: tuple[float, ...] = ()
    raw: str = ""  # the JSON as received: ENTRY repeats it verbatim


class SizingStats(msgspec.Struct, frozen=True, array_like=True):
    """What sizing reports with an entry (platform contract 2.1)."""

    win_rate: float
    payoff_ratio: float
    kelly_fraction: float
    sample_size: int
    suggested_notional: float  # USD


class Target(msgspec.Struct, frozen=True, array_like=True):
    """One profit target: limit price and the quantity it closes."""

    price: float
    quantity: int


class Adjustment(msgspec.Struct, frozen=True, array_like=True):
    """What a stop turns into once `trigger_price` is passed, by itself and at IB: an adjustable stop.

    `stop_price` is where it then stands. A trail follows `trail_percent` (percents) behind the best price.
    """

    trigger_price: float
    order_type: str  # STP or TRAIL
    stop_price: float
    trail_percent: float | None = None


class Leg(msgspec.Struct, frozen=True, array_like=True):
    """One order. `ref` is its orderRef; `order_id` is 0 until the gateway has assigned it."""

    ref: str
    role: Role
    action: Action
    order_type: str  # IB's spelling: MKT, LMT, STP, TRAIL
    quantity: int
    limit_price: float | None = None
    stop_price: float | None = None
    tif: str = "GTC"
    outside_rth: bool = True
    oca_group: str = ""
    oca_type: int = 0
    order_id: int = 0
    trail_percent: float | None = None  # of a TRAIL: percents behind the best price
    trail_stop: float | None = None  # of a TRAIL: where its stop starts
    adjustment: Adjustment | None = None
    parent_id: int = 0  # order id of the order that has to fill first
    algo: str = ""  # IB algo, empty for none
    algo_params: tuple[tuple[str, str], ...] = ()


class OrderRequest(Message, frozen=True):
    """A sized signal: what to buy or sell, at what price, protected how. `delivery` names it for ever."""

    delivery: str  # {signal_id}-{ts36}, the stem of every orderRef
    signal: Signal
    ticket: Ticket
    account: str
    contract: ContractSpec  # qualified: con_id is set
    action: Action
    quantity: int
    entry_type: EntryType
    limit_price: float | None
    reference_price: float
    stop_price: float
    targets: tuple[Target, ...]
    notional: float  # USD, quantity x reference price x multiplier
    sizing: SizingStats
    min_tick: float
    expires_ms: int  # epoch ms after which an unsent order is stale
    bands: tuple[PriceBand, ...] = ()  # market rule, lowest first; empty: min_tick at every price


# ---------------------------------------------------------------- decision: sizing and submission


class SignalReceived(Message, frozen=True):
    """A signal was taken from Redis and is valid."""

    delivery: str
    signal: Signal
    ticket: Ticket
    redelivered: bool = False


class SignalGated(Message, frozen=True):
    """A signal passed every gate before sizing; `checks` names them in order."""

    delivery: str
    signal_id: str
    symbol: str
    checks: tuple[str, ...]


class SignalSized(Message, frozen=True):
    """A signal became an order request."""

    delivery: str
    request: OrderRequest


class SignalRefused(Message, frozen=True):
    """The end of a signal that never reached the broker.

    `status` and `reason` are the platform's (contract 3); `field` and `value` name what was wrong with a
    malformed one. `signal` is absent when the payload could not be read as a signal.
    """

    delivery: str
    ticket: Ticket
    status: str
    reason: str
    signal: Signal | None = None
    signal_id: str = ""
    symbol: str = ""
    field: str = ""
    value: str = ""
    raw: str = ""
    malformed: bool = False


class OrderSubmitted(Message, frozen=True):
    """The gateway took the bracket: `how` is sent (now) or adopted (the broker had it already)."""

    delivery: str
    signal_id: str
    how: Literal["sent", "adopted"]


class OrderTimedOut(Message, frozen=True):
    """An entry that rested too long was cancelled by submission."""

    delivery: str
    signal_id: str
    after_s: float


# ---------------------------------------------------------------- trade: what IB says of orders


class OrderIntent(Message, frozen=True):
    """Journalled before a bracket is written to the socket: the only proof that it may exist at IB."""

    delivery: str
    request: OrderRequest
    legs: tuple[Leg, ...]


class OrderSent(Message, frozen=True):
    """The bracket's last byte was handed to the socket."""

    delivery: str
    order_ids: tuple[int, ...]


class OrderParked(Message, frozen=True):
    """In doubt and not resolvable by evidence: an operator decides. Its own exposure stays blocked."""

    delivery: str
    request: OrderRequest
    reason: str


class OrderLifecycleEvent(Message, frozen=True):
    """One openOrder, orderStatus or completedOrder of IB, joined to its orderRef.

    `origin` says which of the three it was. An orderStatus carries no terms, so those it lacks are repeated
    from the last openOrder of the same order, or left at their defaults if there was none.
    """

    origin: Literal["open", "status", "completed"]
    ref: str
    perm_id: int
    order_id: int
    client_id: int
    account: str
    contract: ContractSpec | None
    action: str
    order_type: str
    quantity: float
    limit_price: float | None
    stop_price: float | None
    tif: str
    parent_id: int
    oca_group: str
    status: str
    filled: float
    remaining: float
    avg_fill_price: float | None
    why_held: str
    replayed: bool
    received_ns: int
    reason: str = ""
    oca_type: int = 0
    outside_rth: bool = False
    trail_percent: float | None = None  # percents; None unless it trails
    trail_stop: float | None = None
    adjustment: Adjustment | None = None  # still to come; None once IB has made it


class OrderChange(Message, frozen=True):
    """Journalled before orders beside a bracket are written: protection, exits, modifications, resolved doubts.

    `legs` are the orders as they will be, ids included. `parked` says what an operator decided about `name`.
    """

    what: Literal["place", "modify", "parked"]
    name: str  # delivery or stem of the orderRefs
    account: str
    contract: ContractSpec
    legs: tuple[Leg, ...]
    reason: str


class ExecutionFill(Message, frozen=True):
    """One execDetails. `supersedes` names the execution this one corrects."""

    exec_id: str
    ref: str
    perm_id: int
    order_id: int
    client_id: int
    account: str
    contract: ContractSpec
    action: Action
    quantity: float
    price: float
    cum_quantity: float
    avg_price: float
    exchange: str
    executed_at: datetime
    replayed: bool
    received_ns: int
    supersedes: str = ""


class CommissionReport(Message, frozen=True):
    """One commissionReport; `realized_pnl` is None when the execution opened a position."""

    exec_id: str
    ref: str
    commission: float
    currency: str
    realized_pnl: float | None
    replayed: bool
    received_ns: int


class BrokerError(Message, frozen=True):
    """One error message of IB: `request_id` is the order or request it is about, -1 for none.

    `policy` says what it means for the order under `ref` (conf/ib_errors.toml): only `terminal` ends it.
    """

    request_id: int
    code: int
    text: str
    ref: str
    received_ns: int
    policy: Policy = "query"


# ---------------------------------------------------------------- portfolio, quote, link


class PositionSnapshot(Message, frozen=True):
    """One position of IB. `avg_cost` is IB's: per share, for an option per contract (x multiplier)."""

    account: str
    contract: ContractSpec
    quantity: float
    avg_cost: float
    replayed: bool
    received_ns: int


class PnLSnapshot(Message, frozen=True):
    """PnL of the account (`con_id` 0) or of one position, in the account's currency."""

    account: str
    con_id: int
    daily: float | None
    unrealized: float | None
    realized: float | None
    value: float | None
    received_ns: int


class AccountSnapshot(Message, frozen=True):
    """The account values that sizing and the platform read, in `currency`."""

    account: str
    currency: str
    net_liquidation: float | None
    buying_power: float | None
    available_funds: float | None
    total_cash: float | None
    gross_position_value: float | None
    init_margin: float | None
    maint_margin: float | None
    replayed: bool
    received_ns: int


class Quote(Message, frozen=True):
    """Last values of one contract's market data."""

    con_id: int
    symbol: str
    bid: float | None
    ask: float | None
    last: float | None
    bid_size: float | None
    ask_size: float | None
    received_ns: int


class LinkPhase(StrEnum):
    """States of the IB connection (design, section 3)."""

    DOWN = "DOWN"
    CONNECTING = "CONNECTING"
    SYNCING = "SYNCING"
    READY = "READY"
    DEGRADED = "DEGRADED"


class LinkState(Message, frozen=True):
    """The IB connection changed state."""

    phase: LinkPhase
    reason: str
    accounts: tuple[str, ...] = ()
    account: str = ""
    server_version: int = 0
    client_id: int = 0


# ---------------------------------------------------------------- egress, heartbeat


class Published(Message, frozen=True):
    """dispatch has made something readable in Redis. `kind` is ACK, ENTRY, SCALE_OUT, EXIT, ..."""

    kind: str
    delivery: str
    signal_id: str
    symbol: str
    status: str
    detail: str = ""


class Heartbeat(Message, frozen=True):
    """A process is alive, and this is how far its work has come (counters, not a timer)."""

    process: str
    pid: int
    state: str  # starting | waiting | ready | draining
    waiting_for: str
    progress: dict[str, int]


# ---------------------------------------------------------------- commands and their replies


class PrepareContract(Message, frozen=True):
    """sizing -> gateway: qualify this contract and stream its quotes."""

    contract: ContractSpec


class ContractReady(Message, frozen=True):
    """The qualified contract, its price increments, and when it trades as IB writes it, in its own time zone."""

    contract: ContractSpec
    min_tick: float
    bands: tuple[PriceBand, ...] = ()  # market rule, lowest first; empty: min_tick at every price
    trading_hours: str = ""
    liquid_hours: str = ""
    time_zone: str = ""


class FindDelivery(Message, frozen=True):
    """sizing -> submission -> gateway: was a bracket with this stem ever intended or seen at the broker?"""

    delivery: str


class PlaceBracket(Message, frozen=True):
    """submission -> gateway: send this bracket unless its stem is known already."""

    request: OrderRequest
    legs: tuple[Leg, ...]


class PlaceReply(Message, frozen=True):
    """What became of a bracket: `unknown` only answers FindDelivery."""

    delivery: str
    outcome: Literal["sent", "adopted", "in_doubt", "unknown"]


class PlaceOrders(Message, frozen=True):
    """Send these orders, which belong to no bracket (protection, exits), unless the gateway knows their refs."""

    name: str  # the stem of their orderRefs
    account: str
    contract: ContractSpec
    legs: tuple[Leg, ...]
    reason: str


class ModifyOrder(Message, frozen=True):
    """Change a live order of ours: what is None stays as IB last told it. Prices as in `Leg`."""

    ref: str
    reason: str
    quantity: int | None = None  # in all, what filled already included
    limit_price: float | None = None
    stop_price: float | None = None
    order_type: str | None = None
    trail_percent: float | None = None
    trail_stop: float | None = None
    adjustment: Adjustment | None = None


class ModifyReply(Message, frozen=True):
    """The modification was written to the socket."""

    ref: str
    order_id: int


class CancelOrders(Message, frozen=True):
    """Cancel the live orders under these orderRefs, permIds, or of these signals."""

    refs: tuple[str, ...]
    perm_ids: tuple[int, ...] = ()
    signals: tuple[str, ...] = ()


class Flatten(Message, frozen=True):
    """Cancel every order of the account and close every position of it at market; empty is the traded account."""

    account: str = ""


class FlattenReply(Message, frozen=True):
    """What was cancelled, and the orderRefs of the closing orders that were written."""

    cancelled: tuple[str, ...]
    closing: tuple[str, ...]


class HoldingsQuery(Message, frozen=True):
    """Anyone -> gateway: what is held and what works at IB now?"""


class HoldingsReply(Message, frozen=True):
    """Positions that are not flat and live orders of every client, and the account that is traded."""

    account: str
    positions: tuple[PositionSnapshot, ...]
    orders: tuple[OrderLifecycleEvent, ...]


class ParkedQuery(Message, frozen=True):
    """Anyone -> gateway: which orders wait for an operator?"""


class ParkedReply(Message, frozen=True):
    """Parked orders, oldest first."""

    parked: tuple[OrderParked, ...]


class ResolveParked(Message, frozen=True):
    """An operator's word on a parked delivery: it is at the broker, send it again, or it never will be."""

    delivery: str
    how: Literal["adopt", "resend", "drop"]


class CancelAll(Message, frozen=True):
    """The kill switch: cancel every live order of the login, whoever placed it, and drop brackets not yet sent."""


class CancelReply(Message, frozen=True):
    """orderRefs for which a cancel was written; those unknown or ended are left out."""

    refs: tuple[str, ...]


class CommandRefused(Message, frozen=True):
    """The receiver did not act. `retry` means the same command may succeed later (link not ready)."""

    code: str
    text: str
    retry: bool = False


class StatusQuery(Message, frozen=True):
    """Anyone -> monitor: how is the stack?"""


class ProcessStatus(msgspec.Struct, frozen=True, array_like=True):
    """One process as the monitor sees it; `age_s` is seconds since its last heartbeat, -1 for never."""

    process: str
    pid: int
    state: str
    waiting_for: str
    age_s: float
    progress: dict[str, int]


class StatusReply(Message, frozen=True):
    """The whole stack in one answer."""

    processes: tuple[ProcessStatus, ...]
    link: LinkState | None
    account: AccountSnapshot | None
