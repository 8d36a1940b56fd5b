"""Whether TWS would take an order: each rule gives the code and text of its refusal. Pure."""

from datetime import datetime
from decimal import Decimal

from paper.contracts import Instrument
from paper.hours import ZONE_NAME
from paper.moments import parse_moment
from paper.orders import Order, OrderTerms, Status
from paper.switches import Switches

Refusal = tuple[int, str]
_VALIDATING = "Error validating request.-'bF' : cause - "
ORDER_TYPES = frozenset({"MKT", "LMT", "STP", "STP LMT", "TRAIL", "TRAIL LIMIT", "MOC", "LOC", "MIDPRICE"})
_STOCKS_ONLY = frozenset({"MOC", "LOC", "MIDPRICE"})
# what IB has besides and this gateway does not trade
_NOT_SIMULATED = frozenset(
    [
        "MIT",
        "LIT",
        "MTL",
        "REL",
        "PEG MKT",
        "PEG MID",
        "PEG STK",
        "PEG PRIM",
        "PEG BEST",
        "PEG BENCH",
        "BOX TOP",
        "VOL",
        "SNAP MKT",
        "SNAP MID",
        "SNAP PRIM",
        "PASSV REL",
        "MKT PRT",
        "STP PRT",
        "REL + LMT",
        "REL + MKT",
        "LMT + MKT",
    ]
)
_ADJUSTED_TYPES = frozenset({"STP", "STP LMT", "TRAIL", "TRAIL LIMIT"})
TIFS = frozenset({"", "DAY", "GTC", "IOC", "FOK", "GTD", "OPG"})

DUPLICATE_ID: Refusal = (103, "Duplicate order id")
ALREADY_DONE: Refusal = (104, "Cannot modify a filled order.")
MISMATCH: Refusal = (105, "Order being modified does not match original order.")
NO_CONTRACT: Refusal = (200, "No security definition has been found for the request")
OCA_REVISION: Refusal = (10326, "OCA group revision is not allowed.")
INCOMPLETE: Refusal = (107, "Cannot transmit incomplete order.")
BAD_TIME: Refusal = (
    343,
    "The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xx/xxxx where yyyymmdd "
    "and xx/xxxx are optional.",
)
UNSUPPORTED: Refusal = (387, "Unsupported order type for this exchange and security type.")
TIF_PRESET: Refusal = (10349, "Order TIF was set to DAY based on order preset.")
_BAND = Decimal("0.03")  # recorded: 2.94 % on either side of a stock at 257.68
GROUP_FILLED = "Order rejected - reason:OCA group is already filled."
PARENT_GONE = "Order rejected - reason:Parent order is being cancelled."


def no_order(order_id: int) -> Refusal:
    """An order names a parent, or a modification an order, that is not there."""
    return 135, f"Can't find order with id ={order_id}"


def cannot_transmit(order_id: int) -> Refusal:
    """A staged child is transmitted whose staged parent was cancelled meanwhile."""
    return 106, f"Can't transmit order ID: {order_id}"


def not_cancellable(order: Order) -> Refusal:
    """A cancel for an order that is being cancelled already."""
    return (
        161,
        f"Cancel attempted when order is not in a cancellable state.  Order permId ={order.perm_id}",
    )


def outside_hours(order: Order, opening: datetime) -> Refusal:
    """The informational 399 about an order that has to wait for the exchange to open."""
    terms, one = order.terms, order.instrument
    return (
        399,
        f"Order Message:\n{terms.action} {order.quantity} {one.symbol} {one.primary_exchange or 'SMART'}."
        f"{one.trading_class}\nWarning: Your order will not be placed at the exchange until "
        f"{opening:%Y-%m-%d %H:%M:%S} {ZONE_NAME}.",
    )


def beyond_the_band(order: Order, mark: Decimal) -> str | None:
    """Why IB ends an order whose limit is too far through the market, in its words; None for any other order."""
    limit = order.limit
    if limit is None or order.terms.has_stop or order.terms.at_close:
        return None
    bound = mark * (1 + _BAND if order.terms.buys else 1 - _BAND)
    if limit < bound if order.terms.buys else limit > bound:
        return None
    return (
        f"We cannot accept an order at a limit price at or more aggressive than {bound:f}. Please submit your order "
        f"using a limit price that is closer to the current market price of {mark:f}."
    )


def unknown_to_cancel(order_id: int) -> Refusal:
    """A cancel for an id that is no order of this client."""
    return 10147, f"OrderId {order_id} that needs to be cancelled is not found."


def too_late_to_cancel(order: Order) -> Refusal:
    """A cancel for an order that has ended."""
    return (
        10148,
        f"OrderId {order.order_id} that needs to be cancelled can not be cancelled, state: {order.status}.",
    )


def check_terms(terms: OrderTerms, account: str) -> Refusal | None:
    """The rules that need nothing but the order itself."""
    if terms.order_type in _NOT_SIMULATED:
        return UNSUPPORTED
    if terms.order_type not in ORDER_TYPES:
        return 321, _VALIDATING + "Invalid order type was entered"
    if terms.tif not in TIFS or (terms.at_open and terms.order_type not in ("MKT", "LMT")):
        return 321, _VALIDATING + "Invalid time in force"
    if terms.action not in ("BUY", "SELL", "SSHORT"):
        return 321, _VALIDATING + "Invalid side"
    if terms.account not in ("", account):
        return 321, _VALIDATING + "Invalid account code"
    if terms.quantity <= 0:
        return 434, "The order size cannot be zero."
    if _is_incomplete(terms):
        return INCOMPLETE
    return _check_times(terms) or _check_adjustment(terms)


def check_instrument(terms: OrderTerms, instrument: Instrument) -> Refusal | None:
    """The order type must suit the instrument, every price lie on its grid."""
    if instrument.is_index or (terms.order_type in _STOCKS_ONLY and instrument.is_option):
        return UNSUPPORTED
    if all(price is None or _on_grid(price, instrument) for price in _prices(terms)):
        return None
    return 110, "The price does not conform to the minimum price variation for this contract."


def check_modification(
    order: Order, terms: OrderTerms, instrument: Instrument, switches: Switches
) -> Refusal | None:
    """What a modification may not do: come too late, or turn the order into another one."""
    if not order.is_live or order.status is Status.PENDING_CANCEL:
        return ALREADY_DONE
    before = order.terms
    regrouped = before.oca_group != terms.oca_group or (before.oca_type or 3) != (terms.oca_type or 3)
    if regrouped and not switches.oca_revision:
        return OCA_REVISION
    if before.parent_id and switches.child_modify_refused:
        return no_order(before.parent_id)
    same = (
        order.instrument.con_id == instrument.con_id
        and before.action == terms.action
        and before.parent_id == terms.parent_id
    )
    return None if same and terms.quantity > order.filled else MISMATCH


def _is_incomplete(terms: OrderTerms) -> bool:
    """Whether a price or an amount is missing that the order type needs."""
    if terms.trails:
        no_limit = terms.limit is None and terms.limit_offset is None
        no_start = terms.trail_stop is None or no_limit
        return _missing_distance(terms) or (terms.order_type == "TRAIL LIMIT" and no_start)
    no_stop = terms.has_stop and terms.aux is None
    return no_stop or (terms.has_limit and terms.limit is None)


def _missing_distance(terms: OrderTerms) -> bool:
    return not terms.aux and not terms.trail_percent


def _check_times(terms: OrderTerms) -> Refusal | None:
    times = [terms.good_till] if terms.tif == "GTD" else []
    times += [terms.good_after] if terms.good_after else []
    return None if all(parse_moment(text) for text in times) else BAD_TIME


def _check_adjustment(terms: OrderTerms) -> Refusal | None:
    """An adjustment must turn a stop into a kind of stop and say by how much it then trails."""
    to = terms.adjustment
    if to is None:
        return None
    if not terms.has_stop or to.order_type not in _ADJUSTED_TYPES:
        return 321, _VALIDATING + "Invalid adjusted order type"
    trails = to.order_type in ("TRAIL", "TRAIL LIMIT")
    limited = to.order_type in ("STP LMT", "TRAIL LIMIT")
    incomplete = (trails and not to.trailing) or (limited and to.limit is None)
    return INCOMPLETE if incomplete or (not trails and to.stop is None) else None


def _prices(terms: OrderTerms) -> tuple[Decimal | None, ...]:
    """The prices of an order that must lie on the grid."""
    to = terms.adjustment
    own = (
        terms.limit if terms.has_limit else None,
        terms.aux if terms.has_stop and not terms.trails else None,
        terms.trail_stop if terms.trails else None,
    )
    return (*own, to.stop, to.limit, to.trigger) if to else own


def _on_grid(price: Decimal, instrument: Instrument) -> bool:
    return price % instrument.tick_at(price) == 0
