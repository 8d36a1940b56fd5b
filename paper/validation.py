"""Whether TWS would take an order: each rule gives the code and text of its refusal. Pure."""

from decimal import Decimal

from paper.contracts import Instrument
from paper.orders import Order, OrderTerms

Refusal = tuple[int, str]
_VALIDATING = "Error validating request.-'bF' : cause - "
ORDER_TYPES = frozenset({"MKT", "LMT", "STP", "STP LMT"})
TIFS = frozenset({"", "DAY", "GTC", "IOC", "FOK"})

DUPLICATE_ID: Refusal = (103, "Duplicate order id")
ALREADY_DONE: Refusal = (104, "Cannot modify a filled order.")
MISMATCH: Refusal = (105, "Order being modified does not match original order.")
NO_CONTRACT: Refusal = (200, "No security definition has been found for the request")
NO_PARENT: Refusal = (135, "Can't find order with id =")
OCA_REVISION: Refusal = (10326, "OCA group revision is not allowed")
CANCELLED: Refusal = (202, "Order Canceled - reason:")


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
    if terms.order_type not in ORDER_TYPES:
        return 321, _VALIDATING + "Invalid order type was entered"
    if terms.tif not in TIFS:
        return 321, _VALIDATING + "Invalid time in force"
    if terms.action not in ("BUY", "SELL", "SSHORT"):
        return 321, _VALIDATING + "Invalid side"
    if terms.account not in ("", account):
        return 321, _VALIDATING + "Invalid account code"
    if terms.quantity <= 0:
        return 434, "The order size cannot be zero."
    if (terms.has_limit and terms.limit is None) or (terms.has_stop and terms.aux is None):
        return 321, _VALIDATING + "Missing or invalid price"
    return None


def check_prices(terms: OrderTerms, instrument: Instrument) -> Refusal | None:
    """Every price must lie on the instrument's grid."""
    prices = [terms.limit if terms.has_limit else None, terms.aux if terms.has_stop else None]
    if all(price is None or _on_grid(price, instrument) for price in prices):
        return None
    return 110, "The price does not conform to the minimum price variation for this contract."


def check_modification(order: Order, terms: OrderTerms, instrument: Instrument) -> Refusal | None:
    """What a modification may not do: come too late, or turn the order into another one."""
    if not order.is_live:
        return ALREADY_DONE
    before = order.terms
    if before.oca_group != terms.oca_group or (before.oca_type or 3) != (terms.oca_type or 3):
        return OCA_REVISION
    same = (
        order.instrument.con_id == instrument.con_id
        and before.action == terms.action
        and before.parent_id == terms.parent_id
    )
    if not same or terms.quantity <= order.filled:
        return MISMATCH
    return None


def _on_grid(price: Decimal, instrument: Instrument) -> bool:
    return price % instrument.tick_at(price) == 0
