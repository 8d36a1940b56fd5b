"""What clients and the day ask of the orders: place, modify, cancel, open, close. Pure: the caller gives the time.

Each public method returns the events it caused, in the order a live Gateway sends them.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal

from paper import day, sequences, triggers, validation
from paper.account import Account
from paper.book import Ids
from paper.contracts import Catalog, Instrument
from paper.exchange import Exchange
from paper.hours import NEW_YORK, Boundary, Hours, next_open
from paper.margin import margin_after, refusal_of
from paper.market import Market
from paper.moments import parse_moment
from paper.orders import (
    Accepted,
    Event,
    Margin,
    Order,
    OrderKey,
    OrderTerms,
    Refused,
    Status,
    Trail,
    WhatIfAnswered,
)
from paper.switches import MarketAck, Switches
from paper.validation import Refusal

MANUAL_CLIENT = 0  # the client whose orders are those made by hand in TWS


class Engine:
    """The orders of one account in one market."""

    def __init__(
        self,
        catalog: Catalog,
        market: Market,
        account: Account,
        ids: Ids,
        hours: Hours = Hours.ALWAYS,
        switches: Switches | None = None,
    ) -> None:
        self.catalog = catalog
        self.market = market
        self.account = account
        self.exchange = Exchange(market, account, ids, hours, switches or Switches())
        self.book = self.exchange.book
        self._ids = ids

    @property
    def switches(self) -> Switches:
        """The behaviours in force."""
        return self.exchange.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self.exchange.switches = switches

    def place(self, client_id: int, order_id: int, terms: OrderTerms, now: datetime) -> list[Event]:
        """placeOrder: a new order, a staged one sent again, or a modification."""
        key = (client_id, order_id)
        found = self.catalog.find(terms.contract, now.astimezone(NEW_YORK).date())
        terms = self._own_terms(key, terms)
        refusal = self._refusal(key, terms, found)
        if refusal:
            self._refuse(key, refusal)
        elif terms.what_if:
            self._preset_tif(key, terms)
            order = Order(*key, self._ids.perm_id(), found[0], terms, terms.quantity)
            self.exchange.tell([WhatIfAnswered(order, self._margin(found[0], terms))])
        elif key in self.book.orders:
            self._modify(self.book.orders[key], terms, now)
        else:
            self.book.use_id(client_id, order_id)
            self.book.staged[key] = terms
            if terms.transmit:
                self._release(key, now)
        self.exchange.settle_late(now)
        return self.exchange.drain()

    def place_by_hand(self, terms: OrderTerms, now: datetime) -> list[Event]:
        """An order made in TWS itself: client id 0, a negative order id."""
        key = (MANUAL_CLIENT, self.book.manual_id())
        self.book.staged[key] = terms
        self._release(key, now)
        self.exchange.settle_late(now)
        return self.exchange.drain()

    def cancel(self, client_id: int, order_id: int, now: datetime) -> list[Event]:
        """cancelOrder."""
        key = (client_id, order_id)
        order = self.book.orders.get(key)
        if order is None and self.switches.cancel_foreign:
            order = self.book.any_with_id(order_id)
        if self.book.staged.pop(key, None) is not None:
            self._refuse(key, sequences.CANCELLED)
        elif order is None:
            self._refuse(key, validation.unknown_to_cancel(order_id))
        elif order.status is Status.PENDING_CANCEL:
            self._refuse(key, validation.not_cancellable(order))
        elif not order.is_live:
            self._refuse(key, validation.too_late_to_cancel(order))
        else:
            self.exchange.cancel(order, now)
            told = self.exchange.drain()
            return told + sequences.retold(told, order, client_id)
        return self.exchange.drain()

    def cancel_by_system(self, order: Order, reason: str, now: datetime) -> list[Event]:
        """IB ends an order for a reason of its own."""
        self.exchange.cancel_by_system(order, reason, now)
        return self.exchange.drain()

    def cancel_all(self, now: datetime, client_id: int | None = None) -> list[Event]:
        """reqGlobalCancel: every live order of every client; by switch that client's ended ones are refused."""
        ended = [order for order in self.book.orders.values() if not order.is_live]
        self.book.staged.clear()
        for order in self.book.each_live():
            self.exchange.cancel(order, now)
        for order in ended if self.switches.global_cancel_161 else ():
            if order.client_id == client_id:
                self._refuse(order.key, validation.not_cancellable(order))
        return self.exchange.drain()

    def tick(self, changed: Collection[int], now: datetime) -> list[Event]:
        """Try every live order that a changed quote or the time could set going."""
        self.exchange.tick(changed, now)
        return self.exchange.drain()

    def pass_boundary(self, boundary: Boundary, now: datetime) -> list[Event]:
        """Let the exchanges open or close, or the day end."""
        day.pass_boundary(self.exchange, boundary, now)
        return self.exchange.drain()

    def fill(self, order: Order, shares: Decimal, price: Decimal, now: datetime) -> list[Event]:
        """Trade an order by force, whatever the market says; at most what remains."""
        self.exchange.fill(order, min(shares, order.remaining), price, now)
        self.exchange.settle_late(now)
        return self.exchange.drain()

    def _own_terms(self, key: OrderKey, terms: OrderTerms) -> OrderTerms:
        """The terms without the OCA group that TWS shows for a bracket's child: clients send back what they see."""
        order = self.book.orders.get(key)
        shown = order is not None and order.parent_perm_id and terms.oca_group == str(order.parent_perm_id)
        return replace(terms, oca_group=order.terms.oca_group) if order and shown else terms

    def _refuse(self, key: OrderKey, refusal: Refusal) -> None:
        self.exchange.tell([Refused(*key, *refusal)])

    def _refusal(self, key: OrderKey, terms: OrderTerms, found: list[Instrument]) -> Refusal | None:
        known = key in self.book.orders or key in self.book.staged
        if not known and key[1] < self.book.next_id(key[0]):
            return validation.DUPLICATE_ID
        if len(found) != 1 and terms.order_type in validation.ORDER_TYPES:
            return validation.NO_CONTRACT
        parent = (key[0], terms.parent_id)
        if terms.parent_id and parent not in self.book.orders and parent not in self.book.staged:
            staged = key in self.book.staged and terms.transmit
            return validation.cannot_transmit(key[1]) if staged else validation.no_order(terms.parent_id)
        refusal = validation.check_terms(terms, self.account.name)
        if refusal is None and key in self.book.orders:
            refusal = validation.check_modification(self.book.orders[key], terms, found[0], self.switches)
        return refusal or validation.check_instrument(terms, found[0])

    def _margin(self, instrument: Instrument, terms: OrderTerms) -> Margin:
        mark, under = self.market.mark, self.market.underlying_mark
        return margin_after(self.account, self.account.balance(mark, under), instrument, terms, mark, under)

    def _release(self, key: OrderKey, now: datetime) -> None:
        """Put a staged order and what waits with it to work: all are announced before any of them trades."""
        family = list(self.book.staged_family(*key))
        accepted = [self._accept((key[0], order_id), terms, now) for order_id, terms in family]
        for order in accepted:
            if order is not None:
                self.exchange.work(order.key, now)

    def _accept(self, key: OrderKey, terms: OrderTerms, now: datetime) -> Order | None:
        """Take an order into the book and announce it; None when it was refused after all."""
        if _is_swallowed(terms) and self.switches.swallow_percent_trail:
            return None
        instrument = self.catalog.find(terms.contract, now.astimezone(NEW_YORK).date())[0]
        order = Order(*key, self._ids.perm_id(), instrument, terms, terms.quantity)
        order = triggers.armed(order, self.market.quote(instrument))
        order = replace(
            order,
            good_till=_good_till(terms),
            starts=self._starts(terms, now),
            parent_perm_id=parent.perm_id if (parent := self.book.parent_of(order)) else 0,
        )
        self._preset_tif(key, terms)
        if reason := self._reason_against(order):
            rejected = self.exchange.put_ended(order, Status.INACTIVE, now)
            self.exchange.tell(sequences.rejected(rejected, 201, reason))
            return None
        order = replace(order, why_held=self._why_held(order), status=self._first_status(order, now))
        self.book.put(order)
        self.exchange.tell([Accepted(order)])
        if self.exchange.misses_at_once(order, now):
            self.exchange.refuse_to_rest(order, now)
            return None
        self.exchange.tell(sequences.acknowledged(order, self.switches))
        if reason := self.exchange.beyond_the_band(order):
            self.exchange.cancel_by_system(order, reason, now)
            return None
        if self.switches.hours_warning and not self.exchange.is_in_session(order, now):
            self._refuse(key, validation.outside_hours(order, next_open(now)))
        return order

    def _preset_tif(self, key: OrderKey, terms: OrderTerms) -> None:
        if not terms.tif and self.switches.tif_preset:
            self._refuse(key, validation.TIF_PRESET)

    def _reason_against(self, order: Order) -> str | None:
        """Why IB would not have an order that TWS let through."""
        if self.exchange.is_orphan(order):
            return validation.PARENT_GONE
        if order.terms.oca_group in self.book.closed_groups:
            return validation.GROUP_FILLED
        if not self.switches.margin or order.terms.parent_id:
            return None
        return refusal_of(self._margin(order.instrument, order.terms))

    def _starts(self, terms: OrderTerms, now: datetime) -> datetime | None:
        if terms.good_after:
            return parse_moment(terms.good_after)
        delay = self.switches.fill_delay
        return now + timedelta(seconds=delay) if delay else None

    def _why_held(self, order: Order) -> str:
        held = "child" if self.exchange.is_held(order) else ""
        waits = "trigger" if order.terms.has_stop and not order.triggered else ""
        return ",".join(filter(None, (held, waits)))

    def _first_status(self, order: Order, now: datetime) -> Status:
        """Submitted for what rests at the exchange, PreSubmitted for what waits or trades at once."""
        if order.terms.has_stop or order.terms.at_auction or not self.exchange.can_trade(order, now):
            return Status.PRE_SUBMITTED
        if order.terms.order_type == "MKT":
            pre = self.switches.market_ack is MarketAck.PRE_SUBMITTED
            return Status.PRE_SUBMITTED if pre else Status.SUBMITTED
        waits = self.exchange.fills_now(order) or self.exchange.is_kept_back(order)
        return Status.PRE_SUBMITTED if waits else Status.SUBMITTED

    def _modify(self, order: Order, terms: OrderTerms, now: datetime) -> None:
        before = order.terms
        order = replace(
            order,
            terms=terms,
            quantity=terms.quantity,
            revision=order.revision + 1,
            good_till=_good_till(terms),
            triggered=order.triggered and terms.has_stop,
            made_market=terms.order_type == "MKT" and before.order_type != "MKT",
        )
        if _prices(terms) != _prices(before):
            order = triggers.armed(order, self.market.quote(order.instrument))
        waits = terms.has_stop and not order.triggered
        status = Status.PRE_SUBMITTED if waits else order.status
        if before.has_stop and not terms.has_stop and not self.exchange.is_held(order):
            status = Status.SUBMITTED
        order = replace(order, why_held=self._why_held(order), status=status)
        self.book.put(order)
        self.exchange.tell(sequences.modified(order, self.switches))
        if reason := self.exchange.beyond_the_band(order):
            self.exchange.cancel_by_system(order, reason, now)
        else:
            self.exchange.work(order.key, now)


def _prices(terms: OrderTerms) -> tuple[object, ...]:
    """What an order's stop and limit follow from."""
    trail = terms.trail_stop, terms.trail_percent, terms.limit_offset
    return terms.order_type, terms.limit, terms.aux, *trail


def _good_till(terms: OrderTerms) -> datetime | None:
    return parse_moment(terms.good_till, time(16)) if terms.tif == "GTD" else None


def _is_swallowed(terms: OrderTerms) -> bool:
    """Whether this is the kind of stop that was reported never to be submitted."""
    to = terms.adjustment
    return to is not None and to.order_type == "TRAIL" and to.unit is Trail.PERCENT and to.stop is None
