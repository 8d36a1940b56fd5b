"""The platform's side of the ingress, for `router signal send`: emits as its own Lua does (platform contract 3)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from workers.store import keys
from workers.store.client import Client, Script

TTL_S: Final = 86_400  # of the id and of the live lock, 0DTE
COOLDOWN_S: Final = 30


class Emitted(IntEnum):
    """What became of an emit."""

    SENT = 1
    DUPLICATE = 0
    COOLDOWN = -1
    LOCKED = -2


EMIT: Final = Script("""
-- KEYS: emitted, cooldown, pending list, execution list, live lock; ARGV: json, ttl s, cooldown s, live s, id
if redis.call('EXISTS', KEYS[5]) == 1 then return -2 end
if redis.call('SETNX', KEYS[1], '1') == 0 then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 1000)
if redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
redis.call('LPUSH', KEYS[3], ARGV[1])
redis.call('LPUSH', KEYS[4], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[3] * 1000)
redis.call('SET', KEYS[5], ARGV[5], 'PX', ARGV[4] * 1000)
return 1
""")


def emit(client: Client, signal: Mapping[str, Any]) -> Emitted:
    """Push a signal to its symbol's lists under the live lock of its contract.

    `signal` needs `id`, `symbol` and `contract_fp`; anything else is for sizing to judge. Raises StoreAway.
    """
    signal_id, symbol, contract_fp = (str(signal.get(key, "")) for key in ("id", "symbol", "contract_fp"))
    names = (
        f"signals:emitted:{signal_id}",
        f"signals:cooldown:{contract_fp}",
        f"signals:pending:{symbol}",
        keys.execution_list(symbol),
        keys.live_lock(symbol, contract_fp),
    )
    arguments = (json.dumps(signal), TTL_S, COOLDOWN_S, max(TTL_S, COOLDOWN_S), signal_id)
    return Emitted(client.run(EMIT, names, arguments))


def push(client: Client, symbol: str, payload: bytes) -> None:
    """Push anything at all to a symbol's list, without lock or check. Raises StoreAway."""
    client.call("LPUSH", keys.execution_list(symbol), payload)


def add(client: Client, stream: str, payload: bytes) -> str:
    """Append a signal to the stream; returns the entry's id. Raises StoreAway."""
    return str(client.call("XADD", stream, "*", "data", payload).decode())


def exit_of(client: Client, signal_id: str) -> dict[str, Any] | None:
    """The EXIT of a signal if it waits for the distributor; read, not taken. Raises StoreAway."""
    for raw in client.call("LRANGE", keys.DISTRIBUTION, 0, -1):
        event = json.loads(raw)
        if event.get("action_type") == "EXIT" and event.get("id") == signal_id:
            return dict(event)
    return None


def ack_of(client: Client, signal_id: str) -> dict[str, Any] | None:
    """The ack of a signal, once the platform can read it. Raises StoreAway."""
    raw = client.call("GET", keys.ack(signal_id))
    return dict(json.loads(raw)) if raw else None
