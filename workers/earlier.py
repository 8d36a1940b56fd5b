"""What this process has said of deliveries, also in earlier lives, as its journal has it.

A signal stays in Redis until dispatch has told its end, so a process that starts may be given one whose end it has
published already: it must not be decided on a second time.
"""

from __future__ import annotations

from collections import OrderedDict

from ipc.bus import Journal
from router.messages import Message, SignalReceived, SignalRefused

REACH = 2_000  # messages of the journal that are read back: a signal lives for seconds
KEEP = 10_000  # deliveries remembered of each kind


class Earlier:
    """`observe` what is published; construction reads back what was."""

    def __init__(self, journal: Journal) -> None:
        self._received: OrderedDict[str, None] = OrderedDict()  # oldest first
        self._refused: OrderedDict[str, None] = OrderedDict()
        for _, envelopes in journal.steps(after=max(0, journal.seq - REACH), topic="decision"):
            for envelope in envelopes:
                self.observe(envelope.message)

    def observe(self, message: Message) -> None:
        """Take in one message of this process."""
        match message:
            case SignalReceived():
                _remember(self._received, message.delivery)
            case SignalRefused() if message.delivery:  # else nobody could read what it was
                _remember(self._refused, message.delivery)
            case _:
                pass

    def received(self, delivery: str) -> bool:
        """Whether it was taken before: an order may have come of it."""
        return delivery in self._received

    def refused(self, delivery: str) -> bool:
        """Whether its end was told: dispatch settles whatever comes of it again."""
        return delivery in self._refused


def _remember(names: OrderedDict[str, None], name: str) -> None:
    names[name] = None
    names.move_to_end(name)
    if len(names) > KEEP:
        names.popitem(last=False)
