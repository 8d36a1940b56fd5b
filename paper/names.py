"""Names of messages and of the fields that faults and scenarios can ask for. Pure tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message: its id, whether it comes from a client, and where its named fields are (0 is the id)."""

    name: str
    number: int
    inbound: bool
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> tuple[bool, bytes]:
        """What it is found by: direction and id as it stands on the wire."""
        return self.inbound, b"%d" % self.number


def _places(first: int, names: str) -> dict[str, int]:
    return {name: first + offset for offset, name in enumerate(names.split())}


_CONTRACT12 = "conId symbol secType expiry strike right multiplier exchange primaryExchange currency localSymbol tradingClass"
_CONTRACT11 = _CONTRACT12.replace("primaryExchange ", "")
_ORDER = "action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef"

_Table = tuple[tuple[str, int, dict[str, int]], ...]
_REQUESTS: _Table = (
    ("reqMktData", 1, _places(2, "reqId " + _CONTRACT12)),
    ("cancelMktData", 2, _places(2, "reqId")),
    (
        "placeOrder",
        3,
        _places(1, f"orderId {_CONTRACT12} secIdType secId {_ORDER} transmit parentId"),
    ),
    ("cancelOrder", 4, _places(2, "orderId")),
    ("reqOpenOrders", 5, {}),
    ("reqAccountUpdates", 6, _places(2, "subscribe account")),
    ("reqExecutions", 7, _places(2, "reqId clientId")),
    ("reqIds", 8, {}),
    ("reqContractDetails", 9, _places(2, "reqId " + _CONTRACT12)),
    ("reqAllOpenOrders", 16, {}),
    ("reqCurrentTime", 49, {}),
    ("reqGlobalCancel", 58, {}),
    ("reqPositions", 61, {}),
    ("reqAccountSummary", 62, _places(2, "reqId group tags")),
    ("startApi", 71, _places(2, "clientId")),
    ("reqAccountUpdatesMulti", 76, _places(2, "reqId account")),
    ("reqPnL", 92, _places(1, "reqId account")),
    ("reqPnLSingle", 94, _places(1, "reqId account modelCode conId")),
    ("reqCompletedOrders", 99, {}),
)
_ANSWERS: _Table = (
    ("tickPrice", 1, _places(2, "reqId tickType price size")),
    ("tickSize", 2, _places(2, "reqId tickType size")),
    (
        "orderStatus",
        3,
        _places(
            1, "orderId status filled remaining avgFillPrice permId parentId lastFillPrice clientId whyHeld"
        ),
    ),
    ("error", 4, _places(2, "id code")),
    ("openOrder", 5, _places(1, f"orderId {_CONTRACT11} {_ORDER} clientId permId")),
    ("updateAccountValue", 6, _places(2, "key value currency account")),
    ("updatePortfolio", 7, _places(2, "conId symbol secType")),
    ("nextValidId", 9, _places(2, "orderId")),
    ("contractDetails", 10, {}),
    (
        "execDetails",
        11,
        _places(
            1, f"reqId orderId {_CONTRACT11} execId time account venue side shares price permId clientId"
        ),
    ),
    ("managedAccounts", 15, {}),
    ("currentTime", 49, {}),
    ("contractDetailsEnd", 52, _places(2, "reqId")),
    ("openOrderEnd", 53, {}),
    ("accountDownloadEnd", 54, {}),
    ("execDetailsEnd", 55, _places(2, "reqId")),
    ("commissionReport", 59, _places(2, "execId commission currency realizedPNL")),
    ("position", 61, _places(2, "account " + _CONTRACT11 + " position avgCost")),
    ("positionEnd", 62, {}),
    ("accountSummary", 63, _places(2, "reqId account tag value currency")),
    ("accountSummaryEnd", 64, _places(2, "reqId")),
    ("accountUpdateMultiEnd", 74, _places(2, "reqId")),
    ("pnl", 94, _places(1, "reqId")),
    ("pnlSingle", 95, _places(1, "reqId")),
    ("orderBound", 100, _places(1, "permId clientId orderId")),
    ("completedOrder", 101, _places(1, f"{_CONTRACT11} {_ORDER} permId")),
    ("completedOrdersEnd", 102, {}),
)

MESSAGES: Mapping[str, Message] = {
    name: Message(name, number, inbound, places)
    for inbound, table in ((True, _REQUESTS), (False, _ANSWERS))
    for name, number, places in table
}
