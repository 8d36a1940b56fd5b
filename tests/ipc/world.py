"""A follower with the real publisher, journal and replayer behind it; only the wire is the test's."""

from __future__ import annotations

import shutil
from collections import deque
from pathlib import Path

from ipc.codec import read_frame
from ipc.follower import Ask, Delivery, Follower, Reset, Timing
from ipc.frame import BEGINNING, Envelope, Position, RawFrame
from ipc.journal import Journal
from ipc.protocol import BusReply, Lost
from ipc.replayer import Replayer
from router.messages import Message
from tests.ipc.helpers import Tape, opened, taped

MS = 1_000_000
TIMING = Timing()


class World:
    """A publisher, a follower, and the wire between them in the test's hand."""

    def __init__(
        self,
        directory: Path,
        topics: tuple[str, ...] = ("trade", "link"),
        start: Position | None = BEGINNING,
        *,
        chunk: int = 3,
        hold: int = 200_000,
        keep_bytes: int = 4 << 30,
    ) -> None:
        self.directory = directory
        self.now_ns = 10**12
        self.chunk = chunk
        self.keep_bytes = keep_bytes
        self.state: list[Message] = []
        self.epochs: set[int] = set()
        self.wire: deque[bytes] = deque()
        self.requests: deque[Ask] = deque()
        self.replies: deque[tuple[int, BusReply]] = deque()
        self.got: list[Envelope] = []
        self.resets: list[tuple[Reset, int]] = []  # and how much had been delivered by then
        self.up()
        self.follower = Follower("gateway", topics, start, now_ns=self.now_ns, timing=TIMING, hold=hold)

    # the publisher

    def up(self) -> None:
        """Start the publisher on the journal that is there."""
        self.tape = Tape()
        self.journal = Journal(
            self.directory, segment_bytes=600, keep_bytes=self.keep_bytes, wall_ns=lambda: self.now_ns
        )
        self.epochs.add(self.journal.epoch)
        self.publisher = taped(self.journal, self.tape, monotonic_ns=lambda: self.now_ns)
        self.replayer = Replayer(self.publisher, lambda: self.state, chunk=self.chunk)

    def restart(self, *, torn: int = 0) -> None:
        """Kill the publisher; of the last segment `torn` bytes are lost, as when the machine loses power."""
        self.publisher.close()
        if torn:
            path = self.journal.segment
            with path.open("rb+") as file:
                file.truncate(max(0, path.stat().st_size - torn))
        self.up()

    def publish(self, *messages: Message) -> None:
        """Publish; the frames are on the wire."""
        self.publisher.publish(*messages)
        self.wire += self.tape.frames
        self.tape.frames.clear()

    def fresh(self) -> None:
        """Kill the publisher and start it with an empty journal, at another millisecond than ever before."""
        self.publisher.close()
        while self.now_ns // MS in self.epochs:
            self.now_ns += MS
        shutil.rmtree(self.directory)
        self.up()

    # the wire

    def deliver(self) -> None:
        """The oldest frame on the wire arrives."""
        self.frame(read_frame(self.wire.popleft()))

    def frame(self, frame: RawFrame) -> None:
        """A frame arrives."""
        out: list[Delivery] = []
        self.follower.on_frames([frame], self.now_ns, out)
        self.take(out)

    def ask(self) -> None:
        """The request that is due, if any, is on its way."""
        asked = self.follower.due(self.now_ns)
        if asked is not None:
            self.requests.append(asked)

    def serve(self) -> None:
        """The oldest request arrives at the publisher; its reply is on the way."""
        asked = self.requests.popleft()
        self.replies.append((asked.number, self.replayer.answer(b"asker", asked.request)))

    def reply(self) -> None:
        """The oldest reply arrives."""
        self.answer(*self.replies.popleft())

    def answer(self, number: int, reply: BusReply) -> None:
        """A reply arrives."""
        raws = () if isinstance(reply, Lost) else reply.frames
        out: list[Delivery] = []
        self.follower.on_reply(number, reply, [read_frame(raw) for raw in raws], self.now_ns, out)
        self.take(out)

    def take(self, out: list[Delivery]) -> None:
        """What the follower hands on."""
        self.resets += ((reset, len(self.got)) for reset in self.follower.take_resets())
        for frame, skip, snapshot in out:
            self.got += opened(frame, skip=skip, snapshot=snapshot)

    def settle(self) -> None:
        """From now on nothing is lost: everything on its way arrives, questions are asked and answered."""
        for _ in range(300):
            while self.wire:
                self.deliver()
            self.ask()
            while self.requests:
                self.serve()
            while self.replies:
                self.reply()
            self.now_ns += 50 * MS
            if self.follower.following and self.follower.position.seq >= self.journal.seq and not self.wire:
                return
        raise AssertionError("the follower does not catch up")

    @property
    def numbers(self) -> list[int]:
        """seqs of the journalled messages delivered since the last reset, those of snapshots apart."""
        since = self.resets[-1][1] if self.resets else 0
        return [
            one.seq
            for one in self.got[since:]
            if not one.snapshot and one.topic not in ("quote", "heartbeat")
        ]
