"""Clients that come and go: nothing of them stays."""

import asyncio
import gc
import logging
import struct
import weakref
from collections.abc import Awaitable, Callable

import pytest

from paper.clock import RealClock
from paper.connection import Connection
from paper.gateway import Gateway
from paper.ledger import NoLedger
from paper.market import Mood
from paper.pacing import Policy
from paper.server import Server
from paper.settings import Settings
from tests.paper.raw import AAPL, encode, place_order

GREETING = b"API\0" + struct.pack(">I", 9) + b"v157..176"
EVERYTHING = (
    (1, 11, 1, *AAPL, 0, "", 0, 0, ""),
    (97, 2, *AAPL, "BidAsk", 0, 0),
    (6, 2, 1, "DU1234567"),
    (61, 1),
    (62, 1, 3, "All", "NetLiquidation"),
    (74, 1, 4, "DU1234567", ""),
    (76, 1, 5, "DU1234567", "", 0),
    (92, 6, "DU1234567", ""),
    (94, 7, "DU1234567", "", 265598),
    (10, 5, 8, *AAPL, 5, 1, ""),
    (20, 9, *AAPL, 0, "", "1 min", "600 S", 1, "TRADES", 1, 1, ""),
    (50, 3, 10, *AAPL, 5, "TRADES", 0, ""),
    (22, 11, 5, "STK", "STK.US", "MOST_ACTIVE", *[""] * 19),
)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def subscriber(number: int, streams: Streams) -> None:
    """Subscribes to everything, buys, and hangs up when it has read the commission."""
    reader, writer = streams
    writer.write(GREETING + encode(71, 2, number, ""))
    writer.writelines(encode(*fields) for fields in EVERYTHING)
    writer.write(encode(*place_order(176, 1)))
    await reader.readuntil(b"59\x001\0")


async def stranger(number: int, streams: Streams) -> None:
    """Says what is not the protocol."""
    reader, writer = streams
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await reader.read()


async def silent(number: int, streams: Streams) -> None:
    """Says half a greeting and goes."""
    streams[1].write(GREETING[:7])
    await streams[1].drain()


async def unread(number: int, streams: Streams) -> None:
    """Subscribes, never reads, and cuts the line with a reset."""
    _, writer = streams
    writer.write(GREETING + encode(71, 2, number, "") + b"".join(encode(*one) for one in EVERYTHING))
    await writer.drain()
    writer.transport.abort()


KINDS: tuple[Callable[[int, Streams], Awaitable[None]], ...] = (subscriber, stranger, silent, unread)


class _Door:
    """Lets clients in and keeps count of them."""

    def __init__(self, server: Server, expected: int) -> None:
        self._server = server
        self._expected = expected
        self.everyone_came = asyncio.Event()
        self.left: list[asyncio.Event] = []
        self.seen: list[weakref.ref[Connection]] = []

    def __call__(self) -> Connection:
        connection = Connection(self._server)
        self.left.append(connection.lost)
        self.seen.append(weakref.ref(connection))
        if len(self.seen) == self._expected:
            self.everyone_came.set()
        return connection


async def _live_through(clients: int) -> tuple[int, ...]:
    """Clients of all kinds at the same time; what is left of tasks, sessions, connections and their objects."""
    gateway = Gateway(Settings(market=Mood.STILL), RealClock(), NoLedger())
    server = Server(gateway, Policy.OFF)
    door = _Door(server, clients)
    before = len(asyncio.all_tasks())
    listening = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]

    async def visit(number: int) -> None:
        streams = await asyncio.open_connection("127.0.0.1", port)
        await KINDS[number % len(KINDS)](number, streams)
        streams[1].close()

    async with asyncio.timeout(30):
        await asyncio.gather(*(visit(number) for number in range(1, clients + 1)))
        await door.everyone_came.wait()
        await asyncio.gather(*(left.wait() for left in door.left))
    gateway.tick()
    server.flush()
    await asyncio.sleep(0)
    listening.close()
    gc.collect()
    alive = sum(one() is not None for one in door.seen)
    return len(asyncio.all_tasks()) - before, len(gateway.sessions), len(server.connections), alive


def test_nothing_is_left_of_fifty_clients(caplog: pytest.LogCaptureFixture) -> None:
    """Subscribers, strangers, half greetings and resets at once: no task, session, connection or object of them stays."""
    caplog.set_level(
        logging.CRITICAL, "paper"
    )  # a record that pytest keeps would hold on to what it tells of
    assert asyncio.run(_live_through(50)) == (0, 0, 0, 0)


async def _ignore(limit: int) -> tuple[bool, list[int | None]]:
    """A client that never reads next to one that does: whether the first was cut off, and who is still there."""
    server = Server(Gateway(Settings(market=Mood.STILL), RealClock(), NoLedger()), Policy.OFF)
    door = _Door(server, 2)
    listening = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    writers = []
    async with asyncio.timeout(30):
        for number in (1, 2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            writer.write(GREETING + encode(71, 2, number, ""))
            await reader.readuntil(b"2158\0")
            reader._transport.pause_reading() if number == 1 else None  # type: ignore[attr-defined]  # it reads no more
        session = server.gateway.sessions[1]
        while not door.left[0].is_set():
            session.send(b"\0" * limit)
            server.flush()
            await asyncio.sleep(0)
    there = [one.client_id for one in server.connections]
    listening.close()
    for writer in writers:
        writer.close()
    await server.stop()
    return door.left[0].is_set(), there


def test_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once more is waiting for it than the limit; the others stay."""
    monkeypatch.setattr("paper.connection._MAX_UNSENT", 1 << 20)
    assert asyncio.run(_ignore(1 << 18)) == (True, [2])
