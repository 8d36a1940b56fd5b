"""A modification repeats every term of the order (platform contract 8: the trailing-stop bug)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from router.errors import FieldError
from router.messages import Adjustment, ModifyOrder, OrderLifecycleEvent
from router.modify import modified, role_of
from tests.router.factory import order_event

REF = "9bbeedc541dd1c7a-mfqwpfk0-S1"
RUNG = Adjustment(2.7, "TRAIL", 1.55, 42.5)


def stop(**changes: Any) -> OrderLifecycleEvent:
    """A bracket's stop as IB reports it."""
    plain = order_event(REF, action="SELL", order_type="STP", limit_price=None, stop_price=1.4, tif="GTC")
    terms = {"oca_group": "g", "oca_type": 2, "outside_rth": True, "parent_id": 100}
    return msgspec.structs.replace(plain, **(terms | changes))


def test_a_trailing_stop_keeps_action_quantity_tif_and_group() -> None:
    """What the platform's own modification left out is what makes it the same order."""
    event = stop(order_type="TRAIL", stop_price=None, trail_percent=42.5, trail_stop=1.6)
    leg = modified(event, ModifyOrder(REF, "next rung", adjustment=RUNG), with_parent=True)
    assert (leg.action, leg.quantity, leg.tif, leg.oca_group, leg.oca_type) == ("SELL", 7, "GTC", "g", 2)
    assert (leg.order_type, leg.trail_percent, leg.trail_stop) == ("TRAIL", 42.5, 1.6)
    assert (leg.stop_price, leg.outside_rth, leg.order_id, leg.parent_id) == (None, True, 101, 100)
    assert (leg.adjustment, leg.role, leg.ref) == (RUNG, "stop", REF)


def test_the_platforms_trailing_stop_bug() -> None:
    """Platform contract 8: a modify without action and quantity. Every kind of stop keeps all of its terms."""
    terms = {"action": "SELL", "quantity": 7.0, "tif": "GTC", "oca_group": "g", "oca_type": 2}
    kinds: list[dict[str, Any]] = [
        {"order_type": "STP", "stop_price": 1.4},
        {"order_type": "STP LMT", "stop_price": 1.4, "limit_price": 1.38},
        {"order_type": "TRAIL", "stop_price": None, "trail_percent": 40.0, "trail_stop": 1.6},
        {"order_type": "TRAIL", "stop_price": 0.3, "trail_percent": None, "trail_stop": 1.6},
        {"order_type": "TRAIL LIMIT", "stop_price": 0.3, "trail_stop": 1.6, "limit_price": 1.55},
    ]
    for kind in kinds:
        event = stop(**kind)
        leg = modified(event, ModifyOrder(REF, "next rung", adjustment=RUNG), with_parent=True)
        assert {name: getattr(leg, name) for name in terms} == terms
        assert {name: getattr(leg, name) for name in kind} == kind
        assert leg.adjustment == RUNG


def test_what_is_changed_and_nothing_else() -> None:
    """Quantity and prices as asked for; a pending adjustment stays; a parent that IB lost is left out."""
    event = stop(adjustment=RUNG)
    leg = modified(event, ModifyOrder(REF, "smaller", quantity=3, stop_price=1.5), with_parent=False)
    assert (leg.quantity, leg.stop_price, leg.limit_price, leg.adjustment) == (3, 1.5, None, RUNG)
    assert leg.parent_id == 0
    target = order_event("9bbeedc541dd1c7a-mfqwpfk0-T1", action="SELL", limit_price=3.25)
    moved = modified(target, ModifyOrder(target.ref, "price", limit_price=3.5), with_parent=True)
    assert (moved.limit_price, moved.oca_type, moved.role) == (3.5, 0, "target")


def test_an_entry_keeps_its_algorithm_and_its_end() -> None:
    """IB lets no modification drop an algorithm (440), and no GTD go without its date."""
    terms: dict[str, Any] = {"tif": "GTD", "good_till": "20250919-14:02:00", "algo": "Adaptive"}
    event = order_event(**terms, algo_params=(("adaptivePriority", "Urgent"),))
    leg = modified(event, ModifyOrder(event.ref, "price", limit_price=2.6), with_parent=True)
    assert (leg.tif, leg.good_till, leg.algo) == ("GTD", "20250919-14:02:00", "Adaptive")
    assert leg.algo_params == (("adaptivePriority", "Urgent"),)


def test_a_stop_becomes_a_trail() -> None:
    """Type, percent and start are given; the old stop price is no trailing amount."""
    change = ModifyOrder(REF, "trail", order_type="TRAIL", trail_percent=20.0, trail_stop=1.5)
    leg = modified(stop(), change, with_parent=True)
    assert (leg.order_type, leg.trail_percent, leg.trail_stop, leg.stop_price) == ("TRAIL", 20.0, 1.5, None)


def test_less_than_has_filled_is_refused() -> None:
    """A quantity at or below what filled would end the order by surprise."""
    with pytest.raises(FieldError, match="has filled 3"):
        modified(stop(filled=3.0), ModifyOrder(REF, "", quantity=3), with_parent=True)


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"stop_price": float("nan")}, "stop_price = nan: must be above 0"),
        ({"stop_price": -1.0}, "stop_price = -1.0: must be above 0"),
        ({"stop_price": float("inf")}, "stop_price = inf: must be above 0"),
        ({"trail_percent": 0.0}, "trail_percent = 0.0: must be above 0"),
        ({"limit_price": 1.3}, f"limit_price = 1.3: {REF} is a STP: it has no limit"),
        ({"order_type": "LMT", "stop_price": 1.3}, f"stop_price = 1.3: {REF} is a LMT: it has no stop price"),
    ],
)
def test_a_price_that_is_none_is_refused(terms: dict[str, Any], said: str) -> None:
    """Nothing of it reaches IB: not a number, not of the kind that the order has."""
    with pytest.raises(FieldError) as caught:
        modified(stop(), ModifyOrder(REF, "", **terms), with_parent=True)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("told", "quantity"),
    [
        ({"remaining": 4.0}, 4),  # its target has filled 3, and IB took them off the stop
        ({"filled": 2.0, "remaining": 3.0}, 5),
        ({"quantity": 4.0, "remaining": 7.0}, 4),  # the terms came, the status has not
        ({"filled": 0.0, "remaining": 0.0}, 7),  # IB has not said how much is left
    ],
)
def test_what_the_group_took_off_is_not_put_back(told: dict[str, Any], quantity: int) -> None:
    """A rung that is armed after a partial target never makes the stop larger than the position."""
    event = stop(**told)
    assert (
        modified(event, ModifyOrder(REF, "next rung", adjustment=RUNG), with_parent=True).quantity == quantity
    )


@pytest.mark.parametrize(
    ("ref", "role"),
    [(REF, "stop"), ("a-b-T1", "target"), ("a-b-E", "entry"), ("a-b-X1", "exit"), ("by hand", "exit")],
)
def test_roles(ref: str, role: str) -> None:
    """By the leg in the orderRef."""
    assert role_of(ref) == role
