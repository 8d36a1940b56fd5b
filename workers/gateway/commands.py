"""What the other processes may ask of the gateway, and what it answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec
import structlog

from router.messages import (
    CancelOrders,
    CancelReply,
    CommandRefused,
    ContractReady,
    ContractSpec,
    FindDelivery,
    LinkPhase,
    OrderIntent,
    OrderSent,
    PlaceBracket,
    PlaceReply,
    PrepareContract,
)
from router.messages import Message as BusMessage
from workers.gateway.current import Current
from workers.gateway.known import Known
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
                return self._place(message)
            case FindDelivery():
                return self._find(message)
            case CancelOrders():
                return self._cancel(message)
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

    def _place(self, command: PlaceBracket) -> BusMessage:
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

    def _cancel(self, command: CancelOrders) -> BusMessage:
        """Cancels are always tried; only a link that is down refuses them."""
        if self._session.phase not in (LinkPhase.READY, LinkPhase.DEGRADED, LinkPhase.SYNCING):
            return self._not_ready()
        cancelled = []
        for event in self._current.live_orders(command.refs, self._session.client_id):
            self._session.link.cancel(event.order_id)
            cancelled.append(event.ref)
            log.info("cancel sent", order_ref=event.ref, order_id=event.order_id)
        return CancelReply(refs=tuple(cancelled))

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
