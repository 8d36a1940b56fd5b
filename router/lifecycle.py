"""The life of a delivery, from its signal to its EXIT, as the platform is told of it.

`router.learning` adds one message to the facts; `settle` looks at all facts and tells what has become true and
was not told yet. Because telling looks at the whole and never at the last message alone, duplicated, late and swapped
messages of IB end in the same ENTRY, EXIT and ack (platform contract 0.9, 0.10, 3 and 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from router import payloads, records
from router.delivery import Delivery, ToldEntry, ToldExit
from router.effects import (
    Acknowledge,
    DeadLetter,
    Distribute,
    Effect,
    OrderDone,
    OrderPending,
    PositionClosed,
    Settle,
    Subject,
    Told,
)
from router.execution import Execution
from router.formats import price
from router.learning import advance
from router.messages import SignalRefused
from router.quantity import EPSILON
from router.sessions import EASTERN


class Settled(NamedTuple):
    """A delivery after telling, what to tell, and when (epoch ms) to settle again; None for no sooner than news."""

    delivery: Delivery
    effects: list[Effect]
    due_ms: int | None


def settle(
    delivery: Delivery, closed: Mapping[str, str], *, now_ms: int, wait_ms: int, connected: bool
) -> Settled:
    """Tell what has become true. Waits up to `wait_ms` for commission reports, and for what a doubtful end lacks;
    for that also until IB is `connected`: a rebuild that was cut off has told ends and not yet executions.

    `closed` names, per `{day}:{record id}` of this contract, the delivery whose closed record lies there.
    """
    teller = _Teller(delivery, closed, now_ms, wait_ms, connected)
    teller.pending()
    if delivery.context.request is not None:
        teller.entry()
        teller.scale_outs()
        teller.exit()
        teller.adjustments()
    teller.end()
    return Settled(teller.delivery, teller.effects, teller.due_ms)


class _Teller:
    """One pass over the facts, in the order the platform must hear of them (contract 11)."""

    def __init__(
        self, delivery: Delivery, closed: Mapping[str, str], now_ms: int, wait_ms: int, connected: bool
    ) -> None:
        self.delivery = delivery
        self._closed = closed
        self.effects: list[Effect] = []
        self.due_ms: int | None = None
        self._now_ms = now_ms
        self._wait_ms = wait_ms
        self._connected = connected

    # ------------------------------------------------------------ steps

    def pending(self) -> None:
        """The entry order works, from the intent to its end: the platform must never see a gap."""
        delivery, progress = self.delivery, self.delivery.progress
        order_id = next((leg.order_id for leg in delivery.context.legs if leg.role == "entry"), 0)
        if not order_id or (progress.acked and not progress.pending_told):
            return
        if self._complete():
            if progress.pending_told:
                self.effects.append(OrderDone(order_id))
                self._note(pending_told=False)
            return
        self.effects.append(OrderPending(order_id, records.pending_order(delivery, order_id, self._now_ms)))
        self._note(pending_told=True)

    def entry(self) -> None:
        """ENTRY once everything that will ever fill has filled."""
        delivery = self.delivery
        if delivery.progress.entry_told or not self._complete() or delivery.entered <= EPSILON:
            return
        if delivery.closed <= EPSILON and self._awaits():
            return
        document = payloads.entry(delivery, token=self._token("ENTRY"))
        self._distribute("ENTRY", document)
        self._note(entry_told=_entry_numbers(delivery))

    def scale_outs(self) -> None:
        """SCALE_OUT for each fill of a target that leaves something; the fill that leaves nothing is the EXIT's."""
        progress = self.delivery.progress
        if progress.entry_told is None:
            return
        entered, passed, quantity = self.delivery.entered, progress.passed, progress.passed_quantity
        for execution in islice(self.delivery.executions.values(), passed, None):
            if execution.leg != "E":
                left = entered - quantity - execution.quantity
                if left <= EPSILON or not self._scale_out(execution, left):
                    break
                quantity += execution.quantity
            passed += 1
        if passed != progress.passed:
            self._note(passed=passed, passed_quantity=quantity)

    def exit(self) -> None:
        """EXIT once the position is flat and its commissions are known, or were waited for."""
        delivery = self.delivery
        progress = delivery.progress
        if progress.entry_told is None or progress.exit_told or not delivery.flat:
            return
        if self._awaits():
            return
        day = delivery.last_closing.at.astimezone(EASTERN).strftime("%Y%m%d")
        self._note(exit_told=_exit_numbers(delivery, day, self._record_id(day)))
        self._closed_record()
        token = self._token("EXIT")
        self._distribute("EXIT", payloads.exit_(delivery, token=token))

    def adjustments(self) -> None:
        """ADJUSTMENT where the numbers told are no longer true."""
        delivery, progress = self.delivery, self.delivery.progress
        if progress.exit_told is not None:
            exit_now = _exit_numbers(delivery, progress.exit_told.day, progress.exit_told.record_id)
            if exit_now == progress.exit_told or self._awaits():
                return
            self._note(exit_told=exit_now)
            self._closed_record()
            maker = payloads.exit_adjustment
        elif progress.entry_told is not None:
            entry_now = _entry_numbers(delivery)
            if entry_now == progress.entry_told:
                return
            self._note(entry_told=entry_now)
            maker = payloads.entry_adjustment
        else:
            return
        token = self._token("ADJUSTMENT")
        document = maker(delivery, token=token, now_ms=self._now_ms)
        self._distribute("ADJUSTMENT", document)

    def end(self) -> None:
        """The ack, once; whatever ticket comes later is only settled."""
        delivery, progress = self.delivery, self.delivery.progress
        if progress.acked:
            if progress.tickets:
                self.effects.append(Settle(progress.tickets))
                self._note(tickets=())
            return
        if progress.entry_told is not None:
            dead = delivery.entered < _wanted(delivery) - EPSILON
            self._acknowledge("FILLED", self._end_of_order()[1] if dead else "", broadcast=False)
        elif self._complete() and delivery.entered <= EPSILON:
            self._acknowledge(*self._end_of_order(), broadcast=True)
        elif progress.parked and delivery.entered <= EPSILON:
            self._acknowledge("PARKED", progress.parked, broadcast=True)

    # ------------------------------------------------------------ parts

    def _complete(self) -> bool:
        """Whether the entry is over; a doubtful end short of its quantity gets time to prove wrong."""
        delivery, order = self.delivery, self.delivery.progress.entry
        if not delivery.entry_complete:
            return False
        if not order.doubtful or delivery.entered >= _wanted(delivery) - EPSILON:
            return True
        return self._connected and not self._awaits_until(order.ended_ms + self._wait_ms)

    def _end_of_order(self) -> tuple[str, str]:
        """Status and reason of an entry that ended by itself (contract 3)."""
        progress = self.delivery.progress
        if progress.rejection:
            return "REJECTED", progress.rejection
        if progress.timed_out:
            return "TIMEOUT", "timeout"
        return progress.entry.status.upper(), progress.entry.status.lower()

    def _acknowledge(self, status: str, reason: str, *, broadcast: bool) -> None:
        signal = self.delivery.context.signal
        assert signal is not None
        filled = self.delivery.entered
        paid = price(self.delivery.entry_price) if filled > EPSILON else None
        if broadcast:
            document = payloads.execution_status(
                signal,
                status=status,
                reason=reason,
                filled=filled,
                price=paid,
                token=self._token("EXECUTION_STATUS"),
                now_ms=self._now_ms,
            )
            self._distribute("EXECUTION_STATUS", document)
        body = payloads.ack(
            signal.id,
            signal.symbol,
            signal,
            status=status,
            reason=reason,
            filled=filled,
            price=paid,
            now_ms=self._now_ms,
        )
        tickets = self.delivery.progress.tickets
        self.effects.append(Acknowledge(self._subject(), signal.contract_fp, body, tickets))
        self._note(acked=status, tickets=())

    def _scale_out(self, execution: Execution, left: float) -> bool:
        """Tell a target's fill that leaves something; False while its commission is waited for."""
        if not execution.leg.startswith("T") or execution.told:
            return True
        if execution.exec_id in self.delivery.tally.uncharged and self._awaits_one(execution):
            return False
        token = self._token("SCALE_OUT")
        document = payloads.scale_out(self.delivery, execution, remaining=left, token=token)
        self._distribute("SCALE_OUT", document)
        executions = {**self.delivery.executions, execution.exec_id: replace(execution, told=True)}
        self.delivery = replace(self.delivery, executions=executions)
        return True

    def _closed_record(self) -> None:
        told = self.delivery.progress.exit_told
        assert told is not None
        document = records.closed_position(self.delivery, told.record_id)
        at_s = self.delivery.last_closing.at.timestamp()
        self.effects.append(PositionClosed(told.day, told.record_id, document, at_s))

    def _record_id(self, day: str) -> str:
        """The position's id, or a numbered one when the contract was closed before on that day (contract 8.18)."""
        position_id, number = self.delivery.position_id, 1
        record_id = position_id
        while self._closed.get(f"{day}:{record_id}", self.delivery.name) != self.delivery.name:
            number += 1
            record_id = f"{position_id}:{number}"
        return record_id

    def _distribute(self, kind: Told, document: dict[str, object]) -> None:
        self.effects.append(Distribute(self._subject(), kind, document))

    def _token(self, kind: Told) -> str:
        """Unique per event and the same at a replay (contract 0.9)."""
        self._note(events=self.delivery.progress.events + 1)
        return f"{self.delivery.name}:{kind}:{self.delivery.progress.events}"

    def _subject(self) -> Subject:
        signal = self.delivery.context.signal
        return Subject(self.delivery.name, signal.id if signal else "", signal.symbol if signal else "")

    def _note(self, **changes: object) -> None:
        self.delivery = advance(self.delivery, **changes)

    def _awaits(self) -> bool:
        """Whether to wait for commission reports still."""
        uncharged = self.delivery.tally.uncharged
        if not uncharged:
            return False
        return self._awaits_until(max(x.learned_ms for x in uncharged.values()) + self._wait_ms)

    def _awaits_one(self, execution: Execution) -> bool:
        return self._awaits_until(execution.learned_ms + self._wait_ms)

    def _awaits_until(self, due_ms: int) -> bool:
        if due_ms <= self._now_ms:
            return False
        self.due_ms = due_ms if self.due_ms is None else min(self.due_ms, due_ms)
        return True


def _entry_numbers(delivery: Delivery) -> ToldEntry:
    return ToldEntry(round(delivery.entered * 1e6), round(delivery.entry_price * 1e4))


def _exit_numbers(delivery: Delivery, day: str, record_id: str) -> ToldExit:
    return ToldExit(
        realized_cents=round(delivery.realized * 100),
        commission_e4=round(delivery.commission * 1e4),
        quantity_e6=round(delivery.closed * 1e6),
        day=day,
        record_id=record_id,
    )


def _wanted(delivery: Delivery) -> float:
    return delivery.context.request.quantity if delivery.context.request else 0.0


# ---------------------------------------------------------------- signals that never became an order


def refuse(delivery: Delivery, refusal: SignalRefused, *, now_ms: int) -> Settled:
    """The end of a signal that sizing or submission refused (contract 3)."""
    signal = refusal.signal or delivery.context.signal
    subject = Subject(refusal.delivery, refusal.signal_id, refusal.symbol)
    effects: list[Effect] = []
    tickets = tuple(dict.fromkeys((*delivery.progress.tickets, refusal.ticket)))
    if delivery.progress.acked:
        return Settled(advance(delivery, tickets=(), changed_ms=now_ms), [Settle(tickets)], None)
    if refusal.malformed:
        letter = payloads.dead_letter(
            signal_id=refusal.signal_id,
            symbol=refusal.symbol,
            reason=refusal.reason,
            field=refusal.field,
            value=refusal.value,
            raw=refusal.raw,
            source=f"{refusal.ticket.source} {refusal.ticket.entry}",
            now_ms=now_ms,
        )
        effects.append(DeadLetter(subject, letter))
    if signal is not None:
        document = payloads.execution_status(
            signal,
            status=refusal.status,
            reason=refusal.reason,
            filled=0.0,
            price=None,
            token=f"{delivery.name}:EXECUTION_STATUS:1",
            now_ms=now_ms,
        )
        effects.append(Distribute(subject, "EXECUTION_STATUS", document))
    if refusal.signal_id:
        fingerprint = signal.contract_fp if signal else payloads.salvaged_fingerprint(refusal.raw)
        body = payloads.ack(
            refusal.signal_id,
            refusal.symbol,
            signal,
            status=refusal.status,
            reason=refusal.reason,
            now_ms=now_ms,
        )
        effects.append(Acknowledge(subject, fingerprint, body | {"contract_fp": fingerprint}, tickets))
    else:
        effects.append(Settle(tickets))
    delivery = advance(delivery, acked=refusal.status, tickets=(), changed_ms=now_ms)
    return Settled(replace(delivery, context=replace(delivery.context, signal=None)), effects, None)
