"""The publisher's side of repair: replay out of the journal, and snapshots, both in small pieces.

A piece is small so that a subscriber far behind costs the publisher a millisecond at a time, never a stall.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ipc.codec import MAX_FRAME, encode
from ipc.frame import Frame, Position
from ipc.protocol import BusReply, BusRequest, Lost, SnapshotPart, Sync, Synced, TakeSnapshot
from ipc.publisher import Publisher
from ipc.reader import Entry
from ipc.runs import by_topic, halves
from router.messages import Message

PIECE_BYTES = 1 << 18
MAX_SNAPSHOTS = 8  # kept at once for subscribers that are reading them

TakeState = Callable[[], Iterable[Message]]


class _Snapshot(NamedTuple):
    epoch: int
    seq: int
    tails: dict[str, int]
    parts: list[list[bytes]]


class Replayer:
    """Answers the bus's own requests for one publisher. `chunk` is the number of journal records in one answer.

    `take` gives the present state as messages; it is called in the publisher's thread, so that no message is
    published between the state and the seq that the snapshot says it covers.
    """

    def __init__(self, publisher: Publisher, take: TakeState, *, chunk: int = 500) -> None:
        self._publisher = publisher
        self._take = take
        self._chunk = chunk
        self._snapshots: OrderedDict[tuple[bytes, int], _Snapshot] = OrderedDict()

    def answer(self, asker: bytes, request: BusRequest) -> BusReply:
        """The reply to one request of the subscriber `asker` (the identity of its connection)."""
        if isinstance(request, TakeSnapshot):
            return self._part(asker, request)
        try:
            return self._sync(request)
        except OSError as error:
            return Lost(self._publisher.name, f"the journal cannot be read: {error}")

    # ------------------------------------------------------------ replay

    def _sync(self, request: Sync) -> BusReply:
        publisher, journal = self._publisher, self._publisher.journal
        tails = dict(journal.tails)
        if request.seq < 0:
            return Synced(publisher.name, publisher.epoch, journal.seq, journal.seq, tails, tails)
        if request.seq > journal.seq or request.epoch > publisher.epoch:
            here = f"this journal ends at seq {journal.seq} of epoch {publisher.epoch}"
            return Lost(
                publisher.name, f"seq {request.seq} of epoch {request.epoch} is of another journal: {here}"
            )
        entries = journal.entries(after=max(0, request.seq - 1))
        first = next(entries, None)
        before = self._tails_at(Position(request.epoch, request.seq), first)
        if before is None:
            return Lost(
                publisher.name, f"seq {request.seq} of epoch {request.epoch} is not in the journal any more"
            )
        frames: list[bytes] = []
        through, after, size, scanned = request.seq, before, 0, 0
        entry = first
        while entry is not None and scanned < self._chunk and size < PIECE_BYTES:
            head = entry.head
            if head.last > request.seq:
                scanned += 1
                through, after = head.last, head.tails_after
                if head.topic in request.topics:
                    frames.append(entry.body)
                    size += len(entry.body)
            entry = next(entries, None)
        if entry is None:
            through, after = journal.seq, tails
        return Synced(publisher.name, publisher.epoch, journal.seq, through, before, after, tuple(frames))

    def _tails_at(self, position: Position, first: Entry | None) -> dict[str, int] | None:
        """How far the topics had come at a position; None when the journal does not reach back to it.

        `first` is the journal's first record that ends at the position or later. The position is of this journal
        if the record there was written in its epoch or before; a later epoch means that it was written anew.
        """
        if first is not None and first.head.seq <= position.seq:
            if first.head.epoch > position.epoch:
                return None
            head = first.head
            return {**head.tails, head.topic: head.topic_seq + position.seq - head.seq}
        oldest = self._publisher.journal.oldest()
        if oldest is None or oldest.seq != position.seq + 1:
            return None
        return oldest.tails if position.seq == 0 or oldest.epoch <= position.epoch else None

    # ------------------------------------------------------------ snapshot

    def _part(self, asker: bytes, request: TakeSnapshot) -> SnapshotPart:
        key = (asker, request.ticket)
        if key not in self._snapshots and request.part == 0:
            self._snapshots[key] = self._snapshot(request.topics)
            if len(self._snapshots) > MAX_SNAPSHOTS:
                self._snapshots.popitem(last=False)
        name = self._publisher.name
        snapshot = self._snapshots.get(key)
        if snapshot is None or request.part >= len(snapshot.parts):
            return SnapshotPart(name, self._publisher.epoch, 0, {}, part=-1, parts=0)
        self._snapshots.move_to_end(key)
        epoch, seq, tails, parts = snapshot
        return SnapshotPart(name, epoch, seq, tails, request.part, len(parts), tuple(parts[request.part]))

    def _snapshot(self, topics: tuple[str, ...]) -> _Snapshot:
        publisher = self._publisher
        state = [*self._take()]
        tails = {**publisher.journal.tails, **publisher.ephemeral}
        parts: list[list[bytes]] = [[]]
        size = 0
        for frame in self._frames(state, topics, tails):
            if size >= PIECE_BYTES:
                parts.append([])
                size = 0
            parts[-1].append(frame)
            size += len(frame)
        return _Snapshot(publisher.epoch, publisher.seq, tails, parts)

    def _frames(
        self, state: list[Message], topics: tuple[str, ...], tails: Mapping[str, int]
    ) -> Iterable[bytes]:
        publisher = self._publisher
        now_ns, at_ns = time.monotonic_ns(), time.time_ns()
        runs = by_topic(publisher.name, state)
        while runs:
            topic, run = runs.pop()
            if topic.name not in topics:
                continue
            tail = tails.get(topic.name, 0)
            frame = encode(
                Frame(
                    topic.name, publisher.epoch, publisher.seq, tail, len(run), now_ns, at_ns, {}, encode(run)
                )
            )
            if len(frame) > MAX_FRAME:
                runs += halves(topic, run, len(frame))
            else:
                yield frame
