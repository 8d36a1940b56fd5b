"""The life of one signal, told from what passes on the bus: pure, fed by `router run`."""

from __future__ import annotations

from typing import Final, NamedTuple

from router.contract import describe
from router.end import ENDED
from router.messages import (
    ExecutionFill,
    Leg,
    Message,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderSent,
    OrderSubmitted,
    OrderTimedOut,
    Published,
    SignalGated,
    SignalReceived,
    SignalRefused,
    SignalSized,
)
from router.quantity import EPSILON
from workers.cli.wording import refusal

LIVE: Final = frozenset({"PreSubmitted", "Submitted"})
UNFILLED: Final = ENDED - {"Filled"}
EXIT_WORDS: Final = {"target": "target hit", "stop": "stopped out", "exit": "closed"}


class Line(NamedTuple):
    """One thing that happened: `stage` in the words of the README, `text` for people."""

    stage: str
    text: str


class Life:
    """Follows one delivery of a signal. `end` says how it ended before it ran its course, empty while it may."""

    def __init__(self, signal_id: str, delivery: str) -> None:
        self.signal_id = signal_id
        self.delivery = delivery
        self.end = ""
        self.received = False
        self.entry_filled = self.exit_filled = self.protected = self.exit_published = False
        self._legs: dict[str, Leg] = {}
        self._acknowledged = False
        self._guarding: set[str] = set()
        self._executions: set[str] = set()
        self._filled: dict[str, float] = {}  # quantity by role: entry, and all that closes

    @property
    def complete(self) -> bool:
        """Whether the bus has told the whole life; Redis has to confirm it."""
        return self.entry_filled and self.exit_filled and self.exit_published

    def observe(self, message: Message) -> list[Line]:
        """What this message adds to the story: nothing for another signal, or for what was told before."""
        match message:
            case SignalReceived(delivery=self.delivery, signal=signal) if not self.received:
                self.received = True
                text = f"{signal.strategy} {signal.side} {describe(signal.contract)}"
                return [Line("received", f"{text}, confidence {signal.confidence}, as {message.delivery}")]
            case SignalRefused(signal_id=self.signal_id):
                self.end = refusal(message)
                return [Line("refused", self.end)]
            case Published(signal_id=self.signal_id):
                return self._published(message)
            case _:
                return self._on_order(message)

    def _on_order(self, message: Message) -> list[Line]:
        match message:
            case SignalGated(delivery=self.delivery):
                return [Line("gated", f"{len(message.checks)} checks passed: {', '.join(message.checks)}")]
            case SignalSized(delivery=self.delivery):
                return [Line("sized", _terms(message))]
            case OrderIntent(delivery=self.delivery):
                self._legs = {leg.ref: leg for leg in message.legs}
                return []
            case OrderSent(delivery=self.delivery):
                return [
                    Line("sent", f"bracket of {len(message.order_ids)} orders {_span(message.order_ids)}")
                ]
            case OrderSubmitted(delivery=self.delivery, how="adopted"):
                return [Line("adopted", "the broker had this bracket already")]
            case OrderParked(delivery=self.delivery):
                self.end = f"PARKED: {message.reason}"
                return [Line("parked", self.end)]
            case OrderTimedOut(delivery=self.delivery):
                return [Line("timed out", f"entry cancelled after {message.after_s:.0f} s")]
            case OrderLifecycleEvent(ref=ref) if ref in self._legs:
                return self._on_status(message, self._legs[ref])
            case ExecutionFill(ref=ref) if ref in self._legs:
                return self._on_fill(message, self._legs[ref])
            case _:
                return []

    def _on_status(self, event: OrderLifecycleEvent, leg: Leg) -> list[Line]:
        lines = []
        if leg.role == "entry" and not self._acknowledged and event.status in (*LIVE, "Filled"):
            self._acknowledged = True
            lines.append(Line("acknowledged", f"by IB: {event.status}, permId {event.perm_id}"))
        if leg.role == "entry" and event.status in UNFILLED and not self.entry_filled:
            self.end = f"the entry order ended as {event.status} {event.reason}".rstrip()
        if leg.role != "entry" and event.status in LIVE and "child" not in event.why_held:
            self._guarding.add(event.ref)
        children = {ref for ref, other in self._legs.items() if other.role != "entry"}
        if self.entry_filled and not self.protected and self._guarding >= children:
            self.protected = True
            parts = [f"{self._legs[ref].role} {_price(self._legs[ref]):.2f}" for ref in sorted(children)]
            lines.append(Line("protected", f"{' and '.join(parts)} are live"))
        return lines

    def _on_fill(self, fill: ExecutionFill, leg: Leg) -> list[Line]:
        if fill.exec_id in self._executions:
            return []
        self._executions.add(fill.exec_id)
        side = "entry" if leg.role == "entry" else "close"
        self._filled[side] = self._filled.get(side, 0.0) + fill.quantity
        text = f"{fill.action} {fill.quantity:g} at {fill.price:.2f} ({fill.exchange}, execId {fill.exec_id})"
        if side == "entry":
            self.entry_filled = self._filled["entry"] >= leg.quantity - EPSILON
            return [Line("filled", text)]
        self.exit_filled = self._filled["close"] >= self._filled.get("entry", 0.0) - EPSILON
        return [Line(EXIT_WORDS[leg.role], text)]

    def _published(self, message: Published) -> list[Line]:
        if message.kind == "EXIT":
            self.exit_published = True
        if message.kind == "ACK" and message.status != "FILLED" and not self.end:
            self.end = f"acked {message.status} {message.detail}".rstrip()
        return [Line("published", " ".join(filter(None, (message.kind, message.status, message.detail))))]

    def missing(self) -> str:
        """What has not been seen yet, for the reason of a failed run."""
        seen = {
            "received": self.received,
            "sent": bool(self._legs),
            "acknowledged": self._acknowledged,
            "entry filled": self.entry_filled,
            "exit filled": self.exit_filled,
            "EXIT published": self.exit_published,
        }
        return ", ".join(name for name, done in seen.items() if not done)


def _terms(message: SignalSized) -> str:
    request = message.request
    price = "MKT" if request.limit_price is None else f"LMT {request.limit_price:.2f}"
    targets = ", ".join(f"{target.quantity} at {target.price:.2f}" for target in request.targets)
    return (
        f"{request.action} {request.quantity} {describe(request.contract)} {price}, stop {request.stop_price:.2f}, "
        f"target {targets}, notional {request.notional:.2f} USD"
    )


def _span(order_ids: tuple[int, ...]) -> str:
    return f"{min(order_ids)} to {max(order_ids)}" if order_ids else ""


def _price(leg: Leg) -> float:
    return leg.limit_price or leg.stop_price or 0.0
