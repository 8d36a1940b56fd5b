"""Threads that wake a worker when a signal arrives. A wake-up is a hint: the worker also polls.

Two sources: keyspace notifications of the lists, and a blocking read of the stream. Each has a thread and a
connection of its own, survives Redis going away, and wakes the worker once whenever it (re)connects, because
what arrived in between made no sound.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import structlog

from router.errors import Recoverable
from workers.store import keys
from workers.store.client import READS_BLOCK_S, Client, StoreRefused

PING_EVERY = 5  # silent reads after which the connection is tried
BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 5.0
BURST = 100  # entries that wake once
FLAGS = "Kl"  # keyspace channels, list commands

log = structlog.get_logger()


class Waker(ABC):
    """A thread that calls `wake` (which must be thread-safe) when its source says that something came."""

    name: str

    def __init__(self, client: Client, wake: Callable[[], None]) -> None:
        self._client = client
        self._wake = wake
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def begin_stop(self) -> None:
        """Ask the thread to end, without waiting."""
        self._stopping.set()

    def stop(self) -> None:
        """End the thread; takes at most one blocking read."""
        self.begin_stop()
        self._thread.join()

    def _run(self) -> None:
        wait = BACKOFF_FIRST_S
        while not self._stopping.is_set():
            try:
                for came in self._watch():
                    wait = BACKOFF_FIRST_S
                    if came:
                        self._wake()
                    if self._stopping.is_set():
                        break
            except Recoverable as error:
                log.warning(
                    "no wake-ups from Redis, retrying", source=self.name, error=str(error), wait_s=wait
                )
                self._stopping.wait(wait)
                wait = min(2 * wait, BACKOFF_MAX_S)
            finally:
                self._client.close()

    @abstractmethod
    def _watch(self) -> Iterator[bool]:
        """Connect, yield True at once, then after each blocking read whether something came."""


class ListWaker(Waker):
    """Woken by pushes to the platform's lists."""

    name = "waker-lists"

    def __init__(self, client: Client, symbols: Sequence[str], wake: Callable[[], None]) -> None:
        super().__init__(client, wake)
        self._channels = [keys.keyspace_channel(client.database, keys.execution_list(s)) for s in symbols]

    def _watch(self) -> Iterator[bool]:
        ensure_notifications(self._client)
        subscription = self._client.subscription()
        try:
            subscription.subscribe(*self._channels)
            yield True
            silent = 0
            while True:
                came = subscription.receive(READS_BLOCK_S) is not None
                while came and subscription.receive(0.0) is not None:
                    pass  # a burst wakes once
                silent = 0 if came else silent + 1
                if silent >= PING_EVERY:
                    subscription.ping()
                    silent = 0
                yield came
        finally:
            subscription.close()


class StreamWaker(Waker):
    """Woken by additions to the stream."""

    name = "waker-stream"

    def __init__(self, client: Client, stream: str, wake: Callable[[], None]) -> None:
        super().__init__(client, wake)
        self._stream = stream

    def _watch(self) -> Iterator[bool]:
        newest = self._client.call("XREVRANGE", self._stream, "+", "-", "COUNT", 1)
        last = newest[0][0] if newest else b"0-0"
        yield True
        block = ("XREAD", "COUNT", BURST, "BLOCK", int(1000 * READS_BLOCK_S), "STREAMS", self._stream)
        while True:
            reply = self._client.call(*block, last)
            if reply:
                last = reply[0][1][-1][0]
            yield bool(reply)


def ensure_notifications(client: Client) -> bool:
    """Switch keyspace notifications of lists on, taking none away that others use.

    False (with a warning) when this Redis does not let us; then the poll alone finds signals.
    """
    try:
        current = client.call("CONFIG", "GET", "notify-keyspace-events")[1].decode()
        missing = "".join(flag for flag in FLAGS if flag not in current and not _implied(flag, current))
        if missing:
            client.call("CONFIG", "SET", "notify-keyspace-events", current + missing)
    except (StoreRefused, IndexError) as error:
        log.warning(
            "keyspace notifications cannot be switched on: signals on lists wait for the poll",
            remedy="CONFIG SET notify-keyspace-events Kl",
            error=str(error),
        )
        return False
    return True


def _implied(flag: str, current: str) -> bool:
    return flag == "l" and "A" in current
