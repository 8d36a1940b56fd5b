"""Subscriber: what publishers say, in order, once, with nothing missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from ipc.batch import Batch
from ipc.context import Context, Socket, nothing
from ipc.feed import Feed, Source
from ipc.follower import Reset, Stats, Timing
from ipc.frame import Position
from ipc.quarantine import Quarantine
from ipc.topics import TOPICS

BATCH = 512  # messages read from one source at once: no source starves the others, and caches stay warm


class Subscriber:
    """Follows several publishers on the given topics.

    Messages of one publisher come in the order of their seq, over all its topics, each once; a missing one is
    fetched from its journal before anything later is delivered. Ephemeral topics (quote, heartbeat) come in
    order too, but are neither fetched nor waited for. Between publishers there is no order.

    `positions` says where to begin: a publisher that is in it is replayed from there, `BEGINNING` and `LIVE`
    included; one that is not (all of them when `positions` is None) begins with a snapshot, whose envelopes
    have `snapshot` True. When a position cannot be continued from (older than the journal, or of a journal
    that is no more), `on_reset` is called, and what `receive` returns from then on begins with a snapshot too.

    A source without any of the topics is an error, a topic that only some sources publish is not.
    """

    def __init__(
        self,
        context: Context,
        sources: Sequence[Source],
        topics: Collection[str],
        positions: Mapping[str, Position] | None = None,
        *,
        on_reset: Callable[[Reset], None] | None = None,
        quarantine: Quarantine | None = None,
        receive_hwm: int | None = None,
        timing: Timing | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.quarantine = quarantine or Quarantine()
        self.on_send: Callable[[], None] = nothing  # it sends in `receive` only
        self._on_reset = on_reset
        self._now = monotonic_ns
        self._feeds: dict[str, Feed] = {}
        for source in sources:
            self._feeds[source.name] = Feed(
                context,
                source,
                _published_topics(source.name, topics),
                (positions or {}).get(source.name),
                now_ns=self._now(),
                quarantine=self.quarantine,
                timing=timing or Timing(),
                receive_hwm=receive_hwm,
            )

    def receive(self) -> Batch:
        """What can be delivered now; never blocks. Call it when a socket is readable and at the deadline."""
        batch = Batch(self.quarantine)
        for feed in self._feeds.values():
            feed.receive(self._now(), BATCH, batch)
            for reset in feed.follower.take_resets():
                if self._on_reset is not None:
                    self._on_reset(reset)
        return batch

    @property
    def positions(self) -> dict[str, Position]:
        """Where to begin again to get what `receive` has not returned yet."""
        return {name: feed.follower.position for name, feed in self._feeds.items()}

    @property
    def stats(self) -> dict[str, Stats]:
        """Counters by publisher."""
        return {name: feed.follower.stats for name, feed in self._feeds.items()}

    @property
    def following(self) -> bool:
        """Whether every publisher has been joined and nothing is being repaired."""
        return all(feed.follower.following for feed in self._feeds.values())

    # ------------------------------------------------------------ for Loop and aio

    @property
    def sockets(self) -> list[Socket]:
        """The sockets to poll for input."""
        return [socket for feed in self._feeds.values() for socket in (feed.replies, feed.frames)]

    @property
    def deadline_ns(self) -> int:
        """Monotonic ns at which `receive` wants to be called even if nothing came."""
        return min(feed.follower.deadline_ns for feed in self._feeds.values())

    def close(self) -> None:
        """Close the sockets."""
        for feed in self._feeds.values():
            feed.close()


def _published_topics(publisher: str, topics: Collection[str]) -> tuple[str, ...]:
    unknown = set(topics) - set(TOPICS)
    if unknown:
        raise ValueError(f"unknown topics {sorted(unknown)}: use some of {sorted(TOPICS)}")
    wanted = tuple(topic for topic in topics if publisher in TOPICS[topic].publishers)
    if not wanted:
        raise ValueError(f"{publisher} publishes none of {sorted(topics)}")
    return wanted
