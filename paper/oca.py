"""What a fill does to the orders that belong together: an OCA group, or the children of one parent. Pure.

IB documents three OCA types: 1 cancels the rest, 2 reduces the rest in proportion, both with only one order of the
group at work at a time; 3 reduces without that protection. Children of one parent without a group of their own
behave as one group that is reduced by the shares filled; that is assumed.
"""

from decimal import ROUND_HALF_UP, Decimal

from paper.orders import Order
from paper.switches import OcaReduction

CANCELS, REDUCES, REDUCES_LATE = 1, 2, 3


def kind_of(order: Order) -> int:
    """The OCA type in force; unset is 3, as open orders report it."""
    return order.terms.oca_type or REDUCES_LATE


def is_late(order: Order) -> bool:
    """Whether the group is settled only after everything that trades at the same moment has traded."""
    return bool(order.terms.oca_group) and kind_of(order) == REDUCES_LATE


def closes_group(order: Order) -> bool:
    """Whether an order that just traded leaves nothing for others to join its group for."""
    return bool(order.terms.oca_group) and (kind_of(order) == CANCELS or order.remaining <= 0)


def left_of(partner: Order, filled: Order, shares: Decimal, reduction: OcaReduction) -> Decimal:
    """How much of `partner` may still trade after `filled`, as it stands now, traded `shares`. 0: cancel it."""
    grouped = bool(filled.terms.oca_group)
    if grouped and kind_of(filled) == CANCELS:
        return Decimal(0)
    if grouped and reduction is OcaReduction.PROPORTIONAL:
        before = filled.remaining + shares
        left = partner.remaining * filled.remaining / before
        return left.to_integral_value(ROUND_HALF_UP)
    return max(partner.remaining - shares, Decimal(0))
