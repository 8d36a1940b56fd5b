"""What a process remembers of deliveries: everything it published lately, in whatever life."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipc.bus import Context, Journal, Publisher
from router.messages import SignalReceived, SignalRefused, SignalSized
from tests.router import factory
from workers import earlier
from workers.earlier import Earlier


def received(delivery: str) -> SignalReceived:
    """A signal was taken."""
    return SignalReceived(delivery, factory.signal(), factory.TICKET)


def refused(delivery: str) -> SignalRefused:
    """A signal ended."""
    return SignalRefused(delivery, factory.TICKET, "STALE", "stale_signal_6000ms")


def test_what_was_published_is_remembered_by_the_next_life(tmp_path: Path) -> None:
    """Received and refused apart; a payload that nobody could read has no name to remember."""
    directory = tmp_path / "sizing"
    for life in (1, 2):
        context, journal = Context(), Journal(directory, "sizing")
        publisher = Publisher(context, "sizing", f"ipc://{tmp_path}/pub", journal)
        known = Earlier(journal)
        if life == 1:
            sized = SignalSized("c-1", factory.request())
            for message in (received("a-1"), received("b-1"), refused("b-1"), refused(""), sized):
                publisher.publish(message)
                known.observe(message)
        try:
            assert [known.received(name) for name in ("a-1", "b-1", "c-1")] == [True, True, False]
            assert [known.refused(name) for name in ("a-1", "b-1", "")] == [False, True, False]
        finally:
            publisher.close()
            context.close()


def test_what_is_long_ago_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are kept, in memory as well as of the journal; one that comes again is new."""
    monkeypatch.setattr(earlier, "KEEP", 2)
    monkeypatch.setattr(earlier, "REACH", 1)
    context, journal = Context(), Journal(tmp_path / "sizing", "sizing")
    publisher = Publisher(context, "sizing", f"ipc://{tmp_path}/pub", journal)
    known = Earlier(journal)
    for name in ("a-1", "b-1", "a-1", "c-1"):
        publisher.publish(received(name))
        known.observe(received(name))
    try:
        assert [known.received(name) for name in ("a-1", "b-1", "c-1")] == [True, False, True]
        again = Earlier(journal)
        assert [again.received(name) for name in ("a-1", "c-1")] == [False, True]
    finally:
        publisher.close()
        context.close()
