"""Every Redis key, once. docs/redis.md says of each its type, writer, reader and life.

The platform's keys keep the platform's names (platform contract 1 and 2); the router's own start with `router:`.
"""

from __future__ import annotations

from typing import Final

# ------------------------------------------------------------ platform -> router
HALT: Final = "risk:halt:status"
PERMANENT_HALT: Final = "risk:permanent_halt"
NEW_POSITIONS_ALLOWED: Final = "risk:new_positions_allowed"
SIZE_MULTIPLIER: Final = "risk:position_size_multiplier"
STOP_MULTIPLIER: Final = "risk:stop_multiplier"

# ------------------------------------------------------------ both ways: the router writes, sizing reads back
DAILY_PNL: Final = "risk:daily_pnl"
ACCOUNT_VALUE: Final = "account:value"
BUYING_POWER: Final = "account:buying_power"
POSITION_COUNT: Final = "positions:count"

# ------------------------------------------------------------ router -> platform
DISTRIBUTION: Final = "signals:distribution:pending"
DEAD_LETTER: Final = "signals:dead_letter"
ACKNOWLEDGED: Final = "signals:acknowledged"  # channel
ALERTS: Final = "alerts:critical"  # channel
ACK_COUNTER: Final = "metrics:signals:acks"
CLOSED_INDEX: Final = "positions:closed:index"
UNREALIZED_PNL: Final = "positions:pnl:unrealized"
CONNECTION_STATUS: Final = "execution:connection:status"
EXECUTION_HEARTBEAT: Final = "health:execution:heartbeat"
POSITIONS_HEARTBEAT: Final = "health:positions:heartbeat"

# ------------------------------------------------------------ router -> anyone: streams
ORDERS_STREAM: Final = "orders:stream"
FILLS_STREAM: Final = "fills:stream"
POSITIONS_STREAM: Final = "positions:stream"
PNL_STREAM: Final = "pnl:stream"
ACCOUNT_STREAM: Final = "account:stream"
DECISIONS_STREAM: Final = "decisions:stream"

# ------------------------------------------------------------ the router's own
TAKEN: Final = "router:ingress:taken"
TAKEN_COUNTER: Final = "router:ingress:counter"
OFFSETS: Final = "router:dispatch:offset"
ERRORS: Final = "router:dispatch:errors"
DELIVERIES: Final = "router:dispatch:deliveries"  # index of the delivery hashes by last change
POSITIONS: Final = "router:dispatch:positions"
SEEN: Final = "router:dispatch:seen"
ORPHANS: Final = "router:dispatch:orphans"


def execution_list(symbol: str) -> str:
    """Signals of a symbol, oldest at the right."""
    return f"signals:execution:{symbol}"


def live_lock(symbol: str, fingerprint: str) -> str:
    """The producer's lock on a contract while a signal is in flight."""
    return f"signals:live:{symbol}:{fingerprint}"


def ack(signal_id: str) -> str:
    """The end of a signal, as the platform reads it."""
    return f"signals:ack:{signal_id}"


def positions_by_symbol(symbol: str) -> str:
    """Ids of the open positions of an underlying."""
    return f"positions:by_symbol:{symbol}"


def open_position(symbol: str, position_id: str) -> str:
    """One open position."""
    return f"positions:open:{symbol}:{position_id}"


def closed_position(day: str, position_id: str) -> str:
    """One closed position; `day` is YYYYMMDD of the US/Eastern session."""
    return f"positions:closed:{day}:{position_id}"


def pending_order(order_id: int) -> str:
    """One working entry order."""
    return f"orders:pending:{order_id}"


def delivery(name: str) -> str:
    """What dispatch knows of one delivery."""
    return f"router:dispatch:delivery:{name}"


def keyspace_channel(database: int, key: str) -> str:
    """Channel of the keyspace notifications of a key."""
    return f"__keyspace@{database}__:{key}"
