"""Messages to publish, a publisher whose wire is a list, and a whole bus in a directory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import zmq

from ipc.bus import Context, Envelope, Journal, Loop, Options, Publisher, Responder, Source, Subscriber
from ipc.codec import Undecodable, encode, envelopes
from ipc.frame import Frame, RawFrame
from router.messages import (
    CommandRefused,
    ContractSpec,
    ExecutionFill,
    Heartbeat,
    LinkPhase,
    LinkState,
    Message,
    OrderSent,
    PnLSnapshot,
    Quote,
)

SPY = ContractSpec("STK", "SPY", con_id=756733)


def sent(number: int) -> OrderSent:
    """A message of the trade topic that carries a number."""
    return OrderSent(f"signal-{number}-abc", (number,))


def fill(number: int) -> ExecutionFill:
    """A message of the trade topic with everything a real one has."""
    return ExecutionFill(
        f"0000e0d5.{number:08x}.01.01",
        f"signal-{number}-abc-E",
        10_000 + number,
        number,
        1,
        "DU123456",
        SPY,
        "BUY",
        1.0,
        450.12,
        float(number),
        450.11,
        "ARCA",
        datetime(2026, 1, 2, 15, 30, tzinfo=UTC),
        False,
        number,
    )


def pnl(number: int) -> PnLSnapshot:
    """A message of the portfolio topic that carries a number."""
    return PnLSnapshot("DU123456", number, 1.0, 2.0, None, None, number)


def link(number: int) -> LinkState:
    """A message of the link topic that carries a number."""
    return LinkState(LinkPhase.READY, "test", client_id=number)


def quote(number: int) -> Quote:
    """A message of the quote topic that carries a number."""
    return Quote(number, "SPY", 450.1, 450.2, 450.15, 1.0, 1.0, number)


def beat(number: int = 0) -> Heartbeat:
    """A heartbeat of the gateway."""
    return Heartbeat("gateway", 1, "ready", "", {"n": number})


def frame_of(*messages: Message, topic: str = "trade", seq: int = 1, epoch: int = 1, **more: object) -> bytes:
    """A frame as a publisher would make it."""
    fields: dict[str, object] = {"topic_seq": seq, "published_ns": 0, "at_ns": 0, "tails": {topic: seq - 1}}
    fields |= {"count": len(messages)} | more
    return encode(Frame(topic, epoch, seq, messages=encode(messages), **fields))  # type: ignore[arg-type]  # test data


def opened(frame: RawFrame, *, skip: int = 0, snapshot: bool = False) -> list[Envelope]:
    """The envelopes of a frame of the gateway, all of which must decode."""
    bad: list[Undecodable] = []
    found = envelopes("gateway", frame, skip=skip, snapshot=snapshot, aside=bad.append)
    assert not bad
    return found


def messages_in(frame: RawFrame) -> list[Message]:
    """The messages of a frame."""
    return [envelope.message for envelope in opened(frame)]


class Tape:
    """Stands for a context and its PUB socket: what is sent is appended to `frames`."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def socket(self, kind: zmq.SocketType) -> Tape:
        """The tape is the socket."""
        return self

    def bind(self, socket: Tape, endpoint: str) -> None:
        """A tape is nowhere."""

    def send(self, frame: bytes, flags: int) -> None:
        """Keep the frame."""
        self.frames.append(frame)

    def close(self) -> None:
        """Nothing to close."""


def taped(
    journal: Journal,
    tape: Tape,
    name: str = "gateway",
    *,
    wall_ns: Callable[[], int] = time.time_ns,
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
) -> Publisher:
    """A real publisher with a real journal, whose frames go to a tape."""
    return Publisher(cast(Context, tape), name, "", journal, wall_ns=wall_ns, monotonic_ns=monotonic_ns)


def refuse(request_id: str, message: Message) -> CommandRefused:
    """A handler for a bus that takes no commands."""
    return CommandRefused("UNKNOWN_COMMAND", f"{request_id} {message}")


class Bus:
    """A publisher `gateway` with its command socket, and subscribers, in one loop of the test's thread."""

    def __init__(self, root: Path, *, segment_bytes: int = 64 << 20, options: Options | None = None) -> None:
        run = root / "run"
        self.source = Source("gateway", f"ipc://{run}/gateway.pub", f"ipc://{run}/gateway.cmd")
        self.root = root
        self.context = Context()
        self.loop = Loop()
        self.snapshot: Callable[[], Iterable[Message]] = tuple
        self.options = options
        self.segment_bytes = segment_bytes
        self.start()

    def start(self) -> None:
        """Start the publisher, with whatever journal there is."""
        self.server = Context(self.options)
        self.journal = Journal(self.root / "journal" / "gateway", segment_bytes=self.segment_bytes)
        self.publisher = Publisher(self.server, "gateway", self.source.pub, self.journal)
        self.responder = Responder(
            self.server, self.source.cmd, refuse, publisher=self.publisher, snapshot=self._snapshot
        )
        self.loop.attach(self.responder)

    def _snapshot(self) -> Iterable[Message]:
        return self.snapshot()

    def stop(self) -> None:
        """End the publisher in good order."""
        self.loop.detach(self.responder)
        self.server.close()
        self.journal.close()

    def subscriber(
        self, topics: Iterable[str], *args: object, **kwargs: object
    ) -> tuple[Subscriber, list[Envelope]]:
        """A subscriber served by the loop, and the list that its envelopes are added to."""
        got: list[Envelope] = []
        subscriber = Subscriber(self.context, [self.source], tuple(topics), *args, **kwargs)  # type: ignore[arg-type]
        self.loop.attach(subscriber, got.extend)
        return subscriber, got

    def run_until(self, done: Callable[[], object], what: str, *, seconds: float = 10.0) -> None:
        """Serve until `done`; fails the test naming `what` when that takes too long."""
        late = False

        def give_up() -> None:
            nonlocal late
            late = True
            self.loop.stop()

        def look() -> None:
            if done():
                self.loop.stop()

        timers = [self.loop.after(seconds, give_up), self.loop.every(0.001, look)]
        if not done():
            self.loop.run()
        for timer in timers:
            timer.cancel()
        assert not late, f"not within {seconds} s: {what}"

    def close(self) -> None:
        """Close everything."""
        self.stop()
        self.context.close()
        self.loop.close()
