"""Where the paper gateway takes its time from: the machine, or a hand that moves it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of the present instant."""

    def now(self) -> datetime:
        """The present, aware UTC."""
        ...


class RealClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, aware UTC."""
        return datetime.fromtimestamp(time.time(), UTC)


class VirtualClock:
    """A clock that is moved by hand and, with a speed, runs by itself: so many seconds in one of the machine's."""

    def __init__(
        self, start: datetime, speed: float = 0.0, ticker: Callable[[], float] = time.monotonic
    ) -> None:
        self._now = start.astimezone(UTC)
        self._speed = speed
        self._ticker = ticker
        self._read = ticker()

    def now(self) -> datetime:
        """The present, aware UTC."""
        reading = self._ticker()
        self._now += timedelta(seconds=(reading - self._read) * self._speed)
        self._read = reading
        return self._now

    def advance(self, step: timedelta) -> None:
        """Move forward by `step`. Raises ValueError for a step back."""
        if step < timedelta(0):
            raise ValueError(f"the clock cannot go back by {-step}")
        self._now += step


def make_clock(start: datetime | None, speed: float) -> Clock:
    """The machine's clock without a start, else a virtual one."""
    return RealClock() if start is None else VirtualClock(start, speed)
