"""Requests that wait for IB's answer, by key: a request id, or the name of an answer that carries none."""

from __future__ import annotations

import asyncio
from collections import Counter


class Waiting:
    """One question per key at a time, and whoever waits for its answer.

    An answer that nobody waits for is no error: IB also sends what was not asked.
    """

    def __init__(self) -> None:
        self._futures: dict[object, asyncio.Future[None]] = {}
        # Of questions that one of several waiters gave up: it may ask again, and the answer is for the others too.
        self._joined: dict[object, set[asyncio.Future[None]]] = {}
        self._waiters: Counter[asyncio.Future[None]] = Counter()

    def __contains__(self, key: object) -> bool:
        return key in self._futures

    def expect(self, key: object) -> asyncio.Future[None]:
        """From here on an answer under `key` counts."""
        future = self._futures[key] = asyncio.get_running_loop().create_future()
        return future

    async def answer_to(self, key: object, timeout_s: float | None) -> None:
        """Wait for what was expected. Raises TimeoutError, and ConnectionError with the reason of `fail`."""
        future = self._futures[key]
        self._waiters[future] += 1
        try:
            # not wait_for: until Python 3.12 it swallows a cancellation that comes together with the answer
            await asyncio.wait({future}, timeout=timeout_s)
            if not future.done():
                raise TimeoutError
            future.result()
        finally:
            self._leave(key, future)

    def forget(self, key: object) -> None:
        """Nobody waits for it any more."""
        self._futures.pop(key, None)

    def answer(self, key: object) -> None:
        """It came."""
        for future in self._open(key):
            future.set_result(None)

    def fail(self, key: object, reason: str) -> None:
        """It will not come."""
        for future in self._open(key):
            future.set_exception(ConnectionError(reason))
            future.exception()  # a caller that already gave up must not make asyncio complain

    def fail_all(self, reason: str) -> None:
        """The connection is gone."""
        for key in {*self._futures, *self._joined}:
            self.fail(key, reason)

    def _open(self, key: object) -> list[asyncio.Future[None]]:
        asked = self._futures.get(key)
        futures = self._joined.pop(key, set()) | ({asked} if asked is not None else set())
        return [future for future in futures if not future.done()]

    def _leave(self, key: object, future: asyncio.Future[None]) -> None:
        """Answered or given up: the question is over for this waiter, and may be asked again."""
        self._waiters[future] -= 1
        joined = self._joined.get(key, set())
        if self._waiters[future] and not future.done():
            self._joined[key] = joined | {future}
        else:
            joined.discard(future)
        if not self._waiters[future]:
            del self._waiters[future]
        if self._futures.get(key) is future:
            del self._futures[key]


async def first_of(*events: asyncio.Event, timeout_s: float) -> None:
    """Until one of the events is set, or for so long."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
