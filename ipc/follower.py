"""One subscriber's dealings with one publisher: frames and replies in, deliveries and requests out. Pure.

Subscribe first, sync second. Whatever cannot be delivered in order yet is held, and the publisher is asked for
what is missing; its answer proves by its tails that nothing is. When the position cannot be continued from,
a snapshot takes its place and a `Reset` says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ipc.clock import MS
from ipc.frame import Position, RawFrame
from ipc.protocol import BusReply, BusRequest, Lost, SnapshotPart, Sync, Synced, TakeSnapshot
from ipc.sequence import Tracker, Verdict
from ipc.topics import JOURNALLED

# A frame to hand on, how many of its first messages to leave out, and whether it is part of a snapshot.
Delivery = tuple[RawFrame, int, bool]


class Reset(NamedTuple):
    """The stream could not be continued at `before`: a snapshot that covers everything to `after` took its place."""

    publisher: str
    reason: str
    before: Position
    after: Position


class Ask(NamedTuple):
    """A request to send to the publisher's command socket."""

    number: int
    request: BusRequest


@dataclass(slots=True)
class Stats:
    """What has happened between one subscriber and one publisher, in frames unless it says otherwise."""

    live: int = 0
    replayed: int = 0
    duplicates: int = 0
    gaps: int = 0  # frames that showed something missing
    stale: int = 0  # frames left over from before a restart of the publisher
    held_dropped: int = 0  # frames not held because too many were; they come again by replay
    late: int = 0  # live frames older than `late_ns` when they were read
    late_by_topic: dict[str, int] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)  # ephemeral topic -> messages that never came
    lag_ns: int = 0  # age of the last live frame when it was read
    restarts: int = 0  # of the publisher
    resets: int = 0
    late_replies: int = 0  # answers to requests that were answered before


@dataclass(frozen=True)
class Timing:
    """Patience, in ns."""

    resend_ns: int = 1_000 * MS  # after which an unanswered request is sent again
    unsent_ns: int = 20 * MS  # the same for one that could not be sent
    probe_ns: int = 1_500 * MS  # silence after which the publisher is asked whether something was missed
    first_probe_ns: int = 25 * MS  # the same until the first live frame; doubles
    late_ns: int = 1_000 * MS


class Follower:
    """Follows one publisher on some topics, from a position, or from a snapshot (`start` None).

    `hold` is the number of messages that may wait for what is missing before them; beyond it the oldest are let
    go, and fetched again.
    """

    def __init__(
        self,
        publisher: str,
        topics: Collection[str],
        start: Position | None,
        *,
        now_ns: int,
        timing: Timing | None = None,
        hold: int = 200_000,
    ) -> None:
        self.publisher = publisher
        self.stats = Stats()
        self._timing = timing or Timing()
        self._wanted = frozenset(topics)
        self._topics = tuple(sorted(topics))
        self._tracker = Tracker(topics)
        self.stats.missed = self._tracker.missed
        self._held: deque[tuple[RawFrame, int]] = deque()  # and the number of the last request before it
        self._held_count = 0  # messages in it
        self._hold_limit = hold
        self._refuted: set[int] = set()  # epochs that the publisher has said to be over
        self._number = 0
        self._request: BusRequest | None = None
        self._send_ns = now_ns  # when the request is to be sent (again)
        self._heard_ns = now_ns
        self._probe_ns = self._timing.first_probe_ns
        self._resetting = ""  # reason of the reset under way
        self._resets: list[Reset] = []
        self._parts: list[RawFrame] = []
        self._ticket = 0
        if start is None:
            self._ask_snapshot(now_ns)
        else:
            self._tracker.epoch, self._tracker.seq = start
            self._ask(Sync(self._tracker.topics, *start), now_ns)

    @property
    def position(self) -> Position:
        """Everything wanted up to here was delivered."""
        return self._tracker.position

    @property
    def following(self) -> bool:
        """Whether the start is over and nothing is being repaired."""
        return self._tracker.started and not self._held

    @property
    def asking(self) -> bool:
        """Whether an answer is waited for."""
        return self._request is not None

    # ------------------------------------------------------------ in

    def on_frames(self, frames: Sequence[RawFrame], now_ns: int, out: list[Delivery]) -> None:
        """Frames that came from the PUB socket together."""
        if not frames:
            return
        stats, late_ns = self.stats, self._timing.late_ns
        stats.live += len(frames)
        stats.lag_ns = now_ns - frames[-1].published_ns
        self._heard_ns = now_ns
        self._probe_ns = self._timing.probe_ns
        for frame in frames:
            if now_ns - frame.published_ns > late_ns:
                stats.late += 1
                stats.late_by_topic[frame.topic] = stats.late_by_topic.get(frame.topic, 0) + 1
            if self._tracker.started:
                self._judge(frame, now_ns, out)
            else:
                self._hold(frame)

    def on_reply(
        self, number: int, reply: BusReply, frames: Sequence[RawFrame], now_ns: int, out: list[Delivery]
    ) -> None:
        """The answer to request `number`; `frames` are those of the reply that could be read."""
        request = self._request
        if request is None or number != self._number:
            self.stats.late_replies += 1
            return
        match request, reply:
            case Sync(), Synced():
                self._request = None
                self._heard_ns = now_ns
                self._on_synced(request, reply, frames, now_ns, out)
            case Sync(), Lost():
                self._request = None
                self._reset(reply.reason, now_ns)
            case TakeSnapshot(), SnapshotPart():
                self._request = None
                self._heard_ns = now_ns
                self._on_part(request, reply, frames, now_ns, out)
            case _:
                pass  # not an answer to this: the request goes out again in its time

    # ------------------------------------------------------------ out

    def due(self, now_ns: int) -> Ask | None:
        """The request to send now, if there is one. Call `unsent` when it could not be sent."""
        if self._request is None:
            if now_ns < self._heard_ns + self._probe_ns:
                return None
            self._probe_ns = min(2 * self._probe_ns, self._timing.probe_ns)
            self._sync(now_ns)
        assert self._request is not None
        if now_ns < self._send_ns:
            return None
        self._send_ns = now_ns + self._timing.resend_ns
        return Ask(self._number, self._request)

    def unsent(self, now_ns: int) -> None:
        """The request did not get out: the publisher is not there, or its queue is full."""
        self._send_ns = now_ns + self._timing.unsent_ns

    @property
    def deadline_ns(self) -> int:
        """When `due` will have something, if nothing is heard until then."""
        return self._heard_ns + self._probe_ns if self._request is None else self._send_ns

    def take_resets(self) -> list[Reset]:
        """The resets since the last call."""
        taken, self._resets = self._resets, []
        return taken

    # ------------------------------------------------------------ judging

    def _judge(self, frame: RawFrame, now_ns: int, out: list[Delivery]) -> None:
        tracker = self._tracker
        if frame.topic in JOURNALLED:
            verdict, skip = tracker.take(frame)
            if verdict is Verdict.IN_ORDER:
                if frame.topic in self._wanted:
                    out.append((frame, skip, False))
                return
            missing = verdict is Verdict.GAP
        else:
            verdict, skip = tracker.hear(frame)
            if verdict is Verdict.IN_ORDER and frame.topic in self._wanted:
                out.append((frame, skip, False))
            missing = verdict is not Verdict.OTHER_EPOCH and tracker.lacks(frame)
        if verdict is Verdict.DUPLICATE:
            self.stats.duplicates += 1
        elif verdict is Verdict.OTHER_EPOCH:
            self._on_other_epoch(frame, now_ns)
        elif verdict is Verdict.GAP:
            self._hold(frame)
        if missing:
            self.stats.gaps += 1
            self._sync(now_ns)

    def _on_other_epoch(self, frame: RawFrame, now_ns: int) -> None:
        if frame.epoch in self._refuted:
            self.stats.stale += 1
        else:
            self._hold(frame)
            self._sync(now_ns)

    def _hold(self, frame: RawFrame) -> None:
        self._held.append((frame, self._number))
        self._held_count += frame.count
        while self._held_count > self._hold_limit:
            self._held_count -= self._held.popleft()[0].count
            self.stats.held_dropped += 1

    def _settle(self, now_ns: int, out: list[Delivery]) -> None:
        """Judge again what was held, now that the publisher has answered.

        A frame that came before the question was asked, and whose epoch the answer does not have, is of a past
        life of the publisher, whichever of the two numbers is greater (the clock may have been set back).
        """
        held = list(self._held)
        self._held.clear()
        self._held_count = 0
        for frame, number in held:
            if frame.epoch != self._tracker.epoch and number < self._number:
                self._refuted.add(frame.epoch)
            self._judge(frame, now_ns, out)

    # ------------------------------------------------------------ asking

    def _ask(self, request: BusRequest, now_ns: int) -> None:
        self._number += 1
        self._request = request
        self._send_ns = now_ns

    def _sync(self, now_ns: int) -> None:
        if self._request is None:
            self._ask(Sync(self._tracker.topics, *self._tracker.position), now_ns)

    def _reset(self, reason: str, now_ns: int) -> None:
        self._resetting = reason
        self._tracker.stop()
        self._ask_snapshot(now_ns)

    def _ask_snapshot(self, now_ns: int) -> None:
        self._parts = []
        self._ticket += 1
        self._ask(TakeSnapshot(self._topics, self._ticket), now_ns)

    def _on_synced(
        self, request: Sync, reply: Synced, frames: Sequence[RawFrame], now_ns: int, out: list[Delivery]
    ) -> None:
        tracker, asked = self._tracker, Position(request.epoch, request.seq)
        if not tracker.started:
            if request.seq < 0:
                tracker.start(reply.epoch, reply.through, reply.after)
            else:
                tracker.start(reply.epoch, request.seq, reply.before)
        elif reply.epoch != tracker.epoch:
            if (
                tracker.position != asked
            ):  # frames of the earlier epoch came meanwhile: are they in its journal?
                self._sync(now_ns)
                return
            self.stats.restarts += 1
            self._refuted.add(tracker.epoch)
            self._refuted.discard(reply.epoch)
            self._probe_ns = self._timing.first_probe_ns
        for frame in frames:
            verdict, skip = tracker.replay(frame)
            if verdict is Verdict.IN_ORDER:
                self.stats.replayed += 1
                out.append((frame, skip, False))
            elif verdict is Verdict.GAP:
                break
        if not tracker.reach(reply.epoch, reply.through, reply.after):
            self._reset(f"the journal is damaged after seq {tracker.seq}", now_ns)
        elif reply.through < reply.head:
            self._sync(now_ns)
        else:
            self._settle(now_ns, out)

    def _on_part(
        self,
        request: TakeSnapshot,
        reply: SnapshotPart,
        frames: Sequence[RawFrame],
        now_ns: int,
        out: list[Delivery],
    ) -> None:
        if reply.part != request.part:  # the ticket has expired
            self._ask_snapshot(now_ns)
            return
        self._parts += frames
        if reply.part + 1 < reply.parts:
            self._ask(TakeSnapshot(self._topics, self._ticket, reply.part + 1), now_ns)
            return
        before = self._tracker.position
        self._tracker.start(reply.epoch, reply.seq, reply.tails)
        if self._resetting:
            self.stats.resets += 1
            self._resets.append(Reset(self.publisher, self._resetting, before, self._tracker.position))
            self._resetting = ""
        out += ((frame, 0, True) for frame in self._parts)
        self._parts = []
        self._settle(now_ns, out)
