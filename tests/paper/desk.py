"""An engine without sockets in a market that moves only by hand, and its events as short lines."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from paper.account import Account
from paper.book import Ids
from paper.contracts import Catalog, ContractQuery, Instrument
from paper.engine import Engine
from paper.hours import NEW_YORK, Hours, boundaries
from paper.market import Market, Mood
from paper.orders import (
    Accepted,
    Charged,
    Event,
    Executed,
    Order,
    OrderOpened,
    OrderTerms,
    PositionChanged,
    Refused,
    StatusReported,
    WhatIfAnswered,
)
from paper.quotes import quote_by_hand
from paper.switches import Switches

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=NEW_YORK)
AAPL = ContractQuery(symbol="AAPL", sec_type="STK")
CALL = ContractQuery(symbol="SPY", sec_type="OPT", expiry="20261218", strike=Decimal(450), right="C")


def terms(kind: str = "MKT", action: str = "BUY", quantity: int = 1, **more: Any) -> OrderTerms:
    """An order for AAPL unless told otherwise; prices may be text."""
    for name in ("limit", "aux", "trail_stop", "trail_percent", "limit_offset"):
        if isinstance(more.get(name), str):
            more[name] = Decimal(more[name])
    order = OrderTerms(
        contract=AAPL,
        action=action,
        quantity=Decimal(quantity),
        order_type=kind,
        limit=None,
        aux=None,
        tif="DAY",
        oca_group="",
        oca_type=0,
        account="",
        order_ref="",
        transmit=True,
        parent_id=0,
        what_if=False,
    )
    return replace(order, **more)


class Desk:
    """One engine, its clock and its market."""

    def __init__(
        self, hours: Hours = Hours.ALWAYS, start: datetime = MONDAY, cash: int = 1_000_000, **on: Any
    ):
        self.now = start
        self.catalog = Catalog()
        self.market = Market(self.catalog, 1, Mood.STILL, start)
        self.account = Account("DU1", Decimal(cash))
        self.engine = Engine(self.catalog, self.market, self.account, Ids(start), hours, Switches(**on))
        self.quote("263.49", "263.51", "263.50")

    def instrument(self, query: ContractQuery = AAPL) -> Instrument:
        """The instrument of a query."""
        return self.catalog.find(query, self.now.date())[0]

    def quote(
        self, bid: str, ask: str, last: str | None = None, size: int | None = 1000, of: ContractQuery = AAPL
    ) -> list[str]:
        """Set a quote and let the orders see it."""
        one = self.instrument(of)
        price = None if last is None else Decimal(last)
        quote = quote_by_hand(one, self.market.quote(one), Decimal(bid), Decimal(ask), price, size)
        self.market.pin(one, quote)
        return self.wait(0)

    def place(self, order_id: int, order: OrderTerms, client: int = 1) -> list[str]:
        """placeOrder."""
        return lines(self.engine.place(client, order_id, order, self.now))

    def cancel(self, order_id: int, client: int = 1) -> list[str]:
        """cancelOrder."""
        return lines(self.engine.cancel(client, order_id, self.now))

    def wait(self, seconds: float) -> list[str]:
        """Let time pass."""
        since, self.now = self.now, self.now + timedelta(seconds=seconds)
        told: list[Event] = []
        for moment, boundary in boundaries(self.engine.exchange.hours, since, self.now):
            told += self.engine.pass_boundary(boundary, moment)
        return lines(told + self.engine.tick(self.market.step(self.now), self.now))

    def order(self, order_id: int, client: int = 1) -> Order:
        """An order as it stands."""
        return self.engine.book.orders[client, order_id]


def lines(events: list[Event]) -> list[str]:
    """Events as a client sees them: message, order id, and what matters."""
    return [line for event in events if (line := _line(event))]


def _line(event: Event) -> str:
    match event:
        case OrderOpened(order):
            charged = " charged" if order.commission is not None else ""
            return f"open {order.order_id} {order.terms.order_type} {order.status}{charged}"
        case StatusReported(order):
            held = f" {order.why_held}" if order.why_held else ""
            return f"status {order.order_id} {order.status} {order.filled}/{order.quantity}{held}"
        case Executed(execution):
            return f"exec {execution.order.order_id} {execution.shares}@{execution.price}"
        case Charged(execution):
            return f"commission {execution.order.order_id} {execution.commission}"
        case Refused():
            return f"error {event.order_id} {event.code}"
        case WhatIfAnswered(order):
            return f"whatif {order.order_id}"
        case Accepted() | PositionChanged():
            return ""
