"""What a subscriber asks of a publisher's command socket, and the answers. Sent by `Subscriber`, answered by `Replayer`."""

from __future__ import annotations

from msgspec import Struct


class Sync(Struct, frozen=True, array_like=True, tag=True):
    """Send what came after this position on these topics. A negative `seq` asks only where you are now."""

    topics: tuple[str, ...]
    epoch: int
    seq: int


class Synced(Struct, frozen=True, array_like=True, tag=True):
    """Frames after the position asked for, as they were published, up to and with `through`.

    `before` and `after` are the topics' tails at the position and at `through`: they prove that nothing is
    missing in between. `head` is the publisher's own seq; more is to be had while `through` is less.
    """

    publisher: str
    epoch: int  # the publisher's present one
    head: int
    through: int
    before: dict[str, int]
    after: dict[str, int]
    frames: tuple[bytes, ...] = ()


class Lost(Struct, frozen=True, array_like=True, tag=True):
    """The position cannot be continued from: too old for the journal, or not of this journal. Take a snapshot."""

    publisher: str
    reason: str


class TakeSnapshot(Struct, frozen=True, array_like=True, tag=True):
    """Send one part of a snapshot of these topics. Part 0 of a new ticket takes it, the others read on."""

    topics: tuple[str, ...]
    ticket: int
    part: int = 0


class SnapshotPart(Struct, frozen=True, array_like=True, tag=True):
    """One part of a snapshot that covers everything up to and with `seq`. `parts` is 0 when the ticket expired."""

    publisher: str
    epoch: int
    seq: int
    tails: dict[str, int]  # of every topic, ephemeral ones too
    part: int
    parts: int
    frames: tuple[bytes, ...] = ()


BusRequest = Sync | TakeSnapshot
BusReply = Synced | Lost | SnapshotPart
