"""In front of the socket: everything written to IB passes here, when its turn comes (router.pacing).

A unit is a function that writes. What it would write is decided when it leaves, not when it was offered: a bracket
that waited is intended, journalled and checked for freshness in the moment it goes out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from router.errors import Recoverable
from router.pacing import Pacer, PacingState, Priority

Dropped = Callable[[Exception], object]


class Withdrawn(Recoverable):
    """A unit was taken back before it left, on purpose: it must not be offered again."""


class _Unit(NamedTuple):
    write: Callable[[], object]
    dropped: Dropped
    account: str


def nothing() -> None:
    """When nobody wants to know that it left."""


def nobody(error: Exception) -> None:
    """For units that nobody waits for."""


class Outbox:
    """One per Link. Closed until `open`; `close` tells every waiting unit why it never left."""

    def __init__(self, limit: int, reserve: int, *, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._pacer: Pacer[_Unit] = Pacer(limit, reserve)
        self._clock_ns = clock_ns
        self._timer: asyncio.TimerHandle | None = None
        self._closed_because = "not connected"
        self._pumping = False

    def open(self) -> None:
        """The socket is there. What an earlier connection sent within the last second still counts."""
        self._closed_because = ""

    def close(self, reason: str) -> None:
        """The socket is gone: no unit leaves any more, each is told."""
        self._closed_because = reason
        self._cancel_timer()
        for unit in self._pacer.clear():
            unit.dropped(ConnectionError(reason))

    def spend(self, messages: int) -> None:
        """Count messages that the library wrote by itself."""
        self._pacer.spend(messages, self._clock_ns())

    def offer(
        self,
        priority: Priority,
        write: Callable[[], object],
        *,
        size: int = 1,
        dropped: Dropped = nobody,
        account: str = "",
    ) -> None:
        """Have `write`, which sends `size` messages, called at once or as soon as the limit allows it.

        `account` is whose orders they are, empty for what is no order.

        `write` or else `dropped` is called, possibly before this returns; `dropped` with a ConnectionError, with
        Withdrawn, or with what `write` raised. Raises UnitTooLarge, and what `write` raised if that is neither a
        ConnectionError nor Recoverable.
        """
        if self._closed_because:
            dropped(ConnectionError(self._closed_because))
            return
        self._pacer.offer(priority, _Unit(write, dropped, account), size, self._clock_ns())
        self._pump()

    def withdraw(self, priority: Priority, reason: str, *, account: str | None = None) -> int:
        """Take back the units of one class that have not left, all or one account's; returns how many."""
        withdrawn = self._pacer.withdraw(priority, lambda unit: account in (None, unit.account))
        for unit in withdrawn:
            unit.dropped(Withdrawn(reason))
        return len(withdrawn)

    @property
    def state(self) -> PacingState:
        """Tokens, messages waiting per class, the oldest wait."""
        return self._pacer.state(self._clock_ns())

    def _pump(self) -> None:
        if self._pumping:
            return  # a unit that offers another one: the loop below comes to it
        self._pumping = True
        try:
            while (unit := self._pacer.release(self._clock_ns())) is not None:
                try:
                    unit.write()
                except Exception as error:
                    unit.dropped(error)  # its asker waits for an answer, whatever it was
                    if not isinstance(error, ConnectionError | Recoverable):
                        raise
        finally:
            self._pumping = False
            self._schedule()

    def _schedule(self) -> None:
        self._cancel_timer()
        now_ns = self._clock_ns()
        due_ns = self._pacer.next_ns(now_ns)
        if due_ns is not None:
            wait_s = max(0, due_ns - now_ns) / 1e9
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
