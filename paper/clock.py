"""Where the paper gateway takes its time from: the machine, or a hand that moves it."""

import time
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
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The present, aware UTC."""
        return self._now

    def advance(self, step: timedelta) -> None:
        """Move forward by `step`. Raises ValueError for a step back."""
        if step < timedelta(0):
            raise ValueError(f"the clock cannot go back by {-step}")
        self._now += step
