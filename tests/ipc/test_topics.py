"""ipc.topics: one table, and everything else agrees with it."""

from __future__ import annotations

import inspect
from typing import get_args

from ipc.topics import (
    COMMANDS,
    EPHEMERAL,
    HEARTBEAT,
    JOURNALLED,
    TOPIC_OF,
    TOPICS,
    BusMessage,
    Command,
    Reply,
    published_by,
    subscriptions_of,
)
from router import messages
from router.messages import CommandRefused, Heartbeat, LinkState, Message, OrderIntent, Published, Quote

PROCESSES = {"gateway", "sizing", "submission", "dispatch", "monitor"}


def test_every_message_has_one_place() -> None:
    """Each message of router.messages is on exactly one topic, or a command, or a reply."""
    everything = {
        kind for _, kind in inspect.getmembers(messages, inspect.isclass) if issubclass(kind, Message)
    } - {Message}
    on_topics = [kind for topic in TOPICS.values() for kind in topic.kinds]
    assert len(on_topics) == len(set(on_topics))
    assert set(on_topics) | set(COMMANDS) | set(get_args(Reply)) == everything
    assert not set(on_topics) & (set(COMMANDS) | set(get_args(Reply)))


def test_unions_are_those_of_the_table() -> None:
    """What decodes is what the table names."""
    assert set(get_args(BusMessage)) == set(TOPIC_OF)
    assert set(get_args(Command)) == set(COMMANDS)
    replies = {kind for route in COMMANDS.values() for kind in route.replies}
    assert set(get_args(Reply)) == replies | {CommandRefused}


def test_names_are_processes() -> None:
    """Nobody who does not exist publishes, subscribes or receives."""
    for topic in TOPICS.values():
        assert topic.publishers
        assert set(topic.publishers) | set(topic.subscribers) <= PROCESSES
    for route in COMMANDS.values():
        assert route.receivers
        assert set(route.receivers) <= PROCESSES


def test_topics_are_journalled_or_ephemeral() -> None:
    """Quotes and heartbeats are not journalled, everything that must not be lost is."""
    assert {HEARTBEAT, "quote"} == EPHEMERAL
    assert {"trade", "portfolio", "link", "decision", "alert", "egress"} == JOURNALLED


def test_who_publishes_what() -> None:
    """A process may publish its own topics, and everybody heartbeats."""
    assert {topic.name for topic in published_by("gateway").values()} == {
        "trade", "portfolio", "quote", "link", "alert", "heartbeat",
    }  # fmt: skip
    assert published_by("dispatch").keys() == {Published, Heartbeat}
    assert published_by("gateway")[OrderIntent].name == "trade"
    assert published_by("nobody") == {}


def test_who_listens_to_what() -> None:
    """Subscriptions by publisher follow from the table; nobody's own messages are among them."""
    assert subscriptions_of("dispatch") == {
        "gateway": ("trade", "portfolio", "link", "alert", "heartbeat"),
        "sizing": ("decision", "alert", "heartbeat"),
        "submission": ("decision", "alert", "heartbeat"),
        "monitor": ("heartbeat",),
    }
    assert subscriptions_of("sizing") == {"gateway": ("portfolio", "quote", "link")}
    assert "monitor" not in subscriptions_of("monitor")
    assert subscriptions_of("gateway") == {}
    assert TOPIC_OF[Quote] is TOPICS["quote"]
    assert TOPIC_OF[LinkState] is TOPICS["link"]
