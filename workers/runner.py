"""The one shell that all workers share: lock, parent, bus, heartbeat, drain, exit code. See `workers.role`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from conf.settings import Settings
from ipc import aio
from ipc.bus import Context, Journal, Options, Publisher, Quarantine, Responder
from ipc.loop import Loop
from router.messages import Heartbeat, Message
from workers.garbage import settle
from workers.guard import die_with_parent, lock_role
from workers.role import AsyncWorker, LoopShell, Part, Shell, Worker

DRAIN_S = 8.0  # for a worker to drain; below stopwaitsecs in supervisord.conf
DRAIN_LOOK_S = 0.02  # between two looks whether a draining worker is done
KILL_S = DRAIN_S + 1.0  # after which the kernel ends a process whose drain hangs
MIB = 1 << 20
DAY_S = 86_400


def run(settings: Settings, role: str, build: Callable[[LoopShell], Worker]) -> int:
    """Run a worker on the poll loop until it is told to stop; returns the exit code.

    Raises Fatal (AlreadyRunning, a bus error) and whatever a handler raises: the process ends, and supervisord
    starts it again.
    """
    process = _Process(settings, role)
    loop = Loop()
    try:
        shell = LoopShell(
            settings=settings,
            role=role,
            log=process.log,
            context=process.context,
            publisher=process.publisher,
            responder=process.responder,
            quarantine=process.quarantine,
            stop=lambda reason: loop.post(lambda: process.stop(reason)),
            loop=loop,
        )
        worker = process.part = build(shell)
        process.begin_drain = lambda: _drain(loop, worker)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda caught, _: loop.post(lambda: process.on_signal(caught)))
        loop.attach(process.responder)
        worker.start()
        settle()
        process.beat()
        loop.every(settings.monitor.heartbeat_s, process.beat)
        loop.run()
        worker.close()
    finally:
        process.close()
        loop.close()
    return process.exit_code


def _drain(loop: Loop, worker: Worker) -> None:
    """Ask the worker until it is done, then end the loop."""

    def look() -> None:
        if worker.drain():
            loop.stop()
        else:
            loop.after(DRAIN_LOOK_S, look)

    loop.after(DRAIN_S, loop.stop)
    look()


def run_async(settings: Settings, role: str, build: Callable[[Shell], AsyncWorker]) -> int:
    """The same for a worker on asyncio. An exception that reaches the loop's handler ends the process with 1."""
    process = _Process(settings, role)
    try:
        asyncio.run(_run_async(process, build))
    finally:
        process.close()
    return process.exit_code


async def _run_async(process: _Process, build: Callable[[Shell], AsyncWorker]) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    shell = Shell(
        settings=process.settings,
        role=process.role,
        log=process.log,
        context=process.context,
        publisher=process.publisher,
        responder=process.responder,
        quarantine=process.quarantine,
        stop=process.stop,
    )
    worker = process.part = build(shell)
    process.begin_drain = stopping.set
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.on_signal, number)
    loop.set_exception_handler(lambda _, context: process.on_exception(context))
    served = aio.attach(loop, process.responder)
    await worker.start()
    settle()
    heartbeat = loop.create_task(_beat_for_ever(process))
    await stopping.wait()
    try:
        async with asyncio.timeout(DRAIN_S):
            await worker.drain()
    except TimeoutError:
        process.log.warning("drain not finished in time", seconds=DRAIN_S)
    heartbeat.cancel()
    served.close()


async def _beat_for_ever(process: _Process) -> None:
    while True:
        process.beat()
        await asyncio.sleep(process.settings.monitor.heartbeat_s)


class _Process:
    """What both kinds of loop share."""

    def __init__(self, settings: Settings, role: str) -> None:
        self.settings = settings
        self.role = role
        self.log = structlog.get_logger()
        self.exit_code = 0
        self.part: Part | None = None
        self.begin_drain: Callable[[], None] | None = None
        self._draining = False
        self._lock = lock_role(settings.paths.run, role)
        self._parent = die_with_parent()
        self.context = Context(_options(settings))
        journal = Journal(
            settings.journal(role),
            role,
            segment_bytes=settings.bus.journal_segment_mb * MIB,
            keep_bytes=settings.bus.journal_keep_mb * MIB,
            keep_s=settings.bus.journal_keep_days * DAY_S,
        )
        self.publisher = Publisher(self.context, role, settings.pub(role), journal)
        kept = settings.paths.var / "quarantine"
        kept.mkdir(mode=0o700, exist_ok=True)
        self.quarantine = Quarantine(kept / f"{role}.jsonl")
        self.responder = Responder(
            self.context,
            settings.cmd(role),
            self._handle,
            publisher=self.publisher,
            snapshot=self._snapshot,
            keep=settings.bus.reply_cache,
            replay_chunk=settings.bus.replay_chunk,
            quarantine=self.quarantine,
        )
        self.log.info("started", pid=os.getpid(), epoch=self.publisher.epoch, seq=self.publisher.seq)

    def beat(self) -> None:
        """Publish a heartbeat; end when supervisord, or whoever started this process, is gone."""
        part = self._require_part()
        error = self.publisher.journal.error
        waiting_for = f"room for the journal: {error}" if error else part.waiting_for
        state = "draining" if self._draining else "waiting" if waiting_for else "ready"
        progress = {**part.progress, "seq": self.publisher.seq}
        self.publisher.publish(Heartbeat(self.role, os.getpid(), state, waiting_for, progress))
        if os.getppid() != self._parent:
            self.stop("its parent is gone")

    def on_signal(self, number: int) -> None:
        """SIGTERM or SIGINT: an orderly end."""
        self._end(f"signal {signal.Signals(number).name}")

    def on_exception(self, context: dict[str, Any]) -> None:
        """What reached asyncio's exception handler is a defect: end, and let supervisord start anew."""
        self.log.error("unexpected error", exc_info=context.get("exception"), where=context.get("message"))
        self.stop("unexpected error")

    def stop(self, reason: str) -> None:
        """The worker itself cannot go on: drain, and end with exit code 1."""
        self.exit_code = 1
        self._end(reason)

    def close(self) -> None:
        """Release sockets, journal and lock."""
        self.publisher.close()
        self.context.close()
        os.close(self._lock)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _end(self, reason: str) -> None:
        if self._draining or self.begin_drain is None:
            return
        self._draining = True
        self.log.info("stopping", reason=reason)
        # SIGALRM is left at its default, which ends even a process whose Python code hangs.
        signal.setitimer(signal.ITIMER_REAL, KILL_S)
        self.begin_drain()

    def _require_part(self) -> Part:
        assert self.part is not None, "served only after build()"
        return self.part

    def _handle(self, request_id: str, message: Message) -> Message | None:
        return self._require_part().handle(request_id, message)

    def _snapshot(self) -> Iterable[Message]:
        return self._require_part().snapshot()


def _options(settings: Settings) -> Options:
    bus = settings.bus
    return Options(
        send_hwm=bus.send_hwm, receive_hwm=bus.receive_hwm, max_message_bytes=bus.max_message_mb * MIB
    )
