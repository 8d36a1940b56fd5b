"""One client's socket: bytes in to the dialogue, frames out through the faults, at the pace that was ordered."""

import asyncio
import logging
import socket
import time
from collections import deque
from typing import Protocol, cast

from paper import messages_out as out
from paper.dialogue import receive, serve
from paper.faults import End, Faults, Later, Now, Perform
from paper.gateway import Gateway
from paper.pacing import Pacer, Policy
from paper.session import Session
from paper.wire import WireError

log = logging.getLogger("paper")
_MAX_UNSENT = 64 << 20  # bytes a client may leave unread before it is cut off
_DRIP = 0.01  # seconds between two writes of a throttled connection
_HEADER = 4  # bytes of length before a payload
_EXECUTION = b"11\0"


class Host(Protocol):
    """What a connection needs of the server it belongs to."""

    gateway: Gateway
    faults: Faults
    connections: "set[Connection]"

    @property
    def pacing(self) -> Policy:
        """What is done to clients that send too fast."""

    def flush_soon(self) -> None:
        """Write everything out once, when this loop turn is done."""

    def perform(self, statement: object) -> None:
        """Carry a statement of a scenario out."""


class Connection(asyncio.Protocol):
    """One client's socket."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._ready: list[bytes] = []
        self._pacer = Pacer()
        self._queued: deque[bytes] = deque()  # payloads that wait for the pacer
        self._ending = False  # nothing more is written after what is ready
        self._frozen = False
        self._rate = 0  # bytes per second, 0 is as fast as it goes
        self._backlog = bytearray()  # what a throttled connection has still to write
        self._cut_after: int | None = None  # bytes until the connection ends
        self.lost = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.transport: asyncio.Transport
        self.session: Session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.session = Session(peer=str(transport.get_extra_info("peername")))
        self._host.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Serve what came; a stream that is not the protocol ends the connection."""
        try:
            receive(self._host.gateway, self.session, data, self._admit)
        except WireError as error:
            log.warning("client %s at %s: %s", self.session.client_id, self.session.peer, error)
            self.session.closing = True
        self._host.flush_soon()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        log.info("client %s at %s is gone", self.session.client_id, self.session.peer)
        self._host.connections.discard(self)
        self._host.gateway.detach(self.session)
        if not any(other.client_id == self.client_id for other in self._host.connections):
            self._host.faults.forget(self.client_id)
        self._queued.clear()
        self._backlog.clear()
        self._writable.set()
        self._host.flush_soon()
        self.lost.set()

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable.set()

    def write(self, data: bytes) -> None:
        """Write bytes that have been through no fault."""
        self.transport.write(data)

    async def drain(self) -> bool:
        """Wait until the client has caught up. False when it is gone."""
        await self._writable.wait()
        return not self.transport.is_closing()

    @property
    def client_id(self) -> int | None:
        """The client id, None before startApi."""
        return self.session.client_id

    def collect(self) -> None:
        """Put what is queued for this client through the faults, and the executions in it into the ledger."""
        frames, self.session.outbox = self.session.outbox, []
        for frame in frames:
            for step in self._host.faults.outgoing(self.client_id, frame):
                match step:
                    case Now(data):
                        self._make_ready(data)
                    case Later(seconds, data):
                        asyncio.get_running_loop().call_later(seconds, self._arrive_late, data)
                    case End(data):
                        self._make_ready(data)
                        self._ending = True
                    case Perform(statement):
                        self._host.perform(statement)

    def push(self, frames: list[bytes]) -> None:
        """Make frames ready that have been through the faults already."""
        for frame in frames:
            self._make_ready(frame)

    def flush(self) -> None:
        """Write what is ready; close when the conversation is over or the client does not read."""
        if self._frozen:
            return
        if self._ready:
            data = b"".join(self._ready)
            self._ready.clear()
            self._write(data)
        if (self.session.closing or self._ending) and not self._backlog:
            self.transport.close()
        elif self.transport.get_write_buffer_size() > _MAX_UNSENT:
            log.warning("client %s does not read; cut off", self.client_id)
            self.transport.abort()

    def freeze(self, frozen: bool) -> None:
        """Stop reading and writing with the socket left open, or go on."""
        self._frozen = frozen
        if frozen:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
            self._host.flush_soon()

    def throttle(self, rate: int) -> None:
        """Write `rate` bytes a second from now on; 0 is as fast as it goes."""
        self._rate = rate

    def cut(self, after: int) -> None:
        """End the connection when `after` more bytes were written; at once for 0."""
        self._cut_after = after
        if after == 0:
            self.transport.abort()

    def _make_ready(self, data: bytes) -> None:
        if self._ending or not data:
            return
        self._ready.append(data)
        if data[_HEADER : _HEADER + 3] == _EXECUTION:
            fields = data[_HEADER:].decode().split("\0", 15)
            if len(fields) == 16:  # all of it, not the first bytes of one that is cut
                record = {"exec_id": fields[14], "client_id": self.client_id, "live": fields[1] == "-1"}
                self._host.gateway.ledger.append("sent", **record)

    def _arrive_late(self, data: bytes) -> None:
        if not self.lost.is_set():
            self._make_ready(data)
            self._host.flush_soon()

    def _write(self, data: bytes) -> None:
        if self._cut_after is not None:
            data = data[: self._cut_after]
            self._cut_after -= len(data)
            self._ending = self._ending or self._cut_after == 0
        if not self._rate and not self._backlog:
            self.transport.write(data)
            return
        if not self._backlog:
            asyncio.get_running_loop().call_later(_DRIP, self._drip)
        self._backlog += data

    def _drip(self) -> None:
        """Write the next few bytes of a throttled connection."""
        size = max(int(self._rate * _DRIP), 1) if self._rate else len(self._backlog)
        if not self._frozen:
            self.transport.write(bytes(self._backlog[:size]))
            del self._backlog[:size]
        if self._backlog and not self.lost.is_set():
            asyncio.get_running_loop().call_later(_DRIP, self._drip)
        self._host.flush_soon()

    def _admit(self, payload: bytes) -> bool:
        """Whether a request is served now: not when it came too fast, nor when a fault swallows it."""
        policy = self._host.pacing
        if policy is not Policy.OFF and not self._paced(policy, payload):
            return False
        return self._unharmed(payload)

    def _unharmed(self, payload: bytes) -> bool:
        """Whether no fault swallows a request."""
        served, statements = self._host.faults.incoming(self.client_id, payload)
        for statement in statements:
            asyncio.get_running_loop().call_soon(self._host.perform, statement)
        if not served:
            message = payload.decode(errors="backslashreplace").split("\0")[:3]
            self._host.gateway.ledger.append("swallowed", client_id=self.client_id, message=message)
        return served

    def _paced(self, policy: Policy, payload: bytes) -> bool:
        now = time.monotonic_ns()
        wait = self._pacer.wait(now)
        if wait == 0 and not self._queued:
            self._pacer.count(now)
            return True
        if policy is Policy.QUEUE:
            if not self._queued:
                asyncio.get_running_loop().call_later(wait / 1e9, self._serve_queued)
            self._queued.append(payload)
        elif self._pacer.strike():
            self.session.send(out.error(-1, 100, self._pacer.text, self.session.version))
            self.session.closing = self._pacer.is_out
        return False

    def _serve_queued(self) -> None:
        """Serve what waited, as far as the limit lets it, in the order it came."""
        while self._queued:
            now = time.monotonic_ns()
            if wait := self._pacer.wait(now):
                asyncio.get_running_loop().call_later(wait / 1e9, self._serve_queued)
                break
            self._pacer.count(now)
            payload = self._queued.popleft()
            if self._unharmed(payload):
                serve(self._host.gateway, self.session, payload)
        self._host.flush_soon()
