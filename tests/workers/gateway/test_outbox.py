"""Nothing reaches the socket but through the outbox."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from ipc.bus import JournalFull
from router.pacing import WINDOW_NS, Priority, UnitTooLarge
from tests.workers.gateway.loops import in_loop
from workers.gateway.outbox import Outbox

KILL, PROTECT, ENTRY, DATA = Priority


class Clock:
    """Monotonic nanoseconds, moved by hand."""

    def __init__(self) -> None:
        self.ns = 10**12

    def __call__(self) -> int:
        return self.ns


def opened(limit: int = 10, reserve: int = 2) -> tuple[Outbox, Clock]:
    """An open outbox."""
    clock = Clock()
    outbox = Outbox(limit, reserve, clock_ns=clock)
    outbox.open()
    return outbox, clock


@in_loop
async def test_a_cancel_all_leaves_within_the_tick_with_500_entries_queued() -> None:
    """It is on the socket before `offer` returns."""
    outbox, _ = opened(45, 10)
    written: list[str] = []
    for number in range(500):
        outbox.offer(ENTRY, partial(written.append, f"entry {number}"))
    assert len(written) == 35
    outbox.offer(KILL, lambda: written.append("cancel all"))
    assert written[-1] == "cancel all"
    assert outbox.state.queued[ENTRY] == 465
    outbox.close("end of the test")


@in_loop
async def test_what_waits_leaves_by_itself_when_the_second_is_over() -> None:
    """Nobody has to ask again."""
    outbox = Outbox(2, 0)
    outbox.open()
    written: list[int] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    start = loop.time()
    outbox.offer(ENTRY, lambda: written.append(1), size=2)
    outbox.offer(ENTRY, done.set)
    assert written == [1]
    assert not done.is_set()
    await asyncio.wait_for(done.wait(), 5)
    assert loop.time() - start >= 0.99


@in_loop
async def test_a_closed_outbox_tells_why() -> None:
    """Offered before a connection, or waiting when it went: each is told once, none is written."""
    clock = Clock()
    outbox = Outbox(2, 1, clock_ns=clock)
    told: list[str] = []
    written: list[str] = []
    outbox.offer(KILL, lambda: written.append("x"), dropped=lambda error: told.append(str(error)))
    assert told == ["not connected"]
    outbox.open()
    for _ in range(3):
        outbox.offer(DATA, lambda: written.append("x"), dropped=lambda error: told.append(str(error)))
    outbox.close("connection lost")
    outbox.close("again")
    assert told == ["not connected", "connection lost", "connection lost"]
    assert written == ["x"]


@in_loop
async def test_a_new_connection_does_not_forget_what_the_last_second_sent() -> None:
    """IB may count both connections of one login."""
    outbox, clock = opened(4, 0)
    written: list[int] = []
    outbox.offer(DATA, lambda: written.append(1), size=3)
    outbox.spend(1)
    outbox.close("lost")
    outbox.open()
    outbox.offer(DATA, lambda: written.append(2))
    assert written == [1]
    clock.ns += WINDOW_NS
    outbox.offer(DATA, lambda: written.append(3))
    assert written == [1, 2, 3]


@in_loop
async def test_withdrawn_units_are_told_and_never_written() -> None:
    """The kill switch takes back the brackets that have not left."""
    outbox, _ = opened(1, 0)
    told: list[str] = []
    outbox.spend(1)
    outbox.offer(ENTRY, lambda: told.append("written"), dropped=lambda error: told.append(str(error)))
    assert outbox.withdraw(ENTRY, "cancelled before it was sent") == 1
    assert told == ["cancelled before it was sent"]
    outbox.close("end")


@in_loop
async def test_one_accounts_units_are_withdrawn_alone() -> None:
    """Those of another, and what is no order at all, wait on."""
    outbox, clock = opened(1, 0)
    told: list[str] = []
    outbox.spend(1)
    for account in ("DU1", "DU2", ""):
        outbox.offer(
            PROTECT,
            partial(told.append, f"{account} written"),
            dropped=lambda error: told.append(str(error)),
            account=account,
        )
    assert outbox.withdraw(PROTECT, "made flat", account="DU1") == 1
    assert told == ["made flat"]
    for _ in range(2):
        clock.ns += WINDOW_NS
        outbox._pump()
    assert told[1:] == ["DU2 written", " written"]
    outbox.close("end")


@in_loop
async def test_a_unit_may_offer_another() -> None:
    """A reply that leads to the next request, in order and without recursion."""
    outbox, _ = opened()
    written: list[int] = []

    def first() -> None:
        outbox.offer(DATA, lambda: written.append(2))
        written.append(1)

    outbox.offer(DATA, first)
    assert written == [1, 2]


@in_loop
async def test_a_socket_that_fails_in_the_middle_is_the_units_end() -> None:
    """It was neither written whole nor silently lost."""
    outbox, _ = opened()
    told: list[str] = []

    def fail() -> None:
        raise ConnectionError("Not connected")

    outbox.offer(DATA, fail, dropped=lambda error: told.append(str(error)))
    assert told == ["Not connected"]


@in_loop
async def test_whatever_fails_is_told_to_whom_waits_and_the_next_unit_leaves() -> None:
    """A journal that is full is an answer; a mistake is one too, and still seen by whoever runs the loop."""
    outbox, _ = opened()
    told: list[Exception] = []
    full, mistake = JournalFull("no room"), ValueError("nan")

    def fail(error: Exception) -> None:
        raise error

    outbox.offer(DATA, partial(fail, full), dropped=told.append)
    with pytest.raises(ValueError, match="nan"):
        outbox.offer(DATA, partial(fail, mistake), dropped=told.append)
    assert told == [full, mistake]
    outbox.offer(DATA, told.clear)
    assert not told


@in_loop
async def test_a_bracket_too_large_is_refused_when_offered() -> None:
    """Before anything of it was intended."""
    outbox, _ = opened(10, 2)
    with pytest.raises(UnitTooLarge):
        outbox.offer(ENTRY, lambda: None, size=9)
