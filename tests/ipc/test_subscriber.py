"""ipc.subscriber and ipc.feed over real sockets: join, follow, repair, reset; what is bad is kept aside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ipc.bus import BEGINNING, LIVE, Options, Position, Quarantine, Reset, Source, Subscriber
from ipc.codec import subscription
from ipc.follower import Timing
from tests.ipc.helpers import Bus, beat, frame_of, link, pnl, quote, sent
from tests.ipc.test_appender import file_size_limit

MS = 1_000_000


def test_snapshot_then_live(bus: Bus) -> None:
    """Without a position: the present state first, marked as such, then everything after it."""
    bus.snapshot = lambda: [sent(100), link(100)]
    bus.publisher.publish(sent(1))
    subscriber, got = bus.subscriber(("trade",))
    bus.run_until(lambda: subscriber.following, "joined")
    bus.publisher.publish(sent(2))
    bus.run_until(lambda: len(got) == 2, "snapshot and live")
    assert [(one.message, one.snapshot, one.seq) for one in got] == [
        (sent(100), True, 1),
        (sent(2), False, 2),
    ]
    assert got[0].publisher == "gateway"


def test_replay_then_live(bus: Bus) -> None:
    """With a position: everything after it out of the journal, then live, without a seam."""
    for number in range(50):
        bus.publisher.publish(sent(number), pnl(number))
    subscriber, got = bus.subscriber(("trade", "portfolio"), {"gateway": Position(bus.publisher.epoch, 30)})
    bus.run_until(lambda: got, "replay")
    bus.publisher.publish(sent(50), pnl(50))
    bus.run_until(lambda: len(got) >= 72, "replay and live")
    assert [one.seq for one in got] == list(range(31, 103))
    assert subscriber.positions == {"gateway": Position(bus.publisher.epoch, 102)}
    assert subscriber.stats["gateway"].resets == 0


def test_live_only(bus: Bus) -> None:
    """Who wants nothing of the past gets nothing of it, no snapshot either."""
    bus.snapshot = lambda: [sent(100)]
    bus.publisher.publish(sent(1))
    subscriber, got = bus.subscriber(("trade",), {"gateway": LIVE})
    bus.run_until(lambda: subscriber.following, "joined")
    bus.publisher.publish(sent(2))
    bus.run_until(lambda: got, "live")
    assert [one.message for one in got] == [sent(2)]


def test_late_joiner_misses_nothing_published_while_it_joins(bus: Bus) -> None:
    """Messages published before the subscription is in force come too, without any heartbeat or later message."""
    subscriber, got = bus.subscriber(("trade",), {"gateway": BEGINNING})
    bus.publisher.publish(sent(1))
    bus.run_until(lambda: subscriber.following, "joined")
    bus.publisher.publish(sent(2))
    bus.run_until(lambda: len(got) == 2, "both")
    assert [one.message for one in got] == [sent(1), sent(2)]


def test_joins_a_publisher_that_starts_later(bus: Bus) -> None:
    """Start order does not matter."""
    bus.publisher.publish(sent(1))
    bus.stop()
    subscriber, got = bus.subscriber(("trade",), {"gateway": BEGINNING})
    assert not subscriber.receive()
    bus.start()
    bus.publisher.publish(sent(2))
    bus.run_until(lambda: len(got) == 2, "both lives of the publisher")
    assert [one.seq for one in got] == [1, 2]


def test_publisher_restart_in_order(bus: Bus) -> None:
    """Over a restart nothing is lost or doubled, and ephemeral topics come too."""
    subscriber, got = bus.subscriber(("trade", "quote", "heartbeat"), {"gateway": BEGINNING})
    bus.publisher.publish(sent(1))
    bus.run_until(lambda: len(got) == 1, "before")
    bus.stop()
    bus.start()
    bus.publisher.publish(sent(2))
    bus.run_until(lambda: len(got) == 2, "journalled over the restart")

    def quoted() -> bool:
        bus.publisher.publish(quote(1))
        return any(one.topic == "quote" for one in got)

    bus.run_until(quoted, "quotes again after the restart")
    assert [one.seq for one in got if one.topic == "trade"] == [1, 2]
    assert subscriber.stats["gateway"].restarts == 1


def test_overflowing_subscriber_repairs_by_replay(short_dir: Path) -> None:
    """A subscriber that did not read, and whose queue overflowed, gets everything in order all the same."""
    bus = Bus(short_dir, options=Options(send_hwm=20))
    subscriber, got = bus.subscriber(("trade",), {"gateway": BEGINNING}, receive_hwm=10)
    bus.run_until(lambda: subscriber.following, "joined")
    bus.loop.detach(subscriber)
    padding = "x" * 20_000
    for number in range(2_000):  # more than the queues and the kernel's buffers hold
        bus.publisher.publish(sent(number).__class__(padding, (number,)))
    bus.loop.attach(subscriber, got.extend)
    bus.publisher.publish(beat())
    bus.run_until(lambda: len(got) == 2_000, "everything")
    assert [one.seq for one in got] == list(range(1, 2_001))
    assert subscriber.stats["gateway"].replayed > 0
    bus.close()


def test_silent_tail_loss_shows_with_the_next_heartbeat(bus: Bus) -> None:
    """The last message lost, the publisher idle: its next heartbeat brings it, although nobody subscribed to it."""
    timing = Timing(probe_ns=3_600_000 * MS, first_probe_ns=3_600_000 * MS)  # asking does not help here
    subscriber, got = bus.subscriber(("trade",), {"gateway": BEGINNING}, timing=timing)

    def heard() -> bool:
        bus.publisher.publish(beat())
        return subscriber.following and subscriber.stats["gateway"].live > 0

    bus.run_until(heard, "the subscription is in force")
    bus.publisher.publish(sent(1))
    (feed,) = subscriber._feeds.values()
    while not feed.frames.recv().startswith(subscription("trade")):
        pass  # heartbeats; the message itself is lost here, before the follower
    bus.publisher.publish(beat())
    bus.run_until(lambda: got, "repair")
    assert subscriber.stats["gateway"].gaps == 1
    assert [one.message for one in got] == [sent(1)]


def test_lost_journal_is_a_reset(bus: Bus, tmp_path: Path) -> None:
    """The journal is gone: the subscriber is told, with a reason, and gets the state anew."""
    resets: list[Reset] = []
    bus.snapshot = lambda: [sent(100)]
    bus.publisher.publish(sent(1))
    old = Position(bus.publisher.epoch - 1, 500)
    subscriber, got = bus.subscriber(("trade",), {"gateway": old}, on_reset=resets.append)
    bus.run_until(lambda: got, "snapshot")
    assert [(one.message, one.snapshot) for one in got] == [(sent(100), True)]
    assert resets[0].before == old
    assert subscriber.stats["gateway"].resets == 1


def test_reset_that_nobody_listens_for_is_counted(bus: Bus) -> None:
    """Without `on_reset` the snapshot comes all the same, and the counter says why."""
    subscriber, got = bus.subscriber(("trade",), {"gateway": Position(1, 500)})
    bus.snapshot = lambda: [sent(100)]
    bus.run_until(lambda: got, "snapshot")
    assert got[0].snapshot
    assert subscriber.stats["gateway"].resets == 1


def test_far_behind_the_retained_journal_is_a_reset(short_dir: Path) -> None:
    """A position that retention has overtaken ends in a snapshot, and says so."""
    bus = Bus(short_dir, segment_bytes=2_000)
    bus.snapshot = lambda: [sent(1_000)]
    for number in range(200):
        bus.publisher.publish(sent(number))
    for path in bus.journal.directory.glob("*.journal"):
        if path != bus.journal.segment:
            path.unlink()
    resets: list[Reset] = []
    _, got = bus.subscriber(("trade",), {"gateway": BEGINNING}, on_reset=resets.append)
    bus.run_until(lambda: got, "snapshot")
    assert [one.message for one in got] == [sent(1_000)]
    assert "not in the journal any more" in resets[0].reason
    bus.close()


def test_what_a_full_disk_and_memory_let_go_is_a_reset_for_who_missed_it(bus: Bus) -> None:
    """Who heard it live goes on as if nothing were missing; who has to fetch it is told that it cannot be."""
    subscriber, got = bus.subscriber(("trade",), {"gateway": BEGINNING})
    bus.publisher.publish(*(sent(number) for number in range(1, 6)))
    bus.run_until(lambda: len(got) == 5, "joined")
    behind = subscriber.positions
    bus.journal._backlog_bytes = 1_000
    with file_size_limit(bus.journal.size + 10):
        for number in range(6, 60):
            bus.publisher.publish(sent(number))
    assert bus.journal.dropped > 0
    bus.publisher.publish(sent(60))
    assert bus.journal.error is None
    bus.run_until(lambda: len(got) == 60, "all of it, live")
    assert [one.message for one in got] == [sent(number) for number in range(1, 61)]
    assert subscriber.stats["gateway"].resets == 0

    resets: list[Reset] = []
    bus.snapshot = lambda: [sent(100)]
    _, missed = bus.subscriber(("trade",), behind, on_reset=resets.append)
    bus.run_until(lambda: resets, "the reset")
    bus.publisher.publish(sent(61))
    bus.run_until(lambda: missed and missed[-1].message == sent(61), "what follows")
    (reset,) = resets
    assert reset.before.seq == 5
    assert reset.after.seq == 60
    assert [(one.message, one.snapshot) for one in missed] == [(sent(100), True), (sent(61), False)]


def test_several_publishers(short_dir: Path) -> None:
    """Each source has its own order, position and start; a topic that only some publish is no error."""
    bus = Bus(short_dir)
    other = Source("sizing", f"ipc://{short_dir}/run/sizing.pub", f"ipc://{short_dir}/run/sizing.cmd")
    subscriber = Subscriber(bus.context, [bus.source, other], ("trade", "decision", "heartbeat"))
    got: list[object] = []
    bus.loop.attach(subscriber, got.extend)
    bus.run_until(lambda: subscriber.positions["gateway"].seq == 0, "one joined, the other absent")
    assert not subscriber.following
    assert subscriber.positions["sizing"] == Position(-1, -1)
    assert len(subscriber.sockets) == 4
    subscriber.close()
    bus.loop.detach(subscriber)
    bus.close()


@pytest.mark.parametrize(
    ("topics", "problem"), [(("trades",), "unknown topics"), (("decision",), "gateway publishes none of")]
)
def test_wrong_topics_are_refused(bus: Bus, topics: tuple[str, ...], problem: str) -> None:
    """A topic that does not exist, or that the source does not have, is a fault of the program."""
    with pytest.raises(ValueError, match=problem):
        bus.subscriber(topics)


def test_undecodable_message_is_kept_aside_and_the_rest_flows(bus: Bus, tmp_path: Path) -> None:
    """A stranger in a frame is counted and written down; its neighbours and successors are delivered."""
    quarantine = Quarantine(tmp_path / "undecodable.jsonl")
    subscriber, got = bus.subscriber(("trade",), {"gateway": BEGINNING}, quarantine=quarantine)
    bus.run_until(lambda: subscriber.following, "joined")
    stranger = frame_of(
        sent(1), ("Stranger", 1), sent(3), epoch=bus.publisher.epoch, tails={}  # type: ignore[arg-type]
    )  # fmt: skip
    bus.journal.append([stranger], 3, {"trade": 3})
    bus.publisher._socket.send(stranger)
    bus.publisher.publish(sent(4))
    bus.run_until(lambda: len(got) == 3, "the good ones")
    assert [one.seq for one in got] == [1, 3, 4]
    assert quarantine.count == 1
    kept = json.loads((tmp_path / "undecodable.jsonl").read_text())
    assert kept["source"] == "gateway.trade"
    assert "Stranger" in kept["problem"]
