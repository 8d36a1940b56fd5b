"""The sockets: accepts clients, hands bytes to the dialogue, writes outboxes at the end of each loop turn.

The ledger is committed before anything is written, so no client knows of an execution that the ledger lacks.
"""

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path
from typing import cast

from paper.clock import RealClock
from paper.dialogue import receive
from paper.gateway import Gateway
from paper.ledger import FileLedger, Ledger, NoLedger
from paper.session import Session
from paper.settings import Settings
from paper.wire import WireError

log = logging.getLogger("paper")
_MAX_UNSENT = 64 << 20  # bytes a client may leave unread before it is cut off


class _Connection(asyncio.Protocol):
    """One client's socket."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self.lost = asyncio.Event()
        self.transport: asyncio.Transport
        self.session: Session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.session = Session(peer=str(transport.get_extra_info("peername")))
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            receive(self._server.gateway, self.session, data)
        except WireError as error:
            log.warning("client %s at %s: %s", self.session.client_id, self.session.peer, error)
            self.session.closing = True
        self._server.flush_soon()

    def connection_lost(self, error: Exception | None) -> None:
        log.info("client %s at %s is gone", self.session.client_id, self.session.peer)
        self._server.connections.discard(self)
        self._server.gateway.detach(self.session)
        self._server.flush_soon()
        self.lost.set()

    def flush(self) -> None:
        """Write what is queued; close when the conversation is over or the client does not read."""
        if self.session.outbox:
            self.transport.write(b"".join(self.session.outbox))
            self.session.outbox.clear()
        if self.session.closing:
            self.transport.close()
        elif self.transport.get_write_buffer_size() > _MAX_UNSENT:
            log.warning("client %s does not read; cut off", self.session.client_id)
            self.transport.abort()


class Server:
    """The gateway on its sockets."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.connections: set[_Connection] = set()
        self._flush_pending = False

    def connect(self) -> _Connection:
        """A protocol for a client that just came."""
        return _Connection(self)

    def flush_soon(self) -> None:
        """Write everything out once, when this loop turn is done."""
        if not self._flush_pending:
            self._flush_pending = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Commit the ledger, then write what is queued for each client."""
        self._flush_pending = False
        self.gateway.ledger.commit()
        for connection in list(self.connections):
            connection.flush()

    async def hang_up(self) -> None:
        """Write what is queued and end every connection; what a client does not take at once is dropped."""
        self.flush()
        ending = list(self.connections)
        for connection in ending:
            connection.transport.abort()
        await asyncio.gather(*(connection.lost.wait() for connection in ending))

    async def move_market(self, seconds: float) -> None:
        """Move the market on, for ever."""
        while True:
            await asyncio.sleep(seconds)
            self.gateway.tick()
            self.flush_soon()


def bind(host: str, port: int, port_file: Path | None) -> socket.socket:
    """Listen on the port; with port 0 on the one the file remembers if it is free, else on any. Raises OSError."""
    remembered = _remembered(port_file) if port == 0 else 0
    if remembered:
        try:
            return _listen(host, remembered)
        except OSError:
            log.info("port %d of %s is taken", remembered, port_file)
    return _listen(host, port)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=128)


def _remembered(port_file: Path | None) -> int:
    try:
        text = port_file.read_text().strip() if port_file else ""
    except OSError:
        return 0
    return int(text) if text.isdecimal() and int(text) < 65536 else 0


def write_port(port_file: Path, port: int) -> None:
    """Write the bound port so that a reader sees either the old file or the whole new one."""
    draft = port_file.with_name(f"{port_file.name}.{os.getpid()}")
    draft.write_text(f"{port}\n")
    draft.replace(port_file)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises OSError when the port or a file cannot be had."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    ledger: Ledger = FileLedger(settings.ledger) if settings.ledger else NoLedger()
    gateway = Gateway(settings, RealClock(), ledger)
    server = Server(gateway)
    listening = await loop.create_server(
        server.connect, sock=bind(settings.host, settings.port, settings.port_file)
    )
    port = listening.sockets[0].getsockname()[1]
    gateway.ledger.append("start", account=settings.account, seed=settings.seed, port=port)
    ledger.commit()
    if settings.port_file:
        write_port(settings.port_file, port)
    log.info("listening on %s:%d for account %s", settings.host, port, settings.account)
    moving = asyncio.create_task(server.move_market(settings.tick))
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait((moving, stopping), return_when=asyncio.FIRST_COMPLETED)
        if moving.done():
            moving.result()  # the market stopped by itself: let its error be seen
    finally:
        for task in (moving, stopping):
            task.cancel()
        listening.close()
        await server.hang_up()
        ledger.append("stop")
        ledger.close()
    log.info("stopped")
