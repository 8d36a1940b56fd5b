"""What dispatch stores is what it reads back."""

from __future__ import annotations

import pytest

from router.book import Book
from router.delivery import recounted
from router.messages import Message
from tests.router.factory import TS_MS
from tests.router.history import WAIT_MS, Desk, Story, won
from workers.store import keys, state
from workers.store.client import Client
from workers.store.egress import Offset


def store(client: Client, desk: Desk, *messages: Message) -> None:
    """Let the desk hear messages and store what changes."""
    for message in messages:
        desk.now_ms += 1
        outcome = desk.book.apply(message, at_ms=desk.now_ms)
        desk.platform.take(outcome.effects)
        client.pipeline([command for change in outcome.memory for command in state.commands(change)])


def read(client: Client) -> Book:
    """A book from what is stored."""
    book = Book(account="", wait_ms=WAIT_MS)
    assert state.load(client, book, TS_MS) == 0
    return book


def test_a_book_reads_back_as_it_was(client: Client) -> None:
    """After every message of a life: deliveries, positions, executions seen and orphans."""
    desk = Desk()
    for message in [*won(Story()), Story().commission("orphan.01", 1)]:
        store(client, desk, message)
        again = read(client)
        known = {name: recounted(delivery) for name, delivery in desk.book.deliveries.items()}
        assert again.deliveries == known
        assert [list(d.executions) for d in again.deliveries.values()] == [
            list(d.executions) for d in desk.book.deliveries.values()
        ]
        assert (again.holdings, again.executions.seen, again.executions.orphans) == (
            desk.book.holdings,
            desk.book.executions.seen,
            desk.book.executions.orphans,
        )


def test_a_corrected_execution_is_gone(client: Client) -> None:
    """The one that was superseded is not read back."""
    story, desk = Story(), Desk()
    store(client, desk, story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    store(client, desk, story.fill("E", 7, 2.4, exec_id="e.02", supersedes="e.01"))
    assert list(read(client).deliveries[story.name].executions) == ["e.02"]


def test_a_fill_writes_itself_and_not_the_whole_order(client: Client) -> None:
    """The hundredth execution of an order costs what the first one did."""
    story, desk = Story(quantity=200), Desk()
    store(client, desk, story.received(), story.intent())
    sizes = []
    for number in range(100):
        desk.now_ms += 1
        fill = story.fill("E", 1, 2.5, exec_id=f"{number:03}.01")
        changes = desk.book.apply(fill, at_ms=desk.now_ms).memory
        words = [word for change in changes for command in state.commands(change) for word in command]
        sizes.append(sum(len(str(word)) for word in words))
    assert max(sizes) < 1.5 * sizes[5]


def test_what_is_forgotten_is_deleted(client: Client) -> None:
    """Nothing of the router's own stays for a trade that is long over."""
    desk = Desk()
    store(client, desk, *won(Story()), Story().commission("orphan.01", 1))
    assert client.call("KEYS", "router:*")
    changes = desk.book.forget(desk.now_ms + 30 * 86_400_000).memory
    client.pipeline([command for change in changes for command in state.commands(change)])
    assert client.call("KEYS", "router:*") == []


def test_many_deliveries_are_read_in_pages(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one round trip's worth."""
    monkeypatch.setattr(state, "CHUNK", 2)
    desk = Desk()
    for number in range(5):
        store(client, desk, Story(delivery=f"abc-{number}").received())
    assert len(read(client).deliveries) == 5


def test_what_cannot_be_read_is_left_and_told(client: Client) -> None:
    """One broken entry costs itself, is counted, and stays for whoever looks into it."""
    desk = Desk()
    store(client, desk, Story().received(), Story(delivery="other-1").received(), Story().position(7))
    client.call("HSET", keys.delivery("other-1"), "progress", "{")
    client.call("HSET", keys.POSITIONS, "broken", "[]")
    client.pipeline([("ZADD", keys.DELIVERIES, 1, "text"), ("SET", keys.delivery("text"), "oops")])
    client.call("ZADD", keys.DELIVERIES, 1, "absent")
    book = Book(account="", wait_ms=WAIT_MS)
    assert state.load(client, book, TS_MS) == 4
    assert set(book.deliveries) == {Story().name}
    assert len(book.holdings) == 1
    assert client.call("HGET", keys.delivery("other-1"), "progress") == b"{"


def test_offsets_read_back(client: Client) -> None:
    """By publisher; none at first."""
    assert state.read_offsets(client) == {}
    client.call("HSET", keys.OFFSETS, "gateway", "1795475000123-42-1", "timers", "0-7-0")
    assert state.read_offsets(client) == {"gateway": Offset(1795475000123, 42, 1), "timers": Offset(0, 7)}
