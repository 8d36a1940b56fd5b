"""What a client asks of the past: durations, bar sizes, dates, and TWS's refusals of them. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from paper.history import What
from paper.moments import parse_moment
from paper.validation import Refusal

_VALIDATING = "Error validating request.-'bM' : cause - "
_ANSWERED = "Historical Market Data Service error message:"
_FINEST_SPAN = 2000  # seconds that bars of one second may cover
_MOST_BARS = 100_000  # in an answer, counted day and night: a gateway does nothing else while it makes them
_DAY = 86_400


class Unit(StrEnum):
    """What a duration or a bar is counted in."""

    SECOND = "S"
    DAY = "D"
    WEEK = "W"
    MONTH = "M"
    YEAR = "Y"


@dataclass(frozen=True, slots=True)
class BarSize:
    """A bar of so many seconds, days, weeks or months."""

    unit: Unit
    count: int

    @property
    def seconds(self) -> int:
        """Its length if that is less than a day, else 0."""
        return self.count if self.unit is Unit.SECOND else 0


_NAMES = (
    "1 secs, 5 secs, 10 secs, 15 secs, 30 secs, 1 min, 2 mins, 3 mins, 5 mins, 10 mins, 15 mins, 20 mins, 30 mins, "
    "1 hour, 2 hours, 3 hours, 4 hours, 8 hours, 1 day, 1W, 1M"
)
_LENGTHS = {"sec": 1, "min": 60, "hou": 3600}
BAR_SIZES = {
    name: BarSize(Unit.SECOND, int(name.split()[0]) * _LENGTHS[name.split()[1][:3]])
    for name in _NAMES.split(", ")[:-3]
} | {"1 day": BarSize(Unit.DAY, 1), "1w": BarSize(Unit.WEEK, 1), "1m": BarSize(Unit.MONTH, 1)}
BAR_SIZES |= {
    "1 week": BAR_SIZES["1w"],
    "1 w": BAR_SIZES["1w"],
    "1 month": BAR_SIZES["1m"],
    "1 m": BAR_SIZES["1m"],
}

# kinds of data that IB has besides and this gateway does not make up
_NOT_MADE_UP = frozenset(
    [
        "HISTORICAL_VOLATILITY",
        "OPTION_IMPLIED_VOLATILITY",
        "FEE_RATE",
        "REBATE_RATE",
        "YIELD_BID",
        "YIELD_ASK",
        "YIELD_BID_ASK",
        "YIELD_LAST",
        "AGGTRADES",
    ]
)
_SCHEDULE, _ADJUSTED = "SCHEDULE", "ADJUSTED_LAST"
_LIVE = frozenset({What.TRADES, What.MIDPOINT, What.BID, What.ASK})
_LIMITS = {
    Unit.SECOND: (86_400, "Historical data request for greater than 86400 seconds rejected."),
    Unit.DAY: (
        365,
        "Historical data requests for durations longer than 365 days must be made in years.",
    ),
    Unit.WEEK: (52, "Historical data request for durations longer than 52 weeks must be made in years."),
    Unit.MONTH: (12, "Historical data request for durations longer than 12 months must be made in years."),
    Unit.YEAR: (200, "Historical data requested duration is invalid."),
}
_CALENDAR_DAYS = {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 31, Unit.YEAR: 366}
_FORMAT = "When specifying a unit, historical data request duration format is integer{SPACE}unit (S|D|W|M|Y)."
_BAD_MOMENT = (
    "The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xx/xxxx where yyyymmdd "
    "and xx/xxxx are optional. E.g.: 20031126 15:59:00 US/Eastern  Note that there is a space between the date and "
    "time, and between the time and time-zone.  If no date is specified, current date is assumed. If no time-zone is "
    "specified, local time-zone is assumed(deprecated).  You can also provide yyyymmddd-hh:mm:ss time is in UTC. Note "
    "that there is a dash between the date and time in UTC notation."
)


class Refused(ValueError):
    """A request TWS would not answer; `refusal` is its code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.refusal: Refusal = (code, text)


@dataclass(frozen=True, slots=True)
class BarQuery:
    """Bars asked for. `end` None is now; `what` None a schedule of sessions; `epoch` dates in seconds since 1970."""

    end: datetime | None
    duration: tuple[int, Unit]
    size: BarSize
    what: What | None
    epoch: bool


def read_query(end: str, duration: str, size: str, what: str, format_date: int, *, live: bool) -> BarQuery:
    """Check what reqHistoricalData asks for, in the order TWS does. Raises Refused."""
    moment = read_moment("End Date/Time", end)
    span = read_duration(duration)
    adjusted, schedule = what.upper() == _ADJUSTED, what.upper() == _SCHEDULE
    if adjusted and moment:
        raise _invalid("End date not supported with adjusted last")
    bar = BAR_SIZES.get(size.lower())
    if bar is None:
        raise _invalid(f"Historical data bar size setting is invalid. Legal ones are: {_NAMES}")
    if adjusted and bar.unit in (Unit.WEEK, Unit.MONTH):
        raise _invalid("Multi day bar size not supported with adjusted last")
    shown = What.TRADES if adjusted or schedule else read_what(what)
    if format_date not in (1, 2, 3):
        raise _invalid(f"Date formatting selection of {format_date} rejected.")
    if live and moment:
        raise _invalid("End date not supported with live updates")
    if live and (adjusted or shown not in _LIVE):
        raise _invalid("Source price not supported with live updates")
    if schedule and bar.unit is not Unit.DAY:
        raise _invalid("Only daily resolution supported for Schedule requests")
    _check_step(span, bar)
    return BarQuery(moment, span, bar, None if schedule else shown, format_date == 2)


def read_moment(name: str, text: str) -> datetime | None:
    """A date and time of a request, None when it is empty. Raises Refused."""
    if not text.strip():
        return None
    moment = parse_moment(text.strip()) if ":" in text else None
    if moment is None:
        raise Refused(10314, f"{name}: {_BAD_MOMENT}")
    return moment


def read_duration(text: str) -> tuple[int, Unit]:
    """A duration as number and unit; a number alone is seconds. Raises Refused."""
    if not text:
        raise _invalid("Historical data request duration not specified.")
    found = re.fullmatch(r"(\d{1,9})(?: ([SDWMY]))?", text, re.ASCII | re.IGNORECASE)
    if found is None:
        raise _invalid(_FORMAT)
    count, unit = int(found[1]), Unit((found[2] or "S").upper())
    most, text = _LIMITS[unit]
    if count < (30 if unit is Unit.SECOND else 1):
        raise _invalid("Historical data requested duration is invalid.")
    if count > most:
        raise _invalid(text)
    return count, unit


def read_what(text: str) -> What:
    """Whose prices are asked for. Raises Refused, also for what this gateway has no data of."""
    name = text.upper()
    if name in _NOT_MADE_UP:
        raise Refused(162, f"{_ANSWERED}HMDS query returned no data: {name}")
    if name not in list(What):
        raise _invalid(f"What to show value of {text} rejected.")
    return What(name)


def no_data(symbol: str, exchange: str, what: What) -> Refusal:
    """There is nothing in the time that was asked for."""
    name = what.title().replace("_", "")
    return 162, f"{_ANSWERED}HMDS query returned no data: {symbol}@{exchange} {name}"


def no_head() -> Refusal:
    """Nobody knows when the data begins."""
    return 162, f"{_ANSWERED}No head time stamp"


def cancelled(req_id: int) -> Refusal:
    """A query that was kept up to date is over."""
    return 162, f"{_ANSWERED}API historical data query cancelled: {req_id}"


def unknown_query(req_id: int) -> Refusal:
    """A query to cancel that is not there."""
    return 366, f"No historical data query found for ticker id:{req_id}"


def _invalid(cause: str) -> Refused:
    return Refused(321, _VALIDATING + cause)


def _check_step(span: tuple[int, Unit], bar: BarSize) -> None:
    """Bars that are too small for the time they would cover."""
    count, unit = span
    seconds = count if unit is Unit.SECOND else count * _CALENDAR_DAYS[unit] * _DAY
    if not bar.seconds:
        return
    too_fine = bar.seconds == 1 and seconds > _FINEST_SPAN
    if too_fine or seconds // bar.seconds > _MOST_BARS:
        raise Refused(162, f"{_ANSWERED}invalid step: {bar.seconds}")
