"""What the other processes may ask of the gateway, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from ipc.bus import JournalError
from router.messages import (
    CancelAll,
    CancelOrders,
    CancelReply,
    CommandRefused,
    FindDelivery,
    Flatten,
    HoldingsQuery,
    LinkPhase,
    ModifyOrder,
    OrderChange,
    OrderIntent,
    OrderParked,
    OrderRequest,
    OrderSent,
    ParkedQuery,
    ParkedReply,
    PlaceBracket,
    PlaceOrders,
    PlaceReply,
    PrepareContract,
    ResolveParked,
)
from router.messages import Message as BusMessage
from router.pacing import Priority, UnitTooLarge
from router.reasons import Reason
from workers.clock import now_ms
from workers.gateway.contracts import Contracts
from workers.gateway.current import Current
from workers.gateway.desk import Desk, Reply, dropped
from workers.gateway.known import Known
from workers.gateway.session import Session, Sink
from workers.killpoint import kill_point

DECIDED_MS = (
    60_000  # for which an operator's decision to send stands: it waits for its turn, not for another day
)

log = structlog.get_logger()


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
        self._waiting: dict[object, str] = {}  # deliveries whose turn to be sent has not come
        session.resend = self._send_again
        self._desk = Desk(session, current, durable=durable, reply=reply)
        self.contracts = Contracts(session, current, session.settings, reply)
        self.placed = 0

    def handle(self, request_id: str, message: BusMessage) -> BusMessage | None:
        """One command; None when the answer follows later."""
        match message:
            case PlaceBracket():
                return self._place(message, partial(self._reply, request_id))
            case FindDelivery():
                return self._find(message)
            case PlaceOrders():
                return self._desk.place(request_id, message)
            case ModifyOrder():
                return self._desk.modify(request_id, message)
            case CancelOrders():
                return self._desk.cancel(request_id, message)
            case Flatten():
                return self._desk.flatten(request_id, message)
            case HoldingsQuery():
                return self._desk.holdings()
            case ParkedQuery():
                return ParkedReply(tuple(self._known.parked()))
            case ResolveParked():
                return self._resolve(request_id, message)
            case CancelAll():
                return self._cancel_all(request_id)
            case PrepareContract():
                return self._prepare(request_id, message)
            case _:
                return CommandRefused(
                    code=Reason.UNKNOWN_COMMAND, text=f"the gateway has no {type(message).__name__}"
                )

    # ------------------------------------------------------------ orders

    def _find(self, command: FindDelivery) -> BusMessage:
        """What was intended here stays so while IB is away; only that nothing was has to wait for IB's word."""
        kill_point("gateway.find")
        verdict = self._known.verdict(command.delivery)
        if verdict == "unknown" and self._known.intent_of(command.delivery) is not None:
            verdict = "in_doubt"  # decided to be sent again: what becomes of it is told
        if verdict == "unknown" and command.delivery in self._waiting.values():
            return CommandRefused(Reason.WAITING, f"{command.delivery} waits to be sent", retry=True)
        if verdict == "unknown" and self._session.phase is not LinkPhase.READY:
            return self._desk.not_ready()
        return PlaceReply(delivery=command.delivery, outcome=verdict)

    def _place(self, command: PlaceBracket, answer: Callable[[BusMessage], None]) -> BusMessage | None:
        """Have the bracket sent in its turn; the answer follows when it left, or it is known that it won't.

        A refusal says that nothing was sent: the asker may tell the signal's end from it. So what was intended before
        is looked up first, whatever may be placed now.
        """
        kill_point("gateway.place")
        verdict = self._known.verdict(command.request.delivery)
        if verdict != "unknown":
            return PlaceReply(delivery=command.request.delivery, outcome=verdict)
        if refusal := self._closed(command.request.account):
            return refusal
        turn = object()
        self._waiting[turn] = command.request.delivery

        def write() -> None:
            self._waiting.pop(turn, None)
            _told(answer, self._send(command))

        def drop(error: Exception) -> None:
            self._waiting.pop(turn, None)
            _told(answer, self._unsent(command.request.delivery, error))

        try:
            self._session.link.outbox.offer(
                Priority.ENTRY, write, size=len(command.legs), dropped=drop, account=command.request.account
            )
        except UnitTooLarge as error:
            del self._waiting[turn]
            return CommandRefused(code=Reason.TOO_MANY_LEGS, text=str(error))
        return None

    def _closed(self, account: str) -> CommandRefused | None:
        """An entry that meets a flatten is taken back for good, like those that wait: sent after it, it would be the
        one position of an account that was said to be flat."""
        refusal = self._desk.closed(account)
        if refusal is not None and refusal.code == Reason.FLATTENING:
            return CommandRefused(Reason.CANCELLED, refusal.text)
        return refusal

    def _unsent(self, delivery: str, error: Exception) -> BusMessage:
        """It failed in its turn: before it was intended, or after, when a part of it may have left."""
        verdict = self._known.verdict(delivery)
        return dropped(error) if verdict == "unknown" else PlaceReply(delivery=delivery, outcome=verdict)

    def _send(self, command: PlaceBracket) -> BusMessage:
        """Look, intend, write: one uninterrupted step. What was true when the command came may not be now."""
        request = command.request
        verdict = self._known.verdict(request.delivery)
        if verdict != "unknown":
            return PlaceReply(delivery=request.delivery, outcome=verdict)
        if refusal := self._closed(request.account):
            return refusal
        kill_point("gateway.looked_up")
        if now_ms() > request.expires_ms:
            return CommandRefused(code=Reason.STALE, text="the signal expired before its order could be sent")
        link = self._session.link
        orders = link.bracket(command.legs, request.account)
        legs = tuple(
            msgspec.structs.replace(leg, order_id=order.orderId)
            for leg, order in zip(command.legs, orders, strict=True)
        )
        intent = OrderIntent(delivery=request.delivery, request=request, legs=legs)
        kill_point("gateway.intent.before")
        self._durable(intent)
        kill_point("gateway.intent.after")
        self._known.observe(intent)
        kill_point("gateway.write.before")
        link.place(request.contract, orders)
        kill_point("gateway.write.after")
        kill_point("gateway.sent.before")
        self._sink(OrderSent(delivery=request.delivery, order_ids=tuple(leg.order_id for leg in legs)))
        kill_point("gateway.sent.after")
        self.placed += 1
        log.info(
            "bracket sent", signal_id=request.signal.id, order_ref=legs[0].ref, order_id=legs[0].order_id
        )
        return PlaceReply(delivery=request.delivery, outcome="sent")

    def _prepare(self, request_id: str, command: PrepareContract) -> BusMessage | None:
        kill_point("gateway.prepare")
        if self._session.phase is not LinkPhase.READY:
            return self._desk.not_ready()
        return self.contracts.prepare(request_id, command.contract)

    def _resolve(self, request_id: str, command: ResolveParked) -> BusMessage | None:
        """An operator's decision on a parked bracket, journalled before it has effect."""
        try:
            return self._carry_out(request_id, command)
        except JournalError as error:
            return dropped(error)

    def _carry_out(self, request_id: str, command: ResolveParked) -> BusMessage | None:
        delivery = command.delivery
        parked = next((one for one in self._known.parked() if one.delivery == delivery), None)
        if parked is None:
            return CommandRefused(Reason.NOT_PARKED, f"{delivery} is not parked: see `router parked list`")
        intent = self._known.intent_of(delivery)
        if command.how != "resend":
            self._decided(parked.request, command.how)
            return PlaceReply(delivery=delivery, outcome="adopted" if command.how == "adopt" else "unknown")
        if self._session.phase is not LinkPhase.READY:
            return self._desk.not_ready()
        if intent is None:
            return CommandRefused(
                Reason.NO_TERMS, f"the terms of {delivery} are no longer in the journal: drop it"
            )
        fresh = msgspec.structs.replace(parked.request, expires_ms=now_ms() + DECIDED_MS)
        self._resend(intent, fresh, partial(self._reply, request_id))
        return None

    def _send_again(self, intent: OrderIntent) -> None:
        """The recovery found that IB never took this bracket."""
        self._resend(intent, intent.request, nobody)

    def _resend(
        self, intent: OrderIntent, request: OrderRequest, answer: Callable[[BusMessage], object]
    ) -> None:
        """Send a bracket once more. If it cannot be sent now, a person decides."""

        def told(message: BusMessage) -> None:
            if isinstance(message, CommandRefused) and not self._is_parked(intent.delivery):
                why = f"never taken by IB, and not sent again: {message.text}"
                parked = OrderParked(delivery=intent.delivery, request=intent.request, reason=why)
                self._known.observe(parked)
                self._sink(parked)
            answer(message)

        try:
            self._decided(intent.request, "resend")
        except JournalError as error:
            told(dropped(error))
            return
        refusal = self._place(PlaceBracket(request=request, legs=intent.legs), told)
        if refusal is not None:
            told(refusal)

    def _is_parked(self, delivery: str) -> bool:
        return any(one.delivery == delivery for one in self._known.parked())

    def _decided(self, request: OrderRequest, how: str) -> None:
        change = OrderChange("parked", request.delivery, request.account, request.contract, (), how)
        kill_point("gateway.resolved.before")
        self._durable(change)
        kill_point("gateway.resolved.after")
        self._known.observe(change)
        log.warning("order in doubt resolved", order_ref=request.delivery, how=how)

    def _cancel_all(self, request_id: str) -> BusMessage | None:
        """One message that IB applies to every order of the login."""
        if not self._session.connected:
            return self._desk.not_ready()

        def written() -> None:
            refs = self._current.live_refs()
            log.warning("all orders cancelled", live=len(refs))
            self._reply(request_id, CancelReply(refs=refs))

        self._session.link.cancel_all(written, lambda error: self._reply(request_id, dropped(error)))
        return None


def nobody(message: BusMessage) -> None:
    """For what nobody asked for."""


def _told(answer: Callable[[BusMessage], None], message: BusMessage) -> None:
    kill_point("gateway.reply.before")
    answer(message)
    kill_point("gateway.reply.after")
