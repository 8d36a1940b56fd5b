"""Which order a person means by the name he gives: an orderRef, a permId or a signal id. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from router.bracket import stem_of
from router.messages import ModifyOrder, OrderLifecycleEvent
from router.protection import STOPS
from workers.cli.gateway import Refused
from workers.cli.misuse import Misused

SIGNAL_DIGITS = 16  # a signal id of digits only has as many; a permId has less


def is_perm_id(name: str) -> bool:
    """Whether the name is IB's number of an order."""
    return name.isdecimal() and len(name) < SIGNAL_DIGITS


def meant(name: str, change: ModifyOrder, orders: Sequence[OrderLifecycleEvent]) -> ModifyOrder:
    """The change, of the one order with this permId, or of this signal, that it fits. `orders`: the live ones of ours.

    Raises Refused without one, Misused with several.
    """
    if is_perm_id(name):
        found = [event for event in orders if event.perm_id == int(name)]
    else:
        found = [event for event in orders if _of_signal(name, event) and _fits(change, event)]
    if not found:
        raise Refused(f"no live order of this router under {name} that the change fits")
    if len(found) > 1:
        refs = ", ".join(event.ref for event in found)
        raise Misused(f"{name} has {len(found)} orders that the change fits, name one: {refs}")
    return replace(change, ref=found[0].ref, perm_id=found[0].perm_id)


def _of_signal(name: str, event: OrderLifecycleEvent) -> bool:
    stem = stem_of(event.ref)
    return bool(stem) and name in (stem, stem.rpartition("-")[0])


def _fits(change: ModifyOrder, event: OrderLifecycleEvent) -> bool:
    """A stop price is for stops, a limit price for what has a limit."""
    limited = event.limit_price is not None
    return (change.stop_price is None or event.order_type in STOPS) and (
        change.limit_price is None or limited
    )
