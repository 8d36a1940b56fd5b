"""What is measured, each in a process of its own: `python -m bench.subjects NAME PORT ORDERS PARTIALS [BUSY_US]`.

Prints one JSON line. `seconds` runs from asking for the storm to having dealt with its last message, `lag` from a
socket read to having dealt with what it brought, for each read.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from bench.frames import FIRST_ORDER_ID, Shape, frame

PROJECT = Path(__file__).resolve().parent.parent
PATIENCE_S = 120.0


def rss_kb() -> int:
    """Resident memory now, in kB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


async def stock(port: int, shape: Shape) -> dict[str, Any]:
    """Plain ib_insync as its documentation has it: orders placed, fills counted by its own event.

    Its last commission is not waited for, and its orders were never confirmed, which spares it the commission
    events: both are in its favour.
    """
    from ib_insync import IB, MarketOrder, Stock

    asyncio.set_event_loop(asyncio.get_running_loop())
    ib: Any = IB()  # type: ignore[no-untyped-call] # the library types its data, not its methods
    ib.client.MaxRequests = 0
    await ib.connectAsync("127.0.0.1", port, clientId=1, timeout=30)
    contract = Stock("AAPL", "SMART", "USD", conId=265598)
    for number in range(shape.orders):
        ib.placeOrder(contract, MarketOrder("BUY", shape.partials, orderId=FIRST_ORDER_ID + number))
    done = asyncio.Event()
    seen = 0

    def on_fill(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == shape.fills:
            done.set()

    ib.execDetailsEvent += on_fill
    started = time.perf_counter()
    ib.client.reqCurrentTime()
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    seconds = time.perf_counter() - started
    ib.disconnect()
    return {"seconds": seconds}


async def splitter(port: int, shape: Shape, busy_us: float = 0.0) -> dict[str, Any]:
    """The limit: an asyncio protocol that only cuts the stream into frames and counts them.

    With `busy_us` it then uses so much processor time on each read: its lag beyond that is the machine's.
    """
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    counted = 0
    lags: list[int] = []

    class Splitter(asyncio.Protocol):
        buffer = b""

        def data_received(self, data: bytes) -> None:
            nonlocal counted
            read_ns, free_ns = time.monotonic_ns(), time.thread_time_ns() + busy_us * 1e3
            buffer = self.buffer + data if self.buffer else data
            start, size = 0, len(buffer)
            while size - start > 4:
                end = start + 4 + int.from_bytes(buffer[start : start + 4], "big")
                if end > size:
                    break
                _ = buffer[start + 4 : end]
                counted += 1
                start = end
            self.buffer = buffer[start:]
            if busy_us:
                while time.thread_time_ns() < free_ns:
                    pass
                lags.append(time.monotonic_ns() - read_ns)
            if counted >= shape.messages:
                done.set()

    transport, _ = await loop.create_connection(Splitter, "127.0.0.1", port)
    transport.write(b"API\0" + frame("v157..176"))
    transport.write(frame(71, 2, 1, ""))
    counted = -4  # handshake, managedAccounts, nextValidId, currentTime
    started = time.perf_counter()
    transport.write(frame(49, 1))
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    seconds = time.perf_counter() - started
    transport.close()
    return {"seconds": seconds, **percentiles(lags)}


class Watch:
    """What is noted while a storm is published: each tenth of it, and the lag of reads."""

    def __init__(self) -> None:
        self.lags: list[int] = []
        self.reached: list[
            tuple[float, float]
        ] = []  # of each tenth: the clock, and the thread's processor time
        self.done = asyncio.Event()
        self._due: list[int] = []  # messages published when another tenth is out, the last one first

    def expect(self, published: int, more: int) -> None:
        """So many messages have been published, and so many are to come."""
        self._due = [published + more * tenth // 10 for tenth in range(10, 0, -1)]

    def look(self, published: int) -> None:
        """So many messages have been published by now."""
        while self._due and published >= self._due[-1]:
            self._due.pop()
            self.reached.append((time.perf_counter(), time.thread_time()))
            if not self._due:
                self.done.set()


async def gateway_timed(port: int, shape: Shape) -> dict[str, Any]:
    """The same, with the lag of each read: until what it brought is in the journal and sent."""
    return await gateway(port, shape, timed=True)


async def gateway_writing(port: int, shape: Shape) -> dict[str, Any]:
    """The same without a checkpoint: that is made by reading the journal on, by the clock and not by the message."""
    from workers.gateway import recall

    recall.EVERY = sys.maxsize
    return await gateway(port, shape)


async def gateway(port: int, shape: Shape, *, timed: bool = False) -> dict[str, Any]:
    """The router's gateway: socket, decode, journal, PUB; what it publishes is counted by its own publisher."""
    from conf.settings import load
    from ipc.bus import Context, Journal, Publisher, Responder
    from router.messages import ExecutionFill
    from workers.garbage import settle
    from workers.gateway.process import Gateway
    from workers.role import Shell

    watch = Watch()

    class Watched(Publisher):
        def publish(self, *messages: Any, sync: bool = False) -> None:
            super().publish(*messages, sync=sync)
            if timed and isinstance(messages[0], ExecutionFill):  # a read that brought fills begins with one
                watch.lags.append(time.monotonic_ns() - messages[0].received_ns)
            watch.look(self.published)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp") as home:
        settings = load(PROJECT, {"ROUTER_BROKER__PORT": str(port), "ROUTER_PATHS__VAR": home})
        settings.paths.make()
        with Context() as context:
            journal = Journal(settings.journal("gateway"), "gateway")
            publisher = Watched(context, "gateway", settings.pub("gateway"), journal)
            responder = Responder(context, settings.cmd("gateway"), lambda *_: None, publisher=publisher)
            stopped: list[str] = []
            worker = Gateway(
                Shell(
                    settings=settings,
                    role="gateway",
                    log=structlog.get_logger(),
                    context=context,
                    publisher=publisher,
                    responder=responder,
                    stop=stopped.append,
                )
            )
            await worker.start()
            settle()
            for _ in range(3000):
                if not worker.waiting_for:
                    break
                await asyncio.sleep(0.01)
            memory_before = rss_kb()
            watch.expect(publisher.published, shape.messages)
            started, cpu_before = time.perf_counter(), time.thread_time()
            await worker._session.link.ping(30)
            await asyncio.wait_for(watch.done.wait(), PATIENCE_S)
            memory = rss_kb() - memory_before
            await worker.drain()
            responder.close()
            publisher.close()
    return {
        "seconds": watch.reached[-1][0] - started,
        "cpu_seconds": [cpu - cpu_before for _, cpu in watch.reached],
        "rss_growth_kb": memory,
        **percentiles(watch.lags),
    }


def percentiles(lags: list[int]) -> dict[str, float]:
    """`lag_p50_us` and `lag_p99_us` of lags in ns; nothing of none."""
    lags = sorted(lags)
    return {f"lag_p{part}_us": lags[len(lags) * part // 100] / 1e3 for part in (50, 99) if lags}


SUBJECTS: dict[str, Callable[..., Coroutine[Any, Any, dict[str, Any]]]] = {
    "stock": stock,
    "splitter": splitter,
    "gateway": gateway,
    "gateway_timed": gateway_timed,
    "gateway_writing": gateway_writing,
}


def main() -> None:
    """Measure one subject."""
    name, port, orders, partials = sys.argv[1], *(int(word) for word in sys.argv[2:5])
    run = SUBJECTS[name](port, Shape(orders, partials), *map(float, sys.argv[5:]))
    if os.environ.get("BENCH_UVLOOP") == "1":
        import uvloop

        result = uvloop.run(run)
    else:
        result = asyncio.run(run)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
