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
    ("setServerLogLevel", 14, _places(2, "level")),
    ("reqAutoOpenOrders", 15, _places(2, "autoBind")),
    ("reqAllOpenOrders", 16, {}),
    ("reqManagedAccts", 17, {}),
    ("reqCurrentTime", 49, {}),
    ("reqGlobalCancel", 58, {}),
    ("reqMarketDataType", 59, _places(2, "type")),
    ("reqPositions", 61, {}),
    ("reqAccountSummary", 62, _places(2, "reqId group tags")),
    ("cancelAccountSummary", 63, _places(2, "reqId")),
    ("cancelPositions", 64, {}),
    ("startApi", 71, _places(2, "clientId")),
    ("reqPositionsMulti", 74, _places(2, "reqId account")),
    ("cancelPositionsMulti", 75, _places(2, "reqId")),
    ("reqAccountUpdatesMulti", 76, _places(2, "reqId account")),
    ("cancelAccountUpdatesMulti", 77, _places(2, "reqId")),
    ("reqSecDefOptParams", 78, _places(1, "reqId symbol")),
    ("reqMatchingSymbols", 81, _places(1, "reqId pattern")),
    ("reqMarketRule", 91, _places(1, "marketRuleId")),
    ("reqPnL", 92, _places(1, "reqId account")),
    ("cancelPnL", 93, _places(1, "reqId")),
    ("reqPnLSingle", 94, _places(1, "reqId account modelCode conId")),
    ("cancelPnLSingle", 95, _places(1, "reqId")),
    ("reqTickByTickData", 97, _places(1, "reqId " + _CONTRACT12)),
    ("cancelTickByTickData", 98, _places(1, "reqId")),
    ("reqCompletedOrders", 99, {}),
    ("reqUserInfo", 104, _places(1, "reqId")),
    ("reqMktDepth", 10, _places(2, "reqId " + _CONTRACT12)),
    ("cancelMktDepth", 11, _places(2, "reqId")),
    ("reqNewsBulletins", 12, {}),
    ("cancelNewsBulletins", 13, {}),
    ("requestFA", 18, {}),
    ("replaceFA", 19, {}),
    ("reqHistoricalData", 20, _places(1, "reqId " + _CONTRACT12)),
    ("exerciseOptions", 21, _places(2, "reqId")),
    ("reqScannerSubscription", 22, _places(1, "reqId")),
    ("cancelScannerSubscription", 23, _places(2, "reqId")),
    ("reqScannerParameters", 24, {}),
    ("cancelHistoricalData", 25, _places(2, "reqId")),
    ("reqRealTimeBars", 50, _places(2, "reqId " + _CONTRACT12)),
    ("cancelRealTimeBars", 51, _places(2, "reqId")),
    ("reqFundamentalData", 52, _places(2, "reqId")),
    ("cancelFundamentalData", 53, _places(2, "reqId")),
    ("calculateImpliedVolatility", 54, _places(2, "reqId " + _CONTRACT12)),
    ("calculateOptionPrice", 55, _places(2, "reqId " + _CONTRACT12)),
    ("cancelCalculateImpliedVolatility", 56, _places(2, "reqId")),
    ("cancelCalculateOptionPrice", 57, _places(2, "reqId")),
    ("queryDisplayGroups", 67, _places(2, "reqId")),
    ("subscribeToGroupEvents", 68, _places(2, "reqId")),
    ("updateDisplayGroup", 69, _places(2, "reqId")),
    ("unsubscribeFromGroupEvents", 70, _places(2, "reqId")),
    ("reqSoftDollarTiers", 79, _places(1, "reqId")),
    ("reqFamilyCodes", 80, {}),
    ("reqMktDepthExchanges", 82, {}),
    ("reqSmartComponents", 83, _places(1, "reqId")),
    ("reqNewsArticle", 84, _places(1, "reqId")),
    ("reqNewsProviders", 85, {}),
    ("reqHistoricalNews", 86, _places(1, "reqId")),
    ("reqHeadTimestamp", 87, _places(1, "reqId " + _CONTRACT12)),
    ("reqHistogramData", 88, _places(1, "reqId " + _CONTRACT12)),
    ("cancelHistogramData", 89, _places(1, "reqId")),
    ("cancelHeadTimestamp", 90, _places(1, "reqId")),
    ("reqHistoricalTicks", 96, _places(1, "reqId " + _CONTRACT12)),
    ("reqWshMetaData", 100, _places(1, "reqId")),
    ("cancelWshMetaData", 101, _places(1, "reqId")),
    ("reqWshEventData", 102, _places(1, "reqId")),
    ("cancelWshEventData", 103, _places(1, "reqId")),
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
    ("updateAccountTime", 8, {}),
    ("nextValidId", 9, _places(2, "orderId")),
    ("contractDetails", 10, {}),
    (
        "execDetails",
        11,
        _places(
            1, f"reqId orderId {_CONTRACT11} execId time account venue side shares price permId clientId"
        ),
    ),
    ("updateMktDepth", 12, _places(2, "reqId")),
    ("updateMktDepthL2", 13, _places(2, "reqId")),
    ("managedAccounts", 15, {}),
    ("historicalData", 17, _places(1, "reqId")),
    ("scannerParameters", 19, {}),
    ("scannerData", 20, _places(2, "reqId")),
    ("tickOptionComputation", 21, _places(1, "reqId tickType")),
    ("tickGeneric", 45, _places(2, "reqId tickType value")),
    ("tickString", 46, _places(2, "reqId tickType value")),
    ("currentTime", 49, {}),
    ("realtimeBar", 50, _places(2, "reqId time open high low close volume")),
    ("contractDetailsEnd", 52, _places(2, "reqId")),
    ("openOrderEnd", 53, {}),
    ("accountDownloadEnd", 54, {}),
    ("execDetailsEnd", 55, _places(2, "reqId")),
    ("tickSnapshotEnd", 57, _places(2, "reqId")),
    ("marketDataType", 58, _places(2, "reqId type")),
    ("commissionReport", 59, _places(2, "execId commission currency realizedPNL")),
    ("position", 61, _places(2, "account " + _CONTRACT11 + " position avgCost")),
    ("positionEnd", 62, {}),
    ("accountSummary", 63, _places(2, "reqId account tag value currency")),
    ("accountSummaryEnd", 64, _places(2, "reqId")),
    ("positionMulti", 71, _places(2, "reqId account " + _CONTRACT11)),
    ("positionMultiEnd", 72, _places(2, "reqId")),
    ("accountUpdateMulti", 73, _places(2, "reqId account modelCode key value currency")),
    ("accountUpdateMultiEnd", 74, _places(2, "reqId")),
    ("securityDefinitionOptionParameter", 75, _places(1, "reqId exchange")),
    ("securityDefinitionOptionParameterEnd", 76, _places(1, "reqId")),
    ("displayGroupList", 67, _places(2, "reqId")),
    ("displayGroupUpdated", 68, _places(2, "reqId")),
    ("softDollarTiers", 77, _places(1, "reqId")),
    ("familyCodes", 78, {}),
    ("symbolSamples", 79, _places(1, "reqId")),
    ("mktDepthExchanges", 80, {}),
    ("tickReqParams", 81, _places(1, "reqId")),
    ("smartComponents", 82, _places(1, "reqId")),
    ("newsProviders", 85, {}),
    ("headTimestamp", 88, _places(1, "reqId")),
    ("histogramData", 89, _places(1, "reqId")),
    ("historicalDataUpdate", 90, _places(1, "reqId")),
    ("marketRule", 93, _places(1, "marketRuleId")),
    ("pnl", 94, _places(1, "reqId")),
    ("pnlSingle", 95, _places(1, "reqId")),
    ("historicalTicks", 96, _places(1, "reqId")),
    ("historicalTicksBidAsk", 97, _places(1, "reqId")),
    ("historicalTicksLast", 98, _places(1, "reqId")),
    ("tickByTick", 99, _places(1, "reqId tickType")),
    ("orderBound", 100, _places(1, "permId clientId orderId")),
    ("completedOrder", 101, _places(1, f"{_CONTRACT11} {_ORDER} permId")),
    ("completedOrdersEnd", 102, {}),
    ("historicalSchedule", 106, _places(1, "reqId")),
    ("userInfo", 107, _places(1, "reqId")),
)

MESSAGES: Mapping[str, Message] = {
    name: Message(name, number, inbound, places)
    for inbound, table in ((True, _REQUESTS), (False, _ANSWERS))
    for name, number, places in table
}
