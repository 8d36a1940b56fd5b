"""Requests off the wire: one reader for each message id, for the versions 157 to 176. Pure."""

from collections.abc import Callable

from paper import requests as rq
from paper.data_messages_in import DATA_READERS, WITHOUT_VERSION
from paper.data_requests import DataRequest
from paper.place_order import read_contract, read_place_order
from paper.wire import FieldError, Fields

_Reader = Callable[[Fields, int], rq.Request | DataRequest]


class UnknownMessage(FieldError):
    """A message id that this gateway does not serve."""

    def __init__(self, message_id: int) -> None:
        super().__init__("message id", f"is {message_id}, which is not served")


def read_request(payload: bytes, version: int) -> rq.Request | DataRequest:
    """Decode one message. Raises FieldError, naming the field, when it cannot be read."""
    fields = Fields(payload)
    message_id = fields.integer("message id")
    reader = _READERS.get(message_id)
    if reader is None:
        raise UnknownMessage(message_id)
    if message_id not in _WITHOUT_VERSION:
        fields.text("version")
    return reader(fields, version)


def _market_data(fields: Fields, version: int) -> rq.Request:
    req_id, contract = fields.integer("reqId"), read_contract(fields)
    if contract.sec_type == "BAG":
        for _ in range(fields.integer("comboLegs") * 4):
            fields.text("comboLeg")
    if fields.flag("deltaNeutralContract"):
        for _ in range(3):
            fields.text("deltaNeutralContract")
    generic = tuple(word for text in fields.text("genericTicks").split(",") if (word := text.strip()))
    return rq.MarketData(req_id, contract, fields.flag("snapshot"), generic)


def _place_order(fields: Fields, version: int) -> rq.Request:
    return rq.PlaceOrder(*read_place_order(fields, version))


def _executions(fields: Fields, version: int) -> rq.Request:
    return rq.Executions(
        fields.integer("reqId"),
        fields.integer("clientId"),
        fields.text("acctCode"),
        fields.text("time"),
        fields.text("symbol"),
        fields.text("secType"),
        fields.text("exchange"),
        fields.text("side"),
    )


def _account_summary(fields: Fields, version: int) -> rq.Request:
    req_id, group, tags = fields.integer("reqId"), fields.text("group"), fields.text("tags")
    return rq.AccountSummary(req_id, group, tuple(tag.strip() for tag in tags.split(",") if tag.strip()))


def _option_parameters(fields: Fields, version: int) -> rq.Request:
    req_id, symbol = fields.integer("reqId"), fields.text("underlyingSymbol")
    fields.text("futFopExchange")
    fields.text("underlyingSecType")
    return rq.OptionParameters(req_id, symbol, fields.integer("underlyingConId"))


def _by_id(make: Callable[[int], rq.Request], name: str = "reqId") -> _Reader:
    """A reader for a request that is one number."""
    return lambda fields, version: make(fields.integer(name))


def _by_flag(make: Callable[[bool], rq.Request], name: str) -> _Reader:
    """A reader for a request that is one truth value."""
    return lambda fields, version: make(fields.flag(name))


def _plain(request: rq.Request) -> _Reader:
    """A reader for a request that says nothing more."""
    return lambda fields, version: request


_WITHOUT_VERSION = frozenset({3, 78, 81, 91, 92, 93, 94, 95, 97, 98, 99, 104}) | WITHOUT_VERSION

_READERS: dict[int, _Reader] = {
    1: _market_data,
    2: _by_id(rq.CancelMarketData),
    3: _place_order,
    4: _by_id(rq.CancelOrder, "orderId"),
    5: _plain(rq.OpenOrders(everyone=False)),
    6: lambda f, v: rq.AccountUpdates(f.flag("subscribe"), f.text("acctCode")),
    7: _executions,
    8: _by_id(rq.Ids, "numIds"),
    9: lambda f, v: rq.ContractDetails(f.integer("reqId"), read_contract(f)),
    14: _by_id(rq.LogLevel, "logLevel"),
    15: _by_flag(rq.AutoOpenOrders, "autoBind"),
    16: _plain(rq.OpenOrders(everyone=True)),
    17: _plain(rq.ManagedAccounts()),
    49: _plain(rq.CurrentTime()),
    58: _plain(rq.GlobalCancel()),
    59: _by_id(rq.MarketDataType, "marketDataType"),
    61: _plain(rq.Positions(subscribe=True)),
    62: _account_summary,
    63: _by_id(rq.CancelAccountSummary),
    64: _plain(rq.Positions(subscribe=False)),
    71: _by_id(rq.StartApi, "clientId"),
    74: lambda f, v: rq.PositionsMulti(f.integer("reqId"), f.text("account"), f.text("modelCode")),
    75: _by_id(rq.CancelPositionsMulti),
    76: lambda f, v: rq.AccountUpdatesMulti(
        f.integer("reqId"), f.text("account"), f.text("modelCode"), f.flag("ledgerAndNLV")
    ),
    77: _by_id(rq.CancelAccountUpdatesMulti),
    78: _option_parameters,
    81: lambda f, v: rq.MatchingSymbols(f.integer("reqId"), f.text("pattern")),
    91: _by_id(rq.MarketRule, "marketRuleId"),
    92: lambda f, v: rq.Pnl(f.integer("reqId"), f.text("account"), f.text("modelCode")),
    93: _by_id(rq.CancelPnl),
    94: lambda f, v: rq.PnlSingle(
        f.integer("reqId"), f.text("account"), f.text("modelCode"), f.integer("conId")
    ),
    95: _by_id(rq.CancelPnlSingle),
    97: lambda f, v: rq.TickByTick(f.integer("reqId"), read_contract(f), f.text("tickType")),
    98: _by_id(rq.CancelTickByTick),
    99: _by_flag(rq.CompletedOrders, "apiOnly"),
    104: _by_id(rq.UserInfo),
    **DATA_READERS,
}
