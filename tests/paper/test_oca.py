"""What a fill leaves for the rest of its group."""

from decimal import Decimal

import pytest

from paper.oca import closes_group, is_late, kind_of, left_of
from paper.orders import Order
from paper.switches import OcaReduction
from tests.paper.desk import Desk, terms

_ONE = Desk().instrument()


def order(quantity: int, filled: int = 0, group: str = "g", kind: int = 0) -> Order:
    """An order in a group."""
    asked = terms("LMT", quantity=quantity, limit="1", oca_group=group, oca_type=kind)
    return Order(1, 1, 1, _ONE, asked, Decimal(quantity), filled=Decimal(filled))


@pytest.mark.parametrize(
    ("filled", "reduction", "left"),
    [
        (order(10, 4, kind=1), OcaReduction.PROPORTIONAL, 0),
        (order(10, 4, kind=2), OcaReduction.PROPORTIONAL, 12),
        (order(10, 4), OcaReduction.SHARES, 16),
        (order(10, 4, group=""), OcaReduction.PROPORTIONAL, 16),
        (order(40, 40, group=""), OcaReduction.PROPORTIONAL, 0),
        (order(10, 10, kind=3), OcaReduction.PROPORTIONAL, 0),
    ],
)
def test_what_is_left(filled: Order, reduction: OcaReduction, left: int) -> None:
    """Of a partner of 20 after the whole of what is filled was traded at once."""
    assert left_of(order(20), filled, filled.filled, reduction) == left


def test_kinds() -> None:
    """Unset is type 3; only a named group of type 3 is settled late; a group is closed by type 1 or a complete fill."""
    assert kind_of(order(1)) == 3
    assert is_late(order(1))
    assert not is_late(order(1, group=""))
    assert not is_late(order(1, kind=2))
    assert closes_group(order(10, 4, kind=1))
    assert closes_group(order(10, 10))
    assert not closes_group(order(10, 4))
    assert not closes_group(order(10, 10, group=""))
