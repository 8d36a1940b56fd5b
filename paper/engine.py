"""What the exchange and TWS do with orders: accept, hold, trigger, fill, cancel. Pure: the caller gives the time.

Each public method returns the events it caused, in the order a live Gateway sends them.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from paper import validation
from paper.account import Account, Position, commission_on, margin_of
from paper.book import Book, Ids
from paper.contracts import Catalog, Instrument
from paper.hours import NEW_YORK
from paper.market import Market
from paper.matching import fill_price, stop_is_hit
from paper.orders import (
    Accepted,
    Charged,
    Event,
    Executed,
    Execution,
    Margin,
    Order,
    OrderKey,
    OrderOpened,
    OrderTerms,
    PositionChanged,
    Refused,
    Status,
    StatusReported,
    WhatIfAnswered,
)
from paper.validation import Refusal

_TRADED = frozenset({Status.PRE_SUBMITTED, Status.SUBMITTED})


class Engine:
    """The order book of one account in one market."""

    def __init__(self, catalog: Catalog, market: Market, account: Account, ids: Ids) -> None:
        self.catalog = catalog
        self.market = market
        self.account = account
        self.book = Book()
        self._ids = ids
        self._events: list[Event] = []

    def place(self, client_id: int, order_id: int, terms: OrderTerms, now: datetime) -> list[Event]:
        """placeOrder: a new order, a staged one sent again, or a modification."""
        key = (client_id, order_id)
        today = now.astimezone(NEW_YORK).date()
        found = self.catalog.find(terms.contract, today)
        refusal = self._refusal(key, terms, found)
        if refusal:
            self._refuse(key, refusal)
        elif terms.what_if:
            self._answer_what_if(key, found[0], terms)
        elif key in self.book.orders:
            self._modify(self.book.orders[key], terms, now)
        else:
            self.book.use_id(client_id, order_id)
            self.book.staged[key] = terms
            if terms.transmit:
                self._release(key, now)
        return self._drain()

    def cancel(self, client_id: int, order_id: int, now: datetime) -> list[Event]:
        """cancelOrder."""
        key = (client_id, order_id)
        order = self.book.orders.get(key)
        if self.book.staged.pop(key, None) is not None:
            self._refuse(key, validation.CANCELLED)
        elif order is None:
            self._refuse(key, validation.unknown_to_cancel(order_id))
        elif not order.is_live:
            self._refuse(key, validation.too_late_to_cancel(order))
        else:
            self._cancel(order, now)
        return self._drain()

    def cancel_all(self, now: datetime) -> list[Event]:
        """reqGlobalCancel: every live order of every client."""
        self.book.staged.clear()
        for order in self.book.live_orders():
            self._cancel(self.book.orders[order.key], now)
        return self._drain()

    def tick(self, changed: Collection[int], now: datetime) -> list[Event]:
        """Try every live order whose instrument's quote changed."""
        for order in self.book.live_orders():
            if order.instrument.con_id in changed:
                self._work(order.key, now)
        return self._drain()

    def _drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _refuse(self, key: OrderKey, refusal: Refusal) -> None:
        self._events.append(Refused(*key, *refusal))

    def _report(self, order: Order) -> None:
        self._events += (OrderOpened(order), StatusReported(order))

    def _refusal(self, key: OrderKey, terms: OrderTerms, found: list[Instrument]) -> Refusal | None:
        known = key in self.book.orders or key in self.book.staged
        if not known and key[1] < self.book.next_id(key[0]):
            return validation.DUPLICATE_ID
        if len(found) != 1 and terms.order_type in validation.ORDER_TYPES:
            return validation.NO_CONTRACT
        parent = (key[0], terms.parent_id)
        if terms.parent_id and parent not in self.book.orders and parent not in self.book.staged:
            return validation.NO_PARENT[0], f"{validation.NO_PARENT[1]}{terms.parent_id}"
        refusal = validation.check_terms(terms, self.account.name)
        if refusal is None and key in self.book.orders:
            refusal = validation.check_modification(self.book.orders[key], terms, found[0])
        return refusal or validation.check_prices(terms, found[0])

    def _release(self, key: OrderKey, now: datetime) -> None:
        """Put a staged order and what waits with it to work: all are announced before any of them trades."""
        released = [
            self._accept((key[0], order_id), terms, now)
            for order_id, terms in list(self.book.staged_family(*key))
        ]
        for accepted in released:
            self._work(accepted, now)

    def _accept(self, key: OrderKey, terms: OrderTerms, now: datetime) -> OrderKey:
        instrument = self.catalog.find(terms.contract, now.astimezone(NEW_YORK).date())[0]
        order = Order(*key, self._ids.perm_id(), instrument, terms, terms.quantity)
        held = "child" if self._is_held(order) else ""
        waiting = ",".join(filter(None, (held, "trigger" if terms.has_stop else "")))
        resting = terms.order_type == "LMT" and fill_price(order, self.market.quote(instrument)) is None
        status = Status.SUBMITTED if resting and not held else Status.PRE_SUBMITTED
        order = replace(order, why_held=waiting, status=status)
        self.book.put(order)
        self._events.append(Accepted(order))
        self._report(order)
        if terms.has_stop and not held:
            self._report(order)  # a live Gateway announces a stop twice
        return key

    def _is_held(self, order: Order) -> bool:
        parent = self.book.orders.get(order.parent_key) if order.parent_key else None
        return parent is not None and parent.is_live

    def _modify(self, order: Order, terms: OrderTerms, now: datetime) -> None:
        changed = replace(order, terms=terms, quantity=terms.quantity, revision=order.revision + 1)
        self.book.put(changed)
        self._report(changed)
        self._work(changed.key, now)

    def _work(self, key: OrderKey, now: datetime) -> None:
        """Let an order do what it can at the present quote."""
        order = self.book.orders[key]
        if order.status not in _TRADED or self._is_held(order):
            return
        quote = self.market.quote(order.instrument)
        if order.terms.has_stop and not order.triggered:
            if not stop_is_hit(order, quote):
                return
            order = replace(order, triggered=True, why_held="", status=Status.SUBMITTED)
            self.book.put(order)
            self._report(order)
        price = fill_price(order, quote)
        if price is not None:
            self._fill(order, order.remaining, price, now)
        elif order.terms.tif in ("IOC", "FOK"):
            self._expire(order, now)

    def _expire(self, order: Order, now: datetime) -> None:
        """End an order that had to trade at once and could not."""
        if order.terms.tif == "IOC":
            self._report(replace(order, status=Status.PENDING_CANCEL))
            self._end(order, Status.CANCELLED, now)
        else:
            self._events.append(OrderOpened(replace(order, status=Status.INACTIVE)))
            self._end(order, Status.INACTIVE, now)

    def _end(self, order: Order, status: Status, now: datetime) -> None:
        reason = "Cancelled by Trader" if status is Status.CANCELLED else "Cancelled by System:"
        ended = replace(order, status=status, why_held="", completed_at=now, completed_status=reason)
        self.book.put(ended)
        self._events.append(StatusReported(ended))

    def _cancel(self, order: Order, now: datetime) -> None:
        """Cancel an order and the children that wait for it."""
        if not order.is_live:
            return
        self._end(order, Status.CANCELLED, now)
        self._refuse(order.key, validation.CANCELLED)
        for child in self.book.children(order.key):
            self._cancel(child, now)

    def _fill(self, order: Order, shares: Decimal, price: Decimal, now: datetime) -> None:
        signed = shares if order.terms.buys else -shares
        commission = commission_on(order.instrument, shares, price)
        realized = self.account.apply(order.instrument, signed, price, commission)
        filled = order.filled + shares
        average = (order.average_price * order.filled + price * shares) / filled
        done = filled >= order.quantity
        order = replace(
            order,
            filled=filled,
            average_price=average,
            last_price=price,
            status=Status.FILLED if done else Status.SUBMITTED,
            why_held="",
            completed_at=now if done else None,
            completed_status=f"Filled Size: {filled}" if done else "",
        )
        venue = order.instrument.primary_exchange or "CBOE"
        execution = Execution(self._ids.exec_id(), order, shares, price, now, venue, commission, realized)
        self.book.executions.append(execution)
        self._events.append(Executed(execution))
        self._report(order)
        charged = replace(order, commission=(order.commission or Decimal(0)) + commission)
        self.book.put(charged)
        self._report(charged)
        self._events += (Charged(execution), PositionChanged(order.instrument))
        self._settle_group(charged, shares, now)
        if done:
            self._wake_children(charged, now)

    def _settle_group(self, order: Order, shares: Decimal, now: datetime) -> None:
        """Cancel or reduce the orders that share an OCA group or a bracket with the one that traded."""
        for partner in self.book.oca_partners(order):
            left = partner.quantity - shares
            if order.terms.oca_type == 1 or left <= partner.filled:
                self._cancel(self.book.orders[partner.key], now)
            else:
                reduced = replace(partner, quantity=left)
                self.book.put(reduced)
                self._report(reduced)

    def _wake_children(self, parent: Order, now: datetime) -> None:
        """A filled parent sets its children to work."""
        for child in self.book.children(parent.key):
            stop = child.terms.has_stop
            status = Status.PRE_SUBMITTED if stop else Status.SUBMITTED
            woken = replace(child, status=status, why_held="trigger" if stop else "")
            self.book.put(woken)
            self._report(woken)
        for child in self.book.children(parent.key):
            self._work(child.key, now)

    def _answer_what_if(self, key: OrderKey, instrument: Instrument, terms: OrderTerms) -> None:
        mark, under = self.market.mark(instrument), self.market.underlying_mark(instrument)
        balance = self.account.balance(self.market.mark, self.market.underlying_mark)
        held = self.account.positions.get(instrument.con_id, Position(instrument))
        signed = terms.quantity if terms.buys else -terms.quantity
        after = Position(instrument, held.quantity + signed)
        before_needs, after_needs = margin_of(held, mark, under), margin_of(after, mark, under)
        commission = commission_on(instrument, terms.quantity, mark)
        paid = signed * mark * instrument.multiplier if instrument.is_option else Decimal(0)
        margin = Margin(
            initial=_change(balance.initial_margin, after_needs[0] - before_needs[0]),
            maintenance=_change(balance.maintenance_margin, after_needs[1] - before_needs[1]),
            equity=_change(balance.equity_with_loan, -paid - commission),
            commission=commission,
        )
        order = Order(*key, 0, instrument, terms, terms.quantity)
        self._events.append(WhatIfAnswered(order, margin))


def _change(before: Decimal, change: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    return before, change, before + change
