"""What messages are made of: contracts, signals, orders in plain values."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

Action = Literal["BUY", "SELL"]
Side = Literal["LONG", "SHORT"]
SecType = Literal["STK", "OPT"]
EntryType = Literal["MKT", "LMT"]
Role = Literal["entry", "target", "stop", "exit"]


class Message(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Base of everything that travels; `version` counts changes of the JSON document's meaning.

    A message holds plain values and nothing that leads back to it, so the garbage collector need not look at it.
    """

    version: ClassVar[int] = 1


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

    `stop_price` is where it then stands. A trail follows `trail_percent` (percents) or `trail_amount` (a price) behind
    the best price. `limit_price` is the worst price of a STP LMT or TRAIL LIMIT; that of a trail moves with its stop.
    """

    trigger_price: float
    order_type: str  # STP, STP LMT, TRAIL or TRAIL LIMIT
    stop_price: float
    trail_percent: float | None = None
    limit_price: float | None = None
    trail_amount: float | None = None


class Leg(msgspec.Struct, frozen=True, array_like=True):
    """One order. `ref` is its orderRef; `order_id` is 0 until the gateway has assigned it."""

    ref: str
    role: Role
    action: Action
    order_type: str  # IB's spelling: MKT, LMT, STP, STP LMT, TRAIL, TRAIL LIMIT
    quantity: int
    limit_price: float | None = None
    stop_price: float | None = None  # of a trail by an amount: that amount
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
    good_till: str = ""  # of a GTD: when IB ends it, as IB writes it in UTC


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
    tif: str = "DAY"  # of the entry, as are those below
    good_till: str = ""
    algo: str = ""
    algo_params: tuple[tuple[str, str], ...] = ()
