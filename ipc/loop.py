"""The poll loop of a worker: sockets, descriptors and timers in one thread."""

from __future__ import annotations

import heapq
import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, overload

import zmq

from ipc.clock import NS
from ipc.context import Socket

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Action = Callable[[], object]


class Attachable(Protocol[T_co]):
    """What the bus objects have in common. `T_co` is what `receive` brings: a Batch for a Subscriber."""

    on_send: Callable[[], None]  # called after each send: for asyncio, which must then look again

    @property
    def sockets(self) -> Sequence[Socket]:
        """To poll for input."""

    @property
    def deadline_ns(self) -> int:
        """When to call `receive` even if nothing came (monotonic ns)."""

    def receive(self) -> T_co:
        """Read what has come, something false if nothing has; never blocks."""


class Timer:
    """A call to come."""

    def __init__(self, at_ns: int, every_ns: int, action: Action) -> None:
        self.at_ns = at_ns
        self.every_ns = every_ns  # 0: once
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        """Do not call it any more."""
        self.cancelled = True


class Loop:
    """Runs handlers one at a time. An exception of a handler ends `run`.

    Only `post` and `stop` may be called from other threads or from signal handlers.
    """

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._attached: dict[Attachable[Any], Callable[[Any], object] | None] = {}
        self._by_socket: dict[Socket, Attachable[Any]] = {}
        self._by_descriptor: dict[int, Action] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()
        self._posted: deque[Action] = deque()
        self._stopped = False
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poller.register(self._wake, zmq.POLLIN)

    # ------------------------------------------------------------ what to run

    @overload
    def attach(self, thing: int, handler: Action) -> None: ...
    @overload
    def attach(self, thing: Attachable[T], handler: Callable[[T], object] | None = None) -> None: ...
    def attach(self, thing: Any, handler: Any = None) -> None:
        """Serve a Subscriber, Requester or Responder, or a readable file descriptor.

        A Subscriber's handler gets each non-empty batch of envelopes; a descriptor's handler gets nothing and must
        read it empty or nearly so.
        """
        if isinstance(thing, int):
            self._by_descriptor[thing] = handler
            self._poller.register(thing, zmq.POLLIN)
            return
        self._attached[thing] = handler
        for socket in thing.sockets:
            self._by_socket[socket] = thing
            self._poller.register(socket, zmq.POLLIN)

    def detach(self, thing: Attachable[Any] | int) -> None:
        """Serve it no more."""
        if isinstance(thing, int):
            del self._by_descriptor[thing]
            self._poller.unregister(thing)
            return
        del self._attached[thing]
        for socket in thing.sockets:
            del self._by_socket[socket]
            self._poller.unregister(socket)

    def after(self, seconds: float, action: Action) -> Timer:
        """Call once, `seconds` from now."""
        return self._schedule(Timer(time.monotonic_ns() + int(seconds * NS), 0, action))

    def every(self, seconds: float, action: Action) -> Timer:
        """Call each `seconds`, first after so many. A call that comes late does not make up for missed ones."""
        every_ns = max(1, int(seconds * NS))
        return self._schedule(Timer(time.monotonic_ns() + every_ns, every_ns, action))

    def post(self, action: Action) -> None:
        """Have the loop's thread call this soon. For other threads and signal handlers."""
        self._posted.append(action)
        os.eventfd_write(self._wake, 1)

    # ------------------------------------------------------------ run

    def run(self) -> None:
        """Serve until `stop`."""
        self._stopped = False
        while not self._stopped:
            self._turn()

    def stop(self) -> None:
        """Have `run` return after the handler that runs now. For any thread, and for signal handlers."""
        self._stopped = True
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Release the descriptor that wakes the loop. What is attached stays open."""
        os.close(self._wake)

    def _turn(self) -> None:
        woken = set()
        for ready, _ in self._poller.poll(self._wait_ms()):
            thing = self._by_socket.get(ready)
            if thing is not None:
                woken.add(id(thing))
            elif ready == self._wake:
                os.eventfd_read(self._wake)
            elif (action := self._by_descriptor.get(ready)) is not None:
                action()
        now_ns = time.monotonic_ns()
        for thing, handler in list(self._attached.items()):
            if (id(thing) in woken or thing.deadline_ns <= now_ns) and thing in self._attached:
                received = thing.receive()
                if received and handler is not None:
                    handler(received)
        for _ in range(len(self._posted)):  # what these post has its turn after the sockets
            self._posted.popleft()()
        self._run_timers()

    def _wait_ms(self) -> int:
        if self._posted:
            return 0
        next_ns = self._timers[0][0] if self._timers else 1 << 63
        for thing in self._attached:
            next_ns = min(next_ns, thing.deadline_ns)
        return min(max(0, -((time.monotonic_ns() - next_ns) // 1_000_000)), 60_000)

    def _run_timers(self) -> None:
        now_ns = time.monotonic_ns()
        while self._timers and self._timers[0][0] <= now_ns and not self._stopped:
            _, _, timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            if timer.every_ns:
                timer.at_ns = max(timer.at_ns + timer.every_ns, now_ns)
                self._schedule(timer)
            timer.action()

    def _schedule(self, timer: Timer) -> Timer:
        heapq.heappush(self._timers, (timer.at_ns, next(self._order), timer))
        return timer
