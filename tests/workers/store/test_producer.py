"""Signals as the platform emits them, and what it can read afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from workers.cli.demo import demo_signal
from workers.store import keys
from workers.store.client import Client
from workers.store.producer import Emitted, ack_of, add, emit, exit_of, push

SIGNAL = demo_signal(datetime(2025, 9, 19, 14, 0, tzinfo=UTC), nonce=1)
OTHER = demo_signal(datetime(2025, 9, 19, 14, 0, tzinfo=UTC), nonce=2)


def test_an_emit_pushes_both_lists_and_locks_the_contract(redis_client: Client) -> None:
    """After one emit the JSON is in both lists, the lock holds the id, and both expire."""
    assert emit(redis_client, SIGNAL) is Emitted.SENT
    for key in ("signals:pending:SPY", "signals:execution:SPY"):
        (payload,) = redis_client.call("LRANGE", key, 0, -1)
        assert json.loads(payload) == SIGNAL
    lock = keys.live_lock("SPY", SIGNAL["contract_fp"])
    assert redis_client.call("GET", lock) == SIGNAL["id"].encode()
    for key in (lock, f"signals:emitted:{SIGNAL['id']}"):
        assert 86_300_000 < redis_client.call("PTTL", key) <= 86_400_000


def test_a_second_emit_is_locked_then_a_duplicate(redis_client: Client) -> None:
    """-2 while the lock is held, 0 once it is released, as in the platform's conformance list (11.8)."""
    emit(redis_client, SIGNAL)
    assert emit(redis_client, SIGNAL) is Emitted.LOCKED
    redis_client.call("DEL", keys.live_lock("SPY", SIGNAL["contract_fp"]))
    assert emit(redis_client, SIGNAL) is Emitted.DUPLICATE
    assert redis_client.call("LLEN", "signals:execution:SPY") == 1


def test_a_cooldown_holds_an_emit_back(redis_client: Client) -> None:
    """-1 when somebody set the cooldown key."""
    redis_client.call("SET", f"signals:cooldown:{SIGNAL['contract_fp']}", "1")
    assert emit(redis_client, SIGNAL) is Emitted.COOLDOWN


def test_anything_can_be_pushed_or_added(redis_client: Client) -> None:
    """A list takes bytes as they are; a stream entry carries them under `data`."""
    push(redis_client, "SPY", b"not json")
    assert redis_client.call("LRANGE", "signals:execution:SPY", 0, -1) == [b"not json"]
    entry = add(redis_client, "signals:stream", b"{}")
    assert redis_client.call("XRANGE", "signals:stream", "-", "+") == [[entry.encode(), [b"data", b"{}"]]]


def test_reading_the_end_takes_nothing_away(redis_client: Client) -> None:
    """The EXIT and the ack of one signal are found among others and stay where they are."""
    assert exit_of(redis_client, SIGNAL["id"]) is None
    assert ack_of(redis_client, SIGNAL["id"]) is None
    for signal, action in ((SIGNAL, "ENTRY"), (OTHER, "EXIT"), (SIGNAL, "EXIT")):
        redis_client.call("LPUSH", keys.DISTRIBUTION, json.dumps({"id": signal["id"], "action_type": action}))
    redis_client.call("SET", keys.ack(SIGNAL["id"]), json.dumps({"status": "FILLED"}))
    for _ in range(2):
        assert exit_of(redis_client, SIGNAL["id"]) == {"id": SIGNAL["id"], "action_type": "EXIT"}
        assert ack_of(redis_client, SIGNAL["id"]) == {"status": "FILLED"}
