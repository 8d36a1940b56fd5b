"""Both ingress adapters, their wakers and their recovery behind one door: `collect` brings what is new."""

from __future__ import annotations

from collections.abc import Callable

from conf.settings import Settings
from workers.store.client import Client, StoreAway, connect
from workers.store.ingress import Ingress, ListIngress, StreamIngress, Taken
from workers.store.waker import ListWaker, StreamWaker, Waker


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
        self.problem = "not connected yet"

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
        """What was taken before and never ended, the first time; then what is new. Never raises StoreAway."""
        found: list[Taken] = []
        try:
            if not self._recovered:
                for adapter in self._adapters:
                    found += adapter.recover()
                self._recovered = True
            for adapter in self._adapters:
                found += adapter.take()
        except StoreAway as error:
            self.problem = str(error)
        return found

    def _connection(self, name: str) -> Client:
        return connect(self._settings.redis_url, name=name, timeout_s=self._settings.redis.socket_timeout_s)
