"""Effects and bus messages as Redis commands, and the one script that applies an event's commands at once.

The commands of an event, the state behind it and the publisher's offset go into one script, which does nothing
when that offset was reached before: after any failure everything may be sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import orjson

from ipc.codec import to_json
from router.effects import (
    Acknowledge,
    DeadLetter,
    Distribute,
    Effect,
    Gauge,
    GaugeName,
    OrderDone,
    OrderPending,
    PositionClosed,
    PositionCount,
    PositionGone,
    PositionOpen,
    Settle,
    Warn,
)
from router.messages import (
    AccountSnapshot,
    BrokerError,
    CommissionReport,
    ExecutionFill,
    Message,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderSent,
    OrderSubmitted,
    OrderTimedOut,
    PnLSnapshot,
    PositionSnapshot,
    SignalGated,
    SignalReceived,
    SignalRefused,
    SignalSized,
)
from workers.store import keys
from workers.store.client import Client, Command, StoreAway, StoreRefused
from workers.store.ingress import settle_commands
from workers.store.scripts import APPLY

ACK_TTL_S = 86_400
PENDING_TTL_S = 300
CLOSED_TTL_S = 30 * 86_400  # Kelly looks back 20 days; the platform's own seven cut that short
HEARTBEAT_TTL_S = 15
MAX_DEAD_LETTERS = 1_000
MAX_ERRORS = 1_000

STREAMS: Final[dict[type[Message], str]] = {
    OrderIntent: keys.ORDERS_STREAM,
    OrderSent: keys.ORDERS_STREAM,
    OrderParked: keys.ORDERS_STREAM,
    OrderLifecycleEvent: keys.ORDERS_STREAM,
    BrokerError: keys.ORDERS_STREAM,
    ExecutionFill: keys.FILLS_STREAM,
    CommissionReport: keys.FILLS_STREAM,
    PositionSnapshot: keys.POSITIONS_STREAM,
    PnLSnapshot: keys.PNL_STREAM,
    AccountSnapshot: keys.ACCOUNT_STREAM,
    SignalReceived: keys.DECISIONS_STREAM,
    SignalGated: keys.DECISIONS_STREAM,
    SignalSized: keys.DECISIONS_STREAM,
    SignalRefused: keys.DECISIONS_STREAM,
    OrderSubmitted: keys.DECISIONS_STREAM,
    OrderTimedOut: keys.DECISIONS_STREAM,
}

GAUGES: Final[dict[GaugeName, str]] = {
    "account_value": keys.ACCOUNT_VALUE,
    "buying_power": keys.BUYING_POWER,
    "daily_pnl": keys.DAILY_PNL,
    "unrealized_pnl": keys.UNREALIZED_PNL,
    "connection": keys.CONNECTION_STATUS,
}

_pack = msgspec.msgpack.Encoder().encode


class Offset(NamedTuple):
    """How far a publisher's messages have been applied; `part` counts the messages of a snapshot at `seq`."""

    epoch: int
    seq: int
    part: int = 0

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}-{self.part}"


class Unit(NamedTuple):
    """Everything that one event writes."""

    publisher: str
    offset: Offset
    event: str  # names it in the error log
    commands: list[Command]


class Applied(NamedTuple):
    """What became of a unit: `new` is False where it had been applied before."""

    new: bool
    errors: list[str]


def stream_entry(
    message: Message, *, publisher: str, offset: Offset, at_ms: int, maxlen: int, name: str = ""
) -> Command | None:
    """The message's entry on its stream, None for one that has no stream. `name` instead of its own, which says which
    bus message it was.

    A stream with one publisher gets explicit ids `{epoch}-{seq}`, so that an entry names its bus message; the
    decisions come from two publishers, whose numbers do not compare.
    """
    stream = STREAMS.get(type(message))
    if stream is None:
        return None
    entry = "*" if stream == keys.DECISIONS_STREAM else f"{offset.epoch}-{offset.seq}"
    return (
        *("XADD", stream, "MAXLEN", "~", maxlen, entry),
        *("type", type(message).__name__),
        *("v", message.version),
        *("id", name or f"{publisher}-{offset.epoch}-{offset.seq}"),
        *("ts", at_ms),
        *("data", to_json(message).decode()),
    )


def restated(
    messages: Sequence[Message], *, publisher: str, offset: Offset, at_ms: int, maxlen: int
) -> list[Command]:
    """Entries for what only a snapshot has told, in its order: under the last numbers that it covers.

    Each of them was published once before the snapshot, and after what the streams have, so there are as many.
    """
    first = offset.seq - len(messages) + 1
    entries = [
        stream_entry(
            message,
            publisher=publisher,
            offset=Offset(offset.epoch, first + number),
            at_ms=at_ms,
            maxlen=maxlen,
            name=f"{publisher}-{offset}-{number}",
        )
        for number, message in enumerate(messages)
    ]
    return [entry for entry in entries if entry is not None]


def commands(effect: Effect, group: str) -> list[Command]:
    """What the platform reads of an effect. `group` is the consumer group of the signal stream."""
    match effect:
        case Distribute():
            return [("LPUSH", keys.DISTRIBUTION, _json(effect.document))]
        case Acknowledge():
            return _acknowledge(effect, group)
        case Settle():
            return [command for ticket in effect.tickets for command in settle_commands(ticket, group)]
        case DeadLetter():
            return [
                ("LPUSH", keys.DEAD_LETTER, _json(effect.document)),
                ("LTRIM", keys.DEAD_LETTER, 0, MAX_DEAD_LETTERS - 1),
            ]
        case OrderPending():
            return [("SETEX", keys.pending_order(effect.order_id), PENDING_TTL_S, _json(effect.document))]
        case OrderDone():
            return [("DEL", keys.pending_order(effect.order_id))]
        case PositionOpen() | PositionGone() | PositionCount() | PositionClosed():
            return _position(effect)
        case Warn():
            return [("PUBLISH", keys.ALERTS, _json(effect.document))]
        case Gauge():
            return [("SET", GAUGES[effect.name], effect.text)]


def heartbeat(now_s: float, working: Sequence[int], held: int) -> list[Command]:
    """The platform's signs of life, and what must not expire or drift while nothing happens."""
    return [
        ("SETEX", keys.EXECUTION_HEARTBEAT, HEARTBEAT_TTL_S, f"{now_s:.3f}"),
        ("SETEX", keys.POSITIONS_HEARTBEAT, HEARTBEAT_TTL_S, f"{now_s:.3f}"),
        ("SET", keys.POSITION_COUNT, held),
        *(("EXPIRE", keys.pending_order(order_id), PENDING_TTL_S) for order_id in working),
    ]


def apply(client: Client, units: Sequence[Unit], last: dict[str, Offset] | None = None) -> list[Applied]:
    """Apply units in order, in one round trip. Raises StoreAway: then send all of them again, in the same order.

    `last` has each publisher's offset as it was left, and follows. A server that does not have it was started again or
    emptied unnoticed, and has lost more than that: StoreAway too.
    """
    words = []
    for unit in units:
        before = "any" if last is None else str(last.get(unit.publisher, "none"))
        words.append(_evalsha(unit, before))
        if last is not None:
            last[unit.publisher] = unit.offset
    replies = client.pipeline(words)
    for reply in replies:
        if isinstance(reply, StoreRefused):  # NOSCRIPT after a restart, or our own offsets are unusable
            raise StoreAway(f"Redis did not apply an event: {reply}")
        if reply[0] < 0:
            raise StoreAway("Redis does not have what was written last: it was started again, or emptied")
    return [
        Applied(reply[0] == 1, [error.decode(errors="replace") for error in reply[1:]]) for reply in replies
    ]


def load_script(client: Client) -> None:
    """Make `apply` known to this server. Raises StoreAway."""
    client.call("SCRIPT", "LOAD", APPLY.source)


def _evalsha(unit: Unit, before: str) -> Command:
    # One word for all writes, because the client's cost is by the word. Text only: Lua reads no msgpack bytes.
    return (
        *("EVALSHA", APPLY.sha, 2, keys.OFFSETS, keys.ERRORS),
        *(unit.publisher, f"{unit.offset} {before}", unit.event, MAX_ERRORS, _pack(unit.commands)),
    )


def _acknowledge(effect: Acknowledge, group: str) -> list[Command]:
    subject, body = effect.subject, _json(effect.document)
    release: list[Command] = []
    if effect.fingerprint and subject.symbol:
        release = [("DEL", keys.live_lock(subject.symbol, effect.fingerprint))]
    return [
        *release,
        ("SETEX", keys.ack(subject.signal_id), ACK_TTL_S, body),
        ("PUBLISH", keys.ACKNOWLEDGED, body),
        ("INCR", keys.ACK_COUNTER),
        *commands(Settle(effect.tickets), group),
    ]


def _position(effect: PositionOpen | PositionGone | PositionCount | PositionClosed) -> list[Command]:
    match effect:
        case PositionOpen():
            return [
                ("SET", keys.open_position(effect.symbol, effect.position_id), _json(effect.document)),
                ("SADD", keys.positions_by_symbol(effect.symbol), effect.position_id),
            ]
        case PositionGone():
            return [
                ("DEL", keys.open_position(effect.symbol, effect.position_id)),
                ("SREM", keys.positions_by_symbol(effect.symbol), effect.position_id),
            ]
        case PositionCount():
            return [("SET", keys.POSITION_COUNT, effect.held)]
        case PositionClosed():
            return _closed(effect)


def _closed(effect: PositionClosed) -> list[Command]:
    record = keys.closed_position(effect.day, effect.record_id)
    return [
        ("SETEX", record, CLOSED_TTL_S, _json(effect.document)),
        ("ZADD", keys.CLOSED_INDEX, f"{effect.at_s:.3f}", record),
        ("ZREMRANGEBYSCORE", keys.CLOSED_INDEX, "-inf", f"({effect.at_s - CLOSED_TTL_S:.3f}"),
    ]


def _json(document: object) -> str:
    return orjson.dumps(document).decode()
