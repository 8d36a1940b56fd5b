"""The gateway process: session, commands and bus put together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from conf.settings import Settings
from router.messages import BrokerError, ExecutionFill, LinkPhase, Message, OrderLifecycleEvent
from workers.gateway.commands import Commands
from workers.gateway.current import Current
from workers.gateway.doubts import Doubts
from workers.gateway.known import Known
from workers.gateway.session import Session
from workers.role import Shell
from workers.runner import run_async


class Gateway:
    """The only process that talks to IBKR (an AsyncWorker)."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._known = Known()
        self._current = Current()
        doubts = Doubts()
        heard: set[str] = set()
        for envelope in shell.publisher.journal.read(topic="trade"):
            message = envelope.message
            self._known.observe(message)
            if isinstance(message, OrderLifecycleEvent | ExecutionFill):
                heard.add(message.ref)
            doubts.observe(message, heard=isinstance(message, BrokerError) and message.ref in heard)
        self._session = Session(shell.settings, shell.publisher.publish, self._known, self._current, doubts)
        self._commands = Commands(
            self._session,
            self._known,
            self._current,
            sink=shell.publisher.publish,
            durable=self._publish_durably,
            reply=shell.responder.reply,
        )
        self._running: asyncio.Task[None] | None = None

    @property
    def waiting_for(self) -> str:
        """The IB connection, unless it is READY."""
        link = self._current.link
        if self._session.phase is LinkPhase.READY:
            return ""
        return f"IB connection: {link.phase} ({link.reason})" if link else "IB connection"

    @property
    def progress(self) -> dict[str, int]:
        """Messages of IB, brackets placed, connects, undecodable messages."""
        return {**self._session.counts, "placed": self._commands.placed}

    def handle(self, request_id: str, message: Message) -> Message | None:
        """See Commands."""
        return self._commands.handle(request_id, message)

    def snapshot(self) -> Iterable[Message]:
        """See Current."""
        return self._current.snapshot()

    async def start(self) -> None:
        """Keep the session up from here on."""
        self._running = asyncio.ensure_future(self._session.run())
        self._running.add_done_callback(self._ended)

    async def drain(self) -> None:
        """Disconnect. IB goes on holding the orders; nothing is cancelled by a restart."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def _publish_durably(self, *messages: Message) -> None:
        self._shell.publisher.publish(*messages, sync=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._shell.stop(f"session failed: {task.exception()!r}")


def main(settings: Settings) -> int:
    """Entry of `python -m workers gateway`."""
    return run_async(settings, "gateway", Gateway)
