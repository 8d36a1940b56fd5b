"""portfolio, quote, link: what IB says of the account, of prices, of its connection."""

from __future__ import annotations

from enum import StrEnum

from router.messages.parts import ContractSpec, Message


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
    """The IB connection changed state.

    `held`: the conIds of every position, after IB was asked for all; None where it was not. `holders`: the account of
    each, empty in journals from before there were. `working`: the orderRefs of the entries that work, likewise None.
    IB says nothing of a position that was closed while nobody was connected, and of an order only on its day, so what
    is not listed is not held, and works no longer.
    """

    phase: LinkPhase
    reason: str
    accounts: tuple[str, ...] = ()
    account: str = ""
    server_version: int = 0
    client_id: int = 0
    held: tuple[int, ...] | None = None
    holders: tuple[str, ...] = ()
    working: tuple[str, ...] | None = None
