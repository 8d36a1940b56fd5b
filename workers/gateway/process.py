"""The gateway process: session, commands and bus put together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from conf.settings import Settings
from router.lines import prewarmed
from router.messages import LinkPhase, Message
from workers.gateway.commands import Commands
from workers.gateway.current import Current
from workers.gateway.doubts import Doubts
from workers.gateway.herald import Herald
from workers.gateway.known import Known
from workers.gateway.lookout import Lookout
from workers.gateway.recall import Recall
from workers.gateway.session import Session
from workers.role import Shell
from workers.runner import run_async

SWEEP_S = 1.0  # between two looks at alerts held back and at a journal that is full


class Gateway:
    """The only process that talks to IBKR (an AsyncWorker)."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._recall = Recall(shell.publisher.journal)
        self._known = Known(self._recall.digest.known.state())
        self._current = Current()
        doubts = Doubts(self._recall.digest.doubts.state())
        self._herald = Herald(shell.publisher, shell.settings.monitor.alert_every_s)
        self._session = Session(shell.settings, self._publish, self._known, self._current, doubts)
        self._lookout = Lookout(self._session, self._current)
        self._commands = Commands(
            self._session,
            self._known,
            self._current,
            sink=self._herald.publish,
            durable=self._herald.durable,
            reply=shell.responder.reply,
        )
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def waiting_for(self) -> str:
        """The IB connection, unless it is READY."""
        link = self._current.link
        if self._session.phase is LinkPhase.READY:
            return ""
        return f"IB connection: {link.phase} ({link.reason})" if link else "IB connection"

    @property
    def progress(self) -> dict[str, int]:
        """Messages of IB, brackets placed, connects, undecodable messages, alerts."""
        return {**self._session.counts, "placed": self._commands.placed, "alerts": self._herald.alerts}

    def handle(self, request_id: str, message: Message) -> Message | None:
        """See Commands."""
        return self._commands.handle(request_id, message)

    def snapshot(self) -> Iterable[Message]:
        """See Current."""
        return self._current.snapshot()

    async def start(self) -> None:
        """Keep the session up from here on."""
        for part in (self._session.run(), self._sweep(), self._lookout.run(), self._recall.run()):
            task = asyncio.ensure_future(part)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    async def drain(self) -> None:
        """Disconnect. IB goes on holding the orders; nothing is cancelled by a restart."""
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._recall.close()

    def _publish(self, *messages: Message) -> None:
        self._herald.publish(*self._lookout.news(*messages))

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self._herald.sweep()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._shell.stop(f"failed: {task.exception()!r}")


def main(settings: Settings) -> int:
    """Entry of `python -m workers gateway`. Raises ConfigError for a contract that nothing can be made of."""
    prewarmed(settings)
    return run_async(settings, "gateway", Gateway)
