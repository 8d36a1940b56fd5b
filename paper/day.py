"""What the hours of a day do to orders, positions and the account. Pure: the caller gives the time.

At the open orders for the open trade at the last price or end. At the close orders for the close trade at the last price, orders for the day end, and options of that day are
settled: in the money at intrinsic value, those on stocks by delivering the stock at the strike, those on an index
in cash; the rest are worth nothing. Nobody is charged for it.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import assert_never

from paper.account import Position
from paper.contracts import Instrument
from paper.exchange import Exchange
from paper.hours import NEW_YORK, Boundary, Hours
from paper.orders import Order, PositionChanged

_ZERO = Decimal(0)


def pass_boundary(exchange: Exchange, boundary: Boundary, now: datetime) -> None:
    """Do what belongs to that moment of the day."""
    match boundary:
        case Boundary.OPEN:
            _open(exchange, now)
            exchange.wake_all()
        case Boundary.CLOSE:
            _close(exchange, now)
        case Boundary.LATE_CLOSE:
            _expire(exchange, now, everything=True)
        case Boundary.RESET:
            exchange.account.new_day(exchange.market.mark, exchange.market.underlying_mark)
            exchange.market.new_day()
        case Boundary.MIDNIGHT:
            exchange.book.forget_before(now.astimezone(NEW_YORK).date())
            if exchange.hours is Hours.ALWAYS:  # the day that begins is a session
                _open(exchange, now)
        case _:
            assert_never(boundary)


def _open(exchange: Exchange, now: datetime) -> None:
    """Trade the orders for the opening, and end those that did not."""
    for order in exchange.book.each_live():
        if order.terms.at_open and not exchange.is_held(order):
            _auction(exchange, order, now)
            if exchange.book.orders[order.key].is_live:
                exchange.expire(exchange.book.orders[order.key], now)
    exchange.settle_late(now)


def _close(exchange: Exchange, now: datetime) -> None:
    for order in exchange.book.each_live():
        if order.terms.at_close and not exchange.is_held(order):
            _auction(exchange, order, now)
    exchange.settle_late(now)
    _expire(exchange, now, everything=exchange.hours is Hours.ALWAYS)
    _settle_options(exchange, now)


def _auction(exchange: Exchange, order: Order, now: datetime) -> None:
    """Trade an order for an auction whole at the last price, if its limit allows."""
    price = exchange.market.quote(order.instrument).last
    limit = order.limit
    if limit is None or (price <= limit if order.terms.buys else price >= limit):
        exchange.fill(order, order.remaining, price, now)


def _expire(exchange: Exchange, now: datetime, *, everything: bool) -> None:
    """End the orders for the day; at the regular close those that trade on after it are left."""
    for order in exchange.book.each_live():
        stays = order.terms.outside_rth and not order.instrument.is_option and not everything
        if order.terms.tif in ("", "DAY", "IOC", "FOK") and not stays:
            exchange.expire(order, now)


def _settle_options(exchange: Exchange, now: datetime) -> None:
    """Settle the options that expired by `now` and cancel what is left of orders in them."""
    today = _last_day(now)
    for order in exchange.book.each_live():
        if _has_expired(order.instrument, today):
            exchange.expire(order, now)
    for held in list(exchange.account.positions.values()):
        if held.quantity and _has_expired(held.instrument, today):
            _settle(exchange, held)


def _settle(exchange: Exchange, held: Position) -> None:
    option, quantity = held.instrument, held.quantity
    spot = exchange.market.underlying_mark(option)
    distance = spot - option.strike if option.right == "C" else option.strike - spot
    exchange.account.apply(option, -quantity, max(distance, _ZERO), _ZERO)
    stock = exchange.market.catalog.stock_under(option)
    if distance > 0 and stock is not None:
        shares = quantity * option.multiplier * (1 if option.right == "C" else -1)
        exchange.account.apply(stock, shares, spot, _ZERO)
        exchange.tell([PositionChanged(stock)])
    exchange.tell([PositionChanged(option)])


def _has_expired(one: Instrument, today: date) -> bool:
    return one.is_option and one.expiry <= f"{today:%Y%m%d}"


def _last_day(now: datetime) -> date:
    """The day that ends at `now`: at midnight the one before."""
    local = now.astimezone(NEW_YORK)
    return date.fromordinal(local.date().toordinal() - 1) if local.hour == 0 else local.date()
