"""The platform's gates and the server's fitness, read from a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.helpers import wait_for
from tests.workers.store.server import Server
from workers.store import keys
from workers.store.client import Client, StoreAway, StoreUnfit
from workers.store.platform import check_server, halting_key, read_gates


def test_an_empty_redis_runs(client: Client) -> None:
    """Nothing written means: not halted, multipliers 1, no losses, no account values."""
    gates = read_gates(client)
    assert gates.halted == halting_key(client) == ""
    assert gates.new_positions_allowed
    assert (gates.size_multiplier.value, gates.stop_multiplier.value) == (1.0, 1.0)
    assert (gates.daily_pnl.value, gates.position_count.value) == (0.0, 0.0)
    assert (gates.account_value.value, gates.buying_power.value) == (None, None)


def test_every_key_reaches_its_field(client: Client) -> None:
    """Distinct values show that no two keys are mixed up."""
    client.pipeline(
        [
            ("SET", keys.PERMANENT_HALT, "true"),
            ("SET", keys.NEW_POSITIONS_ALLOWED, "false"),
            ("SET", keys.DAILY_PNL, "-12.5"),
            ("SET", keys.SIZE_MULTIPLIER, "0.5"),
            ("SET", keys.STOP_MULTIPLIER, "0.75"),
            ("SET", keys.POSITION_COUNT, "3"),
            ("SET", keys.ACCOUNT_VALUE, "100000"),
            ("SET", keys.BUYING_POWER, "400000"),
        ]
    )
    gates = read_gates(client)
    assert gates.halted == "permanent_halt"
    assert halting_key(client) == keys.PERMANENT_HALT
    assert not gates.new_positions_allowed
    readings = (
        gates.daily_pnl,
        gates.size_multiplier,
        gates.stop_multiplier,
        gates.position_count,
        gates.account_value,
        gates.buying_power,
    )
    assert [reading.value for reading in readings] == [-12.5, 0.5, 0.75, 3.0, 100_000.0, 400_000.0]


def test_a_key_of_another_type_closes_its_gate(client: Client) -> None:
    """What cannot be read halts, forbids or is unusable; it never passes for absent."""
    for key in (keys.HALT, keys.NEW_POSITIONS_ALLOWED, keys.SIZE_MULTIPLIER):
        client.call("LPUSH", key, "x")
    gates = read_gates(client)
    assert gates.halted == "halt"
    assert not gates.new_positions_allowed
    assert not gates.size_multiplier.usable


def test_a_redis_that_evicts_is_refused(client: Client) -> None:
    """The message says what to set."""
    assert check_server(client) == []
    client.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(StoreUnfit, match="set it to noeviction"):
        check_server(client)


def test_a_redis_without_append_only_file_is_warned_of(own_server: Callable[..., Server]) -> None:
    """It may be used, knowingly."""
    client = own_server("--appendonly", "no").client()
    assert "append-only" in check_server(client)[0]
    client.close()


def test_a_redis_that_is_loading_is_not_there_yet(own_server: Callable[..., Server]) -> None:
    """It does not say that it has an append-only file before it has read it: no warning that is not true."""
    server = own_server("--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
    client = server.client()
    client.pipeline([("SET", f"key {number}", number) for number in range(2_000)])
    client.call("BGREWRITEAOF")
    wait_for(lambda: b"aof_rewrite_in_progress:0" in client.call("INFO", "persistence") or None, "rewritten")
    server.stop()
    started = threading.Thread(target=server.start)
    started.start()

    def loading() -> bool | None:
        try:
            check_server(client)
        except StoreAway as away:
            return "append-only" in str(away) or None
        raise AssertionError("never seen loading")

    wait_for(loading, "a server that is loading")
    wait_for(lambda: _quiet(client), "a server that has loaded")
    started.join()
    client.close()


def _quiet(client: Client) -> bool | None:
    try:
        return check_server(client) == []
    except StoreAway:
        return None
