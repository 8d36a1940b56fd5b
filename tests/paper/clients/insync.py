"""ib_insync and ib_async behind the desk: both have the same interface."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any

from tests.paper.clients.desk import NOTICES, SECONDS, Facts, deadline, known

HISTORY_S = 5.0  # for bars: the libraries' own is a minute


class InsyncDesk:
    """One `IB` of either library."""

    def __init__(self, library: str) -> None:
        self._lib: Any = importlib.import_module(library)
        self._ib: Any = self._lib.IB()
        self._ib.errorEvent += self._on_error
        self._errors: list[tuple[int, int]] = []
        self._log = _Log()
        for name in (f"{library}.Decoder", f"{library}.decoder", f"{library}.client", f"{library}.wrapper"):
            logging.getLogger(name).addHandler(self._log)
            logging.getLogger(name).propagate = False

    def _on_error(self, req_id: int, code: int, *rest: Any) -> None:
        if code not in NOTICES:
            self._errors.append((req_id, code))

    @property
    def errors(self) -> list[tuple[int, int]]:
        return self._errors

    def connect(self, port: int, client_id: int, seconds: float = SECONDS) -> Facts:
        self._ib.connect("127.0.0.1", port, clientId=client_id, timeout=seconds)
        client = self._ib.client
        return {"version": client.serverVersion(), "accounts": self._ib.managedAccounts()}

    def disconnect(self) -> None:
        self._ib.disconnect()

    def connected(self) -> bool:
        return bool(self._ib.isConnected())

    def decode_errors(self) -> list[str]:
        return self._log.texts

    def until(self, look: Callable[[], Any], what: str) -> Any:
        left = deadline()
        while not (found := look()):
            if not left():
                raise TimeoutError(f"not in time: {what}")
            self._ib.waitOnUpdate(timeout=min(left(), 0.5) or 0.01)
        return found

    def sync(self) -> None:
        self._ib.reqCurrentTime()

    def next_id(self) -> int:
        return int(self._ib.client.getReqId())

    def _contract(self, fields: Facts) -> Any:
        return self._lib.Contract(**fields)

    def details(self, contract: Facts) -> list[Facts]:
        return [
            {
                "conId": one.contract.conId,
                "localSymbol": one.contract.localSymbol,
                "multiplier": one.contract.multiplier,
                "minTick": one.minTick,
                "exchanges": one.validExchanges.split(","),
                "rules": one.marketRuleIds.split(","),
                "hours": bool(one.tradingHours and one.liquidHours),
                "zone": one.timeZoneId,
                "name": one.longName,
                "real_expiry": one.realExpirationDate,
            }
            for one in self._ib.reqContractDetails(self._contract(contract))
        ]

    def subscribe(self, contract: Facts) -> Callable[[], Facts]:
        (asked,) = self._ib.qualifyContracts(self._contract(contract))  # ib_async wants the conId
        ticker = self._ib.reqMktData(asked)
        return lambda: {
            "bid": known(ticker.bid),
            "ask": known(ticker.ask),
            "last": known(ticker.last),
            "bidSize": known(ticker.bidSize),
            "askSize": known(ticker.askSize),
        }

    def bars(self, contract: Facts, duration: str, size: str, what: str) -> list[Facts]:
        # an error 321 ends no request of ib_async's: it waits until the time is over
        query = (self._contract(contract), "", duration, size, what, True, 2)
        return [_bar_facts(one) for one in self._ib.reqHistoricalData(*query, timeout=HISTORY_S)]

    def head(self, contract: Facts) -> int:
        return int(self._ib.reqHeadTimeStamp(self._contract(contract), "TRADES", True, 2).timestamp())

    def live_bars(self, contract: Facts) -> Callable[[], list[Facts]]:
        bars = self._ib.reqRealTimeBars(self._contract(contract), 5, "TRADES", False)
        return lambda: [{"at": int(one.time.timestamp()), "close": one.close} for one in bars]

    def ticks(self, contract: Facts, count: int) -> list[float]:
        found = self._ib.reqHistoricalTicks(
            self._contract(contract), "", "20990101 00:00:00", count, "BID_ASK", False
        )
        return [one.priceAsk - one.priceBid for one in found]

    def depth(self, contract: Facts) -> Callable[[], Facts]:
        (asked,) = self._ib.qualifyContracts(self._contract(contract))
        ticker = self._ib.reqMktDepth(asked, 5, True)

        def prices() -> Facts:
            sides = {"bids": ticker.domBids, "asks": ticker.domAsks}
            return {name: [level.price for level in side] for name, side in sides.items()}

        return prices

    def scan(self, code: str) -> list[str]:
        wanted = self._lib.ScannerSubscription(
            instrument="STK", locationCode="STK.US.MAJOR", scanCode=code, numberOfRows=3
        )
        return [row.contractDetails.contract.symbol for row in self._ib.reqScannerData(wanted)]

    def place(self, contract: Facts, order_id: int, **order: Any) -> None:
        asked = self._contract(contract), self._lib.Order(orderId=order_id, **order)
        if any(one.order.orderId == order_id and one.isDone() for one in self._ib.trades()):
            self._ib.client.placeOrder(
                order_id, *asked
            )  # IB.placeOrder refuses it without asking the gateway
        else:
            self._ib.placeOrder(*asked)

    def cancel(self, order_id: int) -> None:
        self._ib.client.cancelOrder(order_id, *([""] if self._lib.__name__ == "ib_async" else []))

    def cancel_all(self) -> None:
        self._ib.reqGlobalCancel()

    def _trade(self, order_id: int) -> Any:
        return next(one for one in self._ib.trades() if one.order.orderId == order_id)

    def order(self, order_id: int) -> Facts:
        return _order_facts(self._trade(order_id))

    def fills(self, order_id: int) -> list[Facts]:
        return [_fill_facts(fill) for fill in self._trade(order_id).fills]

    def what_if(self, contract: Facts, **order: Any) -> Facts:
        state = self._ib.whatIfOrder(self._contract(contract), self._lib.Order(**order))
        return {"margin": float(state.initMarginChange), "commission": state.commission}

    def open_orders(self) -> list[Facts]:
        return [_order_facts(trade) for trade in self._ib.reqAllOpenOrders()]

    def completed_orders(self) -> list[Facts]:
        return [
            {"ref": one.order.orderRef, "status": one.orderStatus.status, "perm": one.order.permId > 0}
            for one in self._ib.reqCompletedOrders(False)
        ]

    def executions(self) -> list[Facts]:
        self._ib.reqExecutions()  # its own result lacks the commissions of executions known before
        return [_fill_facts(fill) for fill in self._ib.fills()]

    def positions(self) -> list[Facts]:
        return [
            {"symbol": one.contract.symbol, "position": one.position, "cost": one.avgCost}
            for one in self._ib.reqPositions()
        ]

    def summary(self) -> dict[str, str]:
        return {one.tag: one.value for one in self._ib.accountSummary() if one.currency in ("USD", "")}

    def pnl(self, con_id: int) -> Facts:
        account = self._ib.managedAccounts()[0]
        whole, single = self._ib.reqPnL(account, ""), self._ib.reqPnLSingle(account, "", con_id)
        self.until(lambda: known(whole.dailyPnL) is not None and known(single.value) is not None, "PnL")
        return {
            "whole": [whole.dailyPnL, whole.unrealizedPnL, whole.realizedPnL],
            "single": [single.position, single.dailyPnL, single.unrealizedPnL, single.realizedPnL],
            "value": single.value,
        }


def _order_facts(trade: Any) -> Facts:
    order, status = trade.order, trade.orderStatus
    return {
        "status": status.status,
        "filled": status.filled,
        "remaining": status.remaining,
        "average": status.avgFillPrice,
        "held": status.whyHeld,
        "type": order.orderType,
        "limit": known(order.lmtPrice),
        "aux": known(order.auxPrice),
        "ref": order.orderRef,
        "parent": order.parentId,
        "client": order.clientId,
        "perm": order.permId > 0,
    }


def _fill_facts(fill: Any) -> Facts:
    execution, report = fill.execution, fill.commissionReport
    return {
        "shares": execution.shares,
        "cum": execution.cumQty,
        "price": execution.price,
        "side": execution.side,
        "ref": execution.orderRef,
        "client": execution.clientId,
        "exec_id": execution.execId,
        "time": execution.time.strftime("%Y") >= "2024",
        "commission": report.commission if report.execId else None,
        "realized": known(report.realizedPNL) or None,  # the library gives 0.0 for unset
    }


def _bar_facts(bar: Any) -> Facts:
    day = not hasattr(bar.date, "hour")
    return {
        "at": f"{bar.date:%Y%m%d}" if day else int(bar.date.timestamp()),
        "prices": [bar.open, bar.high, bar.low, bar.close],
        "volume": bar.volume,
    }


class _Log(logging.Handler):
    """Keeps what the library could not decode: it says so in its log only."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("Error handling") or "ecoder" in record.name:
            self.texts.append(text)
