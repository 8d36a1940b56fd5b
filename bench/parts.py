"""`python -m bench.parts`: what one message costs in each part of the bus, in ns of processor time.

Frames as `bench.bus` has them; the best of several runs, in one thread, with warm caches: a floor, not what a process
that was just woken pays.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import zmq

from bench.bus import BATCH, TOPIC, batches, frames
from ipc.appender import Appender
from ipc.codec import encode, envelopes, read_frame
from ipc.follower import Delivery, Follower
from ipc.frame import LIVE, Frame, RawFrame
from ipc.protocol import Synced
from ipc.runs import by_topic
from ipc.segment import pack

FRAMES = 1_000
RUNS = 15


def cost(work: Callable[[], object]) -> float:
    """ns a message of one call that deals with FRAMES frames."""
    times = []
    for _ in range(RUNS):
        begin_ns = time.thread_time_ns()
        work()
        times.append(time.thread_time_ns() - begin_ns)
    return min(times) / (FRAMES * BATCH)


def follow(read: list[bytes]) -> None:
    """Heads read and judged, by a follower that has joined."""
    follower = Follower("gateway", (TOPIC,), LIVE, now_ns=0)
    out: list[Delivery] = []
    follower.on_reply(1, Synced("gateway", 1, 0, 0, {}, {}), (), 0, out)
    follower.on_frames([read_frame(raw) for raw in read], 0, out)
    assert len(out) == FRAMES


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
    runs, raws = batches()[:FRAMES], list(frames(FRAMES * BATCH))
    records = [pack(raw) for raw in raws]
    opened = [read_frame(raw) for raw in raws]
    with tempfile.TemporaryDirectory() as directory:
        segment = Appender(Path(directory) / "segment")
        parts: dict[str, Callable[[], object]] = {
            "publisher: topic of each message": lambda: [by_topic("gateway", run) for run in runs],
            "publisher: encode": lambda: [
                encode(Frame(TOPIC, 1, 1, 1, BATCH, 0, 0, {TOPIC: 0}, encode(run))) for run in runs
            ],
            "publisher: checksum": lambda: [pack(raw) for raw in raws],
            "publisher: journal write": lambda: write(segment, records),
            "zmq: send and receive": lambda: hop(raws),
            "subscriber: read the head": lambda: [read_frame(raw) for raw in raws],
            "subscriber: head and order": lambda: follow(raws),
            "subscriber: decode, envelopes": lambda: look(opened),
        }
        for name, work in parts.items():
            print(f"{name:<34} {cost(work):6.0f} ns a message")
        segment.close()


if __name__ == "__main__":
    main()
