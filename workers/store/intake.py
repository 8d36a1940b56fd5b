"""Both ingress adapters, their wakers and their recovery behind one door: `collect` brings what is new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from conf.settings import Settings
from router.messages import Ticket
from workers.store.client import Client, StoreAway, connect
from workers.store.ingress import Ingress, ListIngress, StreamIngress, Taken
from workers.store.waker import ListWaker, StreamWaker, Waker

# Tickets remembered. An older one comes again after a loss of Redis if it is not settled, and is found to be known.
HANDED = 10_000


class Intake:
    """Signals of the lists and of the stream. `problem` says why Redis cannot be used now, empty if it can."""

    def __init__(self, settings: Settings, client: Client) -> None:
        ingress = settings.ingress
        self._settings = settings
        self._client = client
        self._adapters: tuple[Ingress, ...] = (
            ListIngress(client, ingress.symbols, max_per_symbol=ingress.max_per_symbol),
            StreamIngress(client, ingress.stream, ingress.group),
        )
        self._wakers: tuple[Waker, ...] = ()
        self._recovered = False
        self._handed: OrderedDict[Ticket, None] = OrderedDict()  # brought by this object, settled or not
        self.problem = "Redis is not connected yet"

    def start(self, wake: Callable[[], None]) -> None:
        """Call `wake` (thread-safe) whenever a signal may have come."""
        ingress = self._settings.ingress
        self._wakers = (
            ListWaker(self._connection("sizing-lists"), ingress.symbols, wake),
            StreamWaker(self._connection("sizing-stream"), ingress.stream, wake),
        )
        for waker in self._wakers:
            waker.start()

    def stop(self) -> None:
        """End the wakers, all within one blocking read."""
        for waker in self._wakers:
            waker.begin_stop()
        for waker in self._wakers:
            waker.stop()

    def reachable(self) -> bool:
        """Try Redis again if it was away."""
        if self.problem:
            try:
                self._client.call("PING")
                self.problem = ""
            except StoreAway as error:
                self.problem = str(error)
        return not self.problem

    def collect(self) -> list[Taken]:
        """What was taken and never handed out, at first and after each loss of Redis; then what is new.

        When the reply to a take is lost the signals were taken all the same: they come back as redelivered.
        Never raises StoreAway.
        """
        found: list[Taken] = []
        try:
            if not self._recovered:
                found += self._recover()
            for adapter in self._adapters:
                found += adapter.take()
        except StoreAway as error:
            self.problem = str(error)
            self._recovered = False
        self._handed.update((taken.ticket, None) for taken in found)
        while len(self._handed) > HANDED:
            self._handed.popitem(last=False)
        return found

    def _recover(self) -> list[Taken]:
        left = [taken for adapter in self._adapters for taken in adapter.recover()]
        self._recovered = True
        handed = self._handed
        # the others were settled
        self._handed = OrderedDict((taken.ticket, None) for taken in left if taken.ticket in handed)
        return [taken for taken in left if taken.ticket not in handed]

    def _connection(self, name: str) -> Client:
        return connect(self._settings.redis_url, name=name, timeout_s=self._settings.redis.socket_timeout_s)
