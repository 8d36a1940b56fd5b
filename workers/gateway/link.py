"""The seam to ib_insync, and its only importer.

The library keeps what it is good at: the socket, the handshake, the request encoders, `bracketOrder`, the
long decoders. Its Wrapper is not used: it drops, doubles and invents facts (docs/architecture.md), so every
inbound message is turned into one of ours here, and what one socket read brought is handed on together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ib_insync import IB, Client, Contract, ExecutionFilter, LimitOrder, MarketOrder, Order, StopOrder
from ib_insync.connection import Connection

from router.messages import ContractReady, ContractSpec, Leg
from router.messages import Message as BusMessage
from workers.gateway.account import TAGS
from workers.gateway.inbound import Inbound

HEADER = 4  # bytes of the length in front of every frame
MAX_FRAME = 2**24 - 1  # bytes; IB's own clients refuse more


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

    def __init__(self, listener: Listener, *, requests_per_second: int) -> None:
        # the library asks the policy for its loop, which under uvloop is not the running one
        asyncio.set_event_loop(asyncio.get_running_loop())
        self._listener = listener
        self.inbound = Inbound(self._answer, self._fail)
        self._waiting: dict[object, asyncio.Future[None]] = {}
        self._ib = IB()
        self._client = _Frames(self, requests_per_second)
        self._ib.client = self._client
        self._client.apiError += self._on_api_error
        self._closed_reason = ""
        self._summary_request = 0  # live subscription, 0 for none

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
        self.inbound.reset(client_id)
        self._closed_reason = ""
        self._summary_request = 0
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
            await asyncio.gather(shaking, return_exceptions=True)

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
        """accountSummary of the tags that are used; a subscription, of which IB allows two."""
        if self._summary_request:
            self._client.cancelAccountSummary(self._summary_request)
        request = self._summary_request = self._client.getReqId()
        await self._rebuild(
            "account", lambda: self._client.reqAccountSummary(request, "All", ",".join(TAGS)), timeout_s
        )

    def pnl(self, account: str) -> None:
        """Subscribe to the account's PnL, about once a second, in place of what was subscribed before."""
        for old in self.inbound.pnl_accounts:
            self._client.cancelPnL(old)
        self.inbound.pnl_accounts.clear()
        request = self._client.getReqId()
        self.inbound.pnl_accounts[request] = account
        self._client.reqPnL(request, account, "")

    async def ping(self, timeout_s: float) -> None:
        """A round trip, to find out whether the other side still reads. Raises TimeoutError."""
        await self._ask("time", self._client.reqCurrentTime, timeout_s)

    async def _rebuild(self, name: str, send: Callable[[], None], timeout_s: float) -> None:
        self.inbound.replaying.add(name)
        await self._ask(name, send, timeout_s)

    async def _ask(self, key: object, send: Callable[[], None], timeout_s: float) -> None:
        """Send and wait for the answer under `key`. Raises TimeoutError, ConnectionError."""
        future = self._waiting.get(key)
        if future is None:
            send()
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(asyncio.shield(future), timeout_s)
        finally:
            self._waiting.pop(key, None)

    # ------------------------------------------------------------ contracts and quotes

    async def contract_details(self, spec: ContractSpec, timeout_s: float) -> list[ContractReady]:
        """Every listed contract that fits; empty when there is none. Raises TimeoutError, ConnectionError."""
        request = self._client.getReqId()
        found = self.inbound.details[request] = []
        try:
            await self._ask(
                request, lambda: self._client.reqContractDetails(request, to_contract(spec)), timeout_s
            )
            return found
        finally:
            del self.inbound.details[request]

    def forget_quotes(self) -> None:
        """IB has lost every market data line: `stream_quotes` starts them anew."""
        self.inbound.lines.close_all()

    def stream_quotes(self, spec: ContractSpec) -> None:
        """Start the contract's market data unless it is streaming already."""
        if self.inbound.lines.request_of(spec.con_id) is None:
            request = self._client.getReqId()
            self.inbound.lines.open(request, spec)
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
            self.inbound.bridge.placed(order.orderId, order.orderRef)
            self._client.placeOrder(order.orderId, contract, order)

    def cancel(self, order_id: int) -> None:
        """Ask IB to cancel one order of this client."""
        self._client.cancelOrder(order_id, "")

    # ------------------------------------------------------------ inbound: names the library calls

    def handle(self, fields: list[str]) -> None:
        """One message of the wire: the long ones through the library's decoder, which calls back below."""
        if fields[0] in _LIBRARY_DECODED:
            self._client.decode(int(fields[0]), fields)
        else:
            self.inbound.handle(fields)

    def read_done(self) -> None:
        """Hand on what one socket read brought."""
        batch = self.inbound.flush()
        if batch:
            self._listener.on_messages(batch)

    def undecodable(self, fields: Sequence[str], error: Exception) -> None:
        """Pass on what could not be decoded."""
        self._listener.on_undecodable(fields, error)

    def openOrder(self, orderId: int, contract: Contract, order: Order, state: Any) -> None:  # noqa: N802, N803
        """openOrder (5)."""
        self.inbound.open_order(orderId, contract, order, state.status)

    def completedOrder(self, contract: Contract, order: Order, state: Any) -> None:  # noqa: N802
        """completedOrder (101)."""
        self.inbound.completed_order(contract, order, state)

    def contractDetails(self, reqId: int, details: Any) -> None:  # noqa: N802, N803
        """contractDetails (10)."""
        self.inbound.contract_details(reqId, details)

    def setEventsDone(self) -> None:  # noqa: N802
        """The socket closed."""
        self._fail_waiting(self.inbound.refusal or self._closed_reason or "connection closed")
        self._listener.on_closed(self.inbound.refusal or self._closed_reason or "connection closed")

    def connectionClosed(self) -> None:  # noqa: N802
        """Told by setEventsDone already."""

    def connectAck(self) -> None:  # noqa: N802
        """The session waits for nextValidId and managedAccounts instead."""

    def _answer(self, key: object) -> None:
        future = self._waiting.get(key)
        if future is not None and not future.done():
            future.set_result(None)

    def _fail(self, key: object, reason: str) -> None:
        future = self._waiting.get(key)
        if future is not None and not future.done():
            future.set_exception(ConnectionError(reason))
            future.exception()  # a caller that already gave up must not make asyncio complain

    def _fail_waiting(self, reason: str) -> None:
        for key in self._waiting:
            self._fail(key, reason)

    def _on_api_error(self, message: str) -> None:
        self._closed_reason = self._closed_reason or message


_LIBRARY_DECODED = frozenset({"5", "10", "101"})  # openOrder, contractDetails, completedOrder


class _Socket(Connection):
    """Hands bytes straight on: the library's event would log and forget an exception of whoever takes them."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        super().__init__()

    def data_received(self, data: bytes) -> None:
        self._take(data)


class _Frames(Client):
    """The library's client with a frame loop that does not re-slice the buffer for every message."""

    def __init__(self, link: Link, requests_per_second: int) -> None:
        self._link = link
        super().__init__(link)
        self.MaxRequests = requests_per_second
        self.conn = _Socket(self._onSocketHasData)
        self.conn.disconnected += self._onSocketDisconnected
        self._logger = logging.getLogger("ib_insync.client")
        self._logger.setLevel(logging.CRITICAL)  # the session reports what happens, once

    def decode(self, message_id: int, fields: list[str]) -> None:
        """The library's own decoding, for the long messages: it calls the link back."""
        self.decoder.handlers[message_id](fields)

    def _onSocketHasData(self, data: bytes) -> None:  # noqa: N802
        link = self._link
        link.inbound.read_ns = time.monotonic_ns()
        buffer = self._data + data if self._data else data
        start, size = 0, len(buffer)
        while size - start > HEADER:
            length = int.from_bytes(buffer[start : start + HEADER], "big")
            if length > MAX_FRAME:
                self._give_up(f"a message of {length} bytes: this is no TWS, or the stream is out of step")
                break
            end = start + HEADER + length
            if size < end:
                break
            fields = buffer[start + HEADER : end].decode(errors="backslashreplace").split("\0")
            fields.pop()  # every field ends with a NUL, so the last piece is empty
            start = end
            self._take(fields)
        self._data = buffer[start:]
        link.read_done()

    def _take(self, fields: list[str]) -> None:
        if not self._serverVersion:
            self._handshake(fields)
            return
        try:
            if not self._apiReady:
                self._await_ready(fields)
            self._link.handle(fields)
        except Exception as error:  # foreign bytes: whatever they are, the next message must flow
            self._link.undecodable(fields, error)

    def _handshake(self, fields: list[str]) -> None:
        if len(fields) != 2 or not fields[0].isdecimal():
            self._give_up("what listens there is no TWS or IB Gateway: check broker.host and broker.port")
            return
        version = int(fields[0])
        if version < self.MinClientVersion:
            self._give_up("TWS or IB Gateway is too old: install version 972 or later")
            return
        self._serverVersion = version
        self.decoder.serverVersion = self._serverVersion
        self.connState = Client.CONNECTED
        self.startApi()

    def _give_up(self, reason: str) -> None:
        self._link.inbound.refusal = self._link.inbound.refusal or reason
        if self.conn.transport is not None:
            self.conn.transport.abort()

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
