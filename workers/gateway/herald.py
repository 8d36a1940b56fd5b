"""Everything the gateway says passes here: alerts are added, and limited; a full journal is noticed.

The journal comes before the bus, but a disk that is full does not silence IB: what it says is published all the same
and waits in memory for room. What only the journal makes safe is refused: an entry whose intent is not on the disk
could be sent twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from ipc.bus import JournalError, Publisher
from router.alerts import SPEAKING, Throttle, caused_by, journal_back, journal_lost
from router.messages import Alert, Message, OrderChange

log = structlog.get_logger()


class Herald:
    """Two sinks: `publish`, and `durable` for what must be on the disk before it is done."""

    def __init__(
        self, publisher: Publisher, every_s: float, *, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._publisher = publisher
        self._throttle = Throttle(every_s)
        self._clock_ns = clock_ns
        self._full = False
        self._dropped = 0  # of the journal, when it became full
        self.alerts = 0  # published

    def publish(self, *messages: Message) -> None:
        """Journal and publish, in order; alerts follow what gave reason for them. Never fails for want of room."""
        if SPEAKING.isdisjoint(map(type, messages)):
            self._publisher.publish(*messages)
        else:
            said = [message for message in messages if not isinstance(message, Alert)]
            self._publisher.publish(*said, *self._due(messages))
        self._look()

    def durable(self, *messages: Message) -> None:
        """The same, with the messages on the disk before anybody hears of them. Raises JournalError.

        Orders that protect or close are not refused for want of room: what keeps them from being sent twice is IB's
        word and not the journal, and a position without a stop is worse than an audit log that is late.
        """
        try:
            self._publisher.publish(*messages, sync=True)
        except JournalError as error:
            if all(isinstance(one, OrderChange) and one.what != "parked" for one in messages):
                self.publish(*messages)
                return
            self._lost(error)
            raise
        self._look()

    def sweep(self) -> None:
        """Tell what was held back. To be called every second or so."""
        self._publisher.journal.retry()
        due = self._throttle.due(self._clock_ns())
        self.alerts += len(due)
        if due:
            self._publisher.publish(*due)
        self._look()

    def _due(self, messages: tuple[Message, ...]) -> list[Alert]:
        now_ns = self._clock_ns()
        found = [alert for message in messages if (alert := caused_by(message)) is not None]
        due = [alert for alert in found if self._throttle.take(alert, now_ns) is not None]
        self.alerts += len(due)
        return due

    def _look(self) -> None:
        """Whether the journal has just become full, or has room again."""
        error = self._publisher.journal.error
        if error is not None and not self._full:
            self._lost(error)
        elif error is None and self._full:
            self._full = False
            dropped = self._publisher.journal.dropped - self._dropped
            log.warning("journal written again", dropped=dropped)
            self._publisher.publish(*self._due((journal_back(dropped),)))

    def _lost(self, error: JournalError) -> None:
        if self._full:
            return
        self._full = True
        self._dropped = self._publisher.journal.dropped
        log.error("journal cannot be written", problem=str(error))
        self._publisher.publish(*self._due((journal_lost(str(error)),)))
