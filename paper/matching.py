"""Whether an order trades against a quote, and at what price. Pure."""

from decimal import Decimal

from paper.orders import Order
from paper.quotes import Quote


def stop_is_hit(order: Order, quote: Quote) -> bool:
    """Whether a stop's trigger price is reached: stocks by the last price, options by bid and ask."""
    trigger = order.terms.aux
    if trigger is None:
        return False
    if order.instrument.is_option:
        return quote.ask >= trigger if order.terms.buys else quote.bid <= trigger
    return quote.last >= trigger if order.terms.buys else quote.last <= trigger


def fill_price(order: Order, quote: Quote) -> Decimal | None:
    """The price a working order trades at now, USD per share; None when its limit is out of reach."""
    touch = quote.ask if order.terms.buys else quote.bid
    limit = order.terms.limit
    if not order.terms.has_limit or limit is None:
        return touch
    reached = touch <= limit if order.terms.buys else touch >= limit
    return touch if reached else None
