"""Orders at work: what holds them, triggers them, fills them and ends them. Pure: the caller gives the time.

Whatever happens is first done, to book and account, and then told, so that at each event everything adds up.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from paper import conditions, matching, oca, sequences, triggers, validation
from paper.account import Account, commission_of_fill
from paper.book import Book, Ids
from paper.hours import Hours, Phase, phase_of
from paper.market import Market
from paper.orders import Event, Execution, Order, OrderKey, OrderOpened, Status
from paper.quotes import Quote
from paper.switches import Switches

_EXTENDED_TYPES = frozenset({"LMT", "STP LMT", "TRAIL LIMIT"})
BY_TRADER, BY_SYSTEM = "Cancelled by Trader", "Cancelled by System:\n"


class Exchange:
    """The live orders of one account in one market."""

    def __init__(self, market: Market, account: Account, ids: Ids, hours: Hours, switches: Switches) -> None:
        self.market = market
        self.account = account
        self.hours = hours
        self.switches = switches
        self.book = Book()
        self.watch: Callable[[Event], None] | None = None  # sees each event as it happens
        self._ids = ids
        self._events: list[Event] = []
        self._taken: dict[tuple[int, bool], Decimal] = {}  # shares traded against a side of the present quote
        self._hungry: set[OrderKey] = set()  # orders that want more than the book had
        self._late: list[tuple[OrderKey, Decimal]] = []  # fills whose OCA group is still to be settled
        self._all_due = False

    # Telling.

    def drain(self) -> list[Event]:
        """What happened since the last time, in the order a live Gateway tells it."""
        events, self._events = self._events, []
        return events

    def tell(self, events: list[Event]) -> None:
        """Add to what happened."""
        self._events += events
        if self.watch is not None:
            for event in events:
                self.watch(event)

    # What other parts ask for.

    def tick(self, changed: Collection[int], now: datetime) -> None:
        """Try every live order that a changed quote, time or fresh size at the quote could set going."""
        self._taken.clear()
        hungry, self._hungry = self._hungry, set()
        every, self._all_due = self._all_due, False
        for order in self.book.each_live():
            restless = order.key in hungry or _waits_for_time(order)
            if every or restless or order.instrument.con_id in changed:
                self.work(order.key, now)
        self.settle_late(now)

    def is_orphan(self, order: Order) -> bool:
        """Whether an order's parent ended without a fill, so that it has nothing to protect."""
        parent = self.book.parent_of(order)
        return parent is not None and not parent.is_live and not parent.filled

    def misses_at_once(self, order: Order, now: datetime) -> bool:
        """Whether an IOC or FOK has nothing to trade with at this moment."""
        waits = order.terms.has_stop or order.starts is not None or self.is_held(order)
        if not order.terms.at_once or waits:
            return False
        blocked = not self.can_trade(order, now) or self.beyond_the_band(order) is not None
        return blocked or not self.fills_now(order)

    def put_ended(self, order: Order, status: Status, now: datetime, reason: str = BY_SYSTEM) -> Order:
        """Keep an order as ended without telling of it yet."""
        ended = replace(order, status=status, why_held="", completed_at=now, completed_status=reason)
        self.book.put(ended)
        return ended

    def wake_all(self) -> None:
        """Let the next tick try every live order."""
        self._all_due = True

    def is_held(self, order: Order) -> bool:
        """Whether an order waits for its parent to fill."""
        parent = self.book.parent_of(order)
        return parent is not None and parent.is_live

    def is_in_session(self, order: Order, now: datetime) -> bool:
        """Whether the exchange takes that order at this hour."""
        phase = phase_of(self.hours, now)
        if phase is not Phase.EXTENDED:
            return phase is Phase.REGULAR
        terms = order.terms
        return terms.outside_rth and not order.instrument.is_option and terms.order_type in _EXTENDED_TYPES

    def beyond_the_band(self, order: Order) -> str | None:
        """By switch: why IB will not have an order's limit, which is too far through the market."""
        if not self.switches.price_band:
            return None
        return validation.beyond_the_band(order, self.market.mark(order.instrument))

    def cancel_by_system(self, order: Order, reason: str, now: datetime) -> None:
        """IB ends an order for a reason of its own: PendingCancel, Cancelled, 202 with the reason, as recorded."""
        self.tell(sequences.told(replace(order, status=Status.PENDING_CANCEL))[1:])
        self.finish_cancel(order, now, f"{BY_SYSTEM}{reason}", reason)

    def is_kept_back(self, order: Order) -> bool:
        """Whether IB watches over the order itself, so that it rests as PreSubmitted: by switch those of a group."""
        grouped = order.terms.oca_group or order.terms.parent_id
        return self.switches.oca_presubmitted and bool(grouped) and not order.filled

    def can_trade(self, order: Order, now: datetime) -> bool:
        """Whether nothing but its price keeps an order from trading."""
        return not (
            self.is_held(order)
            or (order.starts is not None and now < order.starts)
            or not self.is_in_session(order, now)
            or self.market.is_halted(order.instrument)
            or not conditions.hold(order.terms.conditions, self, now)
        )

    def fills_now(self, order: Order) -> list[matching.Fill]:
        """What the order would get at the present quote."""
        quote = self.market.quote(order.instrument)
        taken = self._taken.get(_side(order), Decimal(0))
        return matching.fills(order, quote, taken, limited=self.switches.book_size)

    def work(self, key: OrderKey, now: datetime) -> None:
        """Let an order do what it can at the present quote."""
        order = self.book.orders[key]
        if not order.is_live or self._ends(order, now) or not self.can_trade(order, now):
            return
        if order.terms.conditions_cancel and order.terms.conditions:
            self.finish_cancel(order, now)
            return
        if order.terms.has_stop and not order.triggered:
            quote = self.market.quote(order.instrument)
            order = self._follow(order, quote)
            if not triggers.is_hit(order, quote):
                return
            order = self._trigger(order)
        if not order.terms.at_auction:
            self._trade(order, now)

    def cancel(self, order: Order, now: datetime) -> None:
        """Cancel an order, and the children that wait for it, at once or after the delay of the switches."""
        pending = replace(order, status=Status.PENDING_CANCEL)
        if self.switches.cancel_delay:
            ends = now + timedelta(seconds=self.switches.cancel_delay)
            self.book.put(replace(pending, ends=ends))
        if self.switches.cancel_delay or self.switches.pending_cancel:
            self.tell([sequences.told(pending)[1]])
        if not self.switches.cancel_delay:
            self.finish_cancel(order, now)

    def finish_cancel(self, order: Order, now: datetime, reason: str = BY_TRADER, told: str = "") -> None:
        """End an order as cancelled, and what depended on it; the 202 says what is to be `told`."""
        ended = self.put_ended(order, Status.CANCELLED, now, reason)
        self.tell(sequences.cancelled(ended, told))
        children = self.book.children(order.key)
        if order.filled and not self.switches.cancel_orphans:
            sized = [replace(child, quantity=min(child.quantity, order.filled)) for child in children]
            self._wake(sized, now)
        else:
            for child in children:
                self.finish_cancel(child, now)

    def expire(self, order: Order, now: datetime) -> None:
        """End an order whose time in force is over."""
        self.finish_cancel(order, now, BY_SYSTEM)

    def refuse_to_rest(self, order: Order, now: datetime) -> None:
        """End an IOC or FOK that did not trade at once."""
        status = Status.CANCELLED if order.terms.tif == "IOC" else Status.INACTIVE
        ended = self.put_ended(order, status, now)
        self.tell(sequences.not_traded_at_once(ended))

    def fill(self, order: Order, shares: Decimal, price: Decimal, now: datetime) -> None:
        """Trade `shares` of an order at `price` USD a share, and settle what hangs on it."""
        execution, charged = self._book_fill(order, shares, price, now)
        self.book.put(charged)
        self.book.executions.append(execution)
        self.tell(sequences.filled(execution, charged, self.switches))
        if oca.closes_group(charged):
            self.book.closed_groups.add(charged.terms.oca_group)
        if oca.is_late(charged):
            self._late.append((charged.key, shares))
        else:
            self._settle_group(charged, shares, now)
        if not charged.is_live:
            self._wake(self.book.children(charged.key), now)

    def settle_late(self, now: datetime) -> None:
        """Reduce the OCA groups of type 3, whose members may all trade before any is reduced."""
        late, self._late = self._late, []
        for key, shares in late:
            self._settle_group(self.book.orders[key], shares, now)

    # The view that conditions have.

    def quote_of(self, con_id: int) -> Quote | None:
        """The quote of an instrument that is followed."""
        return self.market.followed(con_id)

    def cushion(self) -> Decimal:
        """Excess liquidity as a percentage of net liquidation."""
        balance = self.account.balance(self.market.mark, self.market.underlying_mark)
        return (
            balance.excess_liquidity / balance.net_liquidation * 100
            if balance.net_liquidation
            else Decimal(0)
        )

    def has_traded(self, symbol: str, sec_type: str) -> bool:
        """Whether the account traded that symbol today."""
        return any(
            (one.order.instrument.symbol, one.order.instrument.sec_type) == (symbol, sec_type)
            for one in self.book.executions
        )

    # Steps.

    def _ends(self, order: Order, now: datetime) -> bool:
        """End an order whose cancel or whose time has come."""
        if order.ends is not None and now >= order.ends:
            self.finish_cancel(order, now)
        elif order.good_till is not None and now >= order.good_till:
            self.expire(order, now)
        else:
            return False
        return True

    def _follow(self, order: Order, quote: Quote) -> Order:
        """Adjust a stop whose time has come and move a trail after the market."""
        if triggers.is_to_be_adjusted(order, quote):
            order = triggers.adjusted(order, quote)
            self.book.put(order)
            self.tell(sequences.told(order))
        moved = triggers.trailed(order, quote)
        if moved is not order:
            self.book.put(moved)
            if self.switches.trail_announced:
                self.tell([OrderOpened(moved)])
        return moved

    def _trigger(self, order: Order) -> Order:
        status = Status.PENDING_CANCEL if order.status is Status.PENDING_CANCEL else Status.SUBMITTED
        order = replace(order, triggered=True, why_held="", status=status)
        self.book.put(order)
        self.tell(sequences.told(order))
        return order

    def _trade(self, order: Order, now: datetime) -> None:
        key = order.key
        for shares, price in self.fills_now(order):
            order = self.book.orders[key]
            side = _side(order)
            self._taken[side] = self._taken.get(side, Decimal(0)) + shares
            self.fill(order, shares, price, now)
        order = self.book.orders[key]
        if not order.is_live:
            return
        if order.terms.at_once:
            self.refuse_to_rest(order, now)
            return
        if order.status is Status.PRE_SUBMITTED and not self.is_kept_back(order):
            order = replace(order, status=Status.SUBMITTED)
            self.book.put(order)
            self.tell(sequences.told(order))
        if self._wants_more(order):
            self._hungry.add(key)

    def _wants_more(self, order: Order) -> bool:
        """Whether only the size at the quote kept an order from trading on."""
        return bool(matching.fills(order, self.market.quote(order.instrument), Decimal(0), limited=True))

    def _book_fill(
        self, order: Order, shares: Decimal, price: Decimal, now: datetime
    ) -> tuple[Execution, Order]:
        """The execution, booked into the account, and the order after it with the commission on it."""
        filled = order.filled + shares
        average = (order.average_price * order.filled + price * shares) / filled
        charged = order.commission or Decimal(0)
        commission = commission_of_fill(order.instrument, filled, average, charged)
        signed = shares if order.terms.buys else -shares
        realized = self.account.apply(order.instrument, signed, price, commission)
        if realized is None and self.switches.opening_realized_zero:
            realized = Decimal(0)
        done = filled >= order.quantity
        pending = order.status is Status.PENDING_CANCEL
        order = replace(
            order,
            filled=filled,
            average_price=average,
            last_price=price,
            status=Status.FILLED if done else order.status if pending else Status.SUBMITTED,
            why_held="",
            completed_at=now if done else None,
            completed_status=f"Filled Size: {filled}" if done else "",
        )
        venue = order.instrument.venue
        execution = Execution(self._ids.exec_id(), order, shares, price, now, venue, commission, realized)
        return execution, replace(order, commission=charged + commission)

    def _settle_group(self, order: Order, shares: Decimal, now: datetime) -> None:
        """Cancel or reduce the orders that share an OCA group or a bracket with the one that traded."""
        for other in self.book.oca_partners(order):
            partner = self.book.orders[other.key]
            if not partner.is_live:
                continue
            left = oca.left_of(partner, order, shares, self.switches.oca_reduction)
            if left <= 0:
                self.finish_cancel(partner, now)
            elif left != partner.remaining:
                reduced = replace(partner, quantity=partner.filled + left)
                self.book.put(reduced)
                self.tell(sequences.told(reduced))

    def _wake(self, children: list[Order], now: datetime) -> None:
        """Set the children of a filled parent to work: all are announced before any of them trades."""
        for child in children:
            stop = child.terms.has_stop
            order = triggers.armed(child, self.market.quote(child.instrument)) if stop else child
            waits = stop or not self.is_in_session(order, now) or self.is_kept_back(order)
            status = Status.PRE_SUBMITTED if waits else Status.SUBMITTED
            order = replace(order, status=status, why_held="trigger" if stop else "")
            self.book.put(order)
            self.tell(sequences.told(order))
        for child in children:
            self.work(child.key, now)


def _side(order: Order) -> tuple[int, bool]:
    return order.instrument.con_id, order.terms.buys


def _waits_for_time(order: Order) -> bool:
    """Whether the clock alone can set an order going or end it."""
    timed = order.starts or order.ends or order.good_till or order.terms.conditions
    return bool(timed) or (order.status is Status.PRE_SUBMITTED and not order.terms.has_stop)
