"""An order of IB and a wanted change -> the whole order again, since a modification repeats every term."""

from __future__ import annotations

import math
from typing import cast

from router.bracket import stem_of
from router.errors import FieldError
from router.messages import Action, Leg, ModifyOrder, OrderLifecycleEvent, Role
from router.stops import TRAILS

LIMITED = frozenset({"LMT", "STP LMT", "TRAIL LIMIT"})
STOPPED = frozenset({"STP", "STP LMT"}) | TRAILS  # of a trail by an amount: that amount

_ROLES: dict[str, Role] = {"E": "entry", "T": "target", "S": "stop"}


def modified(event: OrderLifecycleEvent, change: ModifyOrder, *, with_parent: bool) -> Leg:
    """The order as it shall be, with its parent as IB reports it, or without where IB could not find that (error 135).

    Raises FieldError where the change makes no sense for this order.
    """
    if change.quantity is not None and change.quantity <= event.filled:
        raise FieldError("quantity", change.quantity, f"{event.ref} has filled {event.filled:g} already")
    order_type = change.order_type or event.order_type
    _check_prices(change, event.ref, order_type)
    trails = order_type in TRAILS
    stop_price = change.stop_price if change.stop_price is not None else event.stop_price
    return Leg(
        ref=event.ref,
        role=role_of(event.ref),
        action=cast("Action", event.action),
        order_type=order_type,
        quantity=change.quantity if change.quantity is not None else _quantity(event),
        limit_price=change.limit_price if change.limit_price is not None else event.limit_price,
        stop_price=None if trails and (change.trail_percent or event.trail_percent) else stop_price,
        tif=event.tif,
        outside_rth=event.outside_rth,
        oca_group=event.oca_group,
        oca_type=event.oca_type if event.oca_group else 0,
        order_id=event.order_id,
        trail_percent=(change.trail_percent or event.trail_percent) if trails else None,
        trail_stop=(change.trail_stop or event.trail_stop) if trails else None,
        adjustment=change.adjustment or event.adjustment,
        parent_id=event.parent_id if with_parent else 0,
        algo=event.algo,
        algo_params=event.algo_params,
        good_till=event.good_till,
    )


def _check_prices(change: ModifyOrder, ref: str, order_type: str) -> None:
    """Prices are prices, and of a kind that the order has."""
    for name in ("limit_price", "stop_price", "trail_percent", "trail_stop"):
        value = getattr(change, name)
        if value is not None and not 0 < value < math.inf:  # false for NaN too
            raise FieldError(name, value, "must be above 0")
    if change.limit_price is not None and order_type not in LIMITED:
        raise FieldError("limit_price", change.limit_price, f"{ref} is a {order_type}: it has no limit")
    if change.stop_price is not None and order_type not in STOPPED:
        raise FieldError("stop_price", change.stop_price, f"{ref} is a {order_type}: it has no stop price")


def _quantity(event: OrderLifecycleEvent) -> int:
    """In all, as IB has it: its group may have taken shares off the order that only a status has told of."""
    left = round(event.filled + event.remaining)
    return min(int(event.quantity), left) if left > 0 else int(event.quantity)


def role_of(ref: str) -> Role:
    """What an order is for, by its orderRef; `exit` for all that is not of a bracket."""
    stem = stem_of(ref)
    return _ROLES.get(ref[len(stem) + 1], "exit") if stem else "exit"
