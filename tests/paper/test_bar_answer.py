"""Which bars answer a query."""

from datetime import date, datetime

import pytest

from paper.bar_answer import Asked, bars_of, latest, sessions_of, span_of
from paper.bar_query import BAR_SIZES, BarQuery, Unit, read_query
from paper.contracts import Catalog, ContractQuery, Instrument
from paper.history import History, What
from paper.hours import NEW_YORK, Hours
from paper.market import Market, Mood

_NOW = datetime(2026, 11, 23, 11, 17, tzinfo=NEW_YORK)  # a Monday
_CATALOG = Catalog()
(_AAPL,) = _CATALOG.find(ContractQuery(symbol="AAPL", sec_type="STK"), _NOW.date())
_HISTORY = History(_CATALOG, Market(_CATALOG, 1, Mood.STILL, _NOW), 1, Hours.NYSE, _NOW)


def query(duration: str, size: str = "1 hour", end: str = "") -> BarQuery:
    """A query for trades."""
    return read_query(end, duration, size, "TRADES", 1, live=False)


def asked(*, regular: bool = True, one: Instrument = _AAPL) -> Asked:
    """Trades of a stock."""
    return Asked(one, What.TRADES, regular)


def told(duration: str, size: str, *, regular: bool = True, end: str = "") -> list[str]:
    """When the bars of an answer begin, or their days."""
    wanted = query(duration, size, end)
    span = span_of(_HISTORY, asked(regular=regular), wanted, _NOW)
    bars = bars_of(_HISTORY, asked(regular=regular), wanted.size, span)
    return [f"{one.day:%m-%d}" if one.day else when(one.bar.start) for one in bars]


def when(seconds: int) -> str:
    """Day and time in New York."""
    return f"{datetime.fromtimestamp(seconds, NEW_YORK):%m-%d %H:%M:%S}"


def test_hours_are_on_the_clock() -> None:
    """As recorded: the first bar begins with the session, the others at full hours; the last one is going on."""
    assert told("1 D", "1 hour") == ["11-23 09:30:00", "11-23 10:00:00", "11-23 11:00:00"]
    assert told("1 D", "1 hour", regular=False)[:2] == ["11-23 04:00:00", "11-23 05:00:00"]
    assert told("2 D", "4 hours") == ["11-20 09:30:00", "11-20 12:00:00", "11-23 09:30:00"]


def test_days_are_counted_in_sessions() -> None:
    """Two days on a Monday reach back to Friday; on a Sunday one day is Friday."""
    assert told("2 D", "1 day") == ["11-20", "11-23"]
    sunday = told("1 D", "1 hour", end="20261122 12:00:00 US/Eastern")
    assert (sunday[0], len(sunday)) == ("11-20 09:30:00", 7)


def test_weeks_and_months_are_counted_on_the_calendar() -> None:
    """As recorded: a session that had begun when the span begins is not in it."""
    assert told("1 W", "1 day") == ["11-17", "11-18", "11-19", "11-20", "11-23"]
    month = told("1 M", "1 day")
    assert (month[0], len(month)) == ("10-26", 21)
    year = told("1 Y", "1 month")
    assert (year[0], year[-1], len(year)) == ("11-28", "11-23", 13)
    assert told("3 W", "1W") == ["11-06", "11-13", "11-20", "11-23"]


def test_seconds_are_counted_back_from_the_last_trade() -> None:
    """On a Sunday the last ten minutes are Friday's."""
    assert told("600 S", "5 mins") == ["11-23 11:05:00", "11-23 11:10:00", "11-23 11:15:00"]
    assert told("600 S", "5 mins", end="20261122 12:00:00 US/Eastern")[-1] == "11-20 15:55:00"
    assert told("60 S", "10 secs")[0] == "11-23 11:16:00"
    assert len(told("60 S", "1 secs")) == 60


def test_bars_of_every_size_agree() -> None:
    """High, low and volume of a day are those of its hours, minutes and fives."""
    end = "20261120 16:00:00 US/Eastern"

    def whole(duration: str, size: str) -> tuple[float, float, int]:
        wanted = query(duration, size, end)
        bars = bars_of(_HISTORY, asked(), wanted.size, span_of(_HISTORY, asked(), wanted, _NOW))
        return (
            max(one.bar.high for one in bars),
            min(one.bar.low for one in bars),
            sum(one.bar.volume for one in bars),
        )

    sizes = ("1 hour", "15 mins", "1 min", "10 secs")
    assert {whole("1 D", size) for size in sizes} == {whole("1 D", "1 day")}


def test_an_end_that_is_still_to_come_is_now() -> None:
    """Nobody knows the future."""
    assert told("1 D", "1 hour", end="20300101 00:00:00 UTC") == told("1 D", "1 hour")


def test_before_everything_there_is_nothing() -> None:
    """A span before the first day that is known."""
    assert told("1 W", "1 day", end="20000103 12:00:00 UTC") == []


def test_sessions_of_a_span() -> None:
    """Day, begin and end; extended hours when they are asked for; a holiday is none."""
    span = span_of(_HISTORY, asked(), query("1 W", end="20260710 20:00:00 US/Eastern"), _NOW)
    found = sessions_of(_HISTORY, asked(), span)
    assert [day for day, _, _ in found] == [date(2026, 7, number) for number in (6, 7, 8, 9, 10)]
    assert (when(found[0][1]), when(found[0][2])) == ("07-06 09:30:00", "07-06 16:00:00")
    (_, begin, end) = sessions_of(_HISTORY, asked(regular=False), span)[0]
    assert (when(begin), when(end)) == ("07-06 04:00:00", "07-06 20:00:00")


@pytest.mark.parametrize(
    ("size", "expected"),
    [("1 hour", "11-23 11:00:00"), ("1 day", "11-23"), ("1 week", "11-23"), ("1 month", "11-23")],
)
def test_the_bar_that_is_going_on(size: str, expected: str) -> None:
    """The last one of its size."""
    dated = latest(_HISTORY, asked(), BAR_SIZES[size], _NOW)
    assert dated is not None
    assert expected == (f"{dated.day:%m-%d}" if dated.day else when(dated.bar.start))


def test_a_month_back_from_a_day_that_the_other_month_lacks() -> None:
    """The last of February, also in a leap year."""
    for end, expected in (("20250331", "02-28"), ("20240331", "02-29"), ("20260115", "12-15")):
        wanted = BarQuery(
            datetime.strptime(end, "%Y%m%d").replace(hour=12, tzinfo=NEW_YORK),
            (1, Unit.MONTH),
            BAR_SIZES["1 day"],
            What.TRADES,
            epoch=False,
        )
        since, _ = span_of(_HISTORY, asked(), wanted, _NOW)
        assert when(since) == f"{expected} 12:00:00"
