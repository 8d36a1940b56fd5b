"""What may be asked of the past, and TWS's words for what may not."""

from datetime import UTC, datetime

import pytest

from paper.bar_query import (
    BAR_SIZES,
    BarSize,
    Refused,
    Unit,
    no_data,
    read_duration,
    read_moment,
    read_query,
    read_what,
)
from paper.history import What


def refusal(**changed: object) -> tuple[int, str]:
    """The refusal of a request that is right but for what is changed."""
    asked = {
        "end": "",
        "duration": "1 D",
        "size": "1 hour",
        "what": "TRADES",
        "format_date": 1,
        "live": False,
    }
    with pytest.raises(Refused) as caught:
        read_query(**{**asked, **changed})  # type: ignore[arg-type]
    return caught.value.refusal


def test_a_query_is_read() -> None:
    """End, duration, bar size, kind of price and form of dates, in the spellings that clients use."""
    query = read_query("20261120 15:00:00 UTC", "2 w", "30 mins", "midpoint", 2, live=False)
    assert query.end == datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert (query.duration, query.size) == ((2, Unit.WEEK), BarSize(Unit.SECOND, 1800))
    assert (query.what, query.epoch) == (What.MIDPOINT, True)
    assert read_query("", "3600", "1 day", "ADJUSTED_LAST", 1, live=False).what is What.TRADES
    assert read_query("", "1 M", "1 day", "SCHEDULE", 1, live=False).what is None


def test_every_legal_bar_size_has_its_length() -> None:
    """The intraday ones in seconds; a week and a month in both spellings."""
    intraday = [size.seconds for size in BAR_SIZES.values() if size.seconds]
    assert intraday == [
        1,
        5,
        10,
        15,
        30,
        60,
        120,
        180,
        300,
        600,
        900,
        1200,
        1800,
        3600,
        7200,
        10800,
        14400,
        28800,
    ]
    assert BAR_SIZES["1 week"] is BAR_SIZES["1w"]
    assert BAR_SIZES["1 month"].unit is Unit.MONTH


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"duration": ""}, "Historical data request duration not specified."),
        ({"duration": "1 day"}, "When specifying a unit, historical data request duration format is"),
        ({"duration": "29 S"}, "Historical data requested duration is invalid."),
        ({"duration": "0 D"}, "Historical data requested duration is invalid."),
        ({"duration": "86401 S"}, "Historical data request for greater than 86400 seconds rejected."),
        (
            {"duration": "366 D"},
            "Historical data requests for durations longer than 365 days must be made in years.",
        ),
        (
            {"duration": "53 W"},
            "Historical data request for durations longer than 52 weeks must be made in years.",
        ),
        (
            {"duration": "13 M"},
            "Historical data request for durations longer than 12 months must be made in years.",
        ),
        ({"size": "1 sec"}, "Historical data bar size setting is invalid. Legal ones are: 1 secs, 5 secs"),
        ({"what": "ADJUSTED_LAST", "end": "20261120 15:00:00"}, "End date not supported with adjusted last"),
        ({"what": "ADJUSTED_LAST", "size": "1W"}, "Multi day bar size not supported with adjusted last"),
        ({"what": "RUMOURS"}, "What to show value of RUMOURS rejected."),
        ({"format_date": 0}, "Date formatting selection of 0 rejected."),
        ({"live": True, "end": "20261120 15:00:00"}, "End date not supported with live updates"),
        ({"live": True, "what": "BID_ASK"}, "Source price not supported with live updates"),
        ({"what": "SCHEDULE"}, "Only daily resolution supported for Schedule requests"),
    ],
)
def test_what_cannot_be_is_refused_with_321(changed: dict[str, object], cause: str) -> None:
    """TWS's code and cause, each for its mistake."""
    code, text = refusal(**changed)
    assert code == 321
    assert text.startswith(f"Error validating request.-'bM' : cause - {cause}")


def test_a_date_that_is_none_is_refused_with_10314() -> None:
    """A date without a time, or words, in the end of a query."""
    for end in ("20261120", "yesterday", "20261320 10:00:00"):
        code, text = refusal(end=end)
        assert code == 10314
        assert text.startswith("End Date/Time: The date, time, or time-zone entered is invalid.")
    assert read_moment("End Date/Time", "  ") is None


def test_bars_too_fine_for_their_time_are_an_invalid_step() -> None:
    """Seconds of a day, and more bars than anybody can want."""
    assert refusal(size="1 secs") == (162, "Historical Market Data Service error message:invalid step: 1")
    assert refusal(size="5 secs", duration="2 W")[1].endswith("invalid step: 5")
    assert refusal(size="1 min", duration="1 Y")[1].endswith("invalid step: 60")
    assert read_query("", "60 D", "1 min", "TRADES", 1, live=False).size.seconds == 60
    assert read_query("", "1 D", "5 secs", "TRADES", 1, live=False).size.seconds == 5


def test_data_that_is_not_made_up_is_not_there() -> None:
    """What IB has besides is answered like a query without data, in its words for the kind."""
    with pytest.raises(Refused, match="HMDS query returned no data"):
        read_what("OPTION_IMPLIED_VOLATILITY")
    assert no_data("AAPL", "SMART", What.TRADES)[1].endswith("returned no data: AAPL@SMART Trades")
    assert read_duration("1800 S") == (1800, Unit.SECOND)
