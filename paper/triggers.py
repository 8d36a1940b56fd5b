"""When a stop is hit, how a trail follows the market, what an adjustment turns a stop into. Pure.

Sources: IB's pages on trigger methods, trailing stops and adjustable stops. By default an option's stop looks at
bid and ask, everything else at the last trade. An adjustment keeps the order's ids; that is assumed.
"""

from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from paper.orders import Adjustment, Order, OrderTerms, Trail
from paper.quotes import Quote, on_grid
from paper.wire import UNSET_DOUBLE, number

_LAST, _BID_ASK, _MIDPOINT = 2, 4, 8  # trigger methods besides the default


def watched(order: Order, quote: Quote) -> Decimal:
    """The price the order's trigger looks at, USD: bid for a sell, ask for a buy where bid and ask count."""
    method = order.terms.trigger_method
    if method == _MIDPOINT:
        return quote.mark
    if method == _BID_ASK or (method != _LAST and order.instrument.is_option):
        return quote.ask if order.terms.buys else quote.bid
    return quote.last


def is_hit(order: Order, quote: Quote) -> bool:
    """Whether the market has reached the order's stop."""
    if order.stop is None:
        return False
    price = watched(order, quote)
    return price >= order.stop if order.terms.buys else price <= order.stop


def armed(order: Order, quote: Quote) -> Order:
    """The order with the stop and limit in force from its terms; a trail without a start is set off the market."""
    terms = order.terms
    if not terms.trails:
        stop = terms.aux if terms.has_stop else None
        return replace(order, stop=stop, limit=terms.limit if terms.has_limit else None)
    stop = terms.trail_stop
    if stop is None:
        stop = _behind(order, watched(order, quote))
    return replace(order, stop=stop, limit=_trailing_limit(terms, stop))


def trailed(order: Order, quote: Quote) -> Order:
    """The order with its stop moved after the market; never moved back."""
    if not order.terms.trails or order.stop is None:
        return order
    stop = _behind(order, watched(order, quote))
    better = stop < order.stop if order.terms.buys else stop > order.stop
    if not better:
        return order
    limit = None if order.limit is None else order.limit + (stop - order.stop)
    return replace(order, stop=stop, limit=limit)


def is_to_be_adjusted(order: Order, quote: Quote) -> bool:
    """Whether the market has gone through the price that adjusts the stop: upwards for a sell, downwards for a buy."""
    adjustment = order.terms.adjustment
    if adjustment is None:
        return False
    price = watched(order, quote)
    return price <= adjustment.trigger if order.terms.buys else price >= adjustment.trigger


def adjusted(order: Order, quote: Quote) -> Order:
    """The order after its adjustment: same ids, another type, other prices, one revision more."""
    adjustment = order.terms.adjustment
    assert adjustment is not None  # asked only when it is due
    terms = _adjusted_terms(order, adjustment)
    return armed(replace(order, terms=terms, revision=order.revision + 1), quote)


def _adjusted_terms(order: Order, adjustment: Adjustment) -> OrderTerms:
    trails = adjustment.order_type in ("TRAIL", "TRAIL LIMIT")
    percent = adjustment.trailing if adjustment.unit is Trail.PERCENT and trails else None
    amount = adjustment.trailing if adjustment.unit is Trail.AMOUNT and trails else None
    stop = adjustment.stop if adjustment.stop is not None else order.stop
    raw = dict(order.terms.raw)
    raw |= {
        "orderType": adjustment.order_type,
        "adjustedOrderType": "None",
        "triggerPrice": UNSET_DOUBLE,
        "trailingPercent": "" if percent is None else number(percent),
    }
    return replace(
        order.terms,
        order_type=adjustment.order_type,
        aux=amount if trails else stop,
        limit=adjustment.limit if adjustment.order_type.endswith(("LMT", "LIMIT")) else None,
        trail_stop=stop if trails else None,
        trail_percent=percent,
        limit_offset=None,
        adjustment=None,
        raw=raw,
    )


def _behind(order: Order, price: Decimal) -> Decimal:
    """Where a trail's stop belongs when the market is at `price`, on the grid, away from the market."""
    terms = order.terms
    distance = (
        price * terms.trail_percent / 100 if terms.trail_percent is not None else terms.aux or Decimal(0)
    )
    stop = price + distance if terms.buys else price - distance
    tick = order.instrument.tick_at(stop)
    return max(on_grid(stop, tick, ROUND_CEILING if terms.buys else ROUND_FLOOR), tick)


def _trailing_limit(terms: OrderTerms, stop: Decimal) -> Decimal | None:
    if terms.order_type != "TRAIL LIMIT":
        return None
    if terms.limit_offset is None:
        return terms.limit
    return stop + terms.limit_offset if terms.buys else stop - terms.limit_offset
