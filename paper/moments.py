"""Dates and times as clients write them: `20261218 16:00:00 US/Eastern`, `20261218-21:00:00` (UTC), `20261218`. Pure."""

from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from paper.hours import NEW_YORK


def parse_moment(text: str, end_of_day: time = time(0)) -> datetime | None:
    """The instant, aware; None when it cannot be read. Without a zone it is New York's; a bare date is `end_of_day`."""
    parts = text.split()
    if len(parts) == 3:
        zone = _zone(parts[2])
        return _read(f"{parts[0]} {parts[1]}", "%Y%m%d %H:%M:%S", zone) if zone else None
    if len(parts) == 2:
        return _read(text, "%Y%m%d %H:%M:%S", NEW_YORK)
    if "-" in text:
        return _read(text, "%Y%m%d-%H:%M:%S", ZoneInfo("UTC"))
    day = _read(text, "%Y%m%d", NEW_YORK)
    return day and datetime.combine(day.date(), end_of_day, NEW_YORK)


def _read(text: str, shape: str, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime.strptime(text, shape).replace(tzinfo=zone)
    except ValueError:
        return None


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("America/New_York") if name in ("EST", "EDT") else None
