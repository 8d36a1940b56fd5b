"""ipc.aio: bus objects under asyncio and uvloop, with the edge-triggered descriptor of libzmq."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ipc import aio
from ipc.bus import BEGINNING, Context, Envelope, Journal, Publisher, Responder, Source, Subscriber
from ipc.clock import NEVER, NS
from ipc.context import Socket, nothing
from router.messages import CancelReply, Message
from tests.ipc.commands import Pair, cancel
from tests.ipc.helpers import refuse, sent

DEADLINE_S = 10.0

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine on a loop of each kind, with a deadline; an error in a callback fails the test."""
    factory = asyncio.new_event_loop if request.param == "asyncio" else uvloop.new_event_loop

    def run(main: Coroutine[Any, Any, None]) -> None:
        failures: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: failures.append(context))
            runner.run(asyncio.wait_for(main, DEADLINE_S))
        assert failures == []

    return run


@pytest.fixture
def pair(short_dir: Path) -> Iterator[Pair]:
    """Both sides of a command, answering later."""
    pair = Pair(short_dir, lambda *_: None)
    yield pair
    pair.close()


async def until(done: Callable[[], object]) -> None:
    """Wait until `done`."""
    while not done():  # noqa: ASYNC110  # the bus knows no asyncio.Event to wait for
        await asyncio.sleep(0.001)


def test_commands_answered_by_tasks(pair: Pair, run: Run) -> None:
    """Replies sent from tasks, hundreds at once, all arrive: no edge is missed."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()
        got: list[Message] = []

        async def answer(request_id: str) -> None:
            await asyncio.sleep(0)
            pair.responder.reply(request_id, CancelReply((request_id,)))

        def handler(request_id: str, message: Message) -> None:
            tasks.add(asyncio.ensure_future(answer(request_id)))

        pair.responder._handler = handler
        attached = [aio.attach(loop, pair.responder), aio.attach(loop, pair.requester)]
        for number in range(500):
            pair.requester.send(str(number), cancel(str(number)), got.append)
        await until(lambda: len(got) == 500)
        assert pair.requester.stats.resent == 0
        for attachment in attached:
            attachment.close()

    run(main())


def test_command_that_waits_in_the_socket_before_attaching(pair: Pair, run: Run) -> None:
    """What came before the loop looked is served at once: its edge is long gone."""
    pair.requester.send("a", cancel("a"), lambda _: None)
    pair.serve_until(lambda: pair.responder.sockets[0].poll(0), "it is there", answer=False)

    async def main() -> None:
        attachment = aio.attach(asyncio.get_running_loop(), pair.responder)
        await until(lambda: pair.responder.stats.commands == 1)
        attachment.close()

    run(main())


def test_resend_by_the_loops_clock(short_dir: Path, run: Run) -> None:
    """A command to a process that starts later arrives without anything else happening."""
    pair = Pair(short_dir)
    pair.down()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        got: list[Message] = []
        requester = aio.attach(loop, pair.requester)
        pair.requester.send("a", cancel("a"), got.append)
        await asyncio.sleep(0)
        pair.up()
        responder = aio.attach(loop, pair.responder)
        await until(lambda: got)
        requester.close()
        responder.close()

    run(main())
    pair.close()


def test_closed_attachment_is_not_served(pair: Pair, run: Run) -> None:
    """After close nothing is read, and sends do not wake anything."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        attachment = aio.attach(loop, pair.responder)
        requester = aio.attach(loop, pair.requester)
        attachment.close()
        requester.close()
        pair.requester.send("a", cancel("a"), lambda _: None)
        await asyncio.sleep(0.02)
        assert pair.responder.stats.commands == 0

    run(main())


def test_subscriber_and_publisher(short_dir: Path, run: Run) -> None:
    """A subscriber on asyncio joins, gets bursts whole and in order, and its handler may close it."""
    source = Source("gateway", f"ipc://{short_dir}/run/g.pub", f"ipc://{short_dir}/run/g.cmd")
    journal = Journal(short_dir / "gateway")

    async def main(context: Context) -> None:
        loop = asyncio.get_running_loop()
        publisher = Publisher(context, "gateway", source.pub, journal)
        responder = Responder(context, source.cmd, refuse, publisher=publisher)
        subscriber = Subscriber(context, [source], ("trade",), {"gateway": BEGINNING})
        got: list[Envelope] = []
        ended = asyncio.Event()

        def handler(envelopes: Sequence[Envelope]) -> None:
            got.extend(envelopes)
            if len(got) == 20_000:
                attachment.close()
                ended.set()

        serving = aio.attach(loop, responder)
        attachment = aio.attach(loop, subscriber, handler)
        await until(lambda: subscriber.following)
        for number in range(0, 20_000, 20):
            publisher.publish(*(sent(number + index) for index in range(20)))
        await ended.wait()
        assert [one.seq for one in got] == list(range(1, 20_001))
        serving.close()

    with Context() as context:
        run(main(context))
    journal.close()


class Alarm:
    """An attachable without sockets that wants to be called twice, the second time sooner than it first said."""

    def __init__(self) -> None:
        self.on_send: Callable[[], None] = nothing
        self.sockets: list[Socket] = []
        self.deadline_ns = time.monotonic_ns() + 3_600 * NS
        self.called = 0

    def receive(self) -> list[str]:
        """Count; content after the second time that something was due."""
        if time.monotonic_ns() >= self.deadline_ns:
            self.called += 1
            self.deadline_ns = time.monotonic_ns() + NS // 100 if self.called == 1 else NEVER
        return []


def test_deadlines_that_move(run: Run) -> None:
    """The timer follows the object's deadline, nearer, further, and none at all."""

    async def main() -> None:
        alarm = Alarm()
        attachment = aio.attach(asyncio.get_running_loop(), alarm)
        await asyncio.sleep(0)
        alarm.deadline_ns = NEVER
        alarm.on_send()
        await asyncio.sleep(0.02)
        assert alarm.called == 0
        alarm.deadline_ns = time.monotonic_ns() + NS // 100
        alarm.on_send()
        await until(lambda: alarm.called == 2)
        await asyncio.sleep(0.02)
        assert alarm.called == 2
        attachment.close()

    run(main())


def test_error_of_a_handler_reaches_the_loop(pair: Pair) -> None:
    """The loop's exception handler hears it, and the object is served on."""
    failures: list[object] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
        got: list[Message] = []

        def handler(request_id: str, message: Message) -> Message:
            if message == cancel("bad"):
                raise KeyError("a fault")
            return CancelReply(())

        pair.responder._handler = handler
        attached = [aio.attach(loop, pair.responder), aio.attach(loop, pair.requester)]
        pair.requester.send("bad", cancel("bad"), got.append)
        pair.requester.send("good", cancel("good"), got.append)
        await until(lambda: got)
        for attachment in attached:
            attachment.close()

    asyncio.run(main())
    assert set(map(str, failures)) == {"'a fault'"}
