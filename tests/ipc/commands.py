"""A requester and a responder over real sockets, served by hand or by a loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import zmq

from ipc.bus import Context, Requester, Responder
from router.messages import CancelOrders, CancelReply, FindDelivery, Message, PlaceReply, StatusQuery


class Clock:
    """Monotonic time that the test may move forward."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def __call__(self) -> int:
        return time.monotonic_ns() + self.ahead_ns

    def forward(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self.ahead_ns += int(seconds * 1e9)


def cancel(name: str) -> CancelOrders:
    """A command whose reply is kept."""
    return CancelOrders((name,))


def find(name: str) -> FindDelivery:
    """A query."""
    return FindDelivery(name)


def echo(request_id: str, message: Message) -> Message | None:
    """Answers at once, with what was asked."""
    match message:
        case CancelOrders():
            return CancelReply(message.refs)
        case FindDelivery():
            return PlaceReply(message.delivery, "unknown")
        case _:
            assert isinstance(message, StatusQuery)
            return None


class Pair:
    """One process that asks and one that answers, in one thread."""

    def __init__(
        self, root: Path, handler: Callable[[str, Message], Message | None] = echo, **options: object
    ) -> None:
        self.endpoint = f"ipc://{root}/run/x.cmd"
        self.clock = Clock()
        self.handler = handler
        self.options = options
        self.asking = Context()
        self.requester = Requester(self.asking, self.endpoint, monotonic_ns=self.clock)
        self.up()

    def up(self) -> None:
        """Start the process that answers."""
        self.answering = Context()
        self.responder = Responder(
            self.answering, self.endpoint, self.handler, **self.options  # type: ignore[arg-type]
        )  # fmt: skip

    def down(self) -> None:
        """Kill it: nothing that it knew remains."""
        self.answering.close()

    def serve_until(self, done: Callable[[], object], what: str, *, answer: bool = True) -> None:
        """Serve both sides until `done`; fails the test naming `what` when that takes too long."""
        poller = zmq.Poller()
        things: list[Requester | Responder] = [self.requester, *([self.responder] if answer else [])]
        for thing in things:
            poller.register(thing.sockets[0], zmq.POLLIN)
        deadline = time.monotonic() + 10
        while not done():
            assert time.monotonic() < deadline, f"not in time: {what}"
            poller.poll(5)
            for thing in things:
                thing.receive()

    def close(self) -> None:
        """Close both."""
        self.asking.close()
        self.answering.close()
