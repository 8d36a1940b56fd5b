"""ipc.responder: each command once, its reply as often as it is asked for; queries anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from ipc.bus import Context
from ipc.clock import NEVER
from ipc.codec import decode_reply, encode
from ipc.letter import seal, unseal
from ipc.protocol import Sync
from router.errors import FieldError, Recoverable
from router.messages import CancelReply, CommandRefused, Message, PlaceReply
from tests.ipc.commands import Pair, cancel, find


class Client:
    """A bare DEALER that sends what it likes, as often as it likes."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.context = Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.context.connect(self.socket, pair.endpoint)
        pair.serve_until(lambda: self.socket.poll(0, zmq.POLLOUT), "connected")

    def send(self, *parts: bytes) -> None:
        """Send a request."""
        self.socket.send_multipart(parts)

    def ask(self, name: str, message: Message) -> None:
        """Send a command as a Requester does."""
        self.send(seal(f"{type(message).__name__}:{name}".encode(), encode(message)))

    def reply(self) -> Message:
        """The next reply."""
        self.pair.serve_until(lambda: self.socket.poll(0), "a reply")
        return decode_reply(unseal(self.socket.recv())[1])

    def close(self) -> None:
        """Go away."""
        self.context.close()


def test_repeated_command_gets_the_kept_reply(short_dir: Path) -> None:
    """Asked again, also by another process, it is not carried out again."""
    done: list[Message] = []

    def handler(request_id: str, message: Message) -> Message:
        done.append(message)
        return CancelReply((f"{len(done)}",))

    pair = Pair(short_dir, handler)
    one, other = Client(pair), Client(pair)
    for client in (one, one, other):
        client.ask("a", cancel("a"))
        assert client.reply() == CancelReply(("1",))
    assert len(done) == 1
    assert (pair.responder.stats.commands, pair.responder.stats.repeated) == (1, 2)
    for thing in (one, other, pair):
        thing.close()


def test_command_in_work_is_joined(short_dir: Path) -> None:
    """Asked again before it is answered, it waits with the first; the reply goes to everybody who asked, once."""
    pair = Pair(short_dir, lambda *_: None)
    one, other = Client(pair), Client(pair)
    for client in (one, one, other):
        client.ask("a", cancel("a"))
    pair.serve_until(lambda: pair.responder.stats.joined == 2, "all asked")
    pair.responder.reply("CancelOrders:a", CancelReply(("late",)))
    assert one.reply() == other.reply() == CancelReply(("late",))
    one.ask("a", cancel("a"))
    assert one.reply() == CancelReply(("late",))
    assert pair.responder.stats.commands == 1
    for thing in (one, other, pair):
        thing.close()


def count_calls(answer: Callable[[int], Message]) -> Callable[[str, Message], Message]:
    """A handler that answers by how often it was called."""
    calls: list[str] = []

    def handler(request_id: str, message: Message) -> Message:
        calls.append(request_id)
        return answer(len(calls))

    return handler


def test_query_is_answered_anew(short_dir: Path) -> None:
    """The same question under the same id gets the present answer, not that of the first time."""
    handler = count_calls(lambda call: PlaceReply("x", "unknown" if call == 1 else "adopted"))
    pair = Pair(short_dir, handler)
    client = Client(pair)
    client.ask("x", find("x"))
    assert client.reply() == PlaceReply("x", "unknown")
    client.ask("x", find("x"))
    assert client.reply() == PlaceReply("x", "adopted")
    client.close()
    pair.close()


def test_refusal_for_now_is_not_kept(short_dir: Path) -> None:
    """`retry` means that the same command may succeed later: it is tried again then. A final refusal is kept."""
    handler = count_calls(lambda call: CommandRefused("LINK", "not ready", retry=call == 1))
    pair = Pair(short_dir, handler)
    client = Client(pair)
    for expected in (True, False, False):
        client.ask("a", cancel("a"))
        reply = client.reply()
        assert isinstance(reply, CommandRefused)
        assert reply.retry is expected
    assert pair.responder.stats.commands == 2
    client.close()
    pair.close()


def test_kept_replies_are_bounded(short_dir: Path) -> None:
    """The oldest reply is forgotten first."""
    pair = Pair(short_dir, keep=2)
    client = Client(pair)
    for name in ("a", "b", "c", "b", "a"):
        client.ask(name, cancel(name))
        assert client.reply() == CancelReply((name,))
    assert (pair.responder.stats.commands, pair.responder.stats.repeated) == (4, 1)
    client.close()
    pair.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Recoverable("try later"), CommandRefused("FAILED", "try later", retry=True)),
        (FieldError("refs", "x", "is empty"), CommandRefused("BAD_FIELD", "refs = 'x': is empty")),
    ],
)
def test_recoverable_error_of_the_handler_is_a_refusal(
    short_dir: Path, error: Recoverable, expected: CommandRefused
) -> None:
    """The asker hears the reason; a wrong value stays wrong, anything else may be tried again."""

    def handler(*_: object) -> Message:
        raise error

    pair = Pair(short_dir, handler)
    client = Client(pair)
    client.ask("a", cancel("a"))
    assert client.reply() == expected
    client.close()
    pair.close()


def test_other_error_of_the_handler_goes_through(short_dir: Path) -> None:
    """A fault of the program ends the process; it is not answered away."""

    def handler(*_: object) -> Message:
        raise KeyError("a fault")

    pair = Pair(short_dir, handler)
    client = Client(pair)
    client.ask("a", cancel("a"))
    with pytest.raises(KeyError, match="a fault"):
        client.reply()
    client.close()
    pair.close()


def test_answer_that_nobody_waits_for_is_counted(short_dir: Path) -> None:
    """A second answer, or one to a question never asked, does nothing but count."""
    pair = Pair(short_dir)
    pair.responder.reply("CancelOrders:a", CancelReply(()))
    assert pair.responder.stats.unasked == 1
    pair.close()


def test_asker_that_has_gone_gets_its_reply_when_it_comes_back(short_dir: Path) -> None:
    """A reply that finds nobody is counted, kept, and given to the same command later."""
    pair = Pair(short_dir, lambda *_: None)
    gone = Client(pair)
    names = [f"n{number}" for number in range(500)]
    for name in names:
        gone.ask(name, cancel(name))
    pair.serve_until(lambda: pair.responder.stats.commands == len(names), "all in work")
    gone.close()
    left = iter(names)
    last = ""

    def counted() -> bool:
        nonlocal last
        last = next(left)
        pair.responder.reply(f"CancelOrders:{last}", CancelReply(("done",)))
        return pair.responder.stats.unanswerable > 0

    pair.serve_until(counted, "the responder learns that the asker has left")
    back = Client(pair)
    back.ask(last, cancel(last))
    assert back.reply() == CancelReply(("done",))
    back.close()
    pair.close()


def test_reply_on_a_closed_socket_is_an_error(short_dir: Path) -> None:
    """Only a missing or slow asker is counted; any other failure to send goes through."""
    pair = Pair(short_dir, lambda *_: None)
    client = Client(pair)
    client.ask("a", cancel("a"))
    pair.serve_until(lambda: pair.responder.stats.commands == 1, "in work")
    pair.responder.close()
    with pytest.raises(zmq.ZMQError, match="socket"):
        pair.responder.reply("CancelOrders:a", CancelReply(()))
    client.close()
    pair.close()


@pytest.mark.parametrize(
    "parts",
    [[seal(b"CancelOrders:a", b"\xc1")], [seal(b"\xff", encode(cancel("a")))], [b"one"], [b"a", b"b", b"c"]],
)
def test_request_that_cannot_be_read_is_refused_and_kept_aside(short_dir: Path, parts: list[bytes]) -> None:
    """The asker hears so, the bytes are kept, and the next command is served."""
    pair = Pair(short_dir)
    client = Client(pair)
    client.send(*parts)
    reply = client.reply()
    assert isinstance(reply, CommandRefused)
    assert reply.code == "UNDECODABLE"
    assert pair.responder.quarantine.count == pair.responder.stats.undecodable == 1
    client.ask("a", cancel("a"))
    assert client.reply() == CancelReply(("a",))
    client.close()
    pair.close()


def test_process_that_publishes_nothing_says_so(short_dir: Path) -> None:
    """A subscriber that asks the wrong process is told."""
    pair = Pair(short_dir)
    client = Client(pair)
    client.send(seal(b"1", encode(Sync(("trade",), 0, 0))))
    reply = client.reply()
    assert isinstance(reply, CommandRefused)
    assert reply.code == "NO_PUBLISHER"
    client.close()
    pair.close()


def test_serving_is_bounded(short_dir: Path) -> None:
    """A flood of commands is served a batch at a time, so that other sockets get their turn."""
    pair = Pair(short_dir)
    client = Client(pair)
    for number in range(200):
        client.ask(str(number), cancel("x"))
    socket = pair.responder.sockets[0]
    while pair.responder.stats.commands == 0:
        assert socket.poll(5_000)
        pair.responder.receive()
    assert pair.responder.stats.commands <= 64
    pair.serve_until(lambda: pair.responder.stats.commands == 200, "all of them")
    assert pair.responder.deadline_ns == NEVER
    client.close()
    pair.responder.close()
    pair.close()
