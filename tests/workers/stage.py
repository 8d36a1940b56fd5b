"""Dispatch on a stage: real publishers before it, a real Redis behind it, and a hand that kills it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import structlog

from conf.settings import Settings
from ipc.bus import Context, Journal, JournalReader, Publisher, Responder
from ipc.loop import Loop
from router.messages import CommandRefused, Heartbeat, Message, Published
from tests.helpers import wait_for
from workers.dispatch import Dispatch
from workers.role import LoopShell
from workers.store import keys
from workers.store.client import Client

PUBLISHERS = ("gateway", "sizing", "submission")
BEAT_S = 0.1
T = TypeVar("T")


class LoopThread:
    """A loop in a thread of its own; `call` runs something in it and gives its result."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to run."""
        self._thread.start()

    def call(self, action: Callable[[], T]) -> T:
        """Run in the loop's thread and wait for it."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(action())
            except BaseException as error:
                done.set_exception(error)

        self.loop.post(run)
        return done.result(10)

    def stop(self) -> None:
        """End the loop where it stands."""
        self.loop.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.loop.run()
        except BaseException as error:
            self.error = error


class Bus(LoopThread):
    """The three publishers that dispatch listens to, each with its journal and its heartbeat."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.publishers: dict[str, Publisher] = {}
        self._contexts: dict[str, Context] = {}
        self.states = dict.fromkeys(PUBLISHERS, "ready")
        self.snapshots: dict[str, Iterable[Message]] = {}
        self._responders: dict[str, Responder] = {}
        for name in PUBLISHERS:
            self._open(name)
        self.loop.every(BEAT_S, self._beat)
        self.start()

    def say(self, name: str, *messages: Message) -> None:
        """Publish."""
        self.call(lambda: self.publishers[name].publish(*messages))

    def silence(self, name: str) -> None:
        """The process is gone."""
        self.call(lambda: self._close(name))

    def back(self, name: str, *, without_journal: bool = False) -> None:
        """It starts again."""
        if without_journal:
            for segment in self.settings.journal(name).glob("*.journal"):
                segment.unlink()
        self.call(lambda: self._open(name))

    def end(self) -> None:
        """Release everything."""
        self.stop()
        for name in list(self.publishers):
            self._close(name)
        self.loop.close()

    def _open(self, name: str) -> None:
        context = self._contexts[name] = Context()
        journal = Journal(self.settings.journal(name), name)
        publisher = Publisher(context, name, self.settings.pub(name), journal)
        responder = Responder(
            context,
            self.settings.cmd(name),
            lambda *_: CommandRefused("NONE", "no commands here"),
            publisher=publisher,
            snapshot=lambda: self.snapshots.get(name, ()),
        )
        self.publishers[name], self._responders[name] = publisher, responder
        self.loop.attach(responder)

    def _close(self, name: str) -> None:
        responder = self._responders.pop(name)
        self.loop.detach(responder)
        responder.close()
        self.publishers.pop(name).close()
        self._contexts.pop(name).close()

    def _beat(self) -> None:
        for name, publisher in self.publishers.items():
            publisher.publish(Heartbeat(name, 1, self.states[name], "", {}))


class Running(LoopThread):
    """One life of dispatch, in this process."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.context = Context()
        journal = Journal(settings.journal("dispatch"), "dispatch")
        self.publisher = Publisher(self.context, "dispatch", settings.pub("dispatch"), journal)
        self.responder = Responder(
            self.context, settings.cmd("dispatch"), lambda *_: None, publisher=self.publisher
        )
        shell = LoopShell(
            settings=settings,
            role="dispatch",
            log=structlog.get_logger(),
            context=self.context,
            publisher=self.publisher,
            responder=self.responder,
            stop=lambda reason: self.loop.stop(),
            loop=self.loop,
        )
        self.worker = Dispatch(shell)
        self.worker.start()
        self.loop.attach(self.responder)
        self.start()

    def end(self, *, drain: bool = False) -> None:
        """End it in the middle of everything, or in good order."""
        if drain:
            assert self.call(self.worker.drain)
        self.stop()
        self.worker.drain()
        self.worker.close()
        self.responder.close()
        self.publisher.close()
        self.context.close()
        self.loop.close()


class Stage:
    """Bus, Redis and dispatch together."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self.settings = settings
        self.client = client
        self.bus = Bus(settings)
        self.running: Running | None = None

    @property
    def dispatch(self) -> Dispatch:
        """The present one."""
        assert self.running is not None
        return self.running.worker

    def up(self) -> None:
        """Start dispatch."""
        self.running = Running(self.settings)

    def down(self, *, drain: bool = False) -> None:
        """End it."""
        assert self.running is not None
        self.running.end(drain=drain)
        self.running = None

    def end(self) -> None:
        """Release everything."""
        if self.running is not None:
            self.down()
        self.bus.end()

    def settle(self, name: str = "gateway") -> None:
        """Wait until everything a publisher has said is applied."""
        publisher = self.bus.publishers[name]

        def reached() -> bool:
            stored = self.client.call("HGET", keys.OFFSETS, name) or b"0-0-0"
            epoch, seq, _ = map(int, stored.split(b"-"))
            return (epoch, seq) >= (publisher.epoch, publisher.seq)

        wait_for(reached, f"dispatch has applied {name} up to {publisher.seq}", seconds=30)
        if self.running is not None:
            self.running.call(lambda: None)  # it has finished with what it applied

    def told(self) -> list[dict[str, Any]]:
        """What lies in the distributor's queue, oldest first."""
        return [json.loads(one) for one in reversed(self.client.call("LRANGE", keys.DISTRIBUTION, 0, -1))]

    def entries(self, stream: str) -> list[dict[str, str]]:
        """Entries of a stream, with their id as `entry`."""
        found = []
        for entry, flat in self.client.call("XRANGE", stream, "-", "+"):
            fields = {n.decode(): v.decode() for n, v in zip(flat[::2], flat[1::2], strict=True)}
            found.append({"entry": entry.decode()} | fields)
        return found

    def announced(self) -> list[Published]:
        """What dispatch said on the bus, over all its lives."""
        reader = JournalReader(Path(self.settings.journal("dispatch")))
        return [e.message for e in reader.read() if isinstance(e.message, Published)]

    def wait(self, look: Callable[[], T], what: str) -> T:
        """Wait with a deadline."""
        return wait_for(look, what, seconds=30)
