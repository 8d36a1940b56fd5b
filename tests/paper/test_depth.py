"""The order book as market depth."""

from decimal import Decimal

from paper.contracts import Catalog, ContractQuery
from paper.depth import DepthRow, depth_frames, depth_of
from paper.quotes import Quote
from tests.paper.desk import MONDAY
from tests.paper.raw import encode

(_AAPL,) = Catalog().find(ContractQuery(symbol="AAPL", sec_type="STK"), MONDAY.date())
_P = Decimal
_QUOTE = Quote(_P("2.01"), _P("2.03"), _P("2.02"), 300, 500, 100, 100, _P(2), _P(2), _P(2), _P(2))


def test_levels_are_a_tick_apart() -> None:
    """Asks go up, bids down, each with the size of the quote; no more than asked for and five at most."""
    rows = depth_of(_AAPL, _QUOTE, 2)
    assert rows == (
        DepthRow(0, 0, _P("2.03"), 500),
        DepthRow(1, 0, _P("2.01"), 300),
        DepthRow(0, 1, _P("2.04"), 500),
        DepthRow(1, 1, _P("2.00"), 300),
    )
    assert len(depth_of(_AAPL, _QUOTE, 20)) == 10
    assert depth_of(_AAPL, _QUOTE, -1) == ()


def test_there_is_no_bid_of_nothing() -> None:
    """A book does not go below the smallest price."""
    cheap = Quote(_P("0.0002"), _P("0.0003"), _P("0.0002"), 1, 1, 1, 1, _P(1), _P(1), _P(1), _P(1))
    assert [row.price for row in depth_of(_AAPL, cheap, 5) if row.side == 1] == [_P("0.0002"), _P("0.0001")]


def test_only_what_changed_is_sent() -> None:
    """Levels are put in at first and replaced later; smart depth names the exchange."""
    rows = depth_of(_AAPL, _QUOTE, 1)
    first = list(depth_frames(7, (), rows, "NASDAQ", smart=True))
    assert first == [
        encode(13, 1, 7, 0, "NASDAQ", 0, 0, "2.03", 500, 1),
        encode(13, 1, 7, 0, "NASDAQ", 0, 1, "2.01", 300, 1),
    ]
    changed = (rows[0], DepthRow(1, 0, _P("2.00"), 300))
    assert list(depth_frames(7, rows, changed, "NASDAQ", smart=False)) == [
        encode(12, 1, 7, 0, 1, 1, "2", 300)
    ]
    assert list(depth_frames(7, changed, changed, "NASDAQ", smart=False)) == []
