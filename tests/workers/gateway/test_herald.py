"""Alerts on their way out, and a journal that is full: a real publisher, and a kernel that refuses to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from conf.settings import Settings
from ipc.bus import Context, Journal, JournalFull, Publisher
from router.alerts import unknown_error
from router.messages import (
    Alert,
    BrokerError,
    LinkPhase,
    LinkState,
    Message,
    OrderChange,
    OrderIntent,
    OrderParked,
)
from tests.ipc.test_appender import file_size_limit
from tests.router.factory import STOCK, request
from tests.workers.gateway.test_known import intent
from tests.workers.gateway.test_outbox import Clock
from workers.gateway.herald import Herald

UNKNOWN = unknown_error(BrokerError(7, 99_999, "nobody knows this", "a-b-E", 0, "query"))
LINK = LinkState(LinkPhase.READY, "")
CHANGE = OrderChange("place", "a-1", "DU1", STOCK, (), "protection")


class Stand:
    """A herald over a publisher of its own."""

    def __init__(self, settings: Settings, backlog_bytes: int = 1 << 20) -> None:
        self.context = Context()
        self.journal = Journal(settings.journal("gateway"), "gateway", backlog_bytes=backlog_bytes)
        self.publisher = Publisher(self.context, "gateway", settings.pub("gateway"), self.journal)
        self.clock = Clock()
        self.herald = Herald(self.publisher, 60, clock_ns=self.clock)

    @property
    def said(self) -> list[Message]:
        """Everything that was journalled, or waits to be."""
        return [envelope.message for envelope in self.journal.read()]

    def kinds(self) -> list[str]:
        """The alerts among it."""
        return [message.kind for message in self.said if isinstance(message, Alert)]

    def close(self) -> None:
        """Release everything."""
        self.publisher.close()
        self.context.close()


@contextmanager
def full_disk(stand: Stand) -> Iterator[None]:
    """No room for a record; what the tests themselves print must not run into it."""
    with capture_logs(), file_size_limit(stand.journal.size + 10):
        yield


@pytest.fixture
def stand(settings: Settings) -> Iterator[Stand]:
    """A stand that is closed afterwards."""
    stand = Stand(settings)
    yield stand
    stand.close()


def test_an_alert_follows_what_gave_reason_for_it(stand: Stand) -> None:
    """First what was said, then the alerts; everything else passes as it is."""
    order = request()
    parked = OrderParked(order.delivery, order, "nobody knows")
    stand.herald.publish(LINK)
    stand.herald.publish(UNKNOWN, parked, LINK)
    assert stand.said[:3] == [LINK, parked, LINK]
    assert stand.kinds() == ["ib_error_unknown", "order_parked"]
    assert stand.herald.alerts == 2


def test_a_flood_is_one_alert_and_later_a_summary(stand: Stand) -> None:
    """A thousand of a kind: the first at once, the others together when the time is over."""
    for _ in range(1_000):
        stand.herald.publish(UNKNOWN)
    stand.herald.sweep()
    assert stand.kinds() == ["ib_error_unknown"]
    stand.clock.ns += 60_000_000_000
    stand.herald.sweep()
    assert stand.kinds() == ["ib_error_unknown", "ib_error_unknown"]
    last = stand.said[-1]
    assert isinstance(last, Alert)
    assert last.text.startswith("999 more in 60 s")


def test_what_must_be_on_the_disk_is_refused_without_room_for_it(stand: Stand) -> None:
    """The intent leaves no trace, an alert says so at once, and the same intent passes when there is room."""
    with full_disk(stand):
        with pytest.raises(JournalFull):
            stand.herald.durable(intent())
        with pytest.raises(JournalFull):
            stand.herald.durable(intent())
        assert stand.journal.pending == 1
    stand.herald.sweep()
    assert stand.journal.pending == 0
    stand.herald.durable(intent())
    assert stand.kinds() == ["journal_full", "journal_recovered"]
    assert stand.said[-1] == intent()
    assert sum(isinstance(message, OrderIntent) for message in stand.said) == 1


def test_orders_that_protect_are_not_held_up_by_a_full_disk(stand: Stand) -> None:
    """Their record waits in memory and is written later, in its place; a resolved doubt is an intent's kin."""
    resolved = OrderChange("parked", "a-b", "DU1", STOCK, (), "resend")
    with full_disk(stand):
        stand.herald.publish(LINK)
        stand.herald.durable(CHANGE)
        with pytest.raises(JournalFull):
            stand.herald.durable(resolved)
    stand.herald.sweep()
    assert [message for message in stand.said if not isinstance(message, Alert)] == [LINK, CHANGE]
    assert stand.kinds() == ["journal_full", "journal_recovered"]


def test_what_memory_had_no_room_for_is_counted_in_the_alert(settings: Settings) -> None:
    """Those of this time only, so that the number says what is missing from where."""
    stand = Stand(settings, backlog_bytes=5_000)
    with full_disk(stand):
        for _ in range(200):
            stand.herald.publish(LINK)
    dropped = stand.journal.dropped
    assert dropped > 0
    stand.herald.sweep()
    last = stand.said[-1]
    assert isinstance(last, Alert)
    assert last.kind == "journal_recovered"
    assert f"{dropped} records are missing" in last.text
    stand.close()
