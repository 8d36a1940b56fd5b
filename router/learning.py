"""One message more about a delivery: facts in, never a decision (platform contract 7)."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from router import tally
from router.delivery import Delivery, EntryOrder, recounted
from router.end import ENDED
from router.execution import SYNCED, Commission, Execution
from router.executions import revisions
from router.messages import (
    BrokerError,
    CommissionReport,
    ExecutionFill,
    Message,
    OrderChange,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderRequest,
    OrderTimedOut,
    Signal,
    SignalReceived,
    SignalSized,
    Ticket,
)
from router.quantity import EPSILON

CANCELLED = 202  # IB: order cancelled; comes after the status, which may be missing


def learn(delivery: Delivery, message: Message, leg: str, now_ms: int, share: float = 1.0) -> Delivery:
    """The delivery with what this message says; the same object when it says nothing new.

    `leg` is that of the message's orderRef, empty where it has none; `share` that of an execution's quantity which is
    this delivery's (see `router.attribution`).
    """
    learned = _learn(delivery, message, leg, now_ms, share)
    if _same(learned, delivery):
        return delivery
    return advance(learned, changed_ms=max(now_ms, delivery.progress.changed_ms))


def _learn(delivery: Delivery, message: Message, leg: str, now_ms: int, share: float) -> Delivery:
    match message:
        case SignalReceived():
            return _with_signal(delivery, message.signal, message.ticket)
        case SignalSized():
            return _with_request(delivery, message.request)
        case OrderIntent():
            delivery = _with_request(delivery, message.request)
            context = replace(delivery.context, legs=message.legs, placed_ms=now_ms)
            return replace(delivery, context=context)
        case OrderParked():
            return advance(_with_request(delivery, message.request), parked=message.reason)
        case OrderChange(reason="drop") if not delivery.progress.entry.status:
            return lapsed(delivery, now_ms)
        case OrderTimedOut():
            return advance(delivery, timed_out=True)
        case OrderLifecycleEvent() if leg == "E":
            return _heard_of_entry(delivery, message, now_ms)
        case BrokerError() if leg == "E":
            return _ended_by_error(delivery, message, now_ms)
        case ExecutionFill():
            return _executed(delivery, message, leg, now_ms, share)
        case CommissionReport():
            return _charged(delivery, message)
        case _:
            return delivery


def _same(a: Delivery, b: Delivery) -> bool:
    facts = a.executions is b.executions and a.commissions is b.commissions
    return facts and a.context == b.context and a.progress == b.progress


def advance(delivery: Delivery, **changes: object) -> Delivery:
    """The delivery with these fields of its progress changed."""
    return replace(delivery, progress=replace(delivery.progress, **changes))


def _with_signal(delivery: Delivery, signal: Signal, ticket: Ticket) -> Delivery:
    if delivery.context.signal is None:
        delivery = replace(delivery, context=replace(delivery.context, signal=signal))
    if ticket in delivery.progress.tickets:
        return delivery
    return advance(delivery, tickets=(*delivery.progress.tickets, ticket))


def _with_request(delivery: Delivery, request: OrderRequest) -> Delivery:
    delivery = _with_signal(delivery, request.signal, request.ticket)
    if delivery.context.request is not None:
        return delivery
    return replace(delivery, context=replace(delivery.context, request=request))


def _heard_of_entry(delivery: Delivery, event: OrderLifecycleEvent, now_ms: int) -> Delivery:
    """IB's word on the entry; one that IB lists as working was not rejected, whatever was."""
    order = _entry_order(delivery.progress.entry, event, now_ms)
    works = event.replayed and not order.ended_ms
    return advance(delivery, entry=order, rejection="" if works else delivery.progress.rejection)


def _entry_order(order: EntryOrder, event: OrderLifecycleEvent, now_ms: int) -> EntryOrder:
    """An end is final, except Inactive, from which IB may take an order back to work."""
    filled = max(order.filled, event.filled)
    if order.ended_ms and order.status != "Inactive":
        return replace(order, filled=filled)
    ended = event.status in ENDED
    return EntryOrder(
        status=event.status,
        filled=filled,
        ended_ms=(order.ended_ms or now_ms) if ended else 0,
        doubtful=ended and (event.replayed or event.status == "Inactive"),
    )


def _ended_by_error(delivery: Delivery, error: BrokerError, now_ms: int) -> Delivery:
    order = delivery.progress.entry
    ended_ms = order.ended_ms or now_ms
    terminal = error.policy == "terminal"
    if terminal and error.code == CANCELLED:
        if order.ended_ms:
            return delivery
        return advance(delivery, entry=replace(order, status="Cancelled", ended_ms=ended_ms, doubtful=True))
    if not terminal:
        return delivery
    delivery = advance(delivery, rejection=error.text or f"error {error.code}")
    if order.status and not order.ended_ms:
        return delivery  # a modification may have been rejected: the gateway asks whether the order works
    order = replace(order, status=order.status or "Rejected", ended_ms=ended_ms, doubtful=False)
    return advance(delivery, entry=order)


def lapsed(delivery: Delivery, now_ms: int) -> Delivery:
    """The delivery with an entry that is over, although IB has told no end of it."""
    entry = replace(delivery.progress.entry, status="Cancelled", ended_ms=now_ms, doubtful=True)
    return advance(delivery, entry=entry, changed_ms=now_ms)


def written_off(delivery: Delivery, now_ms: int) -> Delivery:
    """The delivery with all that it still holds closed at what was paid: IB holds it no longer and says no more.

    What it brought is not known, so it brought nothing; executions that come after all take its place.
    """
    execution = Execution(
        exec_id=f"synced {delivery.name}",
        leg=SYNCED,
        quantity=delivery.held,
        price=delivery.entry_price,
        at=datetime.fromtimestamp(now_ms / 1000, UTC),
        order_id=0,
        learned_ms=now_ms,
        number=len(delivery.executions) + len(delivery.progress.superseded),
    )
    commissions = {**delivery.commissions, execution.exec_id: Commission(0.0, None)}
    executions = {**delivery.executions, execution.exec_id: execution}
    closed = replace(delivery, executions=executions, commissions=commissions)
    return advance(recounted(closed), changed_ms=now_ms)


def _executed(delivery: Delivery, fill: ExecutionFill, leg: str, now_ms: int, share: float) -> Delivery:
    if fill.exec_id in delivery.executions or fill.exec_id in delivery.progress.superseded:
        return delivery
    replaced = revisions(fill.supersedes)
    corrected = next((x for name in replaced if (x := delivery.executions.get(name)) is not None), None)
    execution = Execution(
        exec_id=fill.exec_id,
        leg=leg,
        quantity=fill.quantity,
        price=fill.price,
        at=fill.executed_at,
        order_id=fill.order_id,
        learned_ms=now_ms,
        number=len(delivery.executions) + len(delivery.progress.superseded),
        supersedes=corrected.exec_id if corrected else fill.supersedes,
        told=corrected is not None and corrected.told,
        share=share,
    )
    if leg != "E":
        delivery = _without_synced(delivery, fill.quantity - (corrected.quantity if corrected else 0.0))
    executions = {**delivery.executions, fill.exec_id: execution}
    if not fill.supersedes:
        tallied = tally.add(delivery.tally, execution, delivery.commissions)
        return replace(delivery, executions=executions, tally=tallied)
    if corrected:
        del executions[corrected.exec_id]
    superseded = dict.fromkeys((*delivery.progress.superseded, *replaced))
    delivery = advance(delivery, superseded=tuple(superseded), passed=0, passed_quantity=0.0)
    return recounted(replace(delivery, executions=executions))


def _without_synced(delivery: Delivery, quantity: float) -> Delivery:
    """What was written off makes room for the execution that came after all."""
    synced = next((x for x in delivery.executions.values() if x.leg == SYNCED), None)
    if synced is None or quantity <= EPSILON:
        return delivery
    left = synced.quantity - quantity
    executions = {**delivery.executions, synced.exec_id: replace(synced, quantity=left)}
    if left <= EPSILON:
        del executions[synced.exec_id]
        delivery = advance(delivery, superseded=(*delivery.progress.superseded, synced.exec_id))
    return recounted(replace(delivery, executions=executions))


def _charged(delivery: Delivery, message: CommissionReport) -> Delivery:
    shared = delivery.executions.get(message.exec_id)
    share = shared.share if shared is not None else 1.0
    realized = None if message.realized_pnl is None else message.realized_pnl * share
    report = Commission(message.commission * share, realized)
    delivery = replace(delivery, commissions={**delivery.commissions, message.exec_id: report})
    execution = delivery.tally.uncharged.get(message.exec_id)
    if execution is None:  # not here yet, or it had the report of the execution that it corrects
        return recounted(delivery) if delivery.progress.superseded else delivery
    return replace(delivery, tally=tally.charge(delivery.tally, execution, report))
