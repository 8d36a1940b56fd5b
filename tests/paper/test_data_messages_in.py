"""Requests for data off the wire."""

from decimal import Decimal

import pytest

from paper import data_requests as dr
from paper.data_messages_in import DATA_READERS, WITHOUT_VERSION
from paper.messages_in import read_request
from paper.wire import FieldError
from tests.paper.raw import AAPL, encode


def read(*fields: object) -> object:
    """A message at the newest version."""
    return read_request(encode(*fields)[4:], 176)


def test_bars_are_read_past_the_legs_of_a_combination() -> None:
    """Two legs of four fields stand between the form of dates and the wish for updates."""
    bag = ("0", "SPY", "BAG", *AAPL[3:])
    legs = [2, *(1, 1, "BUY", "SMART"), *(2, 1, "SELL", "SMART")]
    asked = read(20, 5, *bag, 0, "", "1 hour", "2 D", 1, "TRADES", 2, *legs, 1, "")
    assert isinstance(asked, dr.HistoricalData)
    assert (asked.duration, asked.size, asked.what) == ("2 D", "1 hour", "TRADES")
    assert (asked.regular, asked.format_date, asked.live) == (True, 2, True)


def test_fields_are_where_clients_put_them() -> None:
    """Real-time bars, the first moment, ticks, histogram, depth and scan."""
    real = read(50, 3, 5, *AAPL, 5, "MIDPOINT", 1, "")
    assert isinstance(real, dr.RealTimeBars)
    assert (real.req_id, real.contract.con_id, real.what, real.regular) == (5, 265598, "MIDPOINT", True)
    head = read(87, 5, *AAPL, 0, 1, "BID", 2)
    assert isinstance(head, dr.HeadTimeStamp)
    assert (head.what, head.regular, head.format_date) == ("BID", True, 2)
    ticks = read(96, 5, *AAPL, 0, "a", "b", 7, "BID_ASK", 1, 0, "")
    assert isinstance(ticks, dr.HistoricalTicks)
    assert (ticks.start, ticks.end, ticks.count, ticks.what, ticks.regular) == ("a", "b", 7, "BID_ASK", True)
    histogram = read(88, 5, *AAPL, 0, 1, "3 days")
    assert isinstance(histogram, dr.Histogram)
    assert (histogram.regular, histogram.period) == (True, "3 days")
    depth = read(10, 5, 6, *AAPL, 3, 1, "")
    assert isinstance(depth, dr.MarketDepth)
    assert (depth.req_id, depth.rows, depth.smart) == (6, 3, True)
    filters = "changePercAbove=20;priceBelow=50;"
    scan = read(22, 5, 10, "STK", "STK.US", "MOST_ACTIVE", 5, "", 1000, *[""] * 14, filters, "")
    assert isinstance(scan, dr.Scanner)
    assert (scan.rows, scan.code) == (10, "MOST_ACTIVE")
    assert scan.filters == {"priceAbove": 5, "volumeAbove": 1000, "changePercAbove": 20, "priceBelow": 50}


def test_option_value_needs_numbers_above_nothing() -> None:
    """Neither an unset price nor one below zero is calculated with."""
    asked = read(54, 3, 5, *AAPL, 12.5, 260, 0, "")
    assert asked == dr.OptionValue(5, asked.contract, Decimal("12.5"), Decimal(260), implied=True)  # type: ignore[attr-defined]
    for given in ("", "-1", "0"):
        with pytest.raises(FieldError, match="not above 0"):
            read(55, 3, 5, *AAPL, given, 260, 0, "")


def test_messages_without_a_version_are_readable() -> None:
    """The table of those names only messages that are read."""
    assert set(DATA_READERS) > WITHOUT_VERSION
