"""IB's own ibapi behind the desk: an application that subclasses EWrapper and EClient, as its documentation shows."""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from tests.paper.clients.desk import NOTICES, SECONDS, Facts, deadline, known

_TAGS = "NetLiquidation,TotalCashValue,BuyingPower,AvailableFunds,GrossPositionValue"


class _Recorder:
    """Callbacks that only note that they were called, and with what."""

    def __init__(self, names: list[str]) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.changed = threading.Condition()
        for name in names:
            setattr(self, name, functools.partial(self.note, name))

    def note(self, name: str, *arguments: Any) -> None:
        with self.changed:
            self.calls.append((name, arguments))
            self.changed.notify_all()


class OfficialDesk:
    """One EClient, its thread, and everything it was called back with."""

    def __init__(self, library: str) -> None:
        wrapper: Any = importlib.import_module("ibapi.wrapper")
        client: Any = importlib.import_module("ibapi.client")
        self._contract_type: Any = importlib.import_module("ibapi.contract").Contract
        self._order_type: Any = importlib.import_module("ibapi.order").Order
        self._filter_type: Any = importlib.import_module("ibapi.execution").ExecutionFilter
        application: Any = type("Application", (wrapper.EWrapper, client.EClient), {})
        self._app = application.__new__(application)
        wrapper.EWrapper.__init__(self._app)
        client.EClient.__init__(self._app, self._app)
        self._seen = _Recorder([name for name in vars(wrapper.EWrapper) if not name.startswith("_")])
        for name, method in vars(self._seen).items():
            if callable(method):
                setattr(self._app, name, method)
        self._ids = itertools.count(900_000)
        self._thread: threading.Thread | None = None
        self._log = _Log()
        for name in ("ibapi.decoder", "ibapi.client", "ibapi.reader", "ibapi.comm", "ibapi.connection"):
            logging.getLogger(name).addHandler(self._log)
            logging.getLogger(name).propagate = False

    @property
    def errors(self) -> list[tuple[int, int]]:
        return [(one[0], one[1]) for one in self._of("error") if one[1] not in NOTICES]

    def _of(self, name: str) -> list[tuple[Any, ...]]:
        with self._seen.changed:
            return [arguments for called, arguments in self._seen.calls if called == name]

    def _last(self, name: str, fits: Callable[..., bool]) -> tuple[Any, ...]:
        return next(arguments for arguments in reversed(self._of(name)) if fits(*arguments))

    def until(self, look: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
        left = deadline(seconds)
        while not (found := look()):
            if not left():
                raise TimeoutError(f"not in time: {what}")
            with self._seen.changed:
                self._seen.changed.wait(min(left(), 0.05))
        return found

    def _ask(self, end: str, ask: Callable[[int], None]) -> tuple[int, int]:
        """Ask and wait for the end. Returns the request id and where the answers begin."""
        req_id, start = next(self._ids), len(self._seen.calls)
        before = len(self._of(end))
        ask(req_id)
        self.until(lambda: len(self._of(end)) > before or req_id in [e[0] for e in self.errors], end)
        return req_id, start

    def _since(self, start: int, name: str) -> list[tuple[Any, ...]]:
        with self._seen.changed:
            return [arguments for called, arguments in self._seen.calls[start:] if called == name]

    def connect(self, port: int, client_id: int, seconds: float = SECONDS) -> Facts:
        self._app.connect("127.0.0.1", port, client_id)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.until(lambda: self._of("nextValidId") and self._of("managedAccounts"), "a session", seconds)
        accounts = self._of("managedAccounts")[-1][0].split(",")
        return {"version": self._app.serverVersion(), "accounts": accounts}

    def _run(self) -> None:
        try:
            self._app.run()
        except Exception as error:
            self._log.texts.append(f"the client's message loop ended: {error!r}")

    def disconnect(self) -> None:
        reader = self._app.reader
        connection = getattr(self._app, "conn", None)
        if connection is not None and connection.socket is not None:
            with contextlib.suppress(OSError):  # the gateway hung up first
                connection.socket.shutdown(
                    socket.SHUT_RDWR
                )  # the reader looks up only once a second otherwise
        self._app.disconnect()
        if reader is not None:
            reader.join(SECONDS)  # the socket stays open while this thread reads from it
        if self._thread is not None:
            self._thread.join(SECONDS)

    def connected(self) -> bool:
        return bool(self._app.isConnected())

    def decode_errors(self) -> list[str]:
        return self._log.texts

    def sync(self) -> None:
        self._ask("currentTime", lambda req_id: self._app.reqCurrentTime())

    def next_id(self) -> int:
        self._ask("nextValidId", lambda req_id: self._app.reqIds(-1))
        return int(self._of("nextValidId")[-1][0])

    def _contract(self, fields: Facts) -> Any:
        return _filled(self._contract_type(), fields)

    def details(self, contract: Facts) -> list[Facts]:
        asked = self._contract(contract)
        _, start = self._ask("contractDetailsEnd", lambda i: self._app.reqContractDetails(i, asked))
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
            for _, one in self._since(start, "contractDetails")
        ]

    def subscribe(self, contract: Facts) -> Callable[[], Facts]:
        req_id = next(self._ids)
        self._app.reqMktData(req_id, self._contract(contract), "", False, False, [])

        def price(kind: int) -> float | None:
            return next((a[2] for a in reversed(self._of("tickPrice")) if a[:2] == (req_id, kind)), None)

        def size(kind: int) -> int | None:
            return next((a[2] for a in reversed(self._of("tickSize")) if a[:2] == (req_id, kind)), None)

        return lambda: {
            "bid": price(1),
            "ask": price(2),
            "last": price(4),
            "bidSize": size(0),
            "askSize": size(3),
        }

    def bars(self, contract: Facts, duration: str, size: str, what: str) -> list[Facts]:
        asked = self._contract(contract)
        _, start = self._ask(
            "historicalDataEnd",
            lambda i: self._app.reqHistoricalData(i, asked, "", duration, size, what, 1, 2, False, []),
        )
        return [
            {
                "at": bar.date if len(bar.date) == 8 else int(bar.date),
                "prices": [bar.open, bar.high, bar.low, bar.close],
                "volume": bar.volume,
            }
            for _, bar in self._since(start, "historicalData")
        ]

    def head(self, contract: Facts) -> int:
        asked = self._contract(contract)
        _, start = self._ask("headTimestamp", lambda i: self._app.reqHeadTimeStamp(i, asked, "TRADES", 1, 2))
        return int(self._since(start, "headTimestamp")[0][1])

    def live_bars(self, contract: Facts) -> Callable[[], list[Facts]]:
        self._app.reqRealTimeBars(next(self._ids), self._contract(contract), 5, "TRADES", False, [])
        return lambda: [{"at": one[1], "close": one[5]} for one in self._of("realtimeBar")]

    def ticks(self, contract: Facts, count: int) -> list[float]:
        asked, end = self._contract(contract), "20990101 00:00:00"
        _, start = self._ask(
            "historicalTicksBidAsk",
            lambda i: self._app.reqHistoricalTicks(i, asked, "", end, count, "BID_ASK", 0, False, []),
        )
        ((_, found, _),) = self._since(start, "historicalTicksBidAsk")
        return [one.priceAsk - one.priceBid for one in found]

    def depth(self, contract: Facts) -> Callable[[], Facts]:
        self._app.reqMktDepth(next(self._ids), self._contract(contract), 5, True, [])

        def side(number: int) -> list[float]:
            levels = {one[1]: one[5] for one in self._of("updateMktDepthL2") if one[4] == number}
            return [levels[position] for position in sorted(levels)]

        return lambda: {"bids": side(1), "asks": side(0)}

    def scan(self, code: str) -> list[str]:
        wanted: Any = importlib.import_module("ibapi.scanner").ScannerSubscription()
        wanted.instrument, wanted.locationCode = "STK", "STK.US.MAJOR"
        wanted.scanCode, wanted.numberOfRows = code, 3
        req_id, start = self._ask(
            "scannerDataEnd", lambda i: self._app.reqScannerSubscription(i, wanted, [], [])
        )
        self._app.cancelScannerSubscription(req_id)
        return [one[2].contract.symbol for one in self._since(start, "scannerData")]

    def place(self, contract: Facts, order_id: int, **order: Any) -> None:
        self._app.placeOrder(order_id, self._contract(contract), _filled(self._order_type(), order))

    def cancel(self, order_id: int) -> None:
        self._app.cancelOrder(order_id)

    def cancel_all(self) -> None:
        self._app.reqGlobalCancel()

    def order(self, order_id: int) -> Facts:
        opened = self._last("openOrder", lambda number, *rest: number == order_id)
        status = self._last("orderStatus", lambda number, *rest: number == order_id)
        return _order_facts(opened, status)

    def fills(self, order_id: int) -> list[Facts]:
        return [
            self._fill(one) for req, _, one in self._of("execDetails") if (req, one.orderId) == (-1, order_id)
        ]

    def _fill(self, execution: Any) -> Facts:
        reports = [one for (one,) in self._of("commissionReport") if one.execId == execution.execId]
        return {
            "shares": execution.shares,
            "cum": execution.cumQty,
            "price": execution.price,
            "side": execution.side,
            "ref": execution.orderRef,
            "client": execution.clientId,
            "exec_id": execution.execId,
            "time": execution.time[:4] >= "2024",
            "commission": reports[0].commission if reports else None,
            "realized": known(reports[0].realizedPNL) if reports else None,
        }

    def what_if(self, contract: Facts, **order: Any) -> Facts:
        order_id = self.next_id()
        self.place(contract, order_id, whatIf=True, **order)
        answers = lambda: [one for one in self._of("openOrder") if one[0] == order_id]  # noqa: E731  # asked twice
        (_, _, _, state) = self.until(answers, "the margin")[-1]
        return {"margin": float(state.initMarginChange), "commission": state.commission}

    def open_orders(self) -> list[Facts]:
        _, start = self._ask("openOrderEnd", lambda i: self._app.reqAllOpenOrders())
        opened, reported = self._since(start, "openOrder"), self._since(start, "orderStatus")
        return [_order_facts(one, status) for one, status in zip(opened, reported, strict=True)]

    def completed_orders(self) -> list[Facts]:
        _, start = self._ask("completedOrdersEnd", lambda i: self._app.reqCompletedOrders(False))
        return [
            {"ref": order.orderRef, "status": state.status, "perm": order.permId > 0}
            for _, order, state in self._since(start, "completedOrder")
        ]

    def executions(self) -> list[Facts]:
        _, start = self._ask("execDetailsEnd", lambda i: self._app.reqExecutions(i, self._filter_type()))
        return [self._fill(one) for _, _, one in self._since(start, "execDetails")]

    def positions(self) -> list[Facts]:
        _, start = self._ask("positionEnd", lambda i: self._app.reqPositions())
        self._app.cancelPositions()
        return [
            {"symbol": contract.symbol, "position": position, "cost": cost}
            for _, contract, position, cost in self._since(start, "position")
        ]

    def summary(self) -> dict[str, str]:
        req_id, start = self._ask("accountSummaryEnd", lambda i: self._app.reqAccountSummary(i, "All", _TAGS))
        self._app.cancelAccountSummary(req_id)
        return {tag: value for _, _, tag, value, _ in self._since(start, "accountSummary")}

    def pnl(self, con_id: int) -> Facts:
        whole_id, single_id, account = next(self._ids), next(self._ids), self._of("managedAccounts")[-1][0]
        self._app.reqPnL(whole_id, account, "")
        self._app.reqPnLSingle(single_id, account, "", con_id)
        self.until(lambda: self._of("pnl") and self._of("pnlSingle"), "PnL")
        single = self._of("pnlSingle")[-1]
        return {"whole": list(self._of("pnl")[-1][1:]), "single": list(single[1:5]), "value": single[5]}


def _filled(thing: Any, fields: Facts) -> Any:
    for name, value in fields.items():
        getattr(thing, name)  # a misspelt field is an error
        setattr(thing, name, value)
    return thing


def _order_facts(opened: tuple[Any, ...], reported: tuple[Any, ...]) -> Facts:
    _, _, order, _ = opened
    _, status, filled, remaining, average, _, _, _, _, held, _ = reported
    return {
        "status": status,
        "filled": filled,
        "remaining": remaining,
        "average": average,
        "held": held,
        "type": order.orderType,
        "limit": known(order.lmtPrice),
        "aux": known(order.auxPrice),
        "ref": order.orderRef,
        "parent": order.parentId,
        "client": order.clientId,
        "perm": order.permId > 0,
    }


class _Log(logging.Handler):
    """Keeps what the library could not decode."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
