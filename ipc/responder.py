"""Responder: receives commands, has each carried out once, and answers; serves the bus's own requests too."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import zmq
from msgspec import Struct

from ipc.clock import NEVER
from ipc.codec import DecodeError, decode_request, encode
from ipc.context import Context, Socket, nothing
from ipc.letter import seal, unseal
from ipc.protocol import BusRequest, Sync, TakeSnapshot
from ipc.publisher import Publisher
from ipc.quarantine import Quarantine
from ipc.replayer import Replayer
from ipc.topics import COMMANDS
from router.errors import FieldError, Recoverable
from router.messages import CommandRefused, Message
from router.reasons import Reason

log = logging.getLogger(__name__)

BATCH = 64  # requests served at once, so that other sockets of the loop get their turn

Handler = Callable[[str, Message], Message | None]


@dataclass
class ResponderStats:
    """Counters of requests and replies."""

    commands: int = 0  # given to the handler
    repeated: int = 0  # answered with the reply kept from before
    joined: int = 0  # came again while the first was in work
    undecodable: int = 0
    unanswerable: int = 0  # replies whose asker had gone, or could not take them
    unasked: int = 0  # replies to what nobody asked, or that was answered before


class Responder:
    """A command socket. `handler(request_id, message)` returns the reply, or None to `reply` later.

    `request_id` is opaque: it names this command, of this kind, and is what `reply` takes. A command that comes
    again is not given to the handler again: it gets the same reply, or waits for the one in work. Kept are the
    last `keep` replies, but not those of queries, nor refusals that say `retry`: asked again, these are done anew.
    A Recoverable raised by the handler becomes CommandRefused; anything else goes through.

    With a `publisher` it answers its subscribers, with `snapshot` giving the present state as messages.
    """

    def __init__(
        self,
        context: Context,
        endpoint: str,
        handler: Handler,
        *,
        publisher: Publisher | None = None,
        snapshot: Callable[[], Iterable[Message]] = tuple,
        keep: int = 10_000,
        replay_chunk: int = 500,
        quarantine: Quarantine | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.quarantine = quarantine or Quarantine()
        self.stats = ResponderStats()
        self.on_send: Callable[[], None] = nothing  # set by aio
        self._handler = handler
        self._keep = keep
        self._replayer = Replayer(publisher, snapshot, chunk=replay_chunk) if publisher else None
        self._replies: OrderedDict[str, bytes] = OrderedDict()
        self._working: dict[str, tuple[type[Message], list[bytes]]] = {}  # kind and who asked
        self._socket = context.socket(zmq.ROUTER)
        context.bind(self._socket, endpoint)

    def receive(self) -> list[Message]:
        """Serve the requests that have come. Returns nothing: the handler was called."""
        try:
            for _ in range(BATCH):
                self._on_parts(self._socket.recv_multipart(zmq.NOBLOCK))
        except zmq.Again:
            pass
        return []

    def reply(self, request_id: str, message: Message) -> None:
        """Answer a command that the handler returned None for. The first answer counts, later ones do not."""
        work = self._working.pop(request_id, None)
        if work is None:
            self.stats.unasked += 1
            log.warning("reply %s to %s, which nobody waits for", type(message).__name__, request_id)
            return
        kind, askers = work
        payload = encode(message)
        if not COMMANDS[kind].query and not (isinstance(message, CommandRefused) and message.retry):
            self._replies[request_id] = payload
            if len(self._replies) > self._keep:
                self._replies.popitem(last=False)
        for asker in askers:
            self._send(asker, request_id.encode(), payload)

    @property
    def sockets(self) -> list[Socket]:
        """The sockets to poll for input."""
        return [self._socket]

    @property
    def deadline_ns(self) -> int:
        """A responder waits for nothing but its socket."""
        return NEVER

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _on_parts(self, parts: list[bytes]) -> None:
        asker, letter = parts[0], b"".join(parts[1:])
        wire_id = b""
        try:
            wire_id, payload = unseal(letter)
            request_id = wire_id.decode()
            request = decode_request(payload)
        except (DecodeError, ValueError) as error:
            self.stats.undecodable += 1
            self.quarantine.keep(f"command to {self.endpoint}", str(error), letter)
            refused = CommandRefused(Reason.UNDECODABLE, f"not a command of this version: {error}")
            self._send(asker, wire_id, encode(refused))
            return
        if isinstance(request, Sync | TakeSnapshot):
            self._serve(asker, wire_id, request)
        else:
            self._command(asker, request_id, request)

    def _serve(self, asker: bytes, wire_id: bytes, request: BusRequest) -> None:
        if self._replayer is None:
            answer: Struct = CommandRefused(Reason.NO_PUBLISHER, f"{self.endpoint} belongs to no publisher")
        else:
            answer = self._replayer.answer(asker, request)
        self._send(asker, wire_id, encode(answer))

    def _command(self, asker: bytes, request_id: str, message: Message) -> None:
        kept = self._replies.get(request_id)
        if kept is not None:
            self.stats.repeated += 1
            self._send(asker, request_id.encode(), kept)
            return
        work = self._working.get(request_id)
        if work is not None:
            self.stats.joined += 1
            if asker not in work[1]:
                work[1].append(asker)
            return
        self.stats.commands += 1
        self._working[request_id] = (type(message), [asker])
        try:
            reply = self._handler(request_id, message)
        except Recoverable as error:
            wrong = isinstance(error, FieldError)
            code = Reason.BAD_FIELD if wrong else Reason.FAILED
            reply = CommandRefused(code, str(error), retry=not wrong)
        except BaseException:
            del self._working[request_id]  # asked again it is tried again, if this process lives on
            raise
        if reply is not None:
            self.reply(request_id, reply)

    def _send(self, asker: bytes, wire_id: bytes, payload: bytes) -> None:
        try:
            self._socket.send_multipart([asker, seal(wire_id, payload)], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            self.stats.unanswerable += 1  # it asks again, and gets the reply that is kept
        self.on_send()
