"""Requests for past prices, depth, scans and reference lists off the wire, for the versions 157 to 176. Pure."""

from collections.abc import Callable
from decimal import Decimal

from paper import data_requests as dr
from paper.contracts import ContractQuery
from paper.place_order import read_contract
from paper.wire import FieldError, Fields, to_decimal

_Reader = Callable[[Fields, int], dr.DataRequest]
_SCANNER_FIELDS = 14  # between the bounds and the filters: capital, ratings, maturities, coupons and settings
_NO_FA = "Error validating request.-'b9' : cause - FA data operations ignored for non FA customers."
_NO_NEWS = "News feed is not allowed."
_NO_FUNDAMENTALS = "The fundamentals data for the security specified is not available.Not allowed"
_NO_EXERCISE = "Error processing request.-'b0' : cause - Options are exercised at their expiry only."


def _bag(fields: Fields, contract: ContractQuery) -> None:
    """Pass over the legs of a combination."""
    if contract.sec_type == "BAG":
        for _ in range(fields.integer("comboLegs") * 4):
            fields.text("comboLeg")


def _historical_data(fields: Fields, version: int) -> dr.DataRequest:
    req_id, contract = fields.integer("reqId"), read_contract(fields)
    fields.text("includeExpired")
    end, size, duration = (fields.text(name) for name in ("endDateTime", "barSizeSetting", "durationStr"))
    regular, what, dates = fields.flag("useRTH"), fields.text("whatToShow"), fields.integer("formatDate")
    _bag(fields, contract)
    live = fields.flag("keepUpToDate")
    return dr.HistoricalData(req_id, contract, end, duration, size, what, regular, dates, live)


def _real_time_bars(fields: Fields, version: int) -> dr.DataRequest:
    req_id, contract = fields.integer("reqId"), read_contract(fields)
    fields.text("barSize")  # TWS ignores it
    return dr.RealTimeBars(req_id, contract, fields.text("whatToShow"), fields.flag("useRTH"))


def _head_time_stamp(fields: Fields, version: int) -> dr.DataRequest:
    req_id, contract = fields.integer("reqId"), read_contract(fields)
    fields.text("includeExpired")
    regular, what = fields.flag("useRTH"), fields.text("whatToShow")
    return dr.HeadTimeStamp(req_id, contract, what, regular, fields.integer("formatDate"))


def _historical_ticks(fields: Fields, version: int) -> dr.DataRequest:
    req_id, contract = fields.integer("reqId"), read_contract(fields)
    fields.text("includeExpired")
    start, end, count = (
        fields.text("startDateTime"),
        fields.text("endDateTime"),
        fields.integer("numberOfTicks"),
    )
    what, regular = fields.text("whatToShow"), fields.flag("useRth")
    return dr.HistoricalTicks(req_id, contract, start, end, count, what, regular)


def _histogram(fields: Fields, version: int) -> dr.DataRequest:
    req_id, contract = fields.integer("reqId"), read_contract(fields)
    fields.text("includeExpired")
    return dr.Histogram(req_id, contract, fields.flag("useRTH"), fields.text("timePeriod"))


def _depth(fields: Fields, version: int) -> dr.DataRequest:
    req_id, contract = fields.integer("reqId"), read_contract(fields)
    return dr.MarketDepth(req_id, contract, fields.integer("numRows"), fields.flag("isSmartDepth"))


def _scanner(fields: Fields, version: int) -> dr.DataRequest:
    req_id, rows = fields.integer("reqId"), fields.integer("numberOfRows")
    instrument, location = fields.text("instrument"), fields.text("locationCode")
    code = fields.text("scanCode")
    bounds = [(name, fields.text(name)) for name in ("priceAbove", "priceBelow", "volumeAbove")]
    for _ in range(_SCANNER_FIELDS):
        fields.text("scanner setting")
    pairs = (text.partition("=") for text in fields.text("filterOptions").split(";") if text)
    named = [*bounds, *((name, value) for name, _, value in pairs)]
    filters = {name: value for name, text in named if (value := to_decimal(name, text)) is not None}
    return dr.Scanner(req_id, rows, instrument, location, code, filters)


def _option_value(implied: bool) -> _Reader:
    """The reader of calculateImpliedVolatility or of calculateOptionPrice."""

    def read(fields: Fields, version: int) -> dr.DataRequest:
        req_id, contract = fields.integer("reqId"), read_contract(fields)
        given = fields.decimal("optionPrice" if implied else "volatility")
        spot = fields.decimal("underPrice")
        if not given or not spot or given < 0 or spot < 0:
            raise FieldError("optionPrice, volatility or underPrice", "is not above 0")
        return dr.OptionValue(req_id, contract, Decimal(given), Decimal(spot), implied)

    return read


def _refused(code: int, text: str, *, named: bool = True) -> _Reader:
    """A reader for what this gateway always refuses; `named` when the message begins with a request id."""
    return lambda fields, version: dr.Unavailable(fields.integer("reqId") if named else -1, code, text)


def _article(fields: Fields, version: int) -> dr.DataRequest:
    req_id = fields.integer("reqId")
    provider, article = fields.text("providerCode"), fields.text("articleId")
    return dr.Unavailable(
        req_id, 10172, f"Failed to request news article:No news article {provider} {article}"
    )


def _replaced_fa(fields: Fields, version: int) -> dr.DataRequest:
    for name in ("faDataType", "xml"):
        fields.text(name)
    return dr.Unavailable(fields.integer("reqId") if version >= 157 else -1, 321, _NO_FA)


def _listed(kind: str, *, named: bool = False) -> _Reader:
    return lambda fields, version: dr.Directory(kind, fields.integer("reqId") if named else -1)


def _ignored(name: str) -> _Reader:
    return lambda fields, version: dr.Ignored(name)


WITHOUT_VERSION = frozenset({20, 22, 79, 80, 82, 83, 84, 85, 86, 87, 88, 89, 90, 96, 100, 101, 102, 103})

DATA_READERS: dict[int, _Reader] = {
    10: _depth,
    11: lambda f, v: dr.CancelMarketDepth(f.integer("reqId")),
    12: _ignored("reqNewsBulletins"),
    13: _ignored("cancelNewsBulletins"),
    18: _refused(321, _NO_FA, named=False),
    19: _replaced_fa,
    20: _historical_data,
    21: _refused(322, _NO_EXERCISE),
    22: _scanner,
    23: lambda f, v: dr.CancelScanner(f.integer("reqId")),
    24: lambda f, v: dr.ScannerParameters(),
    25: lambda f, v: dr.CancelHistoricalData(f.integer("reqId")),
    50: _real_time_bars,
    51: lambda f, v: dr.CancelRealTimeBars(f.integer("reqId")),
    52: _refused(430, _NO_FUNDAMENTALS),
    53: _ignored("cancelFundamentalData"),
    54: _option_value(implied=True),
    55: _option_value(implied=False),
    56: _ignored("cancelCalculateImpliedVolatility"),
    57: _ignored("cancelCalculateOptionPrice"),
    67: _listed("displayGroups", named=True),
    68: _listed("displayGroup", named=True),
    69: _ignored("updateDisplayGroup"),
    70: _ignored("unsubscribeFromGroupEvents"),
    79: _listed("softDollarTiers", named=True),
    80: _listed("familyCodes"),
    82: lambda f, v: dr.DepthExchanges(),
    83: lambda f, v: dr.SmartComponents(f.integer("reqId"), f.text("bboExchange")),
    84: _article,
    85: _listed("newsProviders"),
    86: _refused(10276, _NO_NEWS),
    87: _head_time_stamp,
    88: _histogram,
    89: lambda f, v: dr.CancelHistogram(f.integer("reqId")),
    90: lambda f, v: dr.CancelHeadTimeStamp(f.integer("reqId")),
    96: _historical_ticks,
    100: _refused(10276, _NO_NEWS),
    101: _ignored("cancelWshMetaData"),
    102: _refused(10276, _NO_NEWS),
    103: _ignored("cancelWshEventData"),
}
