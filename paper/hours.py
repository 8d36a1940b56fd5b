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


def load_calendar(day: date) -> None:
    """Work out this and the next year's holidays now (a third of a second), not when a client first asks."""
    for year in (day.year, day.year + 1):
        _closed_days(year)
        _half_days(year)


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


class Phase(StrEnum):
    """What part of the day it is for the exchanges."""

    CLOSED = "closed"
    EXTENDED = "extended"  # before the open and after the close
    REGULAR = "regular"


def extended_close_of(day: date) -> datetime:
    """When trading after the close ends on a session, New York time."""
    return close_of(day) + timedelta(hours=4)


def phase_of(hours: Hours, now: datetime) -> Phase:
    """What part of the day `now` is in."""
    if is_open(hours, now):
        return Phase.REGULAR
    local = now.astimezone(NEW_YORK)
    start = datetime.combine(local.date(), time(4), NEW_YORK)
    extended = is_session(local.date()) and start <= local < extended_close_of(local.date())
    return Phase.EXTENDED if extended else Phase.CLOSED


def next_open(now: datetime) -> datetime:
    """When the next regular session starts, New York time."""
    local = now.astimezone(NEW_YORK)
    day = local.date()
    while True:
        opening = datetime.combine(day, time(9, 30), NEW_YORK)
        if is_session(day) and opening > local:
            return opening
        day += timedelta(days=1)


class Boundary(StrEnum):
    """Moments of a day at which something happens to every order or to the account."""

    OPEN = "open"
    CLOSE = "close"
    LATE_CLOSE = "late close"  # the end of extended trading
    RESET = "reset"  # IB's nightly reset: daily PnL starts anew
    MIDNIGHT = "midnight"  # executions and completed orders are from now on yesterday's


def boundaries(hours: Hours, since: datetime, until: datetime) -> list[tuple[datetime, Boundary]]:
    """The boundaries after `since` up to and including `until`, in order, New York time."""
    first, last = since.astimezone(NEW_YORK).date(), until.astimezone(NEW_YORK).date()
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return [
        (moment, boundary)
        for day in days
        for moment, boundary in _boundaries_of(hours, day)
        if since < moment <= until
    ]


def _boundaries_of(hours: Hours, day: date) -> list[tuple[datetime, Boundary]]:
    midnight = datetime.combine(day, time(0), NEW_YORK)
    reset = datetime.combine(day, time(23, 45), NEW_YORK)
    if hours is Hours.ALWAYS:  # the trading day is the calendar day
        return [(midnight, Boundary.CLOSE), (midnight, Boundary.MIDNIGHT), (reset, Boundary.RESET)]
    found = [(midnight, Boundary.MIDNIGHT)]
    if is_session(day):
        found.append((datetime.combine(day, time(9, 30), NEW_YORK), Boundary.OPEN))
        found.append((close_of(day), Boundary.CLOSE))
        found.append((extended_close_of(day), Boundary.LATE_CLOSE))
    return [*found, (reset, Boundary.RESET)]


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
