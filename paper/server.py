"""The gateway on its sockets: accepts clients, writes outboxes at the end of each loop turn, obeys scenarios.

The ledger is committed before anything is written, so no client knows of an execution that the ledger lacks.
"""

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path
from typing import cast

from paper.clock import make_clock
from paper.connection import Connection
from paper.control import Control
from paper.controls import Controls
from paper.director import Stage
from paper.faults import Faults
from paper.gateway import Gateway
from paper.hands import Hands
from paper.ledger import FileLedger, Ledger, NoLedger
from paper.orders import Order
from paper.pacing import Policy
from paper.scenario import ScriptError, Statement, read_script
from paper.settings import Settings
from paper.storm import LOWEST_ID, Plan, blow, gusts
from paper.storm import Stage as StormStage

log = logging.getLogger("paper")
_SETTLING = 1.0  # seconds a client has for its own requests before a storm


class Server:
    """The gateway and its clients' connections."""

    def __init__(self, gateway: Gateway, pacing: Policy) -> None:
        self.gateway = gateway
        self.faults = Faults()
        self.connections: set[Connection] = set()
        self.stage = Stage(
            gateway=gateway,
            faults=self.faults,
            connections=self.connections,
            flush_soon=self.flush_soon,
            restart=self.restart,
            hand=Hands(Controls(gateway), self.find_order),
            pacing=pacing,
        )
        self._flush_pending = False
        self._someone = asyncio.Event()  # a client has started its session
        self._listening: asyncio.Server | None = None
        self._address = ("", 0)
        self._restarting: asyncio.Task[None] | None = None

    @property
    def pacing(self) -> Policy:
        """What is done to clients that send too fast."""
        return self.stage.pacing

    def find_order(self, name: str) -> Order:
        """An order by its name in scenarios. Raises ScriptError."""
        return self.stage.order(name)

    def perform(self, statement: object) -> None:
        """Carry a statement out that nobody waits for."""
        self.stage.perform_logged(cast(Statement, statement))

    async def listen(self, listener: socket.socket) -> None:
        """Accept clients on a listening socket."""
        self._address = listener.getsockname()[:2]
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), sock=listener
        )

    def restart(self, down: float) -> None:
        """Begin a restart: connections and staged orders end, the port is closed for `down` seconds."""
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.create_task(self._restart(down))

    async def _restart(self, down: float) -> None:
        log.info("restarting, down for %g s", down)
        self.stop_listening()
        await self.hang_up()
        self.gateway.engine.book.staged.clear()
        self.gateway.ledger.append("restart", down=down)
        await asyncio.sleep(down)
        await self.listen(_listen(*self._address))
        log.info("restarted")

    def stop_listening(self) -> None:
        """Accept nobody any more."""
        if self._listening is not None:
            self._listening.close()

    def flush_soon(self) -> None:
        """Write everything out once, when this loop turn is done."""
        if not self._flush_pending:
            self._flush_pending = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Commit state and ledger, then write what is queued for each client."""
        self._flush_pending = False
        connections = list(self.connections)
        for connection in connections:
            connection.collect()
        self.gateway.state.commit()
        self.gateway.ledger.commit()
        for connection in connections:
            connection.flush()
            if connection.client_id is not None:
                self._someone.set()

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
            self.stage.perform_due()
            self.flush_soon()

    async def storm(self, plan: Plan) -> None:
        """Wait for a client, let it settle, and blow the storm at it."""
        await self._someone.wait()
        client = next(one for one in self.connections if one.client_id is not None)
        stage = StormStage(
            instrument=Controls(self.gateway).instrument("AAPL"),
            client_id=client.client_id or 0,
            first_id=LOWEST_ID,
            version=client.session.version,
            account=self.gateway.account.name,
            now=self.gateway.clock.now(),
        )
        bursts = await asyncio.to_thread(gusts, plan, stage)
        await asyncio.sleep(_SETTLING)
        self.flush()
        await blow(self.gateway.ledger, plan, client, bursts)

    async def stop(self) -> None:
        """Accept nobody and end every connection."""
        if self._restarting is not None:
            self._restarting.cancel()
        self.stop_listening()
        await self.hang_up()


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
    """Run until SIGTERM or SIGINT. Raises OSError when the port or a file cannot be had, ScriptError for a script."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    script = read_script(settings.script) if settings.script else []
    ledger: Ledger = FileLedger(settings.ledger) if settings.ledger else NoLedger()
    gateway = Gateway(settings, make_clock(settings.start, settings.speed), ledger)
    server = Server(gateway, settings.pacing)
    listener = bind(settings.host, settings.port, settings.port_file)
    port = listener.getsockname()[1]
    ledger.append("start", account=settings.account, seed=settings.seed, port=port)
    ledger.commit()
    for line, statement in script:
        try:
            server.stage.perform(statement)
        except ScriptError as error:
            raise ScriptError(f"{settings.script}, line {line}: {error}") from None
    control = Control(server.stage.perform, server.flush)
    controlling = await control.listen(settings.control) if settings.control else None
    await server.listen(listener)
    if settings.port_file:
        write_port(settings.port_file, port)
    log.info("listening on %s:%d for account %s", settings.host, port, settings.account)
    moving = asyncio.create_task(server.move_market(settings.tick))
    stopping = asyncio.create_task(stopped.wait())
    storming = asyncio.create_task(server.storm(settings.storm)) if settings.storm else None
    try:
        await asyncio.wait((moving, stopping), return_when=asyncio.FIRST_COMPLETED)
        if moving.done():
            moving.result()  # the market stopped by itself: let its error be seen
    finally:
        for task in filter(None, (moving, stopping, storming)):
            task.cancel()
        if controlling:
            controlling.close()
            control.hang_up()
        await server.stop()
        gateway.state.close()
        ledger.append("stop")
        ledger.close()
    log.info("stopped")
