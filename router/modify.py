"""An order of IB and a wanted change -> the whole order again, since a modification repeats every term."""

from __future__ import annotations

from typing import cast

from router.bracket import stem_of
from router.errors import FieldError
from router.messages import Action, Leg, ModifyOrder, OrderLifecycleEvent, Role
from router.stops import TRAILS

_ROLES: dict[str, Role] = {"E": "entry", "T": "target", "S": "stop"}


def modified(event: OrderLifecycleEvent, change: ModifyOrder, *, with_parent: bool) -> Leg:
    """The order as it shall be, with its parent as IB reports it, or without where IB could not find that (error 135).

    Raises FieldError where the change makes no sense for this order.
    """
    if change.quantity is not None and change.quantity <= event.filled:
        raise FieldError("quantity", change.quantity, f"{event.ref} has filled {event.filled:g} already")
    order_type = change.order_type or event.order_type
    trails = order_type in TRAILS
    stop_price = change.stop_price if change.stop_price is not None else event.stop_price
    return Leg(
        ref=event.ref,
        role=role_of(event.ref),
        action=cast("Action", event.action),
        order_type=order_type,
        quantity=change.quantity if change.quantity is not None else int(event.quantity),
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


def role_of(ref: str) -> Role:
    """What an order is for, by its orderRef; `exit` for all that is not of a bracket."""
    stem = stem_of(ref)
    return _ROLES.get(ref[len(stem) + 1], "exit") if stem else "exit"
