"""The sockets behind one `Follower`: a SUB to the publisher's frames and a DEALER to its command socket."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import zmq

from ipc.batch import Batch
from ipc.codec import DecodeError, decode_bus_reply, encode, read_frame, subscription
from ipc.context import Context
from ipc.follower import Delivery, Follower, Timing
from ipc.frame import Position, RawFrame
from ipc.letter import seal, unseal
from ipc.protocol import BusReply, Lost
from ipc.quarantine import Quarantine
from ipc.topics import HEARTBEAT


class Source(NamedTuple):
    """A publisher: its name in the topics table, its PUB endpoint, its command endpoint."""

    name: str
    pub: str
    cmd: str


class Feed:
    """One source of a subscriber."""

    def __init__(
        self,
        context: Context,
        source: Source,
        topics: Collection[str],
        start: Position | None,
        *,
        now_ns: int,
        quarantine: Quarantine,
        timing: Timing,
        receive_hwm: int | None,
    ) -> None:
        self.source = source
        self.follower = Follower(source.name, topics, start, now_ns=now_ns, timing=timing)
        self._quarantine = quarantine
        self.frames = context.socket(zmq.SUB, receive_hwm=receive_hwm)
        for topic in {*topics, HEARTBEAT}:
            self.frames.subscribe(subscription(topic))
        self.replies = context.socket(zmq.DEALER)
        context.connect(self.frames, source.pub, server=source.name)
        context.connect(self.replies, source.cmd, server=source.name)

    def receive(self, now_ns: int, limit: int, batch: Batch) -> None:
        """Read the replies and frames of about `limit` messages that have come, ask for what is missing."""
        deliveries: list[Delivery] = []
        asked = self.follower.asking
        if asked:
            self._read_replies(now_ns, deliveries)
        came = self._read_frames(now_ns, limit, deliveries)
        if not (came or asked):
            self._read_replies(
                now_ns, deliveries
            )  # a late one may have woken us; to look each time would be dear
        self.ask(now_ns)
        batch.add(self.source.name, deliveries)

    def ask(self, now_ns: int) -> None:
        """Send the request that is due, if one is."""
        asked = self.follower.due(now_ns)
        if asked is None:
            return
        try:
            self.replies.send(seal(b"%d" % asked.number, encode(asked.request)), zmq.NOBLOCK)
        except zmq.Again:
            self.follower.unsent(now_ns)

    def close(self) -> None:
        """Close the sockets."""
        self.frames.close()
        self.replies.close()

    def _read_frames(self, now_ns: int, limit: int, out: list[Delivery]) -> bool:
        receive, whole = self.frames.recv, limit
        frames: list[RawFrame] = []
        try:
            while limit > 0:
                raw = receive(zmq.NOBLOCK)
                limit -= 1
                try:
                    frame = read_frame(raw)
                except DecodeError as error:
                    self._unreadable(raw, error)
                else:
                    frames.append(frame)
                    limit -= frame.count
        except zmq.Again:
            pass
        self.follower.on_frames(frames, now_ns, out)
        return limit < whole

    def _read_replies(self, now_ns: int, out: list[Delivery]) -> None:
        try:
            while True:
                answer = self._reply(self.replies.recv(zmq.NOBLOCK))
                if answer is not None:
                    number, reply = answer
                    raws = () if isinstance(reply, Lost) else reply.frames
                    self.follower.on_reply(number, reply, self._readable(raws), now_ns, out)
        except zmq.Again:
            pass

    def _readable(self, raws: Sequence[bytes]) -> list[RawFrame]:
        frames = []
        for raw in raws:
            try:
                frames.append(read_frame(raw))
            except DecodeError as error:
                self._unreadable(raw, error)
        return frames

    def _unreadable(self, raw: bytes, error: DecodeError) -> None:
        self._quarantine.keep(f"{self.source.name}.pub", str(error), raw)

    def _reply(self, letter: bytes) -> tuple[int, BusReply] | None:
        try:
            number, payload = unseal(letter)
            reply = decode_bus_reply(payload)
            if reply.publisher != self.source.name:
                raise ValueError(f"{reply.publisher} answers at {self.source.cmd}: check the endpoints")
            return int(number), reply
        except (DecodeError, ValueError) as error:
            self._quarantine.keep(f"{self.source.name}.cmd", str(error), letter)
            return None
