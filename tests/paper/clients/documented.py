"""What ib_insync's own documentation shows, as one script: `python documented.py PORT`. Nothing in it is for tests.

Connect, qualify, market data, what an order would cost, a bracket, modify, cancel, portfolio, account and PnL, with
the calls and in the order of its recipes and notebooks. Prints what it finds as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ib_insync as lib

ACCOUNT = "DU1234567"


def main(port: int) -> dict[str, Any]:
    """Do it all; returns what is printed."""
    ib: Any = lib.IB()  # type: ignore[no-untyped-call]
    ib.connect("127.0.0.1", port, clientId=1)
    found: dict[str, Any] = {"accounts": ib.managedAccounts()}

    # contract details
    spy = lib.Stock("SPY", "SMART", "USD")
    (qualified,) = ib.qualifyContracts(spy)
    found["contract"] = [qualified.conId, qualified.primaryExchange, qualified.tradingClass]
    found["name"] = ib.reqContractDetails(spy)[0].longName
    (chain, *_) = [
        one for one in ib.reqSecDefOptParams("SPY", "", "STK", spy.conId) if one.exchange == "SMART"
    ]
    option = lib.Option("SPY", sorted(chain.expirations)[1], 450, "C", "SMART")
    ib.qualifyContracts(option)
    found["option"] = [option.multiplier, option.localSymbol[:3]]

    # market data
    ib.reqMarketDataType(1)
    ticker = ib.reqMktData(spy)
    model = ib.reqMktData(option)
    while ib.waitOnUpdate(timeout=10) and not (ticker.hasBidAsk() and model.modelGreeks):
        pass
    found["quote"] = [ticker.bid, ticker.ask, ticker.marketPrice()]
    found["delta"] = 0 < model.modelGreeks.delta < 1
    ib.cancelMktData(option)

    # ordering
    state = ib.whatIfOrder(spy, lib.MarketOrder("BUY", 100))
    found["what_if"] = [float(state.initMarginChange), state.commission]
    bracket = ib.bracketOrder("BUY", 100, limitPrice=450.01, takeProfitPrice=470, stopLossPrice=440)
    trades = [ib.placeOrder(spy, order) for order in bracket]
    entry, target, stop = trades
    while not entry.isDone() or target.orderStatus.status != "Submitted":
        ib.waitOnUpdate(timeout=10)
    found["entry"] = [entry.orderStatus.status, entry.filled(), [one.status for one in entry.log][:2]]
    found["fills"] = [
        sum(fill.execution.shares for fill in entry.fills),
        entry.fills[0].commissionReport.currency,
    ]
    found["waiting"] = [target.orderStatus.status, stop.orderStatus.status, stop.orderStatus.whyHeld]

    # modify, then cancel
    bracket.stopLoss.auxPrice = 445
    ib.placeOrder(spy, bracket.stopLoss)
    limit = ib.placeOrder(spy, lib.LimitOrder("BUY", 10, 400))
    while limit.orderStatus.status != "Submitted":
        ib.waitOnUpdate(timeout=10)
    limit.order.lmtPrice = 401
    ib.placeOrder(spy, limit.order)
    ib.cancelOrder(limit.order)
    while not limit.isDone():
        ib.waitOnUpdate(timeout=10)
    found["cancelled"] = [one.status for one in limit.log][-1]
    prices = {one.order.orderId: one.order.auxPrice for one in ib.reqOpenOrders()}
    found["modified"] = prices[stop.order.orderId]

    # portfolio, account, PnL
    pnl = ib.reqPnL(ACCOUNT)
    single = ib.reqPnLSingle(ACCOUNT, "", spy.conId)
    while pnl.dailyPnL != pnl.dailyPnL or single.position != 100 or not ib.portfolio():
        ib.waitOnUpdate(timeout=10)
    found["positions"] = [
        [one.contract.symbol, one.position, round(one.avgCost, 2)] for one in ib.positions()
    ]
    (item,) = ib.portfolio()
    found["portfolio"] = [item.contract.symbol, item.position, item.marketPrice, item.account]
    found["pnl"] = [round(pnl.unrealizedPnL, 2), round(single.unrealizedPnL, 2), single.position]
    summary = {value.tag: value.value for value in ib.accountSummary()}
    found["cash"] = summary["TotalCashValue"]

    # everything off
    ib.reqGlobalCancel()
    while ib.openTrades():
        ib.waitOnUpdate(timeout=10)
    ib.disconnect()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))) + "\n")
