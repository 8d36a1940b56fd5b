"""Bus objects under asyncio, without zmq.asyncio: for the gateway, because ib_insync needs asyncio.

A zmq socket's descriptor is edge-triggered: it is readable once when something changed, and not again before
everything was read. So each wake-up, each send and each timer is followed by a look at what is left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ipc.clock import NEVER, NS
from ipc.context import nothing
from ipc.loop import Attachable

T = TypeVar("T")


class Attachment(Generic[T]):
    """A bus object that an asyncio loop serves until `close`. An exception of its handler reaches the loop's handler."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        thing: Attachable[T],
        handler: Callable[[T], object] | None,
    ) -> None:
        self._loop = loop
        self._thing = thing
        self._handler = handler
        self._soon: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = NEVER
        self._closed = False
        thing.on_send = self._look_soon
        for socket in thing.sockets:
            loop.add_reader(socket.fileno(), self._look)
        self._look_soon()

    def close(self) -> None:
        """Serve it no more; its sockets stay open."""
        self._closed = True
        self._thing.on_send = nothing
        for socket in self._thing.sockets:
            self._loop.remove_reader(socket.fileno())
        for handle in (self._soon, self._timer):
            if handle is not None:
                handle.cancel()

    def _look_soon(self) -> None:
        if self._soon is None and not self._closed:
            self._soon = self._loop.call_soon(self._look)

    def _look(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        try:
            received = self._thing.receive()
            if received and self._handler is not None:
                self._handler(received)
        finally:
            if not self._closed:
                self._look_again()

    def _look_again(self) -> None:
        if any(socket.poll(0) for socket in self._thing.sockets):
            self._look_soon()
        deadline_ns = self._thing.deadline_ns
        if deadline_ns != self._timer_ns:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._timer_ns = deadline_ns
            if deadline_ns < NEVER:
                wait_s = max(0.0, (deadline_ns - time.monotonic_ns()) / NS)
                self._timer = self._loop.call_later(wait_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_ns = None, NEVER
        self._look()


def attach(
    loop: asyncio.AbstractEventLoop, thing: Attachable[T], handler: Callable[[T], Any] | None = None
) -> Attachment[T]:
    """Serve a Subscriber, Requester or Responder on an asyncio loop. `handler` as in `Loop.attach`."""
    return Attachment(loop, thing, handler)
