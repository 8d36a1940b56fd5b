"""ipc.loop: sockets, descriptors, timers and other threads, one handler at a time."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ipc.clock import NEVER
from ipc.context import Socket, nothing
from ipc.loop import Loop
from router.messages import FindDelivery, Message, PlaceReply
from tests.ipc.commands import Pair
from tests.ipc.helpers import Bus, sent


@pytest.fixture
def loop() -> Iterator[Loop]:
    """A loop that gives up after 10 s."""
    loop = Loop()

    def fail() -> None:
        raise AssertionError("the loop was not stopped in time")

    loop.after(10, fail)
    yield loop
    loop.close()


def test_timers_run_in_their_order(loop: Loop) -> None:
    """Each once, at its time, whatever the order they were set in; equal times in the order of setting."""
    ran: list[str] = []
    loop.after(0.03, lambda: ran.append("third"))
    loop.after(0.0, lambda: ran.append("first"))
    loop.after(0.0, lambda: ran.append("second"))
    loop.after(0.04, loop.stop)
    loop.run()
    assert ran == ["first", "second", "third"]


def test_timer_is_not_early(loop: Loop) -> None:
    """A timer runs when its time has come, not before."""
    begin = time.monotonic()
    loop.after(0.05, loop.stop)
    loop.run()
    assert time.monotonic() - begin >= 0.05


def test_every_repeats_until_cancelled(loop: Loop) -> None:
    """A repeating timer goes on until it is cancelled, from within too."""
    ran: list[int] = []

    def tick() -> None:
        ran.append(len(ran))
        if len(ran) == 3:
            timer.cancel()
            loop.after(0.02, loop.stop)

    timer = loop.every(0.002, tick)
    loop.run()
    assert ran == [0, 1, 2]


def test_late_timer_does_not_make_up_for_missed_turns(loop: Loop) -> None:
    """After a long handler a repeating timer runs once, not as often as it would have."""
    ran: list[float] = []
    loop.every(0.001, lambda: ran.append(time.monotonic()))

    def long() -> None:
        end = time.monotonic() + 0.05
        while time.monotonic() < end:
            pass
        loop.post(lambda: loop.post(loop.stop))

    loop.post(long)
    loop.run()
    assert len(ran) <= 5


def test_post_from_another_thread_wakes_the_loop(loop: Loop) -> None:
    """What another thread posts runs in the loop's thread, soon, in order."""
    ran: list[tuple[int, int]] = []

    def note(number: int) -> None:
        ran.append((number, threading.get_ident()))

    def work() -> None:
        for number in range(100):
            loop.post(partial(note, number))
        loop.post(loop.stop)

    thread = threading.Thread(target=work)
    thread.start()
    loop.run()
    thread.join()
    assert ran == [(number, threading.get_ident()) for number in range(100)]


def test_posting_without_end_starves_nobody(loop: Loop) -> None:
    """An action that posts itself again leaves room for timers and sockets."""
    turns: list[int] = []

    def again() -> None:
        turns.append(1)
        loop.post(again)

    loop.post(again)
    loop.after(0.01, loop.stop)
    loop.run()
    assert len(turns) > 1


def test_stop_from_a_signal_handler(loop: Loop) -> None:
    """SIGTERM's handler stops a loop that sleeps in poll."""
    before = signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    try:
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
        timer.start()
        loop.run()
        timer.join()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_loop_runs_again_after_stop(loop: Loop) -> None:
    """A stopped loop can be run again, for the drain."""
    ran: list[int] = []
    for number in range(2):
        loop.post(partial(ran.append, number))
        loop.post(loop.stop)
        loop.run()
    assert ran == [0, 1]


def test_descriptor(loop: Loop) -> None:
    """A readable descriptor's handler is called until it has read everything; detached it is not."""
    ours, theirs = socket.socketpair()
    got: list[bytes] = []

    def read() -> None:
        got.append(ours.recv(1))
        if len(got) == 3:
            loop.detach(ours.fileno())
            loop.after(0.01, loop.stop)

    loop.attach(ours.fileno(), read)
    theirs.send(b"abcd")
    loop.run()
    assert got == [b"a", b"b", b"c"]
    ours.close()
    theirs.close()


def test_error_of_a_handler_ends_the_run(loop: Loop) -> None:
    """Nothing is swallowed."""

    def fail() -> None:
        raise KeyError("a fault")

    loop.post(fail)
    with pytest.raises(KeyError, match="a fault"):
        loop.run()


class Alarm:
    """An attachable without sockets that wants to be called at a time."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.deadline_ns = time.monotonic_ns() + 20_000_000
        self.on_send = nothing
        self.sockets: list[Socket] = []
        self.called: list[int] = []

    def receive(self) -> list[str]:
        """Note the time and be content."""
        self.called.append(time.monotonic_ns() - self.deadline_ns)
        self.deadline_ns = NEVER
        self.loop.stop()
        return ["rang"]


def test_deadline_of_an_attached_object(loop: Loop) -> None:
    """`receive` is called when the deadline has come although no socket is readable, once, with the handler after it."""
    alarm = Alarm(loop)
    handled: list[list[str]] = []
    loop.attach(alarm, handled.append)
    loop.run()
    assert len(alarm.called) == 1
    assert alarm.called[0] >= 0
    assert handled == [["rang"]]


def test_handler_may_detach_the_next_object(loop: Loop) -> None:
    """An object detached in this very turn is not served any more."""
    first, second = Alarm(loop), Alarm(loop)
    second.deadline_ns = first.deadline_ns = time.monotonic_ns()
    loop.attach(first, lambda _: loop.detach(second))
    loop.attach(second)
    loop.run()
    assert (len(first.called), len(second.called)) == (1, 0)


def test_serves_a_whole_bus(bus: Bus) -> None:
    """Publisher, subscriber, requester and responder in one loop."""
    subscriber, got = bus.subscriber(("trade",), {})
    bus.run_until(lambda: subscriber.following, "joined")
    bus.publisher.publish(sent(1))
    bus.run_until(lambda: got, "delivered")
    bus.loop.detach(subscriber)
    subscriber.close()


def test_commands_in_a_loop(short_dir: Path, loop: Loop) -> None:
    """A command and its reply, both sides in one loop, a late reply from a timer included."""
    pair = Pair(short_dir, lambda *_: None)
    got: list[Message] = []
    loop.attach(pair.responder)
    loop.attach(pair.requester)

    def on_reply(reply: Message) -> None:
        got.append(reply)
        loop.stop()

    pair.requester.send("x", FindDelivery("x"), on_reply)
    loop.every(0.02, lambda: pair.responder.reply("FindDelivery:x", PlaceReply("x", "unknown")))
    loop.run()
    assert got == [PlaceReply("x", "unknown")]
    pair.close()
