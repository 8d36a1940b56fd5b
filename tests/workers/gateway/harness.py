"""What the tests of link, session and commands share: waiting inside asyncio, listening, a session on a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from conf.settings import Settings
from router.messages import LinkPhase, LinkState, Message
from workers.gateway.current import Current
from workers.gateway.known import Known
from workers.gateway.link import Link
from workers.gateway.session import Session

T = TypeVar("T")
M = TypeVar("M", bound=Message)
SECONDS = 10.0


async def eventually(look: Callable[[], T], what: str, *, seconds: float = SECONDS) -> T:
    """The first true value of `look`; fails the test naming `what` when there is none in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not (found := look()):
        assert loop.time() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.002)
    return found


class Ear:
    """A Listener that keeps what it hears."""

    def __init__(self) -> None:
        self.batches: list[list[Message]] = []
        self.undecodable: list[tuple[object, Exception]] = []
        self.closed: list[str] = []

    def on_messages(self, messages: Sequence[Message]) -> None:
        """Keep a batch."""
        self.batches.append(list(messages))

    def on_undecodable(self, what: Any, error: Exception) -> None:
        """Keep what was not understood."""
        self.undecodable.append((what, error))

    def on_closed(self, reason: str) -> None:
        """Keep the reason."""
        self.closed.append(reason)

    def heard(self, kind: type[M]) -> list[M]:
        """All messages of one kind, in order."""
        return [message for batch in self.batches for message in batch if isinstance(message, kind)]


def new_link(ear: Ear, requests_per_second: int = 1000) -> Link:
    """A link that is not connected."""
    return Link(ear, requests_per_second=requests_per_second)


@asynccontextmanager
async def linked(port: int, client_id: int = 1, **options: int) -> AsyncIterator[tuple[Link, Ear]]:
    """A link that is connected, and is not any more afterwards."""
    ear = Ear()
    link = new_link(ear, **options)
    await link.connect("127.0.0.1", port, client_id, timeout_s=SECONDS)
    try:
        yield link, ear
    finally:
        link.disconnect()
        await eventually(lambda: ear.closed, "the socket is closed")


class Told:
    """A sink: every message in order, as the journal would have it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def __call__(self, *messages: Message) -> None:
        self.messages.extend(messages)

    def of(self, kind: type[M]) -> list[M]:
        """All messages of one kind, in order."""
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def phases(self) -> list[LinkPhase]:
        """The phases of the connection so far."""
        return [state.phase for state in self.of(LinkState)]


class Running:
    """A session on its own task, with everything it is made of."""

    def __init__(
        self, settings: Settings, known: Known | None = None, current: Current | None = None
    ) -> None:
        self.told = Told()
        self.known = known or Known()
        self.current = current or Current()
        self.session = Session(settings, self.told, self.known, self.current)
        self.task = asyncio.ensure_future(self.session.run())

    async def reaches(self, phase: LinkPhase, times: int = 1) -> LinkState:
        """Wait until the session has been in this phase so many times."""
        await eventually(
            lambda: self.told.phases.count(phase) >= times or self.task.done(),
            f"{phase}, {times} times; so far {self.told.of(LinkState)}",
        )
        return [state for state in self.told.of(LinkState) if state.phase is phase][times - 1]


@asynccontextmanager
async def running(settings: Settings, **parts: Any) -> AsyncIterator[Running]:
    """A session that ends with the test."""
    one = Running(settings, **parts)
    try:
        yield one
    finally:
        one.task.cancel()
        await asyncio.gather(one.task, return_exceptions=True)
