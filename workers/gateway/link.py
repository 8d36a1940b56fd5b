"""The connection to TWS or IB Gateway, over ib_insync or its successor ib_async (workers/gateway/library.py).

The library keeps what it is good at: the socket, the handshake, the request encoders, `bracketOrder`, the
long decoders. Its Wrapper is not used: it drops, doubles and invents facts (docs/architecture.md), so every
inbound message is turned into one of ours here, and what one socket read brought is handed on together.
Everything that is sent waits for its turn in the outbox; the library's own throttle is off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from router.ib_errors import ErrorPolicies
from router.messages import ContractReady, ContractSpec, Leg, PriceBand
from router.messages import Message as BusMessage
from router.pacing import Priority
from workers.gateway.account import TAGS
from workers.gateway.client import FrameClient
from workers.gateway.inbound import Inbound
from workers.gateway.library import IB, Contract, ExecutionFilter, Order
from workers.gateway.orders import bracket, single, to_contract
from workers.gateway.outbox import Dropped, Outbox, nobody, nothing
from workers.gateway.waiting import Waiting
from workers.killpoint import kill_point


class Listener(Protocol):
    """Who hears what the link brings."""

    def on_messages(self, messages: Sequence[BusMessage]) -> None:
        """Everything one socket read brought, in IB's order."""

    def on_undecodable(self, payload: bytes, error: Exception) -> None:
        """A message that could not be decoded. The connection lives on, unless its framing is lost."""

    def on_closed(self, reason: str) -> None:
        """The socket is gone."""


class Link:
    """One connection to TWS or IB Gateway. Use it inside a running asyncio loop."""

    def __init__(
        self,
        listener: Listener,
        *,
        requests_per_second: int,
        reserved_per_second: int = 0,
        policies: ErrorPolicies | None = None,
    ) -> None:
        # ib_insync asks the policy for its loop, which under uvloop is not the running one
        asyncio.set_event_loop(asyncio.get_running_loop())
        self._listener = listener
        self._waiting = Waiting()
        self.outbox = Outbox(requests_per_second, reserved_per_second)
        self.inbound = Inbound(
            self._waiting.answer,
            self._waiting.fail,
            policies,
            dict.fromkeys(_LIBRARY_DECODED, self._decode),
        )
        self._ib = IB()
        self._client = FrameClient(self)
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
        refused = self._waiting.expect("connect")
        # without the library's own time-outs: it has one for each half, and words that hide the reason
        shaking = asyncio.ensure_future(self._client.connectAsync(host, port, client_id, 0))
        try:
            # a client id in use is answered by closing the socket, after which the library waits in vain
            await asyncio.wait({refused, shaking}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if refused.done():
                refused.result()
            if not shaking.done():
                self._closed_reason = f"no handshake within {timeout_s:g} s: is that a TWS or IB Gateway?"
                raise TimeoutError(self._closed_reason)
            await shaking
        finally:
            self._waiting.forget("connect")
            shaking.cancel()
            await asyncio.gather(shaking, return_exceptions=True)
        self.outbox.spend(1)  # startApi
        self.outbox.open()

    def disconnect(self) -> None:
        """Close the socket at once, unsent bytes and all. Requests that wait for an answer fail."""
        transport = self._client.conn.transport
        if transport is not None:
            transport.abort()
        self._client.disconnect()
        self._gone("disconnected")

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
        old = self._summary_request
        if old:
            self._send(partial(self._client.cancelAccountSummary, old))
        request = self._summary_request = self._client.getReqId()
        await self._rebuild(
            "account", lambda: self._client.reqAccountSummary(request, "All", ",".join(TAGS)), timeout_s
        )

    def pnl(self, account: str) -> None:
        """Subscribe to the account's PnL, about once a second, in place of what was subscribed before."""
        for old in self.inbound.pnl_accounts:
            self._send(partial(self._client.cancelPnL, old))
        self.inbound.pnl_accounts.clear()
        request = self._client.getReqId()
        self.inbound.pnl_accounts[request] = account
        self._send(lambda: self._client.reqPnL(request, account, ""))

    async def ping(self, timeout_s: float) -> None:
        """A round trip, to find out whether the other side still reads. Raises TimeoutError."""
        await self._ask("time", self._client.reqCurrentTime, timeout_s, Priority.PROTECT)

    async def _rebuild(self, name: str, send: Callable[[], None], timeout_s: float) -> None:
        def begin() -> None:
            self.inbound.replaying.add(name)
            send()

        await self._ask(name, begin, timeout_s)

    async def _ask(
        self, key: object, send: Callable[[], None], timeout_s: float, priority: Priority = Priority.DATA
    ) -> None:
        """Send, and wait for the answer under `key` from the moment it left. Raises TimeoutError, ConnectionError."""
        turn = ("turn", key)

        def write() -> None:
            send()
            self._waiting.expect(key)
            self._waiting.answer(turn)

        if turn not in self._waiting and key not in self._waiting:  # else it was asked and is under way
            self._waiting.expect(turn)
            self.outbox.offer(priority, write, dropped=lambda error: self._waiting.fail(turn, str(error)))
        if turn in self._waiting:
            await self._waiting.answer_to(turn, None)
        await self._waiting.answer_to(key, timeout_s)

    def _send(self, write: Callable[[], object]) -> None:
        """Write a request that has no end of its own; a lost connection forgets it, and asks anew."""
        self.outbox.offer(Priority.DATA, write)

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

    async def market_rule(self, rule_id: int, timeout_s: float) -> tuple[PriceBand, ...]:
        """The price increments under this id, lowest band first. Raises TimeoutError, ConnectionError."""
        bands = self.inbound.rules.get(rule_id)
        if bands is None:
            await self._ask(("rule", rule_id), lambda: self._client.reqMarketRule(rule_id), timeout_s)
            bands = self.inbound.rules[rule_id]
        return bands

    def release_quotes(self, con_id: int) -> None:
        """Stop a contract's market data: nobody uses it, and IB allows only so many lines."""
        request = self.inbound.lines.request_of(con_id)
        if request is not None:
            self.inbound.lines.close(request)
            self._send(lambda: self._client.cancelMktData(request))

    def forget_quotes(self) -> None:
        """IB has lost every market data line: `stream_quotes` starts them anew."""
        self.inbound.lines.close_all()

    def stream_quotes(self, spec: ContractSpec) -> None:
        """Start the contract's market data unless it is streaming already."""
        if self.inbound.lines.request_of(spec.con_id) is None:
            request = self._client.getReqId()
            self.inbound.lines.open(request, spec, time.monotonic_ns())
            contract = to_contract(spec)
            self._send(lambda: self._client.reqMktData(request, contract, "", False, False, []))

    # ------------------------------------------------------------ orders

    def bracket(self, legs: Sequence[Leg], account: str) -> list[Order]:
        """The library's orders for a bracket, with ids of this connection. See `orders.bracket`."""
        return bracket(self._ib, legs, account)

    def single(self, leg: Leg, account: str) -> Order:
        """The library's order beside a bracket, or of a modification. See `orders.single`."""
        return single(self._ib, leg, account)

    def place(self, spec: ContractSpec, orders: Sequence[Order]) -> None:
        """Write the orders to the socket, in order. Only from a unit of the outbox of that size."""
        contract = to_contract(spec)
        for number, order in enumerate(orders):
            if number:
                kill_point("gateway.write.leg")
            self.inbound.bridge.placed(order.orderId, order.orderRef)
            self._client.placeOrder(order.orderId, contract, order)

    def cancel(
        self, order_id: int, written: Callable[[], object] = nothing, dropped: Dropped = nobody
    ) -> None:
        """Ask IB to cancel one order of this client; `written` once it is on the socket."""

        def write() -> None:
            self._client.cancelOrder(order_id, "")
            written()

        self.outbox.offer(Priority.KILL, write, dropped=dropped)

    def cancel_all(self, written: Callable[[], object] = nothing, dropped: Dropped = nobody) -> None:
        """Ask IB to cancel every order of the login, and send no bracket that still waits for its turn."""

        def write() -> None:
            self._client.reqGlobalCancel()
            written()

        self.outbox.withdraw(Priority.ENTRY, "cancelled before it was sent")
        self.outbox.offer(Priority.KILL, write, dropped=dropped)

    # ------------------------------------------------------------ inbound: names the library calls

    def read_done(self) -> None:
        """Hand on what one socket read brought."""
        batch = self.inbound.flush()
        if batch:
            self._listener.on_messages(batch)
        if self.inbound.refusal:
            self._waiting.fail("connect", self.inbound.refusal)

    def undecodable(self, payload: bytes, error: Exception) -> None:
        """Pass on what could not be decoded."""
        self._listener.on_undecodable(payload, error)

    def completedOrder(self, contract: Contract, order: Order, state: Any) -> None:  # noqa: N802
        """completedOrder (101)."""
        self.inbound.completed_order(contract, order, state)

    def contractDetails(self, reqId: int, details: Any) -> None:  # noqa: N802, N803
        """contractDetails (10)."""
        self.inbound.contract_details(reqId, details)

    def setEventsDone(self) -> None:  # noqa: N802
        """The socket closed."""
        reason = self.inbound.refusal or self._closed_reason or "connection closed"
        self._gone(reason)
        self._listener.on_closed(reason)

    def connectionClosed(self) -> None:  # noqa: N802
        """Told by setEventsDone already."""

    def connectAck(self) -> None:  # noqa: N802
        """The session waits for nextValidId and managedAccounts instead."""

    def _decode(self, fields: list[str]) -> None:
        """One of the long messages, through the library's decoder, which calls back above."""
        self._client.decode(int(fields[0]), fields)

    def _gone(self, reason: str) -> None:
        self.outbox.close(reason)
        self._waiting.fail_all(reason)

    def _on_api_error(self, message: str) -> None:
        self._closed_reason = self._closed_reason or message


_LIBRARY_DECODED = frozenset({"10", "101"})  # contractDetails, completedOrder
