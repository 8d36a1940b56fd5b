"""Closing what is held: which market orders end a position, under the orderRefs of those who opened it.

The platform is told of an exit by the delivery in its orderRef, so a position made by deliveries is closed in their
names, each for what its own stops still protect; the rest is closed in nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.bracket import opposite, stem_of
from router.exposure import Place
from router.messages import Leg, OrderLifecycleEvent
from router.modify import role_of
from router.quantity import orderable


def closing(place: Place, orders: Iterable[OrderLifecycleEvent], *, number: int) -> tuple[Leg, ...]:
    """The market orders that make the position flat. `number` makes their orderRefs unlike any earlier ones."""
    left = orderable(abs(place.quantity))  # a fraction stays, and is not turned round
    action = opposite("BUY" if place.quantity > 0 else "SELL")
    shares: dict[str, int] = {}
    for event in orders:
        here = event.account == place.account and event.contract is not None
        same = here and event.contract is not None and event.contract.con_id == place.contract.con_id
        if same and event.action == action and role_of(event.ref) == "stop":
            stem = stem_of(event.ref)
            shares[stem] = shares.get(stem, 0) + round(event.remaining)
    legs = []
    for stem, wanted in shares.items():
        quantity = min(wanted, left)
        if quantity > 0:
            legs.append(_exit(f"{stem}-X{number}", action == "SELL", quantity))
            left -= quantity
    if left > 0:
        legs.append(_exit(f"flat:{place.contract.con_id}:{number}", action == "SELL", left))
    return tuple(legs)


def _exit(ref: str, sell: bool, quantity: int) -> Leg:
    return Leg(
        ref=ref,
        role="exit",
        action="SELL" if sell else "BUY",
        order_type="MKT",
        quantity=quantity,
        tif="DAY",
        outside_rth=True,
    )
