"""Publisher: journal first, then PUB. It never waits for a subscriber."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from ipc.codec import MAX_FRAME, encode
from ipc.context import Context
from ipc.frame import Frame
from ipc.journal import Journal
from ipc.runs import by_topic, halves
from router.messages import Message


@dataclass
class _Batch:
    frames: list[bytes]  # to send
    records: list[bytes]  # those of them to journal
    seq: int
    tails: dict[str, int]
    ephemeral: dict[str, int]


class Publisher:
    """Publishes the messages that the topics table gives to `name`.

    `published` counts messages, `frames` frames. Raises at construction what `Context.bind` raises.
    """

    def __init__(
        self,
        context: Context,
        name: str,
        endpoint: str,
        journal: Journal,
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.journal = journal
        self.epoch = journal.epoch
        self.published = 0
        self.frames = 0
        self.ephemeral: dict[str, int] = {}  # ephemeral topic -> topic_seq of its last message
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        self._socket = context.socket(zmq.PUB)
        context.bind(self._socket, endpoint)

    @property
    def seq(self) -> int:
        """seq of the last journalled message."""
        return self.journal.seq

    def publish(self, *messages: Message, sync: bool = False) -> None:
        """Journal the messages with one write, then send them.

        Consecutive messages of one topic share a frame. With `sync` they are on the disk before anybody hears
        of them, and if that cannot be JournalError is raised and nothing was published. Without it a journal
        that is full does not stop the bus: records wait in memory and `journal.error` says why.
        Raises NotMyMessage and MessageTooLarge, in both cases before anything was written or sent.
        """
        batch = self._batch(messages)
        journal = self.journal
        if batch.records:
            journal.append(batch.records, batch.seq, batch.tails, sync=sync)
        elif journal.pending:
            journal.retry()
        self.ephemeral = batch.ephemeral
        send = self._socket.send
        for frame in batch.frames:
            send(frame, zmq.NOBLOCK)
        self.published += len(messages)
        self.frames += len(batch.frames)

    def _batch(self, messages: tuple[Message, ...]) -> _Batch:
        """Frames of the messages, and where the publisher stands after them. Changes nothing."""
        journal, epoch = self.journal, self.epoch
        batch = _Batch([], [], journal.seq, dict(journal.tails), self.ephemeral.copy())
        now_ns, at_ns = self._monotonic_ns(), self._wall_ns()
        runs = by_topic(self.name, messages)
        while runs:
            topic, run = runs.pop()
            name, count = topic.name, len(run)
            tails = batch.tails if topic.journalled else batch.ephemeral
            before = tails.get(name, 0)
            seq = batch.seq + 1 if topic.journalled else batch.seq
            frame = encode(
                Frame(name, epoch, seq, before + 1, count, now_ns, at_ns, batch.tails, encode(run))
            )
            if len(frame) > MAX_FRAME:
                runs += halves(topic, run, len(frame))
                continue
            tails[name] = before + count
            batch.frames.append(frame)
            if topic.journalled:
                batch.records.append(frame)
                batch.seq += count
        return batch

    def close(self) -> None:
        """Close the socket and the journal."""
        self._socket.close()
        self.journal.close()
