"""What the other processes may ask of the gateway, and what it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from router.errors import Recoverable
from router.messages import (
    CancelAll,
    CancelOrders,
    CancelReply,
    CommandRefused,
    ContractReady,
    ContractSpec,
    FindDelivery,
    LinkPhase,
    OrderIntent,
    OrderLifecycleEvent,
    OrderSent,
    PlaceBracket,
    PlaceReply,
    PrepareContract,
)
from router.messages import Message as BusMessage
from router.pacing import Priority, UnitTooLarge
from workers.gateway.current import Current
from workers.gateway.known import Known
from workers.gateway.outbox import Withdrawn
from workers.gateway.session import Session, Sink

log = structlog.get_logger()

Reply = Callable[[str, BusMessage], None]


class Commands:
    """Answers by request id. Placing is one uninterrupted step from the lookup to the socket write."""

    def __init__(
        self, session: Session, known: Known, current: Current, *, sink: Sink, durable: Sink, reply: Reply
    ) -> None:
        self._session = session
        self._known = known
        self._current = current
        self._sink = sink
        self._durable = durable
        self._reply = reply
        self._qualified: dict[ContractSpec, ContractReady] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.placed = 0

    def handle(self, request_id: str, message: BusMessage) -> BusMessage | None:
        """One command; None when the answer follows later."""
        match message:
            case PlaceBracket():
                return self._place(request_id, message)
            case FindDelivery():
                return self._find(message)
            case CancelOrders():
                return self._cancel(request_id, message)
            case CancelAll():
                return self._cancel_all(request_id)
            case PrepareContract():
                return self._prepare(request_id, message.contract)
            case _:
                return CommandRefused(
                    code="UNKNOWN_COMMAND", text=f"the gateway has no {type(message).__name__}"
                )

    # ------------------------------------------------------------ orders

    def _find(self, command: FindDelivery) -> BusMessage:
        if self._session.phase is not LinkPhase.READY:
            return self._not_ready()
        verdict = self._known.verdict(command.delivery)
        return PlaceReply(delivery=command.delivery, outcome=verdict)

    def _place(self, request_id: str, command: PlaceBracket) -> BusMessage | None:
        """Have the bracket sent in its turn; the reply follows when it left, or it is known that it won't."""
        if self._session.phase is not LinkPhase.READY:
            return self._not_ready()
        verdict = self._known.verdict(command.request.delivery)
        if verdict != "unknown":
            return PlaceReply(delivery=command.request.delivery, outcome=verdict)
        try:
            self._session.link.outbox.offer(
                Priority.ENTRY,
                lambda: self._reply(request_id, self._send_or_refuse(command)),
                size=len(command.legs),
                dropped=lambda error: self._reply(request_id, _dropped(error)),
            )
        except UnitTooLarge as error:
            return CommandRefused(code="TOO_MANY_LEGS", text=str(error))
        return None

    def _send_or_refuse(self, command: PlaceBracket) -> BusMessage:
        try:
            return self._send(command)
        except Recoverable as error:
            return CommandRefused(code=type(error).__name__, text=str(error), retry=True)

    def _send(self, command: PlaceBracket) -> BusMessage:
        """Look, intend, write: one uninterrupted step. What was true when the command came may not be now."""
        request = command.request
        if self._session.phase is not LinkPhase.READY:
            return self._not_ready()
        verdict = self._known.verdict(request.delivery)
        if verdict != "unknown":
            return PlaceReply(delivery=request.delivery, outcome=verdict)
        if time.time_ns() // 1_000_000 > request.expires_ms:
            return CommandRefused(code="STALE", text="the signal expired before its order could be sent")
        link = self._session.link
        orders = link.bracket(command.legs, request.account)
        legs = tuple(
            msgspec.structs.replace(leg, order_id=order.orderId)
            for leg, order in zip(command.legs, orders, strict=True)
        )
        intent = OrderIntent(delivery=request.delivery, request=request, legs=legs)
        self._durable(intent)
        self._known.observe(intent)
        link.place(request.contract, orders)
        self._sink(OrderSent(delivery=request.delivery, order_ids=tuple(leg.order_id for leg in legs)))
        self.placed += 1
        log.info(
            "bracket sent", signal_id=request.signal.id, order_ref=legs[0].ref, order_id=legs[0].order_id
        )
        return PlaceReply(delivery=request.delivery, outcome="sent")

    def _cancel(self, request_id: str, command: CancelOrders) -> BusMessage | None:
        """Cancels are always tried; only a link that is down refuses them."""
        if not self._session.connected:
            return self._not_ready()
        events = self._current.live_orders(command.refs, self._session.client_id)
        if not events:
            return CancelReply(refs=())
        waiting, written = {event.order_id for event in events}, []

        def settle(event: OrderLifecycleEvent, error: Exception | None = None) -> None:
            waiting.discard(event.order_id)
            if error is None:
                written.append(event.ref)
                log.info("cancel sent", order_ref=event.ref, order_id=event.order_id)
            if not waiting:
                self._reply(request_id, CancelReply(refs=tuple(written)))

        for event in events:
            told = partial(settle, event)
            self._session.link.cancel(event.order_id, told, told)
        return None

    def _cancel_all(self, request_id: str) -> BusMessage | None:
        """One message that IB applies to every order of the login."""
        if not self._session.connected:
            return self._not_ready()

        def written() -> None:
            refs = self._current.live_refs()
            log.warning("all orders cancelled", live=len(refs))
            self._reply(request_id, CancelReply(refs=refs))

        self._session.link.cancel_all(written, lambda error: self._reply(request_id, _dropped(error)))
        return None

    # ------------------------------------------------------------ contracts

    def _prepare(self, request_id: str, wanted: ContractSpec) -> BusMessage | None:
        if self._session.phase is not LinkPhase.READY:
            return self._not_ready()
        ready = self._qualified.get(wanted)
        if ready is not None:
            self._session.stream(ready.contract)
            return ready
        task = asyncio.ensure_future(self._qualify(request_id, wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    async def _qualify(self, request_id: str, wanted: ContractSpec) -> None:
        try:
            found = await self._session.link.contract_details(wanted, self._session.request_timeout_s)
        except TimeoutError:
            self._reply(request_id, CommandRefused("LOOKUP_FAILED", "IB did not answer in time", retry=True))
            return
        except OSError as error:
            self._reply(request_id, CommandRefused("LOOKUP_FAILED", str(error), retry=True))
            return
        if len(found) != 1:
            what = "is not listed at IB" if not found else f"fits {len(found)} contracts at IB"
            self._reply(request_id, CommandRefused(code="CONTRACT_LOOKUP_FAILED", text=what))
            return
        ready = found[0]
        if not ready.contract.exchange:
            ready = msgspec.structs.replace(
                ready, contract=msgspec.structs.replace(ready.contract, exchange=wanted.exchange)
            )
        self._qualified[wanted] = ready
        self._session.stream(ready.contract)
        self._reply(request_id, ready)

    def _not_ready(self) -> CommandRefused:
        return CommandRefused(
            code="LINK_NOT_READY", text=f"the IB connection is {self._session.phase}", retry=True
        )


def _dropped(error: Exception) -> CommandRefused:
    """Why a command was not carried out: taken back for good, or the connection went before its turn came."""
    if isinstance(error, Withdrawn):
        return CommandRefused(code="CANCELLED", text=str(error))
    return CommandRefused(code="LINK_NOT_READY", text=str(error), retry=True)
