"""What a person should look at, and how often to say so. Pure.

An alert's `kind` and `details` are what tells it from others: the same trouble again has the same of both, whatever
its text says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from router.messages import Alert, BrokerError, Message, OrderLifecycleEvent, OrderParked
from router.messages.process import Details

SPEAKING: frozenset[type[Message]] = frozenset({Alert, OrderParked})  # what may be, or cause, one
MAX_TEXT = 200  # characters of a foreign text that an alert repeats
MAX_TYPE = 4  # digits of a message type of IB


def caused_by(message: Message) -> Alert | None:
    """The alert that a message of the trade topic gives reason for; an alert is its own."""
    match message:
        case Alert():
            return message
        case OrderParked():
            return _parked(message)
        case _:
            return None


def _parked(message: OrderParked) -> Alert:
    signal, delivery = message.request.signal, message.delivery
    return Alert(
        "order_parked",
        "critical",
        f"{delivery} may or may not be at the broker, decide with `router parked show {delivery}`: {message.reason}",
        ref=f"{delivery}-E",
        signal_id=signal.id,
        symbol=signal.symbol,
        details=(("delivery", delivery),),
    )


def unknown_error(error: BrokerError) -> Alert:
    """A code that conf/ib_errors.toml does not list, about an order: one kind per code, whatever the order."""
    return Alert(
        "ib_error_unknown",
        "warning",
        f"IB error {error.code} on {error.ref} is not known here, so IB is asked what is true of the order:"
        f" {error.text[:MAX_TEXT]}",
        ref=error.ref,
        details=(("code", str(error.code)),),
    )


def twins(younger: OrderLifecycleEvent, *, ours: bool) -> Alert:
    """Two live orders under one orderRef; the younger is cancelled if it is `ours`: IB lets nobody else's be."""
    what = "cancelled" if ours else f"belongs to client {younger.client_id}: cancel it there"
    return Alert(
        "two_orders_one_ref",
        "critical",
        f"{younger.ref} is live twice, the younger order {younger.order_id} (permId {younger.perm_id}) {what}",
        ref=younger.ref,
        details=(("perm_id", str(younger.perm_id)), ("client_id", str(younger.client_id))),
    )


def undecodable(payload: bytes, error: Exception) -> Alert:
    """A message of IB that cannot be read; `payload` begins with its type. Its bytes are in the quarantine."""
    head = payload.split(b"\0", 1)[0]
    kind = head.decode() if head.isdigit() and len(head) <= MAX_TYPE else "unknown"
    return Alert(
        "ib_message_undecodable",
        "critical",
        f"a message of IB (type {kind}) cannot be read and is kept in the quarantine: {str(error)[:MAX_TEXT]}",
        details=(("message", kind), ("error", type(error).__name__)),
    )


def in_doubt(deliveries: Sequence[str]) -> Alert:
    """Orders that an earlier connection may have sent, and that IB does not list."""
    return Alert(
        "orders_in_doubt",
        "warning",
        f"{len(deliveries)} not known to IB after a reconnect, which is asked again: {', '.join(deliveries)[:MAX_TEXT]}",
    )


def journal_lost(problem: str) -> Alert:
    """The journal does not take records: what is published waits in memory."""
    return Alert(
        "journal_full",
        "critical",
        f"no new order is accepted, and what IB says is published but kept in memory only: {problem[:MAX_TEXT]}",
    )


def journal_back(dropped: int) -> Alert:
    """The journal takes records again; `dropped`: those that memory had no room for either."""
    lost = f"{dropped} records are missing from it" if dropped else "nothing is missing from it"
    return Alert(
        "journal_recovered", "warning", f"the journal is written again, and {lost}; orders are accepted"
    )


@dataclass
class _Window:
    until_ns: int
    more: int = 0  # alerts since it began
    last: Alert | None = None


class Throttle:
    """The first alert of its kind at once; more of them within `every_s` are told together when that is over."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._windows: dict[tuple[str, Details], _Window] = {}

    def take(self, alert: Alert, now_ns: int) -> Alert | None:
        """The alert if it is to be told now."""
        key = alert.kind, alert.details
        window = self._windows.get(key)
        if window is None:
            self._windows[key] = _Window(self._end(now_ns))
            return alert
        window.more += 1
        window.last = alert
        return None

    def due(self, now_ns: int) -> list[Alert]:
        """What was held back and is to be told now, one alert for each kind."""
        due = []
        for key, window in list(self._windows.items()):
            if now_ns < window.until_ns:
                continue
            del self._windows[key]
            if window.last is not None:
                due.append(self._together(window.last, window.more))
                self._windows[key] = _Window(self._end(now_ns))
        return due

    def _together(self, last: Alert, more: int) -> Alert:
        text = f"{more} more in {self._every_s:g} s, the last: {last.text}"
        return msgspec.structs.replace(last, text=text, details=(*last.details, ("more", str(more))))

    def _end(self, now_ns: int) -> int:
        return now_ns + int(self._every_s * 1e9)
