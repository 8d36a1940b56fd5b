"""ipc.feed: one source of a subscriber over real sockets. Bad bytes are kept aside, reading is bounded."""

from __future__ import annotations

import time

import pytest
import zmq

from ipc.batch import Batch
from ipc.bus import BEGINNING
from ipc.codec import encode
from ipc.feed import Feed
from ipc.letter import seal
from ipc.protocol import SnapshotPart, Sync, Synced
from tests.ipc.helpers import Bus, beat, frame_of, sent


def test_frame_that_cannot_be_read_is_kept_aside_and_repaired(bus: Bus) -> None:
    """Garbage on the wire costs nothing: it is counted, and what it stood for comes by replay."""
    subscriber, got = bus.subscriber(("trade",), {"gateway": BEGINNING})

    def heard() -> bool:
        bus.publisher.publish(beat())
        return subscriber.stats["gateway"].live > 0

    bus.run_until(heard, "the subscription is in force")
    good = frame_of(sent(1), epoch=bus.publisher.epoch, tails={})
    bus.journal.append([good], 1, {"trade": 1})
    bus.publisher._socket.send(good[:-3])
    bus.publisher.publish(sent(2))
    bus.run_until(lambda: len(got) == 2, "both")
    assert [one.message for one in got] == [sent(1), sent(2)]
    assert subscriber.quarantine.count == 1


WRONG = seal(b"1", encode(SnapshotPart("sizing", 1, 0, {}, 0, 1)))  # of another publisher


@pytest.mark.parametrize(
    "letter", [seal(b"1", b"\xc1"), seal(b"x", encode(Synced("gateway", 1, 0, 0, {}, {}))), b"1", WRONG]
)
def test_reply_that_cannot_be_read_is_kept_aside(bus: Bus, letter: bytes) -> None:
    """A reply that is none is counted, and the question stays open."""
    bus.stop()
    router = bus.context.socket(zmq.ROUTER)
    bus.context.bind(router, bus.source.cmd)
    subscriber, _ = bus.subscriber(("trade",))
    bus.run_until(lambda: router.poll(0), "the question")
    asker = router.recv_multipart()[0]
    router.send_multipart([asker, letter])
    bus.run_until(lambda: subscriber.quarantine.count == 1, "kept aside")
    assert not subscriber.following
    router.close()
    bus.context.close()
    bus.context = type(bus.context)()
    bus.start()


def test_reading_is_bounded(bus: Bus) -> None:
    """One source that floods is read a batch at a time, so that the others get their turn."""
    subscriber, _ = bus.subscriber(("trade",), {"gateway": BEGINNING})
    bus.run_until(lambda: subscriber.following, "joined")
    bus.loop.detach(subscriber)
    (feed,) = subscriber._feeds.values()
    assert isinstance(feed, Feed)

    for number in range(200):
        bus.publisher.publish(sent(number))
    seen = most = 0
    while seen < 200:
        assert feed.frames.poll(5_000)
        batch = Batch(subscriber.quarantine)
        feed.receive(time.monotonic_ns(), 6, batch)
        seen += len(batch)
        most = max(most, len(batch))
    assert most == 3  # a frame counts for itself and for its message


def test_late_reply_is_taken_off_the_socket(bus: Bus) -> None:
    """An answer that nobody waits for any more is read and counted: left there, it would wake the loop for ever."""
    subscriber, _ = bus.subscriber(("trade",), {"gateway": BEGINNING})
    bus.run_until(lambda: subscriber.following, "joined")
    (feed,) = subscriber._feeds.values()
    assert not feed.follower.asking
    feed.replies.send(seal(b"999", encode(Sync(("trade",), -1, -1))))
    bus.run_until(lambda: subscriber.stats["gateway"].late_replies == 1, "the late reply is read")
    assert not feed.replies.poll(0)


def test_frame_of_an_answer_that_cannot_be_read_is_kept_aside(bus: Bus) -> None:
    """The journal holds a frame that miscounts: it is kept, and what cannot be continued from begins anew, aloud."""
    bad = frame_of(sent(1), count=2, epoch=bus.publisher.epoch, tails={})
    bus.journal.append([bad], 2, {"trade": 2})
    bus.snapshot = lambda: [sent(100)]
    subscriber, got = bus.subscriber(("trade",), {"gateway": BEGINNING})
    bus.run_until(lambda: got, "the snapshot")
    assert (subscriber.quarantine.count, subscriber.stats["gateway"].resets) == (1, 1)
    assert [(one.message, one.snapshot) for one in got] == [(sent(100), True)]
