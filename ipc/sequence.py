"""Whether a frame continues what was delivered: gap, duplicate, other epoch, lateness. Pure.

One `Tracker` follows one publisher on some of its topics. Its state is one seq and the tails of those topics:
everything wanted up to that seq has been delivered, in order, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from ipc.frame import Head, Position
from ipc.topics import JOURNALLED


class Verdict(Enum):
    """What a frame is to a tracker."""

    IN_ORDER = "in order"  # deliver; the tracker has moved on
    DUPLICATE = "duplicate"  # delivered before; drop
    GAP = "gap"  # something wanted before it is missing; the tracker stays
    OTHER_EPOCH = "other epoch"  # the publisher was restarted, or this is left from before it was


class Judgement(NamedTuple):
    """A verdict, and for IN_ORDER how many leading messages of the frame were delivered before."""

    verdict: Verdict
    skip: int = 0


_IN_ORDER = Judgement(Verdict.IN_ORDER)
_DUPLICATE = Judgement(Verdict.DUPLICATE)
_GAP = Judgement(Verdict.GAP)
_OTHER_EPOCH = Judgement(Verdict.OTHER_EPOCH)


class Tracker:
    """Where a subscriber stands with one publisher. Not started, it knows nothing and may judge nothing."""

    __slots__ = ("_tails", "epoch", "missed", "seq", "started", "topics")

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = tuple(sorted(JOURNALLED.intersection(topics)))
        self.started = False
        self.epoch = -1
        self.seq = -1
        self.missed: dict[str, int] = {}  # ephemeral topic -> messages that never came
        self._tails: dict[str, int] = {}

    @property
    def position(self) -> Position:
        """Everything wanted up to here was delivered."""
        return Position(self.epoch, self.seq)

    def start(self, epoch: int, seq: int, tails: Mapping[str, int]) -> None:
        """Stand at `seq`, where the topics had come as far as `tails`."""
        self.started = True
        self.epoch = epoch
        self.seq = seq
        self._tails = {topic: tails.get(topic, 0) for topic in self.topics}
        self._tails |= {topic: tail for topic, tail in tails.items() if topic not in JOURNALLED}

    def stop(self) -> None:
        """Forget where that was; the position stays readable."""
        self.started = False

    def take(self, head: Head) -> Judgement:
        """Judge a live frame of a journalled topic and, if it is in order, move on past it."""
        if head.epoch != self.epoch:
            return _OTHER_EPOCH
        return self.replay(head)

    def replay(self, head: Head) -> Judgement:
        """The same for a frame out of the journal, which may be of an earlier epoch."""
        here, seq, topic, tails = self.seq, head.seq, head.topic, self._tails
        last = seq + head.count - 1
        if last <= here:
            return _DUPLICATE
        skip = here + 1 - seq if seq <= here else 0
        told = head.tails
        for name in self.topics:
            tail = told.get(name, 0)
            if name == topic:
                tail += skip
            if tail != tails[name]:
                return _GAP
        self.seq = last
        if topic in tails:
            tails[topic] = head.topic_seq + head.count - 1
        return Judgement(Verdict.IN_ORDER, skip) if skip else _IN_ORDER

    def hear(self, head: Head) -> Judgement:
        """Judge a frame of an ephemeral topic: never a gap in itself, but it may show one (see `lacks`)."""
        if head.epoch != self.epoch:
            return _OTHER_EPOCH
        tail = self._tails.get(head.topic)
        skip = 0
        if tail is not None:
            skip = max(0, tail + 1 - head.topic_seq)
            if skip >= head.count:
                return _DUPLICATE
            if head.topic_seq > tail + 1:
                self.missed[head.topic] = self.missed.get(head.topic, 0) + head.topic_seq - tail - 1
        self._tails[head.topic] = head.topic_seq + head.count - 1
        return Judgement(Verdict.IN_ORDER, skip) if skip else _IN_ORDER

    def lacks(self, head: Head) -> bool:
        """Whether an ephemeral frame of this epoch shows that something wanted before it has not come.

        If nothing has, the tracker moves on to the seq that the frame tells.
        """
        if head.seq < self.seq:  # older than what was replayed meanwhile
            return False
        if not self.agrees(head.tails):
            return True
        self.seq = head.seq
        return False

    def agrees(self, tails: Mapping[str, int]) -> bool:
        """Whether the topics have come exactly this far."""
        own = self._tails
        return all(tails.get(topic, 0) == own[topic] for topic in self.topics)

    def reach(self, epoch: int, seq: int, tails: Mapping[str, int]) -> bool:
        """After a replay up to `seq`: move on to it, or return False when something wanted is missing."""
        if seq >= self.seq:
            if not self.agrees(tails):
                return False
            self.seq = seq
        if epoch != self.epoch:
            self.epoch = epoch
            for topic in self._tails.keys() - set(self.topics):
                del self._tails[topic]  # ephemeral topics count anew in each epoch
        return True
