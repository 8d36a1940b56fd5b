"""One publisher, three gap-proof subscribers, against bare pyzmq with the same frames.

`python -m bench.bus ROLE DIRECTORY COUNT`: the harness (`bench.storm`) starts the roles. Subscribers print the
seconds from their first message to their last; the slowest one counts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import zmq

from ipc.bus import LIVE, Context, Envelope, Journal, Publisher, Responder, Source, Subscriber
from ipc.loop import Loop
from router.messages import CommissionReport, Heartbeat

SUBSCRIBERS = 3
BATCH = 20  # messages that one socket read brings
TOPIC = "trade"


def batch(first: int) -> list[CommissionReport]:
    """One batch of messages of the size that fills have."""
    return [
        CommissionReport(f"0000e0d5.{number:08x}.01.01", "9bbeedc541dd1c7a-mfqwpfk0-E", 1.0, "USD", None, False, number)
        for number in range(first, first + BATCH)
    ]  # fmt: skip


def endpoints(directory: Path) -> Source:
    """Where the publisher is."""
    return Source("gateway", f"ipc://{directory}/g.pub", f"ipc://{directory}/g.cmd")


def publish(directory: Path, count: int) -> None:
    """Journal and publish `count` messages as fast as it goes, and serve replays until the input closes."""
    source = endpoints(directory)
    loop = Loop()
    with Context() as context:
        publisher = Publisher(context, "gateway", source.pub, Journal(directory / "journal", "gateway"))
        responder = Responder(context, source.cmd, lambda *_: None, publisher=publisher)
        loop.attach(responder)
        sent = 0

        def pump() -> None:
            nonlocal sent
            publisher.publish(*batch(sent))
            sent += BATCH
            if sent < count:
                loop.after(0, pump)

        def beat() -> None:
            publisher.publish(Heartbeat("gateway", os.getpid(), "ready", "", {}))

        def on_word() -> None:
            if sys.stdin.readline() == "go\n":
                pump()
            else:
                loop.stop()

        loop.attach(sys.stdin.fileno(), on_word)
        loop.every(1.0, beat)  # says how far the publisher has come, as every process of the router does
        print("ready", flush=True)
        loop.run()
        responder.close()
        publisher.close()


def subscribe(directory: Path, count: int) -> None:
    """Receive `count` messages, in order, none missing."""
    loop = Loop()
    with Context() as context:
        subscriber = Subscriber(context, [endpoints(directory)], (TOPIC,), positions={"gateway": LIVE})
        seen, first = 0, 0.0
        told = False

        def on_envelopes(envelopes: list[Envelope]) -> None:
            nonlocal seen, first
            first = first or time.perf_counter()
            seen += len(envelopes)
            if seen >= count:
                loop.stop()

        def tell() -> None:
            nonlocal told
            if subscriber.following and not told:
                told = True
                print("ready", flush=True)

        loop.attach(subscriber, on_envelopes)
        loop.every(0.01, tell)
        loop.run()
        print(json.dumps({"seconds": time.perf_counter() - first, "seen": seen}), flush=True)
        subscriber.close()


def bare_publish(directory: Path, count: int) -> None:
    """The same frames, encoded before, through a plain PUB socket."""
    from ipc.codec import encode
    from ipc.frame import Frame

    frames = [
        encode(Frame(TOPIC, 1, first + 1, first + 1, BATCH, 0, 0, {TOPIC: first}, tuple(batch(first))))
        for first in range(0, count, BATCH)
    ]
    context = zmq.Context()
    socket = context.socket(zmq.XPUB)  # PUB that tells of each subscription, so that none comes too late
    socket.setsockopt(zmq.XPUB_VERBOSE, 1)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.bind(endpoints(directory).pub)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(SUBSCRIBERS):
        socket.recv()
    for frame in frames:
        socket.send(frame)
    sys.stdin.readline()
    socket.close()
    context.term()


def bare_subscribe(directory: Path, count: int) -> None:
    """Count frames of a plain SUB socket."""
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(endpoints(directory).pub)
    print("ready", flush=True)
    socket.recv()
    first = time.perf_counter()
    for _ in range(count // BATCH - 1):
        socket.recv()
    print(json.dumps({"seconds": time.perf_counter() - first, "seen": count}), flush=True)
    socket.close()
    context.term()


ROLES = {
    "publish": publish,
    "subscribe": subscribe,
    "bare_publish": bare_publish,
    "bare_subscribe": bare_subscribe,
}

if __name__ == "__main__":
    ROLES[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
