"""Is the other side there still? A silent socket is probed with reqCurrentTime, whatever else is waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine

from workers.gateway.link import Link

LAST_S = 0.1  # for the answer to a probe that comes when the time is up already


async def probe(link: Link, deadline_s: float) -> None:
    """Nothing, unless the socket has been silent for half of `deadline_s`. Raises TimeoutError when it stays so."""
    silent_s = (time.monotonic_ns() - link.inbound.read_ns) / 1e9
    if silent_s <= deadline_s / 2:
        return
    try:
        await link.ping(max(deadline_s - silent_s, LAST_S))
    except TimeoutError:
        raise TimeoutError(f"IB was silent for {deadline_s:g} s: half-open connection") from None


async def while_alive(link: Link, deadline_s: float, work: Coroutine[object, object, None]) -> None:
    """Do the work, whose own deadlines are longer, as long as the other side is there. Raises what ended it."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=deadline_s / 4)
            if not task.done():
                await probe(link, deadline_s)
    finally:
        task.cancel()  # nothing, where it is done
        await asyncio.gather(task, return_exceptions=True)
    await task
