"""A silent socket is probed, also while something else is waited for."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from workers.gateway.pulse import LAST_S, probe, while_alive

DEADLINE_S = 0.2


class Silent:
    """A link that last read so many seconds ago; `answers` says whether a probe brings something."""

    def __init__(self, silent_s: float, *, answers: bool) -> None:
        self.inbound = SimpleNamespace(read_ns=time.monotonic_ns() - int(silent_s * 1e9))
        self.pings: list[float] = []
        self.probed = asyncio.Event()
        self._answers = answers

    async def ping(self, timeout_s: float) -> None:
        """As of a Link."""
        self.pings.append(timeout_s)
        self.probed.set()
        if not self._answers:
            raise TimeoutError
        self.inbound.read_ns = time.monotonic_ns()


def link(silent_s: float, *, answers: bool = True) -> Any:
    """What takes the place of a Link."""
    return Silent(silent_s, answers=answers)


@pytest.mark.parametrize("silent_s", [0.0, 0.4])
def test_a_socket_that_was_read_lately_is_not_probed(silent_s: float) -> None:
    """Within half of the deadline nothing is sent."""
    one = link(silent_s)
    asyncio.run(probe(one, 10.0))
    assert one.pings == []


def test_a_silent_socket_is_probed_for_what_is_left_of_the_deadline() -> None:
    """And for a moment where nothing is left."""
    one, late = link(6.0), link(20.0)
    asyncio.run(probe(one, 10.0))
    asyncio.run(probe(late, 10.0))
    assert 3.0 < one.pings[0] <= 4.0
    assert late.pings == [LAST_S]


def test_a_probe_without_an_answer_is_a_half_open_connection() -> None:
    """Told with the deadline."""
    with pytest.raises(TimeoutError, match="silent for 10 s: half-open connection"):
        asyncio.run(probe(link(6.0, answers=False), 10.0))


def test_work_that_ends_is_all_there_is() -> None:
    """Its own failure is the caller's, and a probe that is answered changes nothing."""
    one = link(1.0)

    async def work() -> None:
        await one.probed.wait()
        raise OSError("closed")

    with pytest.raises(OSError, match="closed"):
        asyncio.run(while_alive(one, DEADLINE_S, work()))


def test_work_is_given_up_with_the_connection() -> None:
    """It has ended, as cancelled, before the caller is told."""
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with pytest.raises(TimeoutError, match="half-open"):
        asyncio.run(while_alive(link(1.0, answers=False), DEADLINE_S, work()))
    assert ended == ["cancelled"]
