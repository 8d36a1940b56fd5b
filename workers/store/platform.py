"""The platform's risk keys, read in one round trip."""

from __future__ import annotations

from typing import Final

from router import gates
from router.gates import PlatformGates
from workers.store import keys
from workers.store.client import Client, StoreAway, StoreRefused, StoreUnfit

_NAMES: Final = {
    "halt": keys.HALT,
    "permanent_halt": keys.PERMANENT_HALT,
    "new_positions_allowed": keys.NEW_POSITIONS_ALLOWED,
    "daily_pnl": keys.DAILY_PNL,
    "size_multiplier": keys.SIZE_MULTIPLIER,
    "stop_multiplier": keys.STOP_MULTIPLIER,
    "position_count": keys.POSITION_COUNT,
    "account_value": keys.ACCOUNT_VALUE,
    "buying_power": keys.BUYING_POWER,
}


def read_gates(client: Client) -> PlatformGates:
    """The platform's gates now. Raises StoreAway."""
    replies = client.pipeline([("GET", key) for key in _NAMES.values()])
    return gates.read(dict(zip(_NAMES, map(_text, replies), strict=True)))


def halting_key(client: Client) -> str:
    """The key that keeps signals waiting now, empty for none. Raises StoreAway."""
    return _NAMES.get(read_gates(client).halted, "")


def check_server(client: Client) -> list[str]:
    """Warnings about this Redis. Raises StoreUnfit when it may drop keys, StoreAway when it is not there."""
    facts = _facts(client.call("INFO", "everything"))
    if facts.get("loading") == "1":
        raise StoreAway("Redis reads its append-only file, and does not say meanwhile that it has one")
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise StoreUnfit(
            f"Redis maxmemory-policy is {policy}, which drops keys when memory is short: "
            "set it to noeviction (CONFIG SET maxmemory-policy noeviction, and in redis.conf)"
        )
    if facts.get("aof_enabled") == "0":
        return ["Redis has no append-only file: what it says of signals and positions is lost when it stops"]
    return []


def _facts(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode(errors="replace").splitlines() if ":" in line)
    return {name: value.strip() for name, _, value in lines}


def _text(reply: object) -> str | None:
    if isinstance(reply, StoreRefused):
        return str(reply)
    return reply.decode(errors="replace") if isinstance(reply, bytes) else None
