"""Past prices on the wire, field by field."""

from datetime import date

from paper import history_out as out
from paper.bar_answer import DatedBar
from paper.bars import Bar
from paper.history import What
from tests.paper.raw import encode

_BAR = Bar(1764000000, 60, 10.5, 11.0, 10.0, 10.75, 1200, 7, 10.66666)
_TIME = "20251124 11:00:00 US/Eastern"


def test_bars_with_the_span_they_were_asked_for() -> None:
    """historicalData: times in New York or seconds, days as dates; volume, average and count of trades only."""
    span = _BAR.start, _BAR.start + 60
    head = [17, 5, _TIME, "20251124 11:01:00 US/Eastern"]
    prices = [10.5, "11", "10", 10.75]
    traded = out.historical_data(5, span, [DatedBar(_BAR)], What.TRADES, epoch=False)
    assert traded == encode(*head, 1, _TIME, *prices, 1200, 10.667, 7)
    middle = out.historical_data(5, span, [DatedBar(_BAR)], What.MIDPOINT, epoch=True)
    assert middle == encode(*head, 1, 1764000000, *prices, -1, -1, -1)
    day = out.historical_data(5, span, [DatedBar(_BAR, date(2025, 11, 24))], What.BID, epoch=True)
    assert day == encode(*head, 1, "20251124", *prices, -1, -1, -1)


def test_bar_that_is_going_on() -> None:
    """historicalDataUpdate: count and date first, close before high and low."""
    frame = out.historical_update(5, DatedBar(_BAR), What.TRADES, epoch=False)
    assert frame == encode(90, 5, 7, _TIME, 10.5, 10.75, "11", "10", 10.667, 1200)


def test_bar_of_five_seconds() -> None:
    """realtimeBar: seconds since 1970, count last."""
    assert out.real_time_bar(5, _BAR, What.TRADES) == encode(
        50, 3, 5, 1764000000, 10.5, "11", "10", 10.75, 1200, 10.667, 7
    )


def test_sessions() -> None:
    """historicalSchedule: first begin, last end, zone, then begin, end and day of each; empty without any."""
    rows = [(date(2025, 11, 24), 1763994600, 1764018000), (date(2025, 11, 25), 1764081000, 1764104400)]
    first, second = ("20251124-09:30:00", "20251124-16:00:00"), ("20251125-09:30:00", "20251125-16:00:00")
    assert out.historical_schedule(5, rows) == encode(
        106, 5, first[0], second[1], "US/Eastern", 2, *first, "20251124", *second, "20251125"
    )
    assert out.historical_schedule(5, []) == encode(106, 5, "", "", "US/Eastern", 0)


def test_first_moment() -> None:
    """headTimestamp: UTC with a dash, or seconds."""
    assert out.head_time_stamp(5, 1764000000, epoch=False) == encode(88, 5, "20251124-16:00:00")
    assert out.head_time_stamp(5, 1764000000, epoch=True) == encode(88, 5, 1764000000)


def test_ticks_of_the_past() -> None:
    """historicalTicksLast, historicalTicksBidAsk and historicalTicks, all of them at once."""
    ticks = {what: out.historical_ticks(5, what, [_BAR], "NASDAQ", 300) for what in What}
    assert ticks[What.TRADES] == encode(98, 5, 1, 1764000000, 0, 10.75, 1200, "NASDAQ", "", 1)
    assert ticks[What.BID_ASK] == encode(97, 5, 1, 1764000000, 0, 10.5, 10.75, 300, 300, 1)
    assert ticks[What.MIDPOINT] == encode(96, 5, 1, 1764000000, 0, 10.75, 0, 1)
