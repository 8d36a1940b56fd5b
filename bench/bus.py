"""One publisher, three gap-proof subscribers, against bare pyzmq with the same frames.

`python -m bench.bus ROLE DIRECTORY COUNT`: the harness (`bench.storm`) starts the roles. Subscribers print the
seconds from their first message to their last; the slowest one counts. The messages are made before the clock runs.
A role that *looks* decodes every message; the others know of the messages what the frames' heads say.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import zmq

from ipc.batch import Batch
from ipc.bus import LIVE, Context, Journal, Publisher, Responder, Source, Subscriber
from ipc.codec import encode
from ipc.frame import Frame, Head
from ipc.loop import Loop
from ipc.topics import BusMessage
from router.messages import CommissionReport, Heartbeat

SUBSCRIBERS = 3
BATCH = 20  # messages that one socket read brings
RING = 1_000  # batches that are made; then they come again
TURN = 25  # batches between two looks of the publisher at its command socket
TOPIC = "trade"

Batches = list[tuple[CommissionReport, ...]]


class Decoded(Head, frozen=True):
    """A frame with its messages."""

    messages: tuple[BusMessage, ...] = ()


def batches() -> Batches:
    """Batches of messages of the size that fills have."""
    return [
        tuple(
            CommissionReport(f"0000e0d5.{number:08x}.01.01", "9bbeedc541dd1c7a-mfqwpfk0-E", 1.0, "USD", None, False, number)
            for number in range(first, first + BATCH)
        )
        for first in range(0, RING * BATCH, BATCH)
    ]  # fmt: skip


def endpoints(directory: Path) -> Source:
    """Where the publisher is."""
    return Source("gateway", f"ipc://{directory}/g.pub", f"ipc://{directory}/g.cmd")


def publish(directory: Path, count: int) -> None:
    """Journal and publish `count` messages as fast as it goes, and serve replays until the input closes."""
    source, ring = endpoints(directory), batches()
    loop = Loop()
    with Context() as context:
        publisher = Publisher(context, "gateway", source.pub, Journal(directory / "journal", "gateway"))
        responder = Responder(context, source.cmd, lambda *_: None, publisher=publisher)
        loop.attach(responder)

        def pump(begin: int) -> None:
            end = min(begin + TURN, count // BATCH)
            for number in range(begin, end):
                publisher.publish(*ring[number % RING])
            if end < count // BATCH:
                loop.after(0, partial(pump, end))

        def beat() -> None:
            publisher.publish(Heartbeat("gateway", os.getpid(), "ready", "", {}))

        def on_word() -> None:
            if sys.stdin.readline() == "go\n":
                pump(0)
            else:
                loop.stop()

        loop.attach(sys.stdin.fileno(), on_word)
        loop.every(1.0, beat)  # says how far the publisher has come, as every process of the router does
        print("ready", flush=True)
        loop.run()
        responder.close()
        publisher.close()


def subscribe(directory: Path, count: int, *, look: bool = False) -> None:
    """Receive `count` messages, in order, none missing."""
    loop = Loop()
    with Context() as context:
        subscriber = Subscriber(context, [endpoints(directory)], (TOPIC,), positions={"gateway": LIVE})
        seen, first = 0, 0.0
        told = False

        def on_batch(batch: Batch) -> None:
            nonlocal seen, first
            first = first or time.perf_counter()
            seen += len([envelope.message for envelope in batch]) if look else batch.counted
            if seen >= count:
                loop.stop()

        def tell() -> None:
            nonlocal told
            if subscriber.following and not told:
                told = True
                print("ready", flush=True)

        loop.attach(subscriber, on_batch)
        loop.every(0.01, tell)
        loop.run()
        print(json.dumps({"seconds": time.perf_counter() - first, "seen": seen}), flush=True)
        subscriber.close()


def frames(count: int) -> Iterator[bytes]:
    """What our publisher sends, but for the numbers."""
    ring = batches()
    for first in range(0, count, BATCH):
        run = ring[first // BATCH % RING]
        yield encode(Frame(TOPIC, 1, first + 1, first + 1, BATCH, 0, 0, {TOPIC: first}, encode(run)))


def bare_publish(directory: Path, count: int, *, encoding: bool = False) -> None:
    """The same frames through a plain PUB socket, encoded before, or one by one."""
    prepared = frames(count) if encoding else list(frames(count))
    context = zmq.Context()
    socket = context.socket(zmq.XPUB)  # PUB that tells of each subscription, so that none comes too late
    socket.setsockopt(zmq.XPUB_VERBOSE, 1)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.bind(endpoints(directory).pub)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(SUBSCRIBERS):
        socket.recv()
    for frame in prepared:
        socket.send(frame)
    sys.stdin.readline()
    socket.close()
    context.term()


def bare_subscribe(directory: Path, count: int, *, look: bool = False) -> None:
    """Count frames of a plain SUB socket, or decode each and count its messages."""
    decode = msgspec.msgpack.Decoder(Decoded).decode
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(endpoints(directory).pub)
    print("ready", flush=True)
    socket.recv()
    seen, first = BATCH, time.perf_counter()
    while seen < count:
        frame = socket.recv()
        seen += len(decode(frame).messages) if look else BATCH
    print(json.dumps({"seconds": time.perf_counter() - first, "seen": seen}), flush=True)
    socket.close()
    context.term()


ROLES: dict[str, Callable[[Path, int], None]] = {
    "publish": publish,
    "subscribe": subscribe,
    "subscribe_looking": partial(subscribe, look=True),
    "bare_publish": bare_publish,
    "bare_publish_encoding": partial(bare_publish, encoding=True),
    "bare_subscribe": bare_subscribe,
    "bare_subscribe_looking": partial(bare_subscribe, look=True),
}

if __name__ == "__main__":
    ROLES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
