"""Back-off and IB's reset times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.sections import Broker
from router.reconnect import ResetWindows, backoff_s

IB = ResetWindows(Broker().reset_windows, Broker().reset_zone)


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_it_doubles_up_to_the_cap() -> None:
    """0.1, 0.2, 0.4 ... seconds, never above the longest, however often it failed."""
    waits = [backoff_s(attempt, first_s=0.1, longest_s=30, jitter=1) for attempt in (0, 1, 2, 9, 10_000)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 30, 30])


@given(st.integers(0, 10**6), st.floats(0.001, 10), st.floats(0.001, 600), st.floats(0, 1))
def test_law_backoff_stays_within_its_bounds(
    attempt: int, first_s: float, longest_s: float, jitter: float
) -> None:
    """Never longer than the cap, never less than half of what is due: no busy loop, no wait for ever."""
    wait = backoff_s(attempt, first_s=first_s, longest_s=longest_s, jitter=jitter)
    assert min(first_s, longest_s) / 2 <= wait <= longest_s


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-07-15 04:14:59", None),  # Wednesday 00:14:59 in New York, daylight saving
        ("2026-07-15 04:15:00", "2026-07-15 05:45:00"),
        ("2026-07-15 05:44:59", "2026-07-15 05:45:00"),
        ("2026-07-15 05:45:00", None),
        ("2026-01-14 05:20:00", "2026-01-14 06:45:00"),  # winter
        ("2026-07-18 02:59:00", None),  # Friday 22:59
        ("2026-07-18 03:00:00", "2026-07-18 07:00:00"),  # Friday 23:00, to Saturday 03:00
        ("2026-07-18 04:30:00", "2026-07-18 07:00:00"),  # Saturday 00:30 has no daily reset of its own
        ("2026-07-19 04:30:00", "2026-07-19 05:45:00"),  # Sunday has
        ("2026-07-15 15:00:00", None),
    ],
)
def test_the_resets_that_ib_publishes(now: str, until: str | None) -> None:
    """The bounds of the daily and the weekend reset, in summer and winter."""
    assert IB.until(utc(now)) == (utc(until) if until else None)


def test_the_later_end_counts_where_windows_overlap() -> None:
    """Two windows of the defaults touch in no week, but a configuration may overlap them."""
    windows = ResetWindows(["Mon 01:00-02:00", "Mon 01:30-04:00"], "UTC")
    assert windows.until(utc("2026-07-13 01:45:00")) == utc("2026-07-13 04:00:00")


def test_a_range_of_days_may_pass_the_end_of_the_week() -> None:
    """Sat-Mon is Saturday, Sunday and Monday."""
    windows = ResetWindows(["Sat-Mon 10:00-11:00"], "UTC")
    inside = [windows.until(utc(f"2026-07-{day} 10:30:00")) is not None for day in range(10, 17)]
    assert inside == [False, True, True, True, False, False, False]


def test_no_windows_no_reset() -> None:
    """An empty list switches the knowledge off."""
    assert ResetWindows([], "UTC").until(utc("2026-07-13 01:45:00")) is None
