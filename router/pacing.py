"""IB's limit on messages a second, spent by priority.

IB counts every message a client sends and answers more than 50 in a second with error 100 or a disconnect. So
never more than `limit` leave in *any* window of `WINDOW_NS`, which a bucket that refills would not promise.

    kill > protect > entry > data      first come first served within a class, no class overtakes a higher one

A unit is what must leave together: a bracket goes out whole or not at all. The lower classes leave a reserve
untouched, so that a cancel never waits for the second to pass because entries have used it up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from router.errors import Recoverable

T = TypeVar("T")
WINDOW_NS = 1_100_000_000  # IB's second, and a tenth: what leaves apart may arrive together


class Priority(IntEnum):
    """Who goes first."""

    KILL = 0  # cancels, the kill switch
    PROTECT = 1  # stops, and the probe that tells whether the link lives
    ENTRY = 2  # brackets
    DATA = 3  # rebuild, contract and market data requests


class UnitTooLarge(Recoverable):
    """The unit could never leave together: it has more messages than its class may send in one second."""


class PacingState(NamedTuple):
    """What a person wants to know of it. `tokens` may leave at once, `oldest_wait_ns` is 0 when none waits."""

    tokens: int
    queued: dict[Priority, int]  # messages, not units
    oldest_wait_ns: int


class _Unit(NamedTuple, Generic[T]):
    item: T
    size: int
    since_ns: int


class Pacer(Generic[T]):
    """Units wait in `offer`ed order until `release` lets them go. Times are monotonic nanoseconds."""

    def __init__(self, limit: int, reserve: int) -> None:
        """`limit` messages a second, `reserve` of them kept from entries and data, half of it from stops too."""
        if not 0 <= reserve < limit:
            raise ValueError(f"reserve = {reserve}: must be at least 0 and below the limit of {limit}")
        self._limit = limit
        self._kept_free = {
            Priority.KILL: 0,
            Priority.PROTECT: reserve // 2,
            Priority.ENTRY: reserve,
            Priority.DATA: reserve,
        }
        self._queues: dict[Priority, deque[_Unit[T]]] = {priority: deque() for priority in Priority}
        self._sent: deque[int] = deque()  # when each message of the last window left

    def room(self, priority: Priority) -> int:
        """The most messages a unit of this class may have."""
        return self._limit - self._kept_free[priority]

    def offer(self, priority: Priority, item: T, size: int, now_ns: int) -> None:
        """Let `item`, which is `size` messages, wait for its turn. Raises UnitTooLarge."""
        if size > self.room(priority):
            raise UnitTooLarge(
                f"{size} messages must leave together, but {priority.name} may send {self.room(priority)} a second: "
                "use fewer legs or raise broker.requests_per_second"
            )
        self._queues[priority].append(_Unit(item, size, now_ns))

    def release(self, now_ns: int) -> T | None:
        """The next unit that may leave now, counted as sent; None when none may."""
        tokens = self._tokens(now_ns)
        for priority, queue in self._queues.items():
            if queue:
                if tokens - self._kept_free[priority] < queue[0].size:
                    return None
                unit = queue.popleft()
                self._sent.extend([now_ns] * unit.size)
                return unit.item
        return None

    def next_ns(self, now_ns: int) -> int | None:
        """When `release` has something to give: now, later, or None while nothing waits."""
        tokens = self._tokens(now_ns)
        for priority, queue in self._queues.items():
            if queue:
                missing = queue[0].size + self._kept_free[priority] - tokens
                return now_ns if missing <= 0 else self._sent[missing - 1] + WINDOW_NS
        return None

    def spend(self, size: int, now_ns: int) -> None:
        """Count messages that left past the queue (the handshake's)."""
        self._sent.extend([now_ns] * size)

    def clear(self) -> list[T]:
        """Take out all that waits, first come first: the link is gone. What was sent still counts."""
        waiting = [unit.item for queue in self._queues.values() for unit in queue]
        for queue in self._queues.values():
            queue.clear()
        return waiting

    def withdraw(self, priority: Priority, which: Callable[[T], bool] = lambda _: True) -> list[T]:
        """Take out all of one class, in order, or `which` of them: entries that a cancel-all must not let through."""
        waiting = self._queues[priority]
        withdrawn = [unit.item for unit in waiting if which(unit.item)]
        self._queues[priority] = deque(unit for unit in waiting if not which(unit.item))
        return withdrawn

    def state(self, now_ns: int) -> PacingState:
        """Tokens, messages waiting per class, and how long the oldest has waited."""
        heads = [queue[0].since_ns for queue in self._queues.values() if queue]
        return PacingState(
            tokens=self._tokens(now_ns),
            queued={priority: sum(unit.size for unit in queue) for priority, queue in self._queues.items()},
            oldest_wait_ns=now_ns - min(heads) if heads else 0,
        )

    def _tokens(self, now_ns: int) -> int:
        sent = self._sent
        while sent and now_ns - sent[0] >= WINDOW_NS:
            sent.popleft()
        return self._limit - len(sent)
