"""Ticks of market data lines as quotes, one per line and socket read."""

from __future__ import annotations

import pytest

from router.messages import Quote
from tests.router.factory import OPTION, STOCK
from workers.gateway.quotes import Lines

BID, ASK, LAST, BID_SIZE, ASK_SIZE, LAST_SIZE = 1, 2, 4, 0, 3, 5


@pytest.fixture
def lines() -> Lines:
    """Two lines: an option under request 10, a stock under 11."""
    made = Lines()
    made.open(10, OPTION, 0)
    made.open(11, STOCK, 0)
    return made


def test_one_quote_for_all_ticks_of_a_read(lines: Lines) -> None:
    """What one read brought becomes one quote; what a later one changed becomes the next, the rest is kept."""
    lines.price(10, BID, 2.48)
    lines.price(10, ASK, 2.52)
    lines.price(10, LAST, 2.5)
    lines.size(10, BID_SIZE, 10.0)
    lines.size(10, ASK_SIZE, 12.0)
    assert lines.flush(5) == [Quote(OPTION.con_id, "SPY", 2.48, 2.52, 2.5, 10.0, 12.0, 5)]
    assert lines.flush(6) == []
    lines.price(10, BID, 2.49)
    assert lines.flush(7) == [Quote(OPTION.con_id, "SPY", 2.49, 2.52, 2.5, 10.0, 12.0, 7)]


def test_delayed_ticks(lines: Lines) -> None:
    """Delayed data fills the same fields."""
    lines.price(11, 66, 99.0)
    lines.price(11, 67, 101.0)
    lines.price(11, 68, 100.0)
    lines.size(11, 69, 1.0)
    lines.size(11, 70, 2.0)
    assert lines.flush(5) == [Quote(STOCK.con_id, "AAPL", 99.0, 101.0, 100.0, 1.0, 2.0, 5)]


@pytest.mark.parametrize("price", [None, -1.0, 0.0])
def test_no_price(lines: Lines, price: float | None) -> None:
    """A price that is not positive says that there is none: the old one must not live on (contract 8.15)."""
    lines.price(10, BID, 2.48)
    lines.flush(5)
    lines.price(10, BID, price)
    assert [quote.bid for quote in lines.flush(6)] == [None]


def test_ticks_of_no_use(lines: Lines) -> None:
    """Other tick types and lines nobody opened change nothing."""
    lines.price(10, 9, 2.0)
    lines.size(10, LAST_SIZE, 5.0)
    lines.price(99, BID, 2.0)
    lines.size(99, BID_SIZE, 2.0)
    assert lines.flush(5) == []


def test_quotes_are_not_shared(lines: Lines) -> None:
    """Each contract has its own quote, whatever its symbol (contract 8)."""
    lines.price(11, BID, 100.0)
    lines.price(10, BID, 2.5)
    assert [(quote.con_id, quote.bid) for quote in lines.flush(5)] == [
        (OPTION.con_id, 2.5),
        (STOCK.con_id, 100.0),
    ]


def test_which_request_streams_a_contract(lines: Lines) -> None:
    """One line per contract is enough: asked before another is opened."""
    assert lines.request_of(OPTION.con_id) == 10
    assert lines.request_of(4711) is None
    assert lines.contracts() == (OPTION, STOCK)


def test_silence(lines: Lines) -> None:
    """Counted from the last tick that was handed on, or from the start; a line that is not there is not silent."""
    assert lines.silence_ns(OPTION.con_id, 30) == 30
    lines.price(10, BID, 2.48)
    lines.flush(25)
    assert (lines.silence_ns(OPTION.con_id, 30), lines.silence_ns(STOCK.con_id, 30)) == (5, 30)
    lines.close(10)
    assert lines.silence_ns(OPTION.con_id, 30) == 0


def test_close_all(lines: Lines) -> None:
    """With the connection the lines are gone, their ticks and what was not handed on yet."""
    lines.price(10, BID, 2.48)
    lines.close_all()
    assert lines.flush(5) == []
    assert lines.contracts() == ()
    assert lines.request_of(OPTION.con_id) is None
    lines.price(10, BID, 2.48)
    assert lines.flush(6) == []
