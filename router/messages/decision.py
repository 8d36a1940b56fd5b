"""decision: what sizing and submission made of a signal."""

from __future__ import annotations

from typing import Literal

from router.messages.parts import Message, OrderRequest, Signal, Ticket


class SignalReceived(Message, frozen=True):
    """A signal was taken from Redis and is valid."""

    delivery: str
    signal: Signal
    ticket: Ticket
    redelivered: bool = False


class SignalGated(Message, frozen=True):
    """A signal passed every gate before sizing; `checks` names them in order."""

    delivery: str
    signal_id: str
    symbol: str
    checks: tuple[str, ...]


class SignalSized(Message, frozen=True):
    """A signal became an order request."""

    delivery: str
    request: OrderRequest


class SignalRefused(Message, frozen=True):
    """The end of a signal that never reached the broker.

    `code` is one of `router.reasons`, empty in journals from before there were; `status` and `reason` are the
    platform's (contract 3); `field` and `value` name what was wrong. `signal` is absent when the payload could not be
    read as a signal.
    """

    delivery: str
    ticket: Ticket
    status: str
    reason: str
    signal: Signal | None = None
    signal_id: str = ""
    symbol: str = ""
    field: str = ""
    value: str = ""
    raw: str = ""
    malformed: bool = False
    code: str = ""


class OrderSubmitted(Message, frozen=True):
    """The gateway took the bracket: `how` is sent (now) or adopted (the broker had it already)."""

    delivery: str
    signal_id: str
    how: Literal["sent", "adopted"]


class OrderTimedOut(Message, frozen=True):
    """An entry that rested too long was cancelled by submission."""

    delivery: str
    signal_id: str
    after_s: float
