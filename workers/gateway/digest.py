"""What the trade messages of a journal come to, for a gateway that starts. Pure.

A gateway reads them back to know which deliveries may be at the broker (Known) and which errors left an order in
doubt (Doubts). `State` is the same as plain values, `pack` and `unpack` are bytes of it: a checkpoint, which spares
reading again what it covers. It is made of nothing but what was read, so reading the rest of the journal on top of it
comes to what reading all of the journal comes to.
"""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import msgspec

from ipc.bus import Position
from router import bracket
from router.messages import BrokerError, ExecutionFill, OrderLifecycleEvent
from router.messages import Message as BusMessage
from workers.gateway import doubts, hearing, known
from workers.gateway.doubts import Doubts, DoubtsState
from workers.gateway.known import Known, KnownState

# Orders of which IB told last that are remembered, at least; twice as many at most. An error about one that is not
# among them is of an order that neither the day's executions nor the list of open orders has named for as long.
KEEP_HEARD = 25_000

FORMAT = b"router checkpoint 1\n"
CHECK_SIZE = 4  # bytes of a CRC-32


class Unusable(ValueError):
    """A checkpoint that says nothing: everything is read."""


class State(msgspec.Struct, frozen=True):
    """A Digest as plain values."""

    known: KnownState
    doubts: DoubtsState
    heard: list[str]  # orderRefs that IB told of last
    heard_before: list[str]  # and those before them


class Checkpoint(msgspec.Struct, frozen=True):
    """A State, the position in the journal up to which it was read, and by which code."""

    code: int
    position: Position
    state: State


class Digest:
    """Learns from the trade messages of one journal, in order."""

    def __init__(self, state: State | None = None) -> None:
        self.known = Known(state.known if state else None)
        self.doubts = Doubts(state.doubts if state else None)
        self._heard = dict.fromkeys(state.heard if state else ())
        self._heard_before = dict.fromkeys(state.heard_before if state else ())

    def observe(self, message: BusMessage) -> None:
        """Take one message in."""
        self.known.observe(message)
        heard = False
        match message:
            case OrderLifecycleEvent() | ExecutionFill():
                self._hear(message.ref)
            case BrokerError():
                heard = message.ref in self._heard or message.ref in self._heard_before
            case _:
                pass
        self.doubts.observe(message, heard=heard)

    def state(self) -> State:
        """All of it as it is now."""
        return State(self.known.state(), self.doubts.state(), list(self._heard), list(self._heard_before))

    def _hear(self, ref: str) -> None:
        self._heard[ref] = None
        if len(self._heard) == KEEP_HEARD:
            self._heard_before, self._heard = self._heard, {}


def pack(position: Position, state: State) -> bytes:
    """A checkpoint as bytes: format, checksum, msgpack."""
    body = msgspec.msgpack.encode(Checkpoint(CODE, position, state))
    return FORMAT + crc32(body).to_bytes(CHECK_SIZE) + body


def unpack(raw: bytes) -> Checkpoint:
    """The same back. Raises Unusable for anything but the very bytes that this code has packed."""
    if not raw.startswith(FORMAT):
        raise Unusable("it is of another format")
    start = len(FORMAT) + CHECK_SIZE
    body = raw[start:]
    if crc32(body).to_bytes(CHECK_SIZE) != raw[len(FORMAT) : start]:
        raise Unusable("its checksum is wrong")
    try:
        checkpoint = msgspec.msgpack.decode(body, type=Checkpoint)
    except msgspec.DecodeError as error:
        raise Unusable(f"it does not decode ({error})") from error
    if checkpoint.code != CODE:
        raise Unusable("other code than this has read the journal")
    return checkpoint


def _code() -> int:
    """Tells apart the code that judges what was read: after an upgrade a journal is judged anew."""
    sources = (bracket, hearing, known, doubts)
    files = [Path(__file__), *(Path(str(source.__file__)) for source in sources)]
    return crc32(b"".join(file.read_bytes() for file in files))


CODE = _code()
