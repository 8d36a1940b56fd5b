"""What ib_insync's notebooks do, one after the other, as one script: `python notebooks.py PORT`. Nothing is for tests.

Contract details, bars, ticks, depth, scans and orders in a currency, with the calls of the notebooks. Prints JSON.
"""

from __future__ import annotations

import datetime
import json
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

import ib_insync as lib


def contract_details(ib: Any) -> dict[str, Any]:
    """Stocks and a currency are found once, what does not exist not at all."""
    amd, intc = lib.Stock("AMD", "SMART", "USD"), lib.Stock("INTC", "SMART", "USD")
    xxx, eurusd = lib.Stock("XXX", "SMART", "USD"), lib.Forex("EURUSD")
    counts = [len(ib.reqContractDetails(one)) for one in (amd, intc, xxx, eurusd)]
    qualified = ib.qualifyContracts(amd, intc, xxx, eurusd)
    matches = [one.contract for one in ib.reqMatchingSymbols("intc")]
    return {"counts": counts, "qualified": len(qualified), "matched": intc in matches}


def bar_data(ib: Any) -> dict[str, Any]:
    """Bars of a stock and of a currency, kept up to date, and bars of five seconds."""
    tsla, eurusd = lib.Stock("TSLA", "SMART", "USD"), lib.Forex("EURUSD")
    head = ib.reqHeadTimeStamp(tsla, whatToShow="TRADES", useRTH=True)
    hours = ib.reqHistoricalData(
        tsla,
        endDateTime="",
        durationStr="60 D",
        barSizeSetting="1 hour",
        whatToShow="TRADES",
        useRTH=True,
        formatDate=1,
    )
    kept = ib.reqHistoricalData(
        eurusd,
        endDateTime="",
        durationStr="900 S",
        barSizeSetting="10 secs",
        whatToShow="MIDPOINT",
        useRTH=True,
        formatDate=1,
        keepUpToDate=True,
    )
    real = ib.reqRealTimeBars(eurusd, 5, "MIDPOINT", False)
    updates: list[bool] = []
    kept.updateEvent += lambda bars, new: updates.append(new)
    while ib.waitOnUpdate(timeout=20) and not (real and any(updates)):
        pass
    ib.cancelHistoricalData(kept)
    ib.cancelRealTimeBars(real)
    return {
        "head": head < hours[0].date.replace(tzinfo=None),
        "hours": len(hours) > 60 * 6,
        "kept": len(kept) >= 90,
        "updated": any(updates),
        "five seconds": len(real) > 0,
    }


def tick_data(ib: Any) -> dict[str, Any]:
    """Quotes of currencies, ticks as they come and ticks of the past."""
    pairs = [lib.Forex(pair) for pair in ("EURUSD", "GBPUSD", "AUDUSD")]
    ib.qualifyContracts(*pairs)
    tickers = [ib.reqMktData(pair, "", False, False) for pair in pairs]
    ticks = ib.reqTickByTickData(pairs[0], "BidAsk")
    while ib.waitOnUpdate(timeout=20) and not (ticks.tickByTicks and all(one.hasBidAsk() for one in tickers)):
        pass
    ib.cancelTickByTickData(pairs[0], "BidAsk")
    end = datetime.datetime.now(datetime.UTC)
    past = ib.reqHistoricalTicks(pairs[0], "", end, 1000, "BID_ASK", useRth=False)
    return {"spread": all(one.bid < one.ask for one in tickers), "past": len(past)}


def market_depth(ib: Any) -> dict[str, Any]:
    """The order book of a currency."""
    eurusd = lib.Forex("EURUSD")
    ib.qualifyContracts(eurusd)
    ticker = ib.reqMktDepth(eurusd)
    while ib.waitOnUpdate(timeout=20) and len(ticker.domBids) < 5:
        pass
    levels = [len(ticker.domBids), len(ticker.domAsks)]
    ib.cancelMktDepth(eurusd)
    return {"levels": levels, "exchanges": len(ib.reqMktDepthExchanges())}


def scanners(ib: Any) -> dict[str, Any]:
    """Scans of stocks with bounds, of futures, and what can be scanned for."""
    stocks: dict[str, Any] = {
        "instrument": "STK",
        "locationCode": "STK.US.MAJOR",
        "scanCode": "TOP_PERC_GAIN",
    }
    found = ib.reqScannerData(lib.ScannerSubscription(**stocks))
    dear = ib.reqScannerData(lib.ScannerSubscription(**stocks, abovePrice=200))
    tags = [lib.TagValue("priceAbove", "5"), lib.TagValue("priceBelow", "50")]
    cheap = ib.reqScannerData(lib.ScannerSubscription(**stocks), [], tags)
    futures = lib.ScannerSubscription(
        instrument="FUT.US", locationCode="FUT.GLOBEX", scanCode="TOP_PERC_GAIN"
    )
    tree = ElementTree.fromstring(ib.reqScannerParameters())
    return {
        "all": len(found) > len(dear) > 0,
        "cheap": sorted(row.contractDetails.contract.symbol for row in cheap),
        "futures": len(ib.reqScannerData(futures)),
        "codes": "TOP_PERC_GAIN" in [one.text for one in tree.findall(".//scanCode")],
    }


def ordering(ib: Any) -> dict[str, Any]:
    """A limit that rests, is changed and cancelled, a market order, and what an order would cost."""
    eurusd = lib.Forex("EURUSD")
    ib.qualifyContracts(eurusd)
    limit = lib.LimitOrder("BUY", 20000, 0.05)
    resting = ib.placeOrder(eurusd, limit)
    while resting.orderStatus.status != "Submitted":
        ib.waitOnUpdate(timeout=20)
    limit.lmtPrice = 0.10
    ib.placeOrder(eurusd, limit)
    ib.cancelOrder(limit)
    market = ib.placeOrder(eurusd, lib.MarketOrder("BUY", 20000))
    while not (market.isDone() and resting.isDone()):
        ib.waitOnUpdate(timeout=20)
    state = ib.whatIfOrder(eurusd, lib.MarketOrder("SELL", 20000))
    return {
        "cancelled": resting.orderStatus.status,
        "filled": [market.orderStatus.status, market.filled(), market.fills[0].execution.exchange],
        "cost": state.commission,
    }


def main(port: int) -> dict[str, Any]:
    """All of it; returns what is printed."""
    ib: Any = lib.IB()  # type: ignore[no-untyped-call]
    ib.connect("127.0.0.1", port, clientId=10)
    parts = (contract_details, bar_data, tick_data, market_depth, scanners, ordering)
    found = {part.__name__: part(ib) for part in parts}
    ib.disconnect()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]))) + "\n")
