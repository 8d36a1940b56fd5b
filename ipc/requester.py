"""Requester: sends commands to one process and hears the replies. A time-out is never a refusal."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from ipc.clock import NEVER, NS
from ipc.codec import DecodeError, decode_reply, encode
from ipc.context import Context, Socket, nothing
from ipc.errors import NoReply
from ipc.letter import seal, unseal
from ipc.quarantine import Quarantine
from ipc.topics import COMMANDS
from router.messages import Message

UNSENT_NS = NS // 50  # before a command that found nobody is offered again

OnReply = Callable[[Message], None]


@dataclass
class _Pending:
    payload: bytes
    on_reply: list[OnReply]
    on_timeout: list[Callable[[], None]]
    send_ns: int
    deadline_ns: int
    sent: int = 0


@dataclass
class RequesterStats:
    """Counters: commands asked, sends beyond the first, replies that nobody waits for any more."""

    asked: int = 0
    resent: int = 0
    late: int = 0
    timed_out: int = 0


class Requester:
    """Commands to the process behind `endpoint`, in the order of `send`; replies in any order.

    A command is sent again, with the same id, each `resend_s` until its reply comes: the receiver carries it
    out once. One that a dying connection took with it comes then, behind later ones. The id is unique per kind of command. A process that is not there yet is waited for.
    """

    def __init__(
        self,
        context: Context,
        endpoint: str,
        *,
        resend_s: float = 1.0,
        server: str = "",
        quarantine: Quarantine | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.endpoint = endpoint
        self.quarantine = quarantine or Quarantine()
        self.stats = RequesterStats()
        self.on_send: Callable[[], None] = nothing  # set by aio
        self._resend_ns = int(resend_s * NS)
        self._now = monotonic_ns
        self._pending: dict[str, _Pending] = {}
        self._next_ns = NEVER  # no pending command wants anything before
        self._blocked = False  # the receiver is not there, or its queue is full: offered again in order
        self._socket = context.socket(zmq.DEALER)
        context.connect(self._socket, endpoint, server=server)

    def __len__(self) -> int:
        """Commands without a reply yet."""
        return len(self._pending)

    def send(
        self,
        request_id: str,
        message: Message,
        on_reply: OnReply,
        *,
        deadline_s: float | None = None,
        on_timeout: Callable[[], None] | None = None,
    ) -> None:
        """Send a command; `on_reply` is called once, from `receive`, with its reply.

        With `deadline_s` the command is given up after so many seconds: `on_timeout` is called instead, and a
        reply that comes later is only counted. It may have been carried out all the same. The same id again,
        while the first waits, joins it: both hear the one reply.
        """
        if type(message) not in COMMANDS:
            raise TypeError(f"{type(message).__name__} is not a command: see COMMANDS in ipc/topics.py")
        wire_id = f"{type(message).__name__}:{request_id}"
        now_ns = self._now()
        pending = self._pending.get(wire_id)
        if pending is None:
            deadline_ns = NEVER if deadline_s is None else now_ns + int(deadline_s * NS)
            pending = _Pending(encode(message), [], [], now_ns, deadline_ns)
            self._pending[wire_id] = pending
            self.stats.asked += 1
            self._offer(wire_id, pending, now_ns)
        pending.on_reply.append(on_reply)
        if on_timeout is not None:
            pending.on_timeout.append(on_timeout)

    def call(self, message: Message, *, timeout_s: float = 5.0, request_id: str = "") -> Message:
        """Send a command and wait for its reply; for the command line, not for a worker. Raises NoReply."""
        replies: list[Message] = []
        self.send(request_id or uuid.uuid4().hex, message, replies.append, deadline_s=timeout_s)
        end_ns = self._now() + int(timeout_s * NS)
        while not replies:
            left_ns = min(end_ns, self._next_ns) - self._now()
            self._socket.poll(max(0, left_ns) // 1_000_000 + 1)
            self.receive()
            if not replies and self._now() >= end_ns:
                raise NoReply(f"no reply from {self.endpoint} within {timeout_s} s: is that process running?")
        return replies[0]

    def receive(self) -> list[Message]:
        """Hand out the replies that have come, send again what is due. Returns nothing: `on_reply` was called."""
        try:
            while True:
                self._on_letter(self._socket.recv(zmq.NOBLOCK))
        except zmq.Again:
            pass
        now_ns = self._now()
        if now_ns >= self._next_ns:
            self._sweep(now_ns)
        return []

    @property
    def sockets(self) -> list[Socket]:
        """The sockets to poll for input."""
        return [self._socket]

    @property
    def deadline_ns(self) -> int:
        """Monotonic ns at which `receive` wants to be called even if nothing came."""
        return self._next_ns

    def close(self) -> None:
        """Close the socket. Commands without a reply are forgotten here; they may be carried out."""
        self._socket.close()

    def _on_letter(self, letter: bytes) -> None:
        try:
            wire_id, payload = unseal(letter)
            reply = decode_reply(payload)
            name = wire_id.decode()
        except (DecodeError, ValueError) as error:
            self.quarantine.keep(f"reply from {self.endpoint}", str(error), letter)
            return
        pending = self._pending.pop(name, None)
        if pending is None:
            self.stats.late += 1
            return
        for on_reply in pending.on_reply:
            on_reply(reply)

    def _offer(self, wire_id: str, pending: _Pending, now_ns: int) -> None:
        pending.send_ns = now_ns + UNSENT_NS
        if not self._blocked:
            try:
                self._socket.send(seal(wire_id.encode(), pending.payload), zmq.NOBLOCK)
            except zmq.Again:
                self._blocked = True
            else:
                self.stats.resent += pending.sent > 0
                pending.sent += 1
                pending.send_ns = now_ns + self._resend_ns
            self.on_send()
        self._next_ns = min(self._next_ns, pending.send_ns, pending.deadline_ns)

    def _sweep(self, now_ns: int) -> None:
        self._next_ns = NEVER
        self._blocked = False
        for wire_id, pending in list(self._pending.items()):
            if now_ns >= pending.deadline_ns:
                del self._pending[wire_id]
                self.stats.timed_out += 1
                for on_timeout in pending.on_timeout:
                    on_timeout()
            elif now_ns >= pending.send_ns:
                self._offer(wire_id, pending, now_ns)
            else:
                self._next_ns = min(self._next_ns, pending.send_ns, pending.deadline_ns)
