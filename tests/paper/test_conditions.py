"""When the conditions of an order hold."""

from datetime import datetime
from decimal import Decimal

import pytest

from paper.conditions import hold
from paper.hours import NEW_YORK
from paper.orders import Condition
from paper.quotes import Quote, flat_quote

_NOW = datetime(2026, 11, 23, 10, 0, tzinfo=NEW_YORK)


class View:
    """One instrument, conId 1: last 110, yesterday's close 100, volume 500."""

    def quote_of(self, con_id: int) -> Quote | None:
        """The one quote."""
        if con_id != 1:
            return None
        return flat_quote(Decimal(100)).traded(Decimal(110), 500)

    def cushion(self) -> Decimal:
        """Thirty per cent."""
        return Decimal(30)

    def has_traded(self, symbol: str, sec_type: str) -> bool:
        """SPY was traded."""
        return (symbol, sec_type) == ("SPY", "STK")


@pytest.mark.parametrize(
    ("kind", "fields", "met"),
    [
        (1, ("1", "110", "1", "SMART", "0"), True),
        (1, ("0", "109", "1", "SMART", "0"), False),
        (1, ("1", "1", "2", "SMART", "0"), False),
        (3, ("1", "20261123 09:59:59 US/Eastern"), True),
        (3, ("0", "20261123 09:59:59 US/Eastern"), False),
        (3, ("1", "noon"), False),
        (4, ("0", "30"), True),
        (4, ("1", "31"), False),
        (5, ("STK", "SMART", "SPY"), True),
        (5, ("OPT", "SMART", "SPY"), False),
        (6, ("1", "500", "1", "SMART"), True),
        (6, ("1", "1", "2", "SMART"), False),
        (7, ("1", "10", "1", "SMART"), True),
        (7, ("0", "9.9", "1", "SMART"), False),
        (7, ("1", "0", "2", "SMART"), False),
    ],
)
def test_each_kind(kind: int, fields: tuple[str, ...], met: bool) -> None:
    """Each kind of condition, met and not met."""
    assert hold((Condition(kind, "a", fields),), View(), _NOW) is met


def test_conditions_are_joined_from_left_to_right() -> None:
    """No condition holds; false or true holds; false and true does not."""
    yes, no = ("1", "1", "1", "", "0"), ("1", "999", "1", "", "0")
    assert hold((), View(), _NOW)
    assert hold((Condition(1, "o", no), Condition(1, "a", yes)), View(), _NOW)
    assert not hold((Condition(1, "a", no), Condition(1, "a", yes)), View(), _NOW)
