"""When the New York exchanges are open, from the NYSE holiday calendar of the `holidays` package."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

import holidays

NEW_YORK = ZoneInfo("America/New_York")
ZONE_NAME = "US/Eastern"  # how TWS names it on the wire


class Hours(StrEnum):
    """Which opening hours the market keeps."""

    ALWAYS = "always"
    NYSE = "nyse"


@cache
def _closed_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year))


@cache
def _half_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year, categories=("half_day",)))


@cache
def is_session(day: date) -> bool:
    """Whether the NYSE trades on that day."""
    return day.weekday() < 5 and day not in _closed_days(day.year)


def close_of(day: date) -> datetime:
    """The regular close of a session, New York time: 16:00, or 13:00 on a half day."""
    return datetime.combine(day, time(13 if day in _half_days(day.year) else 16), NEW_YORK)


def is_open(hours: Hours, now: datetime) -> bool:
    """Whether regular trading is on at that instant."""
    if hours is Hours.ALWAYS:
        return True
    local = now.astimezone(NEW_YORK)
    opening = datetime.combine(local.date(), time(9, 30), NEW_YORK)
    return is_session(local.date()) and opening <= local < close_of(local.date())


def hours_text(hours: Hours, today: date, *, extended: bool) -> str:
    """Six days of hours as contract details carry them, `20261123:0930-20261123:1600;20261126:CLOSED;…`."""
    return ";".join(
        _day_text(hours, today + timedelta(days=offset), extended=extended) for offset in range(6)
    )


def _day_text(hours: Hours, day: date, *, extended: bool) -> str:
    if hours is Hours.ALWAYS:
        return f"{day:%Y%m%d}:0000-{day:%Y%m%d}:2359"
    if not is_session(day):
        return f"{day:%Y%m%d}:CLOSED"
    closing = close_of(day)
    first, last = (
        ("0400", f"{closing + timedelta(hours=4):%H%M}") if extended else ("0930", f"{closing:%H%M}")
    )
    return f"{day:%Y%m%d}:{first}-{day:%Y%m%d}:{last}"
