"""When to try the connection again, and whether IB is resetting its servers just now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MAX_DOUBLINGS = 20  # beyond which 2**n says nothing more


def backoff_s(attempt: int, *, first_s: float, longest_s: float, jitter: float) -> float:
    """Seconds before the next attempt: doubled each time up to `longest_s`, between half and all of it.

    `attempt` counts the failures since the last success from 0; `jitter` is a random number in [0, 1], so that
    several routers behind one Gateway do not knock together.
    """
    full: float = min(longest_s, first_s * 2 ** min(attempt, MAX_DOUBLINGS))
    return full * (0.5 + 0.5 * jitter)


class ResetWindows:
    """IB's published reset times, as "Sun-Fri 00:15-01:45": the days on which they begin, in one time zone.

    IB publishes them on its system status page; those of North America are the defaults of broker.reset_windows.
    """

    def __init__(self, windows: Sequence[str], zone: str) -> None:
        """Formats and zone are checked by the settings."""
        self._zone = ZoneInfo(zone)
        self._windows = [_parse(window) for window in windows]

    def until(self, now: datetime) -> datetime | None:
        """The end, in UTC, of the reset that `now` (aware) falls into; None outside of all."""
        today = now.astimezone(self._zone).date()
        ends = [
            end
            for day in (today - timedelta(days=1), today)
            for days, begins, ends_at in self._windows
            if day.weekday() in days
            for start, end in [self._span(day, begins, ends_at)]
            if start <= now < end
        ]
        return max(ends, default=None)

    def _span(self, day: date, begins: time, ends: time) -> tuple[datetime, datetime]:
        last = day if ends > begins else day + timedelta(days=1)
        start = datetime.combine(day, begins, self._zone)
        return start.astimezone(UTC), datetime.combine(last, ends, self._zone).astimezone(UTC)


def _parse(window: str) -> tuple[frozenset[int], time, time]:
    days, _, clock = window.partition(" ")
    first, _, last = days.partition("-")
    start, stop = DAYS.index(first), DAYS.index(last or first)
    begins, _, ends = clock.partition("-")
    span = frozenset((start + offset) % 7 for offset in range((stop - start) % 7 + 1))
    return span, time.fromisoformat(begins), time.fromisoformat(ends)
