"""One question to the gateway: an answer, a refusal in words, or nobody there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from conf.settings import Settings
from ipc.bus import Context, Responder
from ipc.loop import Loop
from router.messages import CommandRefused, Message, ParkedQuery, ParkedReply
from workers.cli.gateway import Refused, ask
from workers.cli.stack import Down, Unreachable


@contextmanager
def gateway(settings: Settings, answers: Callable[[], Message]) -> Iterator[None]:
    """Something that answers in the gateway's place."""
    settings.paths.make()
    started = Event()
    loop = Loop()

    def serve() -> None:
        context = Context()
        responder = Responder(context, settings.cmd("gateway"), lambda *_: answers())
        loop.attach(responder)
        loop.post(started.set)
        loop.run()
        responder.close()
        context.close()

    thread = Thread(target=serve)
    thread.start()
    started.wait(10)
    try:
        yield
    finally:
        loop.post(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings in a directory of their own."""
    return make_settings()


def test_a_refusal_for_now_is_tried_again(settings: Settings) -> None:
    """The link is not ready at first; then the answer comes."""
    replies = iter([CommandRefused("LINK_NOT_READY", "not yet", retry=True), ParkedReply(())])
    with gateway(settings, lambda: next(replies)):
        assert ask(settings, ParkedQuery(), ParkedReply) == ParkedReply(())


def test_a_refusal_for_good_is_told(settings: Settings) -> None:
    """In the gateway's own words."""
    with gateway(settings, lambda: CommandRefused("NO", "because")), pytest.raises(Refused, match="because"):
        ask(settings, ParkedQuery(), ParkedReply)


def test_a_gateway_that_does_not_answer(settings: Settings) -> None:
    """Another process runs, the gateway gives no answer in time: the stack is not reachable."""
    settings.paths.make()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(settings.paths.run / "monitor.pub"))
        other.listen()
        with pytest.raises(Unreachable, match="does not answer"):
            ask(settings, ParkedQuery(), ParkedReply, timeout_s=0.3)


def test_nothing_runs(settings: Settings) -> None:
    """Said at once, and how to start it."""
    settings.paths.make()
    with pytest.raises(Down, match="router up"):
        ask(settings, ParkedQuery(), ParkedReply)
