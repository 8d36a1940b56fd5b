"""What the platform is to be told, as plain values: `router.book` decides it, `workers.store.egress` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from router.messages import Ticket

Document = Mapping[str, Any]  # a JSON object
Told = Literal["ENTRY", "SCALE_OUT", "EXIT", "ADJUSTMENT", "EXECUTION_STATUS"]
GaugeName = Literal["account_value", "buying_power", "daily_pnl", "unrealized_pnl", "connection"]


class Subject(NamedTuple):
    """Whom it is about; empty texts where that is not known."""

    delivery: str
    signal_id: str
    symbol: str


class Distribute(NamedTuple):
    """A lifecycle event for the distributor (platform contract 2.1)."""

    subject: Subject
    kind: Told
    document: Document


class Acknowledge(NamedTuple):
    """The end of a signal (platform contract 3): told once, its tickets settled with it."""

    subject: Subject
    fingerprint: str  # of the live lock to release; empty when unknown
    document: Document
    tickets: tuple[Ticket, ...]


class Settle(NamedTuple):
    """Tickets of a signal whose end was told before."""

    tickets: tuple[Ticket, ...]


class DeadLetter(NamedTuple):
    """A signal nobody could act on, kept with the reason."""

    subject: Subject
    document: Document


class OrderPending(NamedTuple):
    """An entry order is working."""

    order_id: int
    document: Document


class OrderDone(NamedTuple):
    """An entry order works no longer."""

    order_id: int


class PositionOpen(NamedTuple):
    """A position is held."""

    symbol: str
    position_id: str
    document: Document


class PositionGone(NamedTuple):
    """A position is held no longer."""

    symbol: str
    position_id: str


class PositionCount(NamedTuple):
    """How many contracts are held."""

    held: int


class PositionClosed(NamedTuple):
    """A closed trade; `day` is the US/Eastern session date YYYYMMDD, `at_s` epoch seconds."""

    day: str
    record_id: str
    document: Document
    at_s: float


class Warn(NamedTuple):
    """A person should look (platform contract 2.2, `alerts:critical`)."""

    document: Document


class Gauge(NamedTuple):
    """A single value the platform reads."""

    name: GaugeName
    text: str


Effect = (
    Distribute
    | Acknowledge
    | Settle
    | DeadLetter
    | OrderPending
    | OrderDone
    | PositionOpen
    | PositionGone
    | PositionCount
    | PositionClosed
    | Gauge
    | Warn
)
