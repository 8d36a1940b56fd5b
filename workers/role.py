"""What a process's own part looks like to the shell that all of them share (`workers.runner`).

A worker module has one entry, called by `python -m workers <name>`:

    def main(settings: Settings) -> int:
        return run(settings, "sizing", Sizing)          # Sizing(shell) -> Worker

    def main(settings: Settings) -> int:
        return run_async(settings, "gateway", Gateway)  # Gateway(shell) -> AsyncWorker

By the time `build(shell)` runs, settings are checked, logging is set up, the role's lock is held, the process
dies with its parent, and the journal is recovered. The shell then serves the role's command socket (commands to
`handle`, snapshot requests to `snapshot`), calls `start`, and publishes a heartbeat each `monitor.heartbeat_s` from
`waiting_for` and `progress`. SIGTERM or SIGINT: `drain`, then `close`; after `runner.DRAIN_S` the process ends anyway.

Exit codes: 0 drained, 1 a Fatal or unexpected error, 75 the role runs already: supervisord starts it again, also
after 0, unless it asked for the stop itself. 77 not needed by this profile, 78 configuration: it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from conf.settings import Settings
from ipc.bus import Context, Publisher, Quarantine, Responder
from ipc.loop import Loop
from router.messages import Message


@dataclass(frozen=True)
class Shell:
    """What a worker is given. `publisher` journals and publishes under the role's name."""

    settings: Settings
    role: str
    log: FilteringBoundLogger
    context: Context
    publisher: Publisher
    responder: Responder  # for replies that come later than `handle`
    stop: Callable[[str], None]  # cannot go on, and why: drain as after SIGTERM, then exit code 1
    quarantine: Quarantine = field(default_factory=Quarantine, kw_only=True)  # for subscribers and requesters


@dataclass(frozen=True)
class LoopShell(Shell):
    """The shell of a worker on the poll loop; attach sockets, descriptors and timers to `loop`."""

    loop: Loop


class Part(Protocol):
    """What every worker has."""

    @property
    def waiting_for(self) -> str:
        """What is missing before this worker can do its job, in words for `router status`; empty = ready."""

    @property
    def progress(self) -> dict[str, int]:
        """Counters that move with the work done: signals, orders, events; never a timer."""

    def handle(self, request_id: str, message: Message) -> Message | None:
        """Answer a command, or return None and answer later through the responder. Idempotent by request id."""

    def snapshot(self) -> Iterable[Message]:
        """The present state as messages with replayed=True, for a subscriber without a position."""


class Worker(Part, Protocol):
    """A role on the poll loop: everything runs in one thread, between two polls."""

    def start(self) -> None:
        """Attach to the loop. Must not block: wait for other processes inside the loop."""

    def drain(self) -> bool:
        """Take no new work; called until it returns True, which says that what was begun is finished."""

    def close(self) -> None:
        """Release outside connections."""


class AsyncWorker(Part, Protocol):
    """A role on asyncio (the gateway, because ib_insync needs it)."""

    async def start(self) -> None:
        """Start tasks on the running loop and return. A task that fails must reach `shell.stop` or raise."""

    async def drain(self) -> None:
        """Take no new work, finish what was begun, end the connection."""
