"""One publisher, three gap-proof subscribers, against bare pyzmq with the same frames.

`python -m bench.bus ROLE DIRECTORY COUNT READ`: the harness (`bench.storm`) starts the roles; READ is the number of messages
that one socket read of the gateway brings, and that are published together. Subscribers print the seconds from
their first message to their last, of which the slowest one counts; all print the processor time they took meanwhile,
that of libzmq's threads included. The messages are made before the clock runs, from the bytes of a fill storm.
A role that *looks* decodes every message; the others know of the messages what the frames' heads say.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import msgspec
import zmq

from bench.frames import Shape, storm
from ipc.batch import Batch
from ipc.bus import LIVE, Context, Journal, Publisher, Responder, Source, Subscriber
from ipc.codec import MAX_COUNT, encode
from ipc.frame import Frame, Head
from ipc.loop import Loop
from ipc.runs import by_topic
from ipc.topics import BusMessage
from router.messages import Heartbeat, Message
from workers.gateway.framing import Frames, fields_of
from workers.gateway.inbound import Inbound

SUBSCRIBERS = 3
MADE = 30_000  # messages that are made; then they come again
TURN = 500  # messages, or one read, between two looks of the publisher at its command socket
TOPIC = "trade"
NOW_MS = 1_790_000_000_000  # an epoch and clocks of the length that they have
NOW_NS = NOW_MS * 1_000_000

Reads = list[tuple[Message, ...]]


class Packed(Head, frozen=True):
    """A frame, its messages still packed."""

    messages: bytes = b""


def reads(size: int) -> Reads:
    """What the gateway makes of a fill storm, `size` messages at a time: executions, statuses, commissions in turns."""
    inbound = Inbound(lambda _: None, lambda *_: None)
    for payload in Frames().feed(storm(Shape(MADE // 3, 1))):
        inbound.handle(fields_of(payload))
    messages = inbound.flush()
    return [tuple(messages[begin : begin + size]) for begin in range(0, MADE - MADE % size, size)]


def endpoints(directory: Path) -> Source:
    """Where the publisher is."""
    return Source("gateway", f"ipc://{directory}/g.pub", f"ipc://{directory}/g.cmd")


def publish(directory: Path, total: int, size: int) -> None:
    """Journal and publish `total` messages as fast as it goes, and serve replays until the input closes."""
    source = endpoints(directory)
    coming = islice(cycle(reads(size)), total // size)
    loop = Loop()
    with Context() as context:
        publisher = Publisher(context, "gateway", source.pub, Journal(directory / "journal", "gateway"))
        responder = Responder(context, source.cmd, lambda *_: None, publisher=publisher)
        loop.attach(responder)

        def pump() -> None:
            turn = list(islice(coming, max(1, TURN // size)))
            for read in turn:
                publisher.publish(*read)
            if turn:
                loop.after(0, pump)

        def beat() -> None:
            publisher.publish(Heartbeat("gateway", os.getpid(), "ready", "", {}))

        began = 0.0

        def on_word() -> None:
            nonlocal began
            if sys.stdin.readline() == "go\n":
                began = time.process_time()
                pump()
            else:
                loop.stop()

        loop.attach(sys.stdin.fileno(), on_word)
        loop.every(1.0, beat)  # says how far the publisher has come, as every process of the router does
        print("ready", flush=True)
        loop.run()
        print(json.dumps({"cpu_seconds": time.process_time() - began}), flush=True)
        responder.close()
        publisher.close()


def subscribe(directory: Path, total: int, size: int, *, look: bool = False) -> None:
    """Receive `total` messages, in order, none missing."""
    loop = Loop()
    with Context() as context:
        subscriber = Subscriber(context, [endpoints(directory)], (TOPIC,), positions={"gateway": LIVE})
        seen, first, began = 0, 0.0, 0.0

        def on_batch(batch: Batch) -> None:
            nonlocal seen, first, began
            if not first:
                first, began = time.perf_counter(), time.process_time()
            seen += len([envelope.message for envelope in batch]) if look else batch.counted
            if seen >= total:
                loop.stop()

        def tell() -> None:
            if subscriber.following:
                teller.cancel()
                print("ready", flush=True)

        loop.attach(subscriber, on_batch)
        teller = loop.every(0.01, tell)
        loop.run()
        report(first, began)
        subscriber.close()


def report(first: float, began: float) -> None:
    """What a subscriber took since its first message."""
    seconds, cpu_seconds = time.perf_counter() - first, time.process_time() - began
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds}), flush=True)


def count_frames(total: int, size: int) -> int:
    """How many frames so many messages come in."""
    return total // size * -(-size // MAX_COUNT)


def runs(size: int) -> list[tuple[Message, ...]]:
    """The messages of each frame that our publisher makes of the reads."""
    return [run for read in reads(size) for _, run in reversed(by_topic("gateway", read))]


def framed(run: tuple[Message, ...]) -> bytes:
    """A frame as our publisher sends it, but for the numbers."""
    return encode(Frame(TOPIC, NOW_MS, MADE, MADE, len(run), NOW_NS, NOW_NS, {TOPIC: MADE}, encode(run)))


def bare_publish(directory: Path, total: int, size: int, *, encoding: bool = False) -> None:
    """The same frames through a plain PUB socket, encoded before, or one by one."""
    made = runs(size)
    ready = [
        framed(run) for run in made
    ]  # few enough to stay in the caches, as the messages of `publish` are
    ring = map(framed, cycle(made)) if encoding else cycle(ready)
    context = zmq.Context()
    socket = context.socket(zmq.XPUB)  # PUB that tells of each subscription, so that none comes too late
    socket.setsockopt(zmq.XPUB_VERBOSE, 1)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.bind(endpoints(directory).pub)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(SUBSCRIBERS):
        socket.recv()
    began = time.process_time()
    for frame in islice(ring, count_frames(total, size)):
        socket.send(frame)
    sys.stdin.readline()
    print(json.dumps({"cpu_seconds": time.process_time() - began}), flush=True)
    socket.close()
    context.term()


def bare_subscribe(directory: Path, total: int, size: int, *, look: bool = False) -> None:
    """Count the frames of a plain SUB socket, or decode each and its messages."""
    head = msgspec.msgpack.Decoder(Packed).decode
    messages = msgspec.msgpack.Decoder(list[BusMessage]).decode
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(endpoints(directory).pub)
    print("ready", flush=True)
    socket.recv()
    first, began = time.perf_counter(), time.process_time()
    for _ in range(count_frames(total, size) - 1):
        frame = socket.recv()
        if look:
            messages(head(frame).messages)
    report(first, began)
    socket.close()
    context.term()


ROLES: dict[str, Callable[[Path, int, int], None]] = {
    "publish": publish,
    "subscribe": subscribe,
    "subscribe_looking": partial(subscribe, look=True),
    "bare_publish": bare_publish,
    "bare_publish_encoding": partial(bare_publish, encoding=True),
    "bare_subscribe": bare_subscribe,
    "bare_subscribe_looking": partial(bare_subscribe, look=True),
}

if __name__ == "__main__":
    ROLES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
