"""Clocks."""

from datetime import UTC, datetime, timedelta

import pytest

from paper.clock import RealClock, VirtualClock, make_clock

_START = datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_virtual_clock_stands_still_until_it_is_moved() -> None:
    """Without a speed only `advance` moves it, and never back."""
    clock = make_clock(_START, 0)
    assert isinstance(clock, VirtualClock)
    assert clock.now() == clock.now() == _START
    clock.advance(timedelta(hours=1))
    assert clock.now() == _START + timedelta(hours=1)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(timedelta(seconds=-1))


def test_virtual_clock_runs_at_its_speed() -> None:
    """Two seconds of the machine are two hours at speed 3600."""
    readings = iter([5.0, 7.0])
    clock = VirtualClock(_START, 3600, lambda: next(readings))
    assert clock.now() == _START + timedelta(hours=2)


def test_real_clock_is_the_machines() -> None:
    """Without a start time is real, aware and UTC."""
    clock = make_clock(None, 1)
    assert isinstance(clock, RealClock)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
