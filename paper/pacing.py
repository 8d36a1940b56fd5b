"""How many messages a second a client may send, and what happens beyond that. Pure: the caller gives the time.

IB documents 50 messages a second; TWS either refuses what is above it and ends the session after three
violations, or lets it wait (a setting of TWS, `--pacing` here).
"""

from collections import deque
from enum import StrEnum

LIMIT = 50  # messages
_WINDOW = 1_000_000_000  # ns
_STRIKES = 3


class Policy(StrEnum):
    """What is done to a client that sends too fast."""

    OFF = "off"
    REJECT = "reject"
    QUEUE = "queue"


class Pacer:
    """One client's messages of the last second."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._times: deque[int] = deque()
        self._violating = False
        self.strikes = 0

    def wait(self, now: int) -> int:
        """Nanoseconds until a message would be within the limit, 0 when it is now. `now` in monotonic ns."""
        while self._times and self._times[0] <= now - _WINDOW:
            self._times.popleft()
        if len(self._times) < self._limit:
            return 0
        return self._times[0] + _WINDOW - now

    def count(self, now: int) -> None:
        """A message was let through."""
        self._times.append(now)
        self._violating = False

    def strike(self) -> bool:
        """A message was refused. Whether it began a violation (a run of refusals is one)."""
        began, self._violating = not self._violating, True
        self.strikes += began
        return began

    @property
    def is_out(self) -> bool:
        """Whether the session has to end."""
        return self.strikes >= _STRIKES

    @property
    def text(self) -> str:
        """What TWS says to a violation."""
        return (
            f"Max rate of messages per second has been exceeded:max={self._limit} "
            f"rec={len(self._times) + 1} ({self.strikes})"
        )
