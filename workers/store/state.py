"""What dispatch knows, kept in Redis beside what it told, and read back at its start.

One hash per delivery with a field per execution, so that a fill costs the same whether it is the first or the
thousandth of its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
import structlog
from msgspec import Struct

from router.book import Book
from router.delivery import Context, Delivery, Progress, recounted
from router.execution import Commission, Execution
from router.holding import Holding
from router.memory import (
    DeliveryChanged,
    DeliveryForgotten,
    HoldingChanged,
    HoldingForgotten,
    Memory,
    OrphanJoined,
    OrphanKept,
    Seen,
    SeenForgotten,
)
from router.messages import CommissionReport
from workers.store import keys
from workers.store.client import Client, Command, StoreRefused
from workers.store.egress import Offset

CONTEXT, PROGRESS, EXECUTION, COMMISSION = "context", "progress", "execution ", "commission "
CHUNK = 500  # deliveries read in one round trip

T = TypeVar("T", bound=Struct)

log = structlog.get_logger()
_encoder = msgspec.json.Encoder()


def commands(memory: Memory) -> list[Command]:
    """What to store of one change."""
    match memory:
        case DeliveryChanged():
            return _changed(memory.before, memory.after)
        case DeliveryForgotten():
            return [("DEL", keys.delivery(memory.name)), ("ZREM", keys.DELIVERIES, memory.name)]
        case HoldingChanged():
            return [("HSET", keys.POSITIONS, memory.holding.id, _encode(memory.holding))]
        case HoldingForgotten():
            return [("HDEL", keys.POSITIONS, memory.position_id)]
        case Seen():
            return [("ZADD", keys.SEEN, memory.at_ms, memory.member)]
        case SeenForgotten():
            return [("ZREMRANGEBYSCORE", keys.SEEN, "-inf", f"({memory.before_ms}")]
        case OrphanKept():
            return [("HSET", keys.ORPHANS, memory.report.exec_id, _encode(memory.report))]
        case OrphanJoined():
            return [("HDEL", keys.ORPHANS, memory.exec_id)]


def _encode(value: Struct) -> str:
    return _encoder.encode(value).decode()


def _changed(before: Delivery | None, after: Delivery) -> list[Command]:
    fields: list[str] = []
    if before is None or before.context is not after.context:
        fields += [CONTEXT, _encode(after.context)]
    if before is None or before.progress is not after.progress:
        fields += [PROGRESS, _encode(after.progress)]
    fields += _news(EXECUTION, before.executions if before else {}, after.executions)
    fields += _news(COMMISSION, before.commissions if before else {}, after.commissions)
    gone = []
    if before is not None and before.progress.superseded is not after.progress.superseded:
        gone = [EXECUTION + exec_id for exec_id in before.executions if exec_id not in after.executions]
    key = keys.delivery(after.name)
    return [
        *([("HSET", key, *fields)] if fields else []),
        *([("HDEL", key, *gone)] if gone else []),
        ("ZADD", keys.DELIVERIES, after.progress.changed_ms, after.name),
    ]


def _news(prefix: str, before: Mapping[str, T], after: dict[str, T]) -> list[str]:
    """Fields for what is new. Most often that is one more at the end; only then is the rest not looked at."""
    if after is before:
        return []
    items: Iterable[tuple[str, T]] = after.items()
    if len(after) == len(before) + 1 and (last := next(reversed(after))) not in before:
        items = [(last, after[last])]
    changed = [(name, one) for name, one in items if before.get(name) is not one]
    return [word for name, one in changed for word in (prefix + name, _encode(one))]


def read_offsets(client: Client) -> dict[str, Offset]:
    """How far each publisher's messages were applied. Raises StoreAway."""
    flat = client.call("HGETALL", keys.OFFSETS)
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return {name.decode(): Offset(*map(int, text.split(b"-"))) for name, text in pairs}


def load(client: Client, book: Book, now_ms: int) -> int:
    """Fill a new book with what was stored; gives the number of entries that could not be read. Raises StoreAway."""
    reader = _Reader()
    names = [name.decode() for name in client.call("ZRANGE", keys.DELIVERIES, 0, -1)]
    deliveries: list[Delivery] = []
    for start in range(0, len(names), CHUNK):
        chunk = names[start : start + CHUNK]
        replies = client.pipeline([("HGETALL", keys.delivery(name)) for name in chunk])
        found = (reader.delivery(name, reply) for name, reply in zip(chunk, replies, strict=True))
        deliveries += [delivery for delivery in found if delivery is not None]
    stored = client.call("HGETALL", keys.POSITIONS)
    orphans = client.call("HGETALL", keys.ORPHANS)
    seen = client.call("ZRANGE", keys.SEEN, 0, -1, "WITHSCORES")
    book.load(
        deliveries,
        reader.all(keys.POSITIONS, stored, Holding),
        [Seen(m.decode(), int(score)) for m, score in zip(seen[::2], seen[1::2], strict=True)],
        reader.all(keys.ORPHANS, orphans, CommissionReport),
        now_ms,
    )
    return reader.unreadable


class _Reader:
    """Decodes what was stored; what cannot be read is told and left where it is."""

    def __init__(self) -> None:
        self.unreadable = 0

    def delivery(self, name: str, reply: Any) -> Delivery | None:
        if isinstance(reply, StoreRefused):
            self._tell(keys.delivery(name), reply)
            return None
        fields = {field.decode(): value for field, value in zip(reply[::2], reply[1::2], strict=True)}
        try:
            executions = [
                msgspec.json.decode(value, type=Execution)
                for field, value in fields.items()
                if field.startswith(EXECUTION)
            ]
            stored = Delivery(
                name,
                msgspec.json.decode(fields[CONTEXT], type=Context),
                msgspec.json.decode(fields[PROGRESS], type=Progress),
                {x.exec_id: x for x in sorted(executions, key=lambda x: x.number)},
                {
                    field.removeprefix(COMMISSION): msgspec.json.decode(value, type=Commission)
                    for field, value in fields.items()
                    if field.startswith(COMMISSION)
                },
            )
            return recounted(stored)
        except (KeyError, msgspec.DecodeError) as error:
            self._tell(keys.delivery(name), error)
            return None

    def all(self, key: str, flat: list[bytes], kind: type[T]) -> list[T]:
        found = []
        for field, value in zip(flat[::2], flat[1::2], strict=True):
            try:
                found.append(msgspec.json.decode(value, type=kind))
            except msgspec.DecodeError as error:
                self._tell(f"{key} {field.decode(errors='replace')}", error)
        return found

    def _tell(self, what: str, error: Exception) -> None:
        self.unreadable += 1
        log.error("stored state cannot be read, going on without it", key=what, error=repr(error))
