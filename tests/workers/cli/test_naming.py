"""What a person means: by orderRef, by permId, by a signal with one order that the change fits."""

from __future__ import annotations

import pytest

from router.messages import ModifyOrder
from tests.router.factory import order_event
from workers.cli.gateway import Refused
from workers.cli.misuse import Misused
from workers.cli.naming import is_perm_id, meant

ORDERS = [
    order_event("ab-mfqwpfk0-T1", perm_id=1, order_type="LMT", limit_price=3.0, stop_price=None),
    order_event("ab-mfqwpfk0-S1", perm_id=2, order_type="STP", limit_price=None, stop_price=1.0),
    order_event("ab-2-mfqwpfk0-S1", perm_id=3, order_type="STP", limit_price=None, stop_price=1.0),
    order_event("ab-2-mfqwpfk0-S2", perm_id=4, order_type="STP LMT", limit_price=1.0, stop_price=1.0),
]


def test_kinds_of_names() -> None:
    """A number is a permId, unless it is as long as a signal id."""
    assert [is_perm_id(name) for name in ("479629001", "1234567890123456", "ab")] == [True, False, False]


@pytest.mark.parametrize(
    ("name", "terms", "perm_id"),
    [
        ("2", {"quantity": 5}, 2),
        ("ab", {"stop_price": 1.5}, 2),
        ("ab", {"limit_price": 3.5}, 1),
        ("ab-mfqwpfk0", {"stop_price": 1.5}, 2),
        ("ab-2", {"limit_price": 0.9, "stop_price": 1.1}, 4),
    ],
)
def test_the_one_order_that_is_meant(name: str, terms: dict[str, float], perm_id: int) -> None:
    """A stop price is for a stop, a limit price for what has one; a signal whose id begins alike is another one."""
    change = meant(name, ModifyOrder("", "test", **terms), ORDERS)  # type: ignore[arg-type]
    assert change.perm_id == perm_id
    assert change.ref == next(event.ref for event in ORDERS if event.perm_id == perm_id)


def test_several_are_named_and_none_is_chosen() -> None:
    """Which of them is for the person to say."""
    with pytest.raises(Misused, match=r"ab-2 has 2 orders .* ab-2-mfqwpfk0-S1, ab-2-mfqwpfk0-S2"):
        meant("ab-2", ModifyOrder("", "test", stop_price=1.1), ORDERS)


@pytest.mark.parametrize("name", ["99", "nobody", "a"])
def test_nobody_of_that_name(name: str) -> None:
    """Said as it was written."""
    with pytest.raises(Refused, match=f"under {name} that"):
        meant(name, ModifyOrder("", "test", quantity=1), ORDERS)
