"""One worker on a real bus in one thread, with the processes it talks to played by the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import structlog

from conf.settings import Settings
from ipc.bus import Context, Envelope, Journal, Publisher, Responder, Source, Subscriber
from ipc.loop import Loop
from router.messages import Message
from workers.role import LoopShell, Worker

T = TypeVar("T", bound=Worker)
Answer = Callable[[str, Message], Message | None]


class Peer:
    """A process that the test plays: publishes under its name, answers commands, remembers them."""

    def __init__(self, stage: Stage, role: str, answer: Answer, snapshot: Iterable[Message] = ()) -> None:
        self.commands: list[tuple[str, Message]] = []
        self._stage = stage
        self._role = role
        self._state = list(snapshot)
        self._answer = answer
        self._open()

    def publish(self, *messages: Message) -> None:
        """Publish, and have a later snapshot tell it too, as a real publisher's does."""
        self._state += messages
        self.publisher.publish(*messages)

    def lose_journal(self, *snapshot: Message) -> None:
        """End, and start again with another state and without the journal: nobody can be told what he missed."""
        self.close()
        for segment in self._stage.settings.journal(self._role).glob("*.journal"):
            segment.unlink()
        self._state = list(snapshot)
        self._open()

    def close(self) -> None:
        """Close the sockets."""
        self._stage.loop.detach(self.responder)
        self.responder.close()
        self.publisher.close()
        self._context.close()

    def _open(self) -> None:
        settings, role = self._stage.settings, self._role
        self._context = Context()
        journal = Journal(settings.journal(role), role)
        self.publisher = Publisher(self._context, role, settings.pub(role), journal)
        self.responder = Responder(
            self._context,
            settings.cmd(role),
            self._handle,
            publisher=self.publisher,
            snapshot=self._state.copy,
        )
        self._stage.loop.attach(self.responder)

    def _handle(self, request_id: str, message: Message) -> Message | None:
        self.commands.append((request_id, message))
        return self._answer(request_id, message)


class Stage:
    """The loop, the bus and the worker under test; `heard` is everything the worker published, in order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.loop = Loop()
        self.context = Context()
        self.heard: list[Message] = []
        self.stopped: list[str] = []
        self._closers: list[Callable[[], None]] = []

    def peer(self, role: str, answer: Answer, snapshot: Iterable[Message] = ()) -> Peer:
        """Play another process."""
        peer = Peer(self, role, answer, snapshot)
        self._closers.append(peer.close)
        return peer

    def worker(self, role: str, build: Callable[[LoopShell], T], topics: tuple[str, ...]) -> T:
        """Build and start the worker, and listen to what it publishes on `topics`."""
        settings = self.settings
        publisher = Publisher(self.context, role, settings.pub(role), Journal(settings.journal(role), role))
        built: list[T] = []

        def handle(request_id: str, message: Message) -> Message | None:
            return built[0].handle(request_id, message)

        responder = Responder(self.context, settings.cmd(role), handle, publisher=publisher)
        shell = LoopShell(
            settings=settings,
            role=role,
            log=structlog.get_logger(),
            context=self.context,
            publisher=publisher,
            responder=responder,
            stop=self.stopped.append,
            loop=self.loop,
        )
        worker = build(shell)
        built.append(worker)
        listener = Subscriber(
            self.context, [Source(role, settings.pub(role), settings.cmd(role))], topics=topics
        )
        self.loop.attach(responder)
        self.loop.attach(listener, self._hear)
        worker.start()
        self._closers += [worker.close, listener.close, responder.close, publisher.close]
        return worker

    def until(self, look: Callable[[], object], what: str, *, seconds: float = 10.0) -> None:
        """Run the loop until `look` is true; fails naming `what`."""
        deadline = time.monotonic() + seconds
        found = False

        def check() -> None:
            nonlocal found
            found = bool(look())
            if found or time.monotonic() > deadline:
                self.loop.stop()

        timer = self.loop.every(0.002, check)
        self.loop.run()
        timer.cancel()
        assert found, f"not within {seconds} s: {what}; heard {self.heard}"

    def of(self, kind: type[Message]) -> list[Message]:
        """What was heard of one kind."""
        return [message for message in self.heard if isinstance(message, kind)]

    def close(self) -> None:
        """Close everything, last opened first."""
        for closer in reversed(self._closers):
            closer()
        self.context.close()
        self.loop.close()

    def _hear(self, envelopes: Sequence[Envelope]) -> None:
        self.heard += [envelope.message for envelope in envelopes]
