"""Reference lists and scans for the wire. Pure."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from paper.contracts import Instrument
from paper.wire import Field, frame

_COMPONENTS = ("ARCA P", "BATS Z", "CBOE W", "IEX V", "ISLAND Q", "NASDAQ T", "NYSE N")
_DEPTH = ("IDEALPRO CASH", "ISLAND STK", "ARCA STK", "BATS STK", "NYSE STK", "CBOE OPT")
_GROUPS = "1|2|3|4|5|6|7"


def depth_exchanges() -> bytes:
    """mktDepthExchanges: exchange, kind of security, listing exchange, service, group."""
    rows = [(*row.split(), "", "Deep2", "") for row in _DEPTH]
    return frame(
        80,
        len(rows),
        *(value or ("" if at != 4 else 2147483647) for row in rows for at, value in enumerate(row)),
    )


def smart_components(req_id: int) -> bytes:
    """smartComponents: bit, exchange, letter."""
    fields: list[Field] = []
    for bit, text in enumerate(_COMPONENTS):
        fields += [bit, *text.split()]
    return frame(82, req_id, len(_COMPONENTS), *fields)


def scanner_data(req_id: int, found: Sequence[Instrument]) -> bytes:
    """scannerData: all rows at once, ranks from 0 on."""
    fields: list[Field] = []
    for rank, one in enumerate(found):
        fields += [
            rank,
            one.con_id,
            one.symbol,
            one.sec_type,
            one.expiry,
            one.strike,
            one.right,
            one.exchange,
        ]
        fields += [one.currency, one.local_symbol, one.trading_class, one.trading_class, "", "", "", ""]
    return frame(20, 3, req_id, len(found), *fields)


def scanner_parameters(codes: Sequence[str], filters: Sequence[str]) -> bytes:
    """scannerParameters: what can be scanned for, in the elements that TWS has for it."""
    instrument = "<Instrument><name>US Stocks</name><type>STK</type><secType>STK</secType></Instrument>"
    location = (
        "<Location><displayName>US Stocks</displayName><locationCode>STK.US.MAJOR</locationCode></Location>"
    )
    kinds = "".join(
        f"<ScanType><displayName>{escape(code)}</displayName><scanCode>{escape(code)}</scanCode>"
        "<instruments>STK</instruments></ScanType>"
        for code in codes
    )
    fields = "".join(
        f"<RangeFilter><AbstractField><code>{escape(name)}Above</code></AbstractField>"
        f"<AbstractField><code>{escape(name)}Below</code></AbstractField></RangeFilter>"
        for name in filters
    )
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?><ScanParameterResponse>'
        f"<InstrumentList>{instrument}</InstrumentList><LocationTree>{location}</LocationTree>"
        f"<ScanTypeList>{kinds}</ScanTypeList><FilterList>{fields}</FilterList></ScanParameterResponse>"
    )
    return frame(19, 1, xml)


def directory(kind: str, req_id: int, account: str) -> bytes:
    """A list that is empty, or nearly, for the account of a desk."""
    match kind:
        case "familyCodes":
            return frame(78, 1, account, "")
        case "softDollarTiers":
            return frame(77, req_id, 0)
        case "newsProviders":
            return frame(85, 0)
        case "displayGroups":
            return frame(67, 1, req_id, _GROUPS)
        case _:
            return frame(68, 1, req_id, "none")
