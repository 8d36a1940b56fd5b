"""What an order trades against a quote: how many shares at which prices. Pure.

The book behind a quote is the quoted size at bid or ask and the same size again at each of a few prices one tick
further away. `taken` is what was already traded against that side of the quote.
"""

from collections.abc import Iterator
from decimal import ROUND_FLOOR, Decimal

from paper.orders import Order
from paper.quotes import Quote, on_grid

_LEVELS = 5
Fill = tuple[Decimal, Decimal]  # shares, price in USD


def fills(order: Order, quote: Quote, taken: Decimal, *, limited: bool) -> list[Fill]:
    """The fills an order gets now; not `limited` by size they are one. A FOK gets all or nothing."""
    found = list(_sweep(order, quote, taken)) if limited else list(_whole(order, quote))
    if order.terms.tif == "FOK" and sum(shares for shares, _ in found) < order.remaining:
        return []
    return found


def _whole(order: Order, quote: Quote) -> Iterator[Fill]:
    price = _touch(order, quote)
    if _in_reach(order, price):
        yield order.remaining, price


def _sweep(order: Order, quote: Quote, taken: Decimal) -> Iterator[Fill]:
    size = Decimal(quote.ask_size if order.terms.buys else quote.bid_size)
    price, wanted = _touch(order, quote), order.remaining
    for _ in range(_LEVELS):
        if not _in_reach(order, price) or wanted <= 0 or price <= 0:
            return
        shares = min(max(size - taken, Decimal(0)), wanted)
        taken = max(taken - size, Decimal(0))
        if shares > 0:
            yield shares, price
            wanted -= shares
        tick = order.instrument.tick_at(price)
        price += tick if order.terms.buys else -tick


def _touch(order: Order, quote: Quote) -> Decimal:
    """The best price there is: the far side of the quote, for a MIDPRICE order the middle of it."""
    if order.terms.order_type == "MIDPRICE":
        tick = order.instrument.tick_at(quote.mark)
        middle = on_grid(quote.mark, tick, ROUND_FLOOR)
        return middle if order.terms.buys or middle == quote.mark else middle + tick
    return quote.ask if order.terms.buys else quote.bid


def _in_reach(order: Order, price: Decimal) -> bool:
    limit = order.limit
    if limit is None:
        return True
    return price <= limit if order.terms.buys else price >= limit
