"""ipc.requester: a command is asked until it is answered, and answered once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from ipc.bus import NoReply, Requester
from ipc.clock import NEVER
from ipc.letter import seal
from router.messages import CancelReply, CommandRefused, Message, PlaceReply
from tests.ipc.commands import Pair, cancel, find
from tests.ipc.helpers import sent


@pytest.fixture
def pair(short_dir: Path) -> Iterator[Pair]:
    """Both sides, echoing."""
    pair = Pair(short_dir)
    yield pair
    pair.close()


def test_reply_reaches_the_callback_once(pair: Pair) -> None:
    """Each command gets its own reply, once, and is then forgotten."""
    got: dict[str, list[Message]] = {"a": [], "b": []}
    for name, replies in got.items():
        pair.requester.send(name, cancel(name), replies.append)
    assert len(pair.requester) == 2
    pair.serve_until(lambda: all(got.values()), "replies")
    assert got == {"a": [CancelReply(("a",))], "b": [CancelReply(("b",))]}
    assert len(pair.requester) == 0
    assert pair.requester.deadline_ns <= pair.clock() + 10**9


def test_one_id_for_two_kinds_of_command(pair: Pair) -> None:
    """A query and a command under the same id do not get each other's reply."""
    got: list[Message] = []
    pair.requester.send("same", find("x"), got.append)
    pair.requester.send("same", cancel("x"), got.append)
    pair.serve_until(lambda: len(got) == 2, "replies")
    assert got == [PlaceReply("x", "unknown"), CancelReply(("x",))]


def test_same_command_again_joins_the_first(pair: Pair) -> None:
    """Asked twice while it waits, it is sent once and both callers hear the reply."""
    got: list[Message] = []
    pair.requester.send("a", cancel("a"), got.append)
    pair.requester.send("a", cancel("a"), got.append)
    pair.serve_until(lambda: len(got) == 2, "both replies")
    assert pair.requester.stats.asked == 1
    assert pair.responder.stats.commands == 1


def test_lost_command_is_sent_again(pair: Pair) -> None:
    """A receiver that died with the command gets it again, with the same id."""
    got: list[Message] = []
    pair.requester.send("a", cancel("a"), got.append)
    pair.serve_until(lambda: pair.responder.sockets[0].poll(0), "it arrives", answer=False)
    pair.down()
    pair.up()
    pair.clock.forward(1.0)
    pair.serve_until(lambda: got, "the reply of the next life")
    assert got == [CancelReply(("a",))]
    assert pair.requester.stats.resent >= 1


def test_reply_that_lay_unread_when_its_sender_ended_is_asked_for_again(pair: Pair) -> None:
    """libzmq throws it away with the connection: the next life answers, and the callback hears one reply."""
    got: list[Message] = []
    pair.requester.send("a", cancel("a"), got.append)
    pair.serve_until(lambda: pair.responder.sockets[0].poll(0), "it arrives", answer=False)
    (socket,) = pair.requester.sockets
    lost = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    pair.responder.receive()
    pair.down()  # when the reply is out
    assert lost.poll(10_000)
    socket.disable_monitor()
    lost.close()
    pair.up()
    pair.clock.forward(1.0)
    pair.serve_until(lambda: got, "the reply of the next life")
    assert got == [CancelReply(("a",))]


def test_waits_for_a_receiver_that_is_not_there(short_dir: Path) -> None:
    """Commands sent before the receiver starts arrive when it does, in their order."""
    seen: list[Message] = []
    pair = Pair(short_dir, lambda _, message: seen.append(message))
    pair.down()
    pair.requester.close()
    pair.requester = Requester(
        pair.asking, pair.endpoint, monotonic_ns=pair.clock
    )  # one that was never connected
    for number in range(20):
        pair.requester.send(str(number), cancel(str(number)), seen.append)
        pair.requester.receive()
    pair.up()
    pair.serve_until(lambda: len(seen) == 20, "all of them")
    assert seen == [cancel(str(number)) for number in range(20)]
    pair.close()


def test_deadline_gives_up_and_a_late_reply_is_only_counted(short_dir: Path) -> None:
    """A time-out is told as such, never as a refusal, and the reply that comes later reaches nobody."""
    pair = Pair(short_dir, lambda *_: None)
    got: list[Message] = []
    timeouts: list[str] = []
    pair.requester.send("a", cancel("a"), got.append, deadline_s=5.0, on_timeout=lambda: timeouts.append("a"))
    pair.requester.send("b", cancel("b"), got.append)
    pair.serve_until(lambda: pair.responder.stats.commands == 2, "both in work")
    pair.clock.forward(5.0)
    pair.serve_until(lambda: timeouts, "the time-out")
    pair.responder.reply("CancelOrders:a", CancelReply(("a",)))
    pair.serve_until(lambda: pair.requester.stats.late == 1, "the late reply")
    assert (got, timeouts, pair.requester.stats.timed_out) == ([], ["a"], 1)
    pair.responder.reply("CancelOrders:b", CancelReply(("b",)))
    pair.serve_until(lambda: got, "the other one is still waited for")
    pair.close()


def test_commands_are_sent_again_each_in_its_own_time(short_dir: Path) -> None:
    """A resend of one command takes no other with it."""
    pair = Pair(short_dir, lambda *_: None)
    pair.requester.send("a", cancel("a"), print)
    pair.serve_until(lambda: pair.responder.stats.commands == 1, "the first")
    pair.clock.forward(0.6)
    pair.requester.send("b", cancel("b"), print)
    pair.clock.forward(0.6)
    pair.serve_until(lambda: pair.responder.stats.joined == 1, "the first again")
    assert (pair.requester.stats.resent, pair.responder.stats.commands) == (1, 2)
    pair.close()


def test_callback_may_send(pair: Pair) -> None:
    """The next command can be sent from the reply to the last."""
    got: list[Message] = []

    def next_one(reply: Message) -> None:
        got.append(reply)
        pair.requester.send("b", cancel("b"), got.append)

    pair.requester.send("a", cancel("a"), next_one)
    pair.serve_until(lambda: len(got) == 2, "both")


def test_call_waits_for_the_reply(short_dir: Path, threaded: Callable[[Pair], None]) -> None:
    """The command line asks and waits; a refusal is a reply too."""
    pair = Pair(short_dir, lambda *_: CommandRefused("NO", "not now"))
    threaded(pair)
    assert pair.requester.call(cancel("a"), timeout_s=10.0) == CommandRefused("NO", "not now")
    assert pair.requester.call(cancel("a"), request_id="mine", timeout_s=10.0) == CommandRefused(
        "NO", "not now"
    )


def test_call_without_an_answer(pair: Pair) -> None:
    """Nobody answers: NoReply, which says whom was asked, and nothing is left pending."""
    with pytest.raises(
        NoReply, match=r"no reply from ipc://.*x\.cmd within 0\.05 s: is that process running"
    ):
        pair.requester.call(cancel("a"), timeout_s=0.05)
    assert len(pair.requester) == 0


@pytest.mark.parametrize("letter", [seal(b"CancelOrders:a", b"\xc1"), seal(b"\xff", b""), b"one"])
def test_reply_that_cannot_be_read_is_kept_aside(short_dir: Path, letter: bytes) -> None:
    """It is counted, and the command stays open."""
    pair = Pair(short_dir)
    got: list[Message] = []
    pair.requester.send("a", cancel("a"), got.append)
    socket = pair.responder.sockets[0]
    pair.serve_until(lambda: socket.poll(0), "it arrives", answer=False)
    asker = socket.recv_multipart()[0]
    socket.send_multipart([asker, letter])
    pair.serve_until(lambda: pair.requester.quarantine.count == 1, "kept aside", answer=False)
    pair.clock.forward(1.0)
    pair.serve_until(lambda: got, "the reply to the resend")
    pair.close()


def test_only_commands_are_sent(pair: Pair) -> None:
    """A message that is no command is a fault of the program."""
    with pytest.raises(TypeError, match="OrderSent is not a command"):
        pair.requester.send("a", sent(1), print)


def test_idle_requester_wants_nothing(short_dir: Path) -> None:
    """Without commands there is no time at which it wants to be called."""
    pair = Pair(short_dir)
    assert pair.requester.deadline_ns == NEVER
    pair.requester.close()
    assert pair.requester.sockets[0].closed
    pair.close()
