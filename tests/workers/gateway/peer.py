"""A TWS of bytes for the tests: says what it is told to, and answers a rebuild like one that has nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

HANDSHAKE = ("176", "20250919 10:00:00 US/Eastern")
Reply = Callable[[list[str]], Iterable[bytes]]


def frame(*fields: object) -> bytes:
    """One message of the wire."""
    payload = "".join(f"{field}\0" for field in fields).encode()
    return len(payload).to_bytes(4, "big") + payload


class Peer:
    """Listens on a free port; one client at a time. `asked` holds every request by its message id.

    `answers` is what it says to a request, by message id; a test replaces or removes entries.
    """

    def __init__(self, *, account: str = "DU1000001", next_id: int = 1) -> None:
        self.port = 0
        self.greetings: list[bytes] = []
        self.asked: dict[str, list[list[str]]] = defaultdict(list)
        self.greeting: bytes = frame(*HANDSHAKE)
        self.answers: dict[str, Reply] = {
            "71": lambda _: [frame(15, 1, account), frame(9, 1, next_id)],
            "61": lambda _: [frame(62, 1)],
            "16": lambda _: [frame(53, 1)],
            "99": lambda _: [frame(102)],
            "7": lambda fields: [frame(55, 1, fields[2])],
            "91": lambda fields: [frame(93, fields[1], 2, 0, 0.05, 3, 0.1)],
            "62": lambda fields: [
                frame(63, 1, fields[2], account, "NetLiquidation", "100000", "USD"),
                frame(63, 1, fields[2], account, "BuyingPower", "400000", "USD"),
                frame(64, 1, fields[2]),
            ],
            "49": lambda _: [frame(49, 1, 1_758_290_400)],
        }
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Peer:
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_listening()
        self.hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop_listening(self) -> None:
        """Refuse the next connection."""
        if self._server is not None:
            self._server.close()

    def say(self, *frames: bytes) -> None:
        """Write frames, or any bytes, in one go."""
        assert self._writer is not None, "nobody is connected"
        self._writer.write(b"".join(frames))

    async def trickle(self, data: bytes, size: int) -> None:
        """Write the bytes in pieces of `size`, each on its way before the next."""
        assert self._writer is not None, "nobody is connected"
        for start in range(0, len(data), size):
            self._writer.write(data[start : start + size])
            await self._writer.drain()
            await asyncio.sleep(0)

    def hang_up(self) -> None:
        """Close the connection."""
        if self._writer is not None:
            self._writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writer = writer
        try:
            self.greetings.append(await reader.readexactly(4) + await self._payload(reader))
            writer.write(self.greeting)
            while True:
                fields = (await self._payload(reader)).decode().split("\0")[:-1]
                self.asked[fields[0]].append(fields)
                answer = self.answers.get(fields[0])
                writer.writelines(answer(fields) if answer else ())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    @staticmethod
    async def _payload(reader: asyncio.StreamReader) -> bytes:
        return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
