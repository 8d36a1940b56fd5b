"""What an order trades against a quote."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from paper.matching import fills
from paper.orders import Order
from paper.quotes import Quote
from tests.paper.desk import Desk, terms

_ONE = Desk().instrument()
_PRICE = Decimal("10.00")


def quote(size: int, bid: str = "9.99", ask: str = "10.01") -> Quote:
    """A quote with the same size on both sides."""
    return Quote(Decimal(bid), Decimal(ask), _PRICE, size, size, 1, 1, _PRICE, _PRICE, _PRICE, _PRICE)


def order(action: str, quantity: int, limit: str | None = None, **more: str) -> Order:
    """A limit or market order for a stock."""
    kind = more.get("kind", "MKT" if limit is None else "LMT")
    asked = terms(kind, action, quantity, tif=more.get("tif", "DAY"))
    price = None if limit is None else Decimal(limit)
    return Order(1, 1, 1, _ONE, asked, Decimal(quantity), limit=price)


@given(
    st.sampled_from(["BUY", "SELL"]),
    st.integers(1, 500),
    st.one_of(st.none(), st.integers(990, 1010)),
    st.integers(0, 100),
    st.integers(0, 300),
    st.booleans(),
)
def test_fills_keep_to_quantity_and_limit(
    action: str, quantity: int, cents: int | None, size: int, taken: int, limited: bool
) -> None:
    """Law: no fill is empty, none is beyond the limit, together they are never more than what remains."""
    limit = None if cents is None else f"{cents / 100:.2f}"
    asked = order(action, quantity, limit)
    found = fills(asked, quote(size), Decimal(taken), limited=limited)
    assert all(shares > 0 for shares, _ in found)
    assert sum(shares for shares, _ in found) <= quantity
    for _, price in found:
        assert asked.limit is None or (price <= asked.limit if action == "BUY" else price >= asked.limit)


def test_sweeps_five_levels_and_no_more() -> None:
    """Each level has the quoted size; what was taken before comes off the first ones."""
    found = fills(order("SELL", 100), quote(10), Decimal(15), limited=True)
    expected = [("9.98", 5), ("9.97", 10), ("9.96", 10), ("9.95", 10)]
    assert found == [(Decimal(shares), Decimal(price)) for price, shares in expected]


def test_fill_or_kill_takes_all_or_nothing() -> None:
    """A FOK that the book cannot fill gets nothing."""
    assert fills(order("BUY", 100, tif="FOK"), quote(10), Decimal(0), limited=True) == []
    assert len(fills(order("BUY", 50, tif="FOK"), quote(10), Decimal(0), limited=True)) == 5


def test_midprice_rounds_to_its_own_advantage() -> None:
    """Between 9.99 and 10.02 a buy trades at 10.00, a sell at 10.01; on the grid both trade in the middle."""
    odd, even = quote(10, "9.99", "10.02"), quote(10)
    for action, price in (("BUY", "10.00"), ("SELL", "10.01")):
        asked = order(action, 1, kind="MIDPRICE")
        assert fills(asked, odd, Decimal(0), limited=False) == [(Decimal(1), Decimal(price))]
        assert fills(asked, even, Decimal(0), limited=False) == [(Decimal(1), _PRICE)]
