"""What one PUB message, one journal record and one replayed piece are: the same bytes, a msgpack array.

    [topic, epoch, seq, topic_seq, count, published_ns, at_ns, tails, messages]

`messages` is a msgpack array again, inside a bin: whoever only needs the head skips them in one step, where an array would
have to be walked through, which for a storm's frame of 256 messages took twenty times as long as the head.
`tails` tells of every journalled topic how far it had come before this frame. That makes any frame, a quote or
heartbeat too, show a subscriber whatever it missed on its own topics, whichever others it does not hear.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Raw, Struct

from router.messages import Message

START_MARK = ""  # topic of a record that only says: the publisher started, or a segment begins, here
NO_MESSAGES = b"\x90"  # the empty msgpack array


class Head(Struct, frozen=True, array_like=True):
    """Everything of a frame but its messages.

    Journalled: `seq` and `topic_seq` are the first message's; message i has seq + i and topic_seq + i. Both
    continue over restarts. Ephemeral: `seq` is that of the last journalled message before it, and `topic_seq`
    counts from 1 in each epoch.
    """

    topic: str
    epoch: int  # grows at each start of the publisher
    seq: int  # counts the publisher's journalled messages, from 1
    topic_seq: int  # counts the topic's messages, from 1
    count: int
    published_ns: int  # monotonic
    at_ns: int  # epoch nanoseconds
    tails: dict[str, int]  # journalled topic -> topic_seq of its last message before this frame

    @property
    def last(self) -> int:
        """The seq up to which a journalled frame reaches."""
        return self.seq + self.count - 1

    @property
    def tails_after(self) -> dict[str, int]:
        """How far every journalled topic had come with this frame."""
        return {**self.tails, self.topic: self.topic_seq + self.count - 1} if self.count else self.tails


class RawFrame(Head, frozen=True, gc=False):
    """A frame whose messages are not decoded yet: the bin around their array, or the bare array that they once were."""

    messages: Raw = Raw()


class Frame(Head, frozen=True):
    """A frame as it is encoded."""

    messages: bytes = NO_MESSAGES


class Position(NamedTuple):
    """How far a subscriber has come with one publisher: everything up to and with `seq`, seen in `epoch`."""

    epoch: int
    seq: int


BEGINNING = Position(0, 0)  # replay whatever the journal still holds, from its first message
LIVE = Position(-1, -1)  # nothing of the past: begin with what is published after joining


class Envelope(Struct, frozen=True, gc=False):
    """One message as a subscriber gets it.

    `seq` and `topic_seq` as in Head, for this very message. A message of a snapshot has `snapshot` True, and
    the seq that the snapshot covers: what follows it live has a greater one.
    """

    publisher: str
    epoch: int
    seq: int
    topic: str
    topic_seq: int
    published_ns: int
    at_ns: int
    message: Message
    snapshot: bool = False
