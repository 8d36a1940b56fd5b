"""Opening hours of the New York exchanges."""

from datetime import date, datetime, timedelta

import pytest

from paper.hours import (
    NEW_YORK,
    Boundary,
    Hours,
    Phase,
    _closed_days,
    boundaries,
    hours_text,
    is_open,
    is_session,
    load_calendar,
    next_open,
    phase_of,
)


def at(text: str) -> datetime:
    """A moment in New York."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("moment", "phase"),
    [
        ("2026-11-23T03:59", Phase.CLOSED),
        ("2026-11-23T04:00", Phase.EXTENDED),
        ("2026-11-23T09:30", Phase.REGULAR),
        ("2026-11-23T16:00", Phase.EXTENDED),
        ("2026-11-23T20:00", Phase.CLOSED),
        ("2026-11-26T12:00", Phase.CLOSED),
        ("2026-11-27T13:00", Phase.EXTENDED),
        ("2026-11-28T12:00", Phase.CLOSED),
    ],
)
def test_phases(moment: str, phase: Phase) -> None:
    """Sessions, holidays, half days and weekends."""
    assert phase_of(Hours.NYSE, at(moment)) is phase
    assert is_open(Hours.ALWAYS, at(moment))


def test_next_open_skips_weekends_and_holidays() -> None:
    """From Wednesday evening before Thanksgiving to Friday, from Friday to Monday."""
    assert next_open(at("2026-11-25T18:00")) == at("2026-11-27T09:30")
    assert next_open(at("2026-11-27T09:30")) == at("2026-11-30T09:30")


def test_boundaries_of_a_weekend() -> None:
    """From Friday noon to Monday noon every boundary comes once, in order."""
    found = boundaries(Hours.NYSE, at("2026-11-20T12:00"), at("2026-11-23T12:00"))
    assert [moment for moment, _ in found] == sorted(moment for moment, _ in found)
    kinds = [boundary for _, boundary in found]
    assert kinds[:4] == [Boundary.CLOSE, Boundary.LATE_CLOSE, Boundary.RESET, Boundary.MIDNIGHT]
    assert kinds.count(Boundary.MIDNIGHT) == 3
    assert kinds[-1] is Boundary.OPEN


def test_boundaries_fall_into_one_of_two_adjoining_spans() -> None:
    """Cutting a span in two neither loses nor doubles a boundary."""
    start, end = at("2026-11-23T00:00"), at("2026-11-25T00:00")
    whole = boundaries(Hours.ALWAYS, start, end)
    for minutes in (1, 1425, 1440, 2000):
        middle = start + timedelta(minutes=minutes)
        parts = boundaries(Hours.ALWAYS, start, middle) + boundaries(Hours.ALWAYS, middle, end)
        assert parts == whole


def test_hours_as_contract_details_carry_them() -> None:
    """Closed days, half days, extended hours, and the market that never closes."""
    text = hours_text(Hours.NYSE, date(2026, 11, 25), extended=False)
    assert text.startswith("20261125:0930-20261125:1600;20261126:CLOSED;20261127:0930-20261127:1300;")
    assert hours_text(Hours.NYSE, date(2026, 11, 25), extended=True).startswith("20261125:0400-20261125:2000")
    assert hours_text(Hours.ALWAYS, date(2026, 11, 25), extended=True).startswith(
        "20261125:0000-20261125:2359"
    )


def test_a_loaded_calendar_answers_from_memory() -> None:
    """After loading, neither this year nor the next is worked out again."""
    load_calendar(date(2025, 6, 2))
    before = _closed_days.cache_info().misses
    assert is_session(date(2025, 6, 3))
    assert not is_session(date(2026, 1, 1))
    assert _closed_days.cache_info().misses == before
