"""The seam to ib_insync, and its only importer.

The library keeps what it is good at: the socket, the handshake, the request encoders, `bracketOrder`, the
long decoders. Its Wrapper is not used: it drops, doubles and invents facts (docs/architecture.md), so every
inbound message is turned into one of ours here, and what one socket read brought is handed on together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from ib_insync import IB, Client, Contract, ExecutionFilter, LimitOrder, MarketOrder, Order, StopOrder

from router.messages import ContractReady, ContractSpec, Leg
from router.messages import Message as BusMessage
from workers.gateway import bridge
from workers.gateway.account import TAGS, Summary
from workers.gateway.bridge import Bridge, amount, number, whole
from workers.gateway.quotes import Lines

HEADER = 4  # bytes of the length in front of every frame
CLIENT_ID_IN_USE = 326  # answered with request id -1, then the socket closes


class Listener(Protocol):
    """Who hears what the link brings."""

    def on_messages(self, messages: Sequence[BusMessage]) -> None:
        """Everything one socket read brought, in IB's order."""

    def on_undecodable(self, fields: Sequence[str], error: Exception) -> None:
        """A message that could not be decoded. The connection lives on."""

    def on_closed(self, reason: str) -> None:
        """The socket is gone."""


class Link:
    """One connection to TWS or IB Gateway. Use it inside a running asyncio loop."""

    def __init__(self, listener: Listener) -> None:
        asyncio.set_event_loop(
            asyncio.get_running_loop()
        )  # the library asks the policy, not the running loop
        self._listener = listener
        self.bridge = Bridge()
        self.lines = Lines()
        self.summary = Summary()
        self.last_read_ns = 0
        self.unused: Counter[str] = Counter()  # inbound messages the router has no use for, by type
        self._batch: list[BusMessage] = []
        self._waiting: dict[object, asyncio.Future[Any]] = {}
        self._details: dict[int, list[ContractReady]] = {}
        self._replaying: set[str] = set()
        self._pnl_account: dict[int, str] = {}
        self._ib = IB()
        self._client = _Frames(self)
        self._ib.client = self._client
        self._client.apiError += self._on_api_error
        self._closed_reason = ""

    # ------------------------------------------------------------ connection

    @property
    def server_version(self) -> int:
        """Negotiated protocol version, 0 when not connected."""
        return int(self._client.serverVersion())

    @property
    def accounts(self) -> tuple[str, ...]:
        """The accounts this login manages."""
        return tuple(self._client.getAccounts())

    async def connect(self, host: str, port: int, client_id: int, *, timeout_s: float) -> None:
        """Shake hands and wait for managedAccounts and nextValidId. Raises OSError or TimeoutError."""
        self.bridge.forget_ended()
        self.lines.close_all()
        self.summary.reset()
        self._closed_reason = ""
        self.last_read_ns = time.monotonic_ns()
        refused = self._waiting["connect"] = asyncio.get_running_loop().create_future()
        shaking = asyncio.ensure_future(self._client.connectAsync(host, port, client_id, timeout_s))
        try:
            # a client id in use is answered by closing the socket, after which the library waits in vain
            await asyncio.wait({refused, shaking}, return_when=asyncio.FIRST_COMPLETED)
            if refused.done():
                refused.result()
            await shaking
        finally:
            del self._waiting["connect"]
            shaking.cancel()

    def disconnect(self) -> None:
        """Close the socket at once, unsent bytes and all. Requests that wait for an answer fail."""
        transport = self._client.conn.transport
        if transport is not None:
            transport.abort()
        self._client.disconnect()
        self._fail_waiting("disconnected")

    def keep_ids_above(self, order_id: int) -> None:
        """Never hand out this order id or a lower one (an automatic restart can roll nextValidId back)."""
        self._client.updateReqId(order_id + 1)

    # ------------------------------------------------------------ rebuild requests

    async def open_orders(self, timeout_s: float) -> None:
        """openOrder and orderStatus of every client's live orders."""
        await self._rebuild("open_orders", self._client.reqAllOpenOrders, timeout_s)

    async def completed_orders(self, timeout_s: float) -> None:
        """completedOrder of the current day."""
        await self._rebuild("completed_orders", lambda: self._client.reqCompletedOrders(False), timeout_s)

    async def executions(self, timeout_s: float) -> None:
        """execDetails and commissionReport since midnight."""
        request = self._client.getReqId()
        await self._rebuild(
            "executions", lambda: self._client.reqExecutions(request, ExecutionFilter()), timeout_s
        )

    async def positions(self, timeout_s: float) -> None:
        """position of every contract held; a subscription, changes follow by themselves."""
        await self._rebuild("positions", self._client.reqPositions, timeout_s)

    async def account_summary(self, timeout_s: float) -> None:
        """accountSummary of the tags that are used; a subscription."""
        request = self._client.getReqId()
        await self._rebuild(
            "account", lambda: self._client.reqAccountSummary(request, "All", ",".join(TAGS)), timeout_s
        )

    def pnl(self, account: str) -> None:
        """Subscribe to the account's PnL, about once a second."""
        request = self._client.getReqId()
        self._pnl_account[request] = account
        self._client.reqPnL(request, account, "")

    async def ping(self, timeout_s: float) -> None:
        """A round trip, to find out whether the other side still reads. Raises TimeoutError."""
        await self._ask("time", self._client.reqCurrentTime, timeout_s)

    async def _rebuild(self, name: str, send: Callable[[], None], timeout_s: float) -> None:
        self._replaying.add(name)
        await self._ask(name, send, timeout_s)

    async def _ask(self, key: object, send: Callable[[], None], timeout_s: float) -> Any:
        """Send and wait for the answer under `key`. Raises TimeoutError, ConnectionError."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            send()
        try:
            return await asyncio.wait_for(asyncio.shield(future), timeout_s)
        finally:
            self._waiting.pop(key, None)

    # ------------------------------------------------------------ contracts and quotes

    async def contract_details(self, spec: ContractSpec, timeout_s: float) -> list[ContractReady]:
        """Every listed contract that fits; empty when there is none. Raises TimeoutError, ConnectionError."""
        request = self._client.getReqId()
        self._details[request] = []
        try:
            await self._ask(
                request, lambda: self._client.reqContractDetails(request, to_contract(spec)), timeout_s
            )
            return self._details[request]
        finally:
            del self._details[request]

    def stream_quotes(self, spec: ContractSpec) -> None:
        """Start the contract's market data unless it is streaming already."""
        if self.lines.request_of(spec.con_id) is None:
            request = self._client.getReqId()
            self.lines.open(request, spec)
            self._client.reqMktData(request, to_contract(spec), "", False, False, [])

    # ------------------------------------------------------------ orders

    def bracket(self, legs: Sequence[Leg], account: str) -> list[Order]:
        """The library's orders for a bracket: entry first, then target and stop of each pair.

        The first pair is made by the library's own `bracketOrder`; it carries the transmit chain, in which
        only the very last order transmits and releases all before it.
        """
        entry, *children = legs
        target, stop, *more = children
        orders = list(
            self._ib.bracketOrder(
                entry.action,
                entry.quantity,
                entry.limit_price or 0.0,
                target.limit_price or 0.0,
                stop.stop_price or 0.0,
            )
        )
        if entry.order_type == "MKT":
            orders[0] = MarketOrder(entry.action, entry.quantity, orderId=orders[0].orderId, transmit=False)
        for leg in more:
            orders.append(self._child(leg, orders[0].orderId))
        for order, leg in zip(orders, legs, strict=True):
            order.totalQuantity = leg.quantity
            order.orderRef = leg.ref
            order.account = account
            order.tif = leg.tif
            order.outsideRth = leg.outside_rth
            order.ocaGroup = leg.oca_group
            order.ocaType = leg.oca_type
            order.transmit = order is orders[-1]
        return orders

    def _child(self, leg: Leg, parent_id: int) -> Order:
        ids = {"orderId": self._client.getReqId(), "parentId": parent_id}
        if leg.order_type == "STP":
            return StopOrder(leg.action, leg.quantity, leg.stop_price or 0.0, **ids)
        return LimitOrder(leg.action, leg.quantity, leg.limit_price or 0.0, **ids)

    def place(self, spec: ContractSpec, orders: Sequence[Order]) -> None:
        """Write the orders to the socket, in order."""
        contract = to_contract(spec)
        for order in orders:
            self._client.placeOrder(order.orderId, contract, order)

    def cancel(self, order_id: int) -> None:
        """Ask IB to cancel one order of this client."""
        self._client.cancelOrder(order_id, "")

    # ------------------------------------------------------------ inbound

    def handle(self, fields: list[str]) -> None:
        """One message of the wire, already split into its fields."""
        now_ns = self.last_read_ns
        match fields[0]:
            case "3":
                replayed = "open_orders" in self._replaying
                self._batch.append(self.bridge.order_status(fields, replayed=replayed, now_ns=now_ns))
            case "11":
                self._batch.append(self.bridge.execution(fields, now_ns=now_ns, now=datetime.now(UTC)))
            case "59":
                replayed = "executions" in self._replaying
                self._batch.append(self.bridge.commission(fields, replayed=replayed, now_ns=now_ns))
            case "61":
                replayed = "positions" in self._replaying
                self._batch.append(bridge.position(fields, replayed=replayed, now_ns=now_ns))
            case "94":
                self._batch.append(bridge.pnl(fields, self._pnl_account[whole(fields[1])], now_ns=now_ns))
            case "63":
                self.summary.update(fields[3], fields[4], number(fields[5]), fields[6])
            case "1":
                self.lines.price(whole(fields[2]), whole(fields[3]), number(fields[4]))
                self.lines.size(whole(fields[2]), _SIZE_OF_PRICE.get(whole(fields[3]), -1), number(fields[5]))
            case "2":
                self.lines.size(whole(fields[2]), whole(fields[3]), number(fields[4]))
            case "4":
                self._error(fields)
            case "53" | "102" | "55" | "62" | "64" | "49":
                self._end(fields[0])
            case "52":
                self._answer(whole(fields[2]))
            case "5" | "10" | "101":
                self._client.decode(int(fields[0]), fields)
            case message_id:
                self.unused[message_id] += 1

    def flush(self) -> None:
        """Hand on what one socket read brought."""
        now_ns = self.last_read_ns
        self._batch.extend(self.summary.flush(now_ns))
        self._batch.extend(self.lines.flush(now_ns))
        if self._batch:
            batch, self._batch = self._batch, []
            self._listener.on_messages(batch)

    def undecodable(self, fields: Sequence[str], error: Exception) -> None:
        """Pass on what could not be decoded."""
        self._listener.on_undecodable(fields, error)

    # names the library's decoder calls

    def openOrder(self, orderId: int, contract: Contract, order: Order, state: Any) -> None:  # noqa: N802, N803
        """openOrder (5)."""
        replayed = "open_orders" in self._replaying
        self._batch.append(
            self.bridge.open_order(
                orderId, contract, order, state.status, replayed=replayed, now_ns=self.last_read_ns
            )
        )

    def completedOrder(self, contract: Contract, order: Order, state: Any) -> None:  # noqa: N802
        """completedOrder (101)."""
        self._batch.append(self.bridge.completed_order(contract, order, state, now_ns=self.last_read_ns))

    def contractDetails(self, reqId: int, details: Any) -> None:  # noqa: N802, N803
        """contractDetails (10)."""
        found = self._details.get(reqId)
        if found is not None:
            spec = bridge.from_contract(details.contract)
            found.append(ContractReady(contract=spec, min_tick=amount(details.minTick) or 0.01))

    def setEventsDone(self) -> None:  # noqa: N802
        """The socket closed."""
        self._fail_waiting(self._closed_reason or "connection closed")
        self._listener.on_closed(self._closed_reason or "connection closed")

    def connectionClosed(self) -> None:  # noqa: N802
        """Told by setEventsDone already."""

    def connectAck(self) -> None:  # noqa: N802
        """The session waits for nextValidId and managedAccounts instead."""

    def _error(self, fields: Sequence[str]) -> None:
        request_id, code, text = whole(fields[2]), whole(fields[3]), fields[4]
        if code == CLIENT_ID_IN_USE:
            self._closed_reason = text
        self._batch.append(self.bridge.error(request_id, code, text, now_ns=self.last_read_ns))
        if request_id in self._details:
            self._answer(request_id)

    def _end(self, message_id: str) -> None:
        name = _ENDS[message_id]
        self._replaying.discard(name)
        if name == "account":
            self.summary.complete()
        self._answer(name)

    def _answer(self, key: object) -> None:
        future = self._waiting.get(key)
        if future is not None and not future.done():
            future.set_result(None)

    def _fail_waiting(self, reason: str) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionError(reason))
                future.exception()  # a caller that already gave up must not make asyncio complain
        self._replaying.clear()

    def _on_api_error(self, message: str) -> None:
        self._closed_reason = self._closed_reason or message


_ENDS = {
    "53": "open_orders",
    "102": "completed_orders",
    "55": "executions",
    "62": "positions",
    "64": "account",
    "49": "time",
}
_SIZE_OF_PRICE = {1: 0, 2: 3, 66: 69, 67: 70}  # a price tick carries the size of its side


class _Frames(Client):
    """The library's client with a frame loop that does not re-slice the buffer for every message."""

    def __init__(self, link: Link) -> None:
        self._link = link
        super().__init__(link)
        self._logger = logging.getLogger("ib_insync.client")
        self._logger.setLevel(logging.CRITICAL)  # the session reports what happens, once

    def decode(self, message_id: int, fields: list[str]) -> None:
        """The library's own decoding, for the long messages: it calls the link back."""
        self.decoder.handlers[message_id](fields)

    def _onSocketHasData(self, data: bytes) -> None:  # noqa: N802
        link = self._link
        link.last_read_ns = time.monotonic_ns()
        buffer = self._data + data if self._data else data
        start, size = 0, len(buffer)
        while size - start > HEADER:
            end = start + HEADER + int.from_bytes(buffer[start : start + HEADER], "big")
            if size < end:
                break
            fields = buffer[start + HEADER : end].decode(errors="backslashreplace").split("\0")
            fields.pop()  # every field ends with a NUL, so the last piece is empty
            start = end
            self._take(fields)
        self._data = buffer[start:]
        link.flush()

    def _take(self, fields: list[str]) -> None:
        if not self._serverVersion and len(fields) == 2:
            self._handshake(fields)
            return
        try:
            if not self._apiReady:
                self._await_ready(fields)
            self._link.handle(fields)
        except Exception as error:  # foreign bytes: whatever they are, the next message must flow
            self._link.undecodable(fields, error)

    def _handshake(self, fields: list[str]) -> None:
        self._serverVersion = int(fields[0])
        if self._serverVersion < self.MinClientVersion:
            self._onSocketDisconnected("TWS or Gateway is too old: install version 972 or later")
            return
        self.decoder.serverVersion = self._serverVersion
        self.connState = Client.CONNECTED
        self.startApi()

    def _await_ready(self, fields: list[str]) -> None:
        """Ready once nextValidId (9) and a non-empty managedAccounts (15) are in."""
        if fields[0] == "9":
            self.updateReqId(int(fields[2]))
            self._hasReqId = True
        elif fields[0] == "15":
            self._accounts = [account for account in fields[2].split(",") if account]
        if self._hasReqId and self._accounts:
            self._apiReady = True
            self.apiStart.emit()


def to_contract(spec: ContractSpec) -> Contract:
    """The library's contract for a plain one; unqualified fields stay empty for IB to fill in."""
    return Contract(
        conId=spec.con_id,
        symbol=spec.symbol,
        secType=spec.sec_type,
        lastTradeDateOrContractMonth=spec.expiry,
        strike=spec.strike,
        right=spec.right,
        multiplier=str(spec.multiplier) if spec.sec_type == "OPT" else "",
        exchange=spec.exchange or "SMART",
        currency=spec.currency,
        localSymbol=spec.local_symbol,
        tradingClass=spec.trading_class,
    )
