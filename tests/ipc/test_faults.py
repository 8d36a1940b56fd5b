"""The bus with real processes: SIGKILL of a publisher in mid-burst, its journal torn, SIGSTOP of a subscriber."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import zmq

from ipc.bus import BEGINNING, Context, Envelope, JournalReader, Loop, Options, Position, Reset, Subscriber
from tests.helpers import PROJECT
from tests.ipc import process
from tests.ipc.helpers import Bus, sent

KILLS = int(os.environ.get("KILLS", "8"))


class Process:
    """One of tests.ipc.process."""

    def __init__(self, role: str, root: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.ipc.process", role, str(root), *arguments]
        self.popen = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        """The next line that it says."""
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.popen.kill()
        self.popen.wait()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


@pytest.fixture
def root(short_dir: Path) -> Path:
    """Where the processes of this test have their sockets and journals."""
    return short_dir


@pytest.fixture
def start(root: Path) -> Iterator[Callable[..., Process]]:
    """Starts processes; those that a test leaves running are killed before its directory goes."""
    started: list[Process] = []

    def start(role: str, *arguments: str) -> Process:
        started.append(Process(role, root, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.kill()


class Listener:
    """A subscriber in the test's process."""

    def __init__(self, root: Path, start: Position = BEGINNING) -> None:
        self.context, self.loop = Context(), Loop()
        self.got: list[Envelope] = []
        self.resets: list[Reset] = []
        self.subscriber = Subscriber(
            self.context,
            [process.source(root)],
            ("trade",),
            {"gateway": start},
            on_reset=self.resets.append,
        )
        self.goal = 0
        self.loop.attach(self.subscriber, self._on)

    def _on(self, envelopes: Sequence[Envelope]) -> None:
        self.got += envelopes
        if self.got[-1].seq >= self.goal:
            self.loop.stop()

    def listen_until(self, seq: int) -> None:
        """Serve until this seq, or a later one, was delivered."""
        if self.got and self.got[-1].seq >= seq:
            return
        self.goal = seq

        def late() -> None:
            raise AssertionError(
                f"seq {seq} has not come: {self.subscriber.stats}, {self.subscriber.positions}"
            )

        timer = self.loop.after(30, late)
        self.loop.run()
        timer.cancel()

    def close(self) -> None:
        """Close it."""
        self.context.close()
        self.loop.close()


@pytest.fixture
def listener(root: Path) -> Iterator[Listener]:
    """A subscriber from the beginning."""
    listener = Listener(root)
    yield listener
    listener.close()


def journalled(root: Path) -> list[int]:
    """The seqs in the publisher's journal."""
    return [envelope.seq for envelope in JournalReader(root / "journal" / "gateway").read()]


def test_publisher_killed_in_mid_burst(root: Path, start: Callable[..., Process], listener: Listener) -> None:
    """Killed again and again while it publishes: every message of the journal comes once, in order, unchanged."""
    for life in range(KILLS):
        publisher = start("publisher")
        assert publisher.line() == "ready"
        listener.listen_until((listener.got[-1].seq if listener.got else 0) + 500 + 37 * life)
        publisher.kill()
    publisher = Process(
        "publisher", root
    )  # one more life, so that the last words of the one before are heard
    assert publisher.line() == "ready"
    written = journalled(root)
    listener.listen_until(written[-1])
    publisher.kill()
    seqs = [one.seq for one in listener.got]
    assert seqs == list(range(1, len(seqs) + 1))
    assert all(one.message == sent(one.seq) for one in listener.got)
    assert len({one.epoch for one in listener.got}) == KILLS + 1
    assert listener.resets == []
    assert listener.subscriber.stats["gateway"].restarts == KILLS


def test_subscriber_killed_with_the_publisher(root: Path, start: Callable[..., Process]) -> None:
    """A subscriber that comes back with the position it kept continues exactly after it."""
    publisher = start("publisher")
    assert publisher.line() == "ready"
    first = Listener(root)
    first.listen_until(300)
    kept = first.got[200]
    first.close()
    publisher.kill()
    publisher = start("publisher")
    second = Listener(root, Position(kept.epoch, kept.seq))
    second.listen_until(kept.seq + 2_000)
    publisher.kill()
    assert [one.seq for one in second.got][:2_000] == list(range(kept.seq + 1, kept.seq + 2_001))
    assert second.resets == []
    second.close()


@pytest.mark.parametrize("torn", [1, 40, 5_000])
def test_journal_torn_with_its_publisher(
    root: Path, start: Callable[..., Process], listener: Listener, torn: int
) -> None:
    """Machine lost, end of the journal gone: what was heard of it is declared lost by a reset, never mixed up."""
    publisher = start("publisher")
    assert publisher.line() == "ready"
    listener.listen_until(1_000)
    publisher.kill()
    before = journalled(root)[-1]
    listener.listen_until(min(before, listener.got[-1].seq))
    segment = JournalReader(root / "journal" / "gateway").segments()[-1]
    with segment.open("rb+") as file:
        file.truncate(max(0, segment.stat().st_size - torn))
    kept = journalled(root)
    assert kept == list(range(1, len(kept) + 1))
    publisher = start("publisher")
    assert publisher.line() == "ready"
    listener.goal = 1 << 62
    published = listener.loop.every(
        0.005, lambda: listener.loop.stop() if caught_up(listener, before) else None
    )
    listener.loop.run()
    published.cancel()
    publisher.kill()
    heard = max(one.seq for one in listener.got if one.epoch == listener.got[0].epoch)
    assert [reset.before.seq for reset in listener.resets] == ([heard] if heard > len(kept) else [])
    for one in listener.got:
        assert one.message == sent(one.seq)


def caught_up(listener: Listener, seq: int) -> bool:
    """Whether the subscriber follows the publisher's second life beyond a seq of its first."""
    stats = listener.subscriber.stats["gateway"]
    return (stats.restarts + stats.resets) > 0 and listener.subscriber.positions["gateway"].seq > seq + 100


def test_stopped_subscriber_gets_everything_afterwards(root: Path, start: Callable[..., Process]) -> None:
    """SIGSTOP in mid-stream until far more was published than the queues hold: after SIGCONT nothing is missing."""
    bus = Bus(root, options=Options(send_hwm=10))
    last = 6_000
    padding = "x" * 2_000
    subscriber = start("subscriber", str(last))

    def publish(number: int) -> None:
        bus.publisher.publish(sent(number).__class__(padding, (number,)))

    publish(1)
    bus.loop.attach(subscriber.popen.stdout.fileno(), bus.loop.stop)  # type: ignore[union-attr]  # it is a pipe
    bus.loop.run()
    assert subscriber.line() == "ready"
    os.kill(subscriber.popen.pid, signal.SIGSTOP)
    for number in range(2, last + 1):
        publish(number)
    os.kill(subscriber.popen.pid, signal.SIGCONT)
    bus.loop.run()
    said = json.loads(subscriber.line())
    assert said["complete"]
    assert said["replayed"] > 0
    assert said["resets"] == 0
    bus.close()


def test_subscriber_stopped_for_too_long_is_disconnected_and_comes_back(
    root: Path, start: Callable[..., Process]
) -> None:
    """Beyond the heartbeat time-out the publisher frees what waits for it; it reconnects by itself and misses nothing."""
    bus = Bus(root, options=Options(heartbeat_ms=50, heartbeat_timeout_ms=100))
    monitor = bus.publisher._socket.get_monitor_socket(zmq.Event.DISCONNECTED)
    subscriber = start("subscriber", "3")
    bus.publisher.publish(sent(1))
    bus.loop.attach(subscriber.popen.stdout.fileno(), bus.loop.stop)  # type: ignore[union-attr]  # it is a pipe
    bus.loop.run()
    assert subscriber.line() == "ready"
    os.kill(subscriber.popen.pid, signal.SIGSTOP)
    assert monitor.poll(10_000)
    bus.publisher.publish(sent(2), sent(3))
    os.kill(subscriber.popen.pid, signal.SIGCONT)
    bus.loop.run()
    assert json.loads(subscriber.line())["complete"]
    bus.publisher._socket.disable_monitor()
    monitor.close()
    bus.close()
