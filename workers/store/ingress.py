"""Signals in: two adapters of one port, `take`, `recover` and `settle_commands` (platform contract 1.1).

A signal that was taken stays in Redis, in the hash of the taken or in the group's pending list, until
dispatch has told the platform its end; the script that tells it also settles it. So nothing is lost when
anything dies, and nothing is taken while the platform halts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import structlog

from router.messages import Ticket
from workers.store import keys
from workers.store.client import Client, Command, StoreRefused
from workers.store.scripts import TAKE_LISTS, TAKE_STREAM

CONSUMER = "sizing"
FIELD = b"data"
BATCH = 64  # signals taken at once
DEAD_AFTER_MS = 60_000  # idleness after which another consumer of the group is taken for dead

log = structlog.get_logger()


class Taken(NamedTuple):
    """One signal as it lay in Redis. `symbol_hint` is the symbol of its list, empty on the stream."""

    ticket: Ticket
    payload: bytes
    symbol_hint: str
    redelivered: bool


class Ingress(Protocol):
    """Where signals come from. Both methods raise StoreAway."""

    def take(self) -> list[Taken]:
        """New signals, oldest first; none while the platform halts."""
        ...

    def recover(self) -> list[Taken]:
        """Signals taken before whose end was never told, oldest first. Call once, before the first take."""
        ...


def settle_commands(ticket: Ticket, group: str) -> list[Command]:
    """What removes a signal for good: dispatch runs it in the script that tells its end."""
    if ticket.source == "list":
        return [("HDEL", ticket.key, ticket.entry)]
    return [("XACK", ticket.key, group, ticket.entry), ("XDEL", ticket.key, ticket.entry)]


class ListIngress:
    """The platform's lists, one per symbol."""

    def __init__(self, client: Client, symbols: Sequence[str], *, max_per_symbol: int) -> None:
        self._client = client
        self._max_per_symbol = max_per_symbol
        self._symbol_of = {keys.execution_list(symbol): symbol for symbol in symbols}
        pairs = [(keys.execution_list(s), keys.positions_by_symbol(s)) for s in symbols]
        self._keys = (
            keys.HALT,
            keys.PERMANENT_HALT,
            keys.TAKEN,
            keys.TAKEN_COUNTER,
            *(key for pair in pairs for key in pair),
        )
        self.errors: frozenset[str] = frozenset()  # lists that cannot be read now, and why

    def take(self) -> list[Taken]:
        """Move new signals to the hash of the taken, first in first out for each symbol."""
        errors, flat = self._client.run(TAKE_LISTS, self._keys, (self._max_per_symbol, BATCH))
        self._tell(frozenset(error.decode(errors="replace") for error in errors))
        triples = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        return [self._taken(entry, source, payload, redelivered=False) for entry, source, payload in triples]

    def recover(self) -> list[Taken]:
        """Everything in the hash of the taken."""
        flat = self._client.call("HGETALL", keys.TAKEN)
        found = sorted(zip(flat[::2], flat[1::2], strict=True), key=lambda pair: _number(pair[0]))
        parts = ((entry, *value.partition(b"\n")) for entry, value in found)
        return [self._taken(entry, source, payload, redelivered=True) for entry, source, _, payload in parts]

    def _taken(self, entry: bytes, source: bytes, payload: bytes, *, redelivered: bool) -> Taken:
        ticket = Ticket("list", keys.TAKEN, entry.decode())
        symbol = self._symbol_of.get(source.decode(errors="replace"), "")
        return Taken(ticket, payload, symbol, redelivered)

    def _tell(self, errors: frozenset[str]) -> None:
        for error in errors - self.errors:
            log.error("cannot read signals: mend or delete the key", action="take", error=error)
        self.errors = errors


class StreamIngress:
    """The stream of signals, read as one consumer of one group."""

    def __init__(self, client: Client, stream: str, group: str) -> None:
        self._client = client
        self._stream = stream
        self._group = group
        self._keys = (keys.HALT, keys.PERMANENT_HALT, stream)

    def take(self) -> list[Taken]:
        """New entries; each stays pending until settled."""
        arguments = (self._group, CONSUMER, BATCH)
        try:
            entries = self._client.run(TAKE_STREAM, self._keys, arguments)
        except StoreRefused as error:
            if not str(error).startswith("NOGROUP"):
                raise
            self._create_group()
            entries = self._client.run(TAKE_STREAM, self._keys, arguments)
        return [self._taken(entry, fields, redelivered=False) for entry, fields in entries]

    def recover(self) -> list[Taken]:
        """Everything pending of this consumer, after adopting what dead ones left."""
        self._create_group()
        self._adopt_dead()
        found: list[Taken] = []
        last: bytes = b"0"
        while entries := self._pending_after(last):
            last = entries[-1][0]
            gone = [entry for entry, fields in entries if fields is None]
            if gone:  # deleted from the stream while pending: there is nothing left to act on
                log.error("taken signals were deleted from the stream", action="recover", entries=len(gone))
                self._client.call("XACK", self._stream, self._group, *gone)
            found += [self._taken(entry, fields, redelivered=True) for entry, fields in entries if fields]
        return found

    def _create_group(self) -> None:
        try:
            self._client.call("XGROUP", "CREATE", self._stream, self._group, "0", "MKSTREAM")
        except StoreRefused as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _pending_after(self, last: bytes) -> list[Any]:
        reply = self._client.call(
            "XREADGROUP", "GROUP", self._group, CONSUMER, "COUNT", BATCH, "STREAMS", self._stream, last
        )
        return list(reply[0][1]) if reply else []

    def _adopt_dead(self) -> None:
        """Claim what consumers of other names left pending: there is one sizing, so they are of the past.

        XAUTOCLAIM takes from the living too, so entries are claimed one dead consumer at a time.
        """
        for reply in self._client.call("XINFO", "CONSUMERS", self._stream, self._group):
            facts = dict(zip(reply[::2], reply[1::2], strict=True))
            name = facts[b"name"]
            if name == CONSUMER.encode() or facts[b"idle"] < DEAD_AFTER_MS:
                continue
            while pending := self._client.call(
                "XPENDING", self._stream, self._group, "IDLE", DEAD_AFTER_MS, "-", "+", BATCH, name
            ):
                entries = [row[0] for row in pending]
                log.warning(
                    "adopting signals of a dead consumer", consumer=name.decode(), signals=len(entries)
                )
                self._client.call(
                    "XCLAIM", self._stream, self._group, CONSUMER, DEAD_AFTER_MS, *entries, "JUSTID"
                )

    def _taken(self, entry: bytes, fields: Sequence[bytes], *, redelivered: bool) -> Taken:
        named = dict(zip(fields[::2], fields[1::2], strict=True))
        payload = named[FIELD] if FIELD in named else _as_json(named)
        return Taken(Ticket("stream", self._stream, entry.decode()), payload, "", redelivered)


def _as_json(named: dict[bytes, bytes]) -> bytes:
    """An entry without `data`, kept whole so that its refusal shows what was there."""
    text = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in named.items()}
    return json.dumps(text).encode()


def _number(entry: bytes) -> int:
    return int(entry.partition(b"-")[0])
