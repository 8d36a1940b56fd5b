"""`python -m bench.parts [READ]`: what one message costs in each part of the bus, in ns of processor time.

Reads of READ messages (20) and their frames as `bench.bus` has them; the best of several runs, in one thread, with warm caches: a floor, not what a process
that was just woken pays.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import zmq
from msgspec.structs import replace

from bench.bus import NOW_MS, NOW_NS, TOPIC, reads
from ipc.appender import Appender
from ipc.codec import encode, envelopes, read_frame
from ipc.follower import Delivery, Follower
from ipc.frame import LIVE, Frame, RawFrame
from ipc.protocol import Synced
from ipc.runs import by_topic
from ipc.segment import pack

RUNS = 15


class Storm:
    """The messages, and their frames numbered as a publisher would."""

    def __init__(self, size: int) -> None:
        self.reads = reads(size)
        self.runs = [run for read in self.reads for _, run in reversed(by_topic("gateway", read))]
        self.messages = sum(map(len, self.runs))
        self.raws: list[bytes] = []
        seq = 0
        for run in self.runs:
            head = Frame(TOPIC, NOW_MS, seq + 1, seq + 1, len(run), NOW_NS, NOW_NS, {TOPIC: seq})
            self.raws.append(encode(replace(head, messages=encode(run))))
            seq += len(run)

    def cost(self, work: Callable[[], object]) -> float:
        """ns a message of one call that deals with all of them."""
        times = []
        for _ in range(RUNS):
            begin_ns = time.thread_time_ns()
            work()
            times.append(time.thread_time_ns() - begin_ns)
        return min(times) / self.messages


def follow(opened: list[RawFrame]) -> None:
    """Heads judged, by a follower that has joined."""
    follower = Follower("gateway", (TOPIC,), LIVE, now_ns=0)
    out: list[Delivery] = []
    follower.on_reply(1, Synced("gateway", NOW_MS, 0, 0, {}, {}), (), 0, out)
    follower.on_frames(opened, 0, out)
    assert len(out) == len(opened)


def hop(raws: list[bytes]) -> None:
    """Sent and received within one process, without a wire."""
    with zmq.Context() as context, context.socket(zmq.XPUB) as pub, context.socket(zmq.SUB) as sub:
        pub.sndhwm = sub.rcvhwm = 0
        pub.bind("inproc://hop")
        sub.connect("inproc://hop")
        sub.subscribe(b"")
        pub.recv()  # the subscription is in force
        for raw in raws:
            pub.send(raw)
        for _ in raws:
            sub.recv()


def write(segment: Appender, records: list[bytes]) -> None:
    """Into the kernel's hands, one write a record."""
    for record in records:
        segment.append(record)


def look(opened: list[RawFrame]) -> None:
    """Each message decoded and dropped."""
    for frame in opened:
        envelopes("gateway", frame, aside=print)


def main() -> None:
    """Measure and print."""
    storm = Storm(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    runs, raws = storm.runs, storm.raws
    packed = [encode(run) for run in runs]
    records = [pack(raw) for raw in raws]
    opened = [read_frame(raw) for raw in raws]
    with tempfile.TemporaryDirectory() as directory:
        segment = Appender(Path(directory) / "segment")
        parts: dict[str, Callable[[], object]] = {
            "publisher: topic of each message": lambda: [by_topic("gateway", read) for read in storm.reads],
            "publisher: encode messages": lambda: [encode(run) for run in runs],
            "publisher: encode frame": lambda: [
                encode(Frame(TOPIC, NOW_MS, 1, 1, 20, NOW_NS, NOW_NS, {TOPIC: 0}, array)) for array in packed
            ],
            "publisher: checksum": lambda: [pack(raw) for raw in raws],
            "publisher: journal write": lambda: write(segment, records),
            "zmq: send and receive": lambda: hop(raws),
            "subscriber: read the head": lambda: [read_frame(raw) for raw in raws],
            "subscriber: order and gaps": lambda: follow(opened),
            "subscriber: decode, envelopes": lambda: look(opened),
        }
        for name, work in parts.items():
            print(f"{name:<34} {storm.cost(work):6.0f} ns a message")
        segment.close()


if __name__ == "__main__":
    main()
