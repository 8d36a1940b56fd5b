"""Every request a client can make, one value each."""

from dataclasses import dataclass

from paper.contracts import ContractQuery
from paper.orders import OrderTerms


@dataclass(frozen=True, slots=True)
class StartApi:
    client_id: int


@dataclass(frozen=True, slots=True)
class MarketData:
    req_id: int
    contract: ContractQuery
    snapshot: bool
    generic: tuple[str, ...] = ()  # kinds of ticks asked for besides, by number


@dataclass(frozen=True, slots=True)
class CancelMarketData:
    req_id: int


@dataclass(frozen=True, slots=True)
class TickByTick:
    req_id: int
    contract: ContractQuery
    kind: str


@dataclass(frozen=True, slots=True)
class CancelTickByTick:
    req_id: int


@dataclass(frozen=True, slots=True)
class MarketDataType:
    kind: int


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    order_id: int
    terms: OrderTerms


@dataclass(frozen=True, slots=True)
class CancelOrder:
    order_id: int


@dataclass(frozen=True, slots=True)
class GlobalCancel:
    pass


@dataclass(frozen=True, slots=True)
class OpenOrders:
    """Open orders of this client, or of all."""

    everyone: bool


@dataclass(frozen=True, slots=True)
class AutoOpenOrders:
    bind: bool


@dataclass(frozen=True, slots=True)
class CompletedOrders:
    api_only: bool


@dataclass(frozen=True, slots=True)
class Executions:
    """Filters; empty matches anything. `since` is yyyymmdd-hh:mm:ss."""

    req_id: int
    client_id: int
    account: str
    since: str
    symbol: str
    sec_type: str
    exchange: str
    side: str


@dataclass(frozen=True, slots=True)
class AccountUpdates:
    subscribe: bool
    account: str


@dataclass(frozen=True, slots=True)
class AccountUpdatesMulti:
    req_id: int
    account: str
    model: str
    ledger_only: bool


@dataclass(frozen=True, slots=True)
class CancelAccountUpdatesMulti:
    req_id: int


@dataclass(frozen=True, slots=True)
class AccountSummary:
    req_id: int
    group: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CancelAccountSummary:
    req_id: int


@dataclass(frozen=True, slots=True)
class Positions:
    subscribe: bool


@dataclass(frozen=True, slots=True)
class PositionsMulti:
    req_id: int
    account: str
    model: str


@dataclass(frozen=True, slots=True)
class CancelPositionsMulti:
    req_id: int


@dataclass(frozen=True, slots=True)
class Pnl:
    req_id: int
    account: str
    model: str


@dataclass(frozen=True, slots=True)
class CancelPnl:
    req_id: int


@dataclass(frozen=True, slots=True)
class PnlSingle:
    req_id: int
    account: str
    model: str
    con_id: int


@dataclass(frozen=True, slots=True)
class CancelPnlSingle:
    req_id: int


@dataclass(frozen=True, slots=True)
class ContractDetails:
    req_id: int
    contract: ContractQuery


@dataclass(frozen=True, slots=True)
class OptionParameters:
    req_id: int
    symbol: str
    con_id: int


@dataclass(frozen=True, slots=True)
class MatchingSymbols:
    req_id: int
    pattern: str


@dataclass(frozen=True, slots=True)
class MarketRule:
    rule_id: int


@dataclass(frozen=True, slots=True)
class Ids:
    count: int


@dataclass(frozen=True, slots=True)
class ManagedAccounts:
    pass


@dataclass(frozen=True, slots=True)
class CurrentTime:
    pass


@dataclass(frozen=True, slots=True)
class LogLevel:
    level: int


@dataclass(frozen=True, slots=True)
class UserInfo:
    req_id: int


Request = (
    StartApi
    | MarketData
    | CancelMarketData
    | MarketDataType
    | TickByTick
    | CancelTickByTick
    | PlaceOrder
    | CancelOrder
    | GlobalCancel
    | OpenOrders
    | AutoOpenOrders
    | CompletedOrders
    | Executions
    | AccountUpdates
    | AccountUpdatesMulti
    | CancelAccountUpdatesMulti
    | AccountSummary
    | CancelAccountSummary
    | Positions
    | PositionsMulti
    | CancelPositionsMulti
    | Pnl
    | CancelPnl
    | PnlSingle
    | CancelPnlSingle
    | ContractDetails
    | OptionParameters
    | MatchingSymbols
    | MarketRule
    | Ids
    | ManagedAccounts
    | CurrentTime
    | LogLevel
    | UserInfo
)
