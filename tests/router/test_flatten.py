"""What closes a position: all of it, in the names of those who opened it."""

from __future__ import annotations

from math import floor
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from router.exposure import Place
from router.flatten import closing
from router.messages import OrderLifecycleEvent
from tests.router.factory import OPTION, STOCK, order_event


def stop(delivery: str, remaining: float, **changes: Any) -> OrderLifecycleEvent:
    """A delivery's live stop."""
    terms: dict[str, Any] = {"action": "SELL", "order_type": "STP", "remaining": remaining, "account": "DU1"}
    return order_event(f"{delivery}-S1", **(terms | changes))


def held(quantity: float) -> Place:
    """A position in the example option."""
    return Place("DU1", OPTION, path=[quantity])


@given(st.integers(-80, 80).map(lambda quarters: quarters / 4), st.lists(st.integers(1, 9), max_size=4))
def test_all_of_it_and_no_more(quantity: float, stops: list[int]) -> None:
    """Whatever the stops say, the closing orders add up to the position's whole part, in its opposite direction."""
    orders = [stop(f"a-{number}", float(size)) for number, size in enumerate(stops)]
    legs = closing(held(quantity), orders, number=1)
    assert sum(leg.quantity for leg in legs) == floor(abs(quantity))
    assert {leg.action for leg in legs} <= {"SELL" if quantity > 0 else "BUY"}
    assert all(leg.order_type == "MKT" and leg.quantity > 0 for leg in legs)
    assert len({leg.ref for leg in legs}) == len(legs)


def test_in_whose_names() -> None:
    """Each delivery for what its own stops protect; the rest in nobody's."""
    others = [
        stop("c-d", 3.0, contract=STOCK),
        stop("e-f", 3.0, account="DU2"),
        stop("g-h", 3.0, action="BUY"),
        stop("i-j", 3.0, contract=None),
    ]
    legs = closing(held(7), [stop("a-b", 4.0), *others], number=5)
    assert [(leg.ref, leg.quantity) for leg in legs] == [("a-b-X5", 4), ("flat:1001:5", 3)]
