"""The platform's gates and the server's fitness, read from a real server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.workers.store.server import Server
from workers.store import keys
from workers.store.client import Client, StoreUnfit
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
