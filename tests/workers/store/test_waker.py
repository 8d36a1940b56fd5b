"""Wake-ups: prompt, after every reconnect, and never the reason for a lost signal."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.helpers import wait_for
from tests.workers.store.server import DEADLINE_S, Server
from workers.store import keys
from workers.store import waker as waker_module
from workers.store.client import Client
from workers.store.waker import ListWaker, StreamWaker, Waker, ensure_notifications

STREAM = "signals:stream"


class Bell:
    """Counts wake-ups from another thread."""

    def __init__(self) -> None:
        self._rung = threading.Semaphore(0)

    def ring(self) -> None:
        """The callback."""
        self._rung.release()

    def wait(self) -> None:
        """Wait for one more wake-up."""
        assert self._rung.acquire(timeout=DEADLINE_S), "no wake-up came"

    def silent(self) -> bool:
        """Whether no wake-up is left over."""
        return not self._rung.acquire(blocking=False)


@pytest.fixture
def started() -> Iterator[Callable[[Waker], Waker]]:
    """Starts wakers and stops them at the end."""
    wakers: list[Waker] = []

    def start(waker: Waker) -> Waker:
        wakers.append(waker)
        waker.start()
        return waker

    yield start
    for waker in wakers:
        waker.stop()


def test_a_push_wakes(server: Server, client: Client, started: Callable[[Waker], Waker]) -> None:
    """One ring at the start, because something may lie there already, then one per push."""
    bell = Bell()
    started(ListWaker(server.client(), ("SPY", "QQQ"), bell.ring))
    bell.wait()
    client.call("LPUSH", keys.execution_list("QQQ"), "x")
    bell.wait()
    client.call("LPUSH", keys.execution_list("IWM"), "not ours")
    client.call("LPUSH", keys.execution_list("SPY"), "x")
    bell.wait()
    assert bell.silent()


def test_an_addition_to_the_stream_wakes(
    server: Server, client: Client, started: Callable[[Waker], Waker]
) -> None:
    """One ring at the start, then for what is added after it, not for what lay there."""
    client.call("XADD", STREAM, "*", "data", "old")
    bell = Bell()
    started(StreamWaker(server.client(), STREAM, bell.ring))
    bell.wait()
    for _ in range(3):
        client.call("XADD", STREAM, "*", "data", "new")
        bell.wait()


@pytest.mark.parametrize("kind", ["lists", "stream"])
def test_a_redis_that_comes_back_wakes(
    own_server: Callable[..., Server], started: Callable[[Waker], Waker], kind: str
) -> None:
    """The thread outlives Redis, rings when it is back, and hears again, notifications included."""
    server = own_server("--notify-keyspace-events", "")
    bell = Bell()
    if kind == "lists":
        started(ListWaker(server.client(), ("SPY",), bell.ring))
    else:
        started(StreamWaker(server.client(), STREAM, bell.ring))
    bell.wait()
    server.stop()
    server.start()
    bell.wait()
    client = server.client()
    client.pipeline([("LPUSH", keys.execution_list("SPY"), "x"), ("XADD", STREAM, "*", "data", "x")])
    bell.wait()
    client.close()


def test_stopping_takes_one_read_at_most(server: Server) -> None:
    """stop() returns although the thread is in a blocking read."""
    bell = Bell()
    waker = StreamWaker(server.client(), STREAM, bell.ring)
    waker.start()
    bell.wait()
    begun = time.monotonic()
    waker.stop()
    assert time.monotonic() - begun < DEADLINE_S


def test_a_wrong_type_is_told_and_waited_out(
    server: Server, client: Client, started: Callable[[Waker], Waker]
) -> None:
    """A stream key of another type does not end the thread: it rings once the key is mended."""
    client.call("SET", STREAM, "oops")
    bell = Bell()
    started(StreamWaker(server.client(), STREAM, bell.ring))
    client.call("DEL", STREAM)
    bell.wait()
    client.call("XADD", STREAM, "*", "data", "x")
    bell.wait()


def test_a_silent_connection_is_tried_and_stays_awake(
    server: Server, client: Client, started: Callable[[Waker], Waker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pings keep a quiet line honest, and a burst after the silence still wakes."""
    monkeypatch.setattr(waker_module, "READS_BLOCK_S", 0.01)
    monkeypatch.setattr(waker_module, "PING_EVERY", 1)
    bell = Bell()
    started(ListWaker(server.client(), ("SPY",), bell.ring))
    bell.wait()

    def pings() -> int:
        stats = client.call("INFO", "commandstats").decode()
        found = re.search(r"cmdstat_ping:calls=(\d+)", stats)
        return int(found[1]) if found else 0

    before = pings()
    wait_for(lambda: pings() > before + 2, "pings")
    client.pipeline([("LPUSH", keys.execution_list("SPY"), "x")] * 20)
    bell.wait()


@pytest.mark.parametrize(
    ("before", "after"),
    [("", set("lK")), ("Ex", set("ExlK")), ("AK", set("AK")), ("Elg", set("ElgK"))],
)
def test_notifications_are_added_to_what_others_set(client: Client, before: str, after: set[str]) -> None:
    """Flags that somebody else relies on stay."""
    client.call("CONFIG", "SET", "notify-keyspace-events", before)
    assert ensure_notifications(client)
    assert set(client.call("CONFIG", "GET", "notify-keyspace-events")[1].decode()) == after


def test_a_redis_that_forbids_config_leaves_the_poll(own_server: Callable[..., Server]) -> None:
    """Managed servers hide CONFIG: that is a warning, not an end."""
    client = own_server("--rename-command", "CONFIG", "").client()
    assert not ensure_notifications(client)
    client.close()
