"""The past follows from the seed and ends at the present."""

import itertools
from datetime import date, datetime

import pytest

from paper.bars import merge
from paper.hours import NEW_YORK, Hours
from paper.past import YEARS, Past, stretches, stretches_of

_NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=NEW_YORK)
_MONDAY, _FRIDAY, _THANKSGIVING = date(2026, 11, 23), date(2026, 11, 20), date(2026, 11, 26)


def past(seed: str = "1", start: datetime = _NOON, hours: Hours = Hours.NYSE) -> Past:
    """A stock at 200 USD."""
    return Past(seed, 200.0, 0.3, hours, start)


def at(seconds: int) -> str:
    """The time of day in New York."""
    return f"{datetime.fromtimestamp(seconds, NEW_YORK):%H:%M}"


def test_a_session_has_three_stretches() -> None:
    """Before the open, regular hours, after the close; a half day ends early, a holiday and a Sunday have none."""
    times = [(at(one.begin), at(one.end), one.regular) for one in stretches_of(Hours.NYSE, _MONDAY)]
    assert times == [("04:00", "09:30", False), ("09:30", "16:00", True), ("16:00", "20:00", False)]
    (_, half, _) = stretches_of(Hours.NYSE, date(2026, 11, 27))
    assert at(half.end) == "13:00"
    assert stretches_of(Hours.NYSE, _THANKSGIVING) == stretches_of(Hours.NYSE, date(2026, 11, 22)) == ()


def test_an_exchange_that_never_closes_has_one_stretch_a_day() -> None:
    """From midnight to midnight, 25 hours when the clocks are put back."""
    (short,) = stretches_of(Hours.ALWAYS, _MONDAY)
    (long,) = stretches_of(Hours.ALWAYS, date(2026, 11, 1))
    assert (short.end - short.begin, long.end - long.begin, short.regular) == (86_400, 90_000, True)
    assert len(list(stretches(Hours.ALWAYS, _FRIDAY, _MONDAY))) == 4


def test_the_past_ends_at_the_starting_price() -> None:
    """The stretch that is going on ends with the last full minute at the spot price; later ones are not there yet."""
    before, regular, after = stretches_of(Hours.NYSE, _MONDAY)
    one = past()
    going_on = one.bar(regular)
    assert going_on is not None
    assert (going_on.close, at(going_on.end)) == (200.0, "12:00")
    assert one.bar(after) is None
    earlier = one.bar(before)
    assert earlier is not None
    assert earlier.close == going_on.open


def test_the_past_follows_from_the_seed() -> None:
    """The same seed gives the same days whatever was asked first; another seed gives others."""
    friday = stretches_of(Hours.NYSE, _FRIDAY)[1]
    long_ago = stretches_of(Hours.NYSE, date(2025, 3, 3))[1]
    first, second = past(), past()
    assert (first.bar(friday), first.bar(long_ago)) == tuple(
        reversed([second.bar(long_ago), second.bar(friday)])
    )
    assert past("2").bar(friday) != first.bar(friday)


def test_nothing_is_known_of_what_was_too_long_ago() -> None:
    """The first day is years back; before it there is nothing."""
    one = past()
    assert one.first_day == date(2026 - YEARS, 1, 1)
    assert one.bar(stretches_of(Hours.NYSE, date(2016, 1, 4))[1]) is not None
    assert one.bar(stretches_of(Hours.NYSE, date(2015, 12, 31))[1]) is None


def test_minutes_and_seconds_add_up_to_the_stretch() -> None:
    """The 390 minutes of a session are its bar, each minute is its twelve fives and its sixty seconds."""
    friday = stretches_of(Hours.NYSE, _FRIDAY)[1]
    one = past()
    bar, minutes = one.bar(friday), one.minutes(friday)
    assert bar is not None
    whole = merge(minutes)
    assert len(minutes) == 390
    assert (whole.open, whole.high, whole.low, whole.close) == (bar.open, bar.high, bar.low, bar.close)
    assert (whole.volume, whole.count) == (bar.volume, bar.count)
    for seconds in (5, 1):
        parts = one.parts(minutes[7], seconds)
        together = merge(parts)
        assert len(parts) == 60 // seconds
        assert (together.high, together.low, together.volume) == (
            minutes[7].high,
            minutes[7].low,
            minutes[7].volume,
        )
    assert merge(one.parts(minutes[7], 1)[:5]).high == one.parts(minutes[7], 5)[0].high


def test_what_is_not_traded_has_no_volume() -> None:
    """An index and a currency have prices only."""
    index = Past("1", 6700.0, 0.15, Hours.NYSE, _NOON, traded=False)
    bar = index.bar(stretches_of(Hours.NYSE, _FRIDAY)[1])
    assert bar is not None
    assert (bar.volume, bar.count) == (0, 0)


def test_a_year_is_as_volatile_as_it_should_be() -> None:
    """The close-to-close volatility of ten years is near the one that was asked for."""
    one = past()
    closes = [
        bar.close
        for day in stretches(Hours.NYSE, one.first_day, _FRIDAY)
        if day.regular and (bar := one.bar(day))
    ]
    returns = [later / sooner - 1 for sooner, later in itertools.pairwise(closes)]
    year = (sum(change * change for change in returns) / len(returns) * 252) ** 0.5
    assert year == pytest.approx(0.3, rel=0.1)
