"""The requests for past prices, market depth, scans and reference lists, one value each."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from paper.contracts import ContractQuery


@dataclass(frozen=True, slots=True)
class HistoricalData:
    """Bars. Texts as the client wrote them: what they may be is checked when it is answered."""

    req_id: int
    contract: ContractQuery
    end: str
    duration: str
    size: str
    what: str
    regular: bool
    format_date: int
    live: bool


@dataclass(frozen=True, slots=True)
class CancelHistoricalData:
    req_id: int


@dataclass(frozen=True, slots=True)
class RealTimeBars:
    req_id: int
    contract: ContractQuery
    what: str
    regular: bool


@dataclass(frozen=True, slots=True)
class CancelRealTimeBars:
    req_id: int


@dataclass(frozen=True, slots=True)
class HeadTimeStamp:
    req_id: int
    contract: ContractQuery
    what: str
    regular: bool
    format_date: int


@dataclass(frozen=True, slots=True)
class CancelHeadTimeStamp:
    req_id: int


@dataclass(frozen=True, slots=True)
class HistoricalTicks:
    req_id: int
    contract: ContractQuery
    start: str
    end: str
    count: int
    what: str
    regular: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    req_id: int
    contract: ContractQuery
    regular: bool
    period: str


@dataclass(frozen=True, slots=True)
class CancelHistogram:
    req_id: int


@dataclass(frozen=True, slots=True)
class MarketDepth:
    """`smart` depth is that of all exchanges together."""

    req_id: int
    contract: ContractQuery
    rows: int
    smart: bool


@dataclass(frozen=True, slots=True)
class CancelMarketDepth:
    req_id: int


@dataclass(frozen=True, slots=True)
class DepthExchanges:
    pass


@dataclass(frozen=True, slots=True)
class SmartComponents:
    req_id: int
    exchange: str


@dataclass(frozen=True, slots=True)
class Scanner:
    """A market scan. `filters` are bounds by their names in TWS, `priceAbove` and so on; others mean nothing here."""

    req_id: int
    rows: int
    instrument: str
    location: str
    code: str
    filters: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class CancelScanner:
    req_id: int


@dataclass(frozen=True, slots=True)
class ScannerParameters:
    pass


@dataclass(frozen=True, slots=True)
class OptionValue:
    """What an option is worth at a volatility, or which volatility a price implies; USD, a year's fraction."""

    req_id: int
    contract: ContractQuery
    given: Decimal
    spot: Decimal
    implied: bool


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A request that is always refused with the same error; `req_id` -1 for those that have none."""

    req_id: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A request that TWS does not answer."""

    name: str


@dataclass(frozen=True, slots=True)
class Directory:
    """A list that is the same for everybody: `kind` says which."""

    kind: str
    req_id: int


DataRequest = (
    HistoricalData
    | CancelHistoricalData
    | RealTimeBars
    | CancelRealTimeBars
    | HeadTimeStamp
    | CancelHeadTimeStamp
    | HistoricalTicks
    | Histogram
    | CancelHistogram
    | MarketDepth
    | CancelMarketDepth
    | DepthExchanges
    | SmartComponents
    | Scanner
    | CancelScanner
    | ScannerParameters
    | OptionValue
    | Unavailable
    | Ignored
    | Directory
)
