"""Requests that wait for IB's answer: answered, failed, given up, cancelled."""

from __future__ import annotations

import asyncio

import pytest

from tests.workers.gateway.loops import in_loop
from workers.gateway.waiting import Waiting, first_of


@in_loop
async def test_answered() -> None:
    """An answer under the key ends the wait, whether it comes before or during it."""
    waiting = Waiting()
    waiting.expect("time")
    waiting.answer("time")
    await waiting.answer_to("time", 1)
    waiting.expect("time")
    asyncio.get_running_loop().call_soon(waiting.answer, "time")
    await waiting.answer_to("time", None)


@in_loop
async def test_failed() -> None:
    """A failure carries its reason, to one key or to all."""
    waiting = Waiting()
    for key in ("a", "b", "c"):
        waiting.expect(key)
    waiting.fail("a", "refused")
    with pytest.raises(ConnectionError, match="refused"):
        await waiting.answer_to("a", 1)
    waiting.fail_all("gone")
    for key in ("b", "c"):
        with pytest.raises(ConnectionError, match="gone"):
            await waiting.answer_to(key, 1)


@in_loop
async def test_given_up() -> None:
    """Without an answer in time the wait ends, and a late answer finds nobody."""
    waiting = Waiting()
    waiting.expect("time")
    with pytest.raises(TimeoutError):
        await waiting.answer_to("time", 0.01)
    waiting.answer("time")
    waiting.fail("time", "late")


@in_loop
@pytest.mark.parametrize("again", [False, True])
async def test_one_of_two_gives_up(again: bool) -> None:
    """He may ask again; who had joined his question hears the answer to either, and nothing is left of them."""
    waiting = Waiting()
    waiting.expect("orders")
    joined = asyncio.ensure_future(waiting.answer_to("orders", 5))
    with pytest.raises(TimeoutError):
        await waiting.answer_to("orders", 0.01)
    assert "orders" not in waiting
    if again:
        waiting.expect("orders")
    waiting.answer("orders")
    await joined
    if again:
        await waiting.answer_to("orders", 1)
    assert not waiting._futures
    assert not waiting._waiters
    assert not any(waiting._joined.values())


@in_loop
async def test_all_give_up_or_the_connection_goes() -> None:
    """Who joined gives up too: nothing is kept. Or he is told why there will be no answer."""
    waiting = Waiting()
    waiting.expect("orders")
    joined = [asyncio.ensure_future(waiting.answer_to("orders", seconds)) for seconds in (0.01, 0.02, 5)]
    await asyncio.wait(joined[:2])
    waiting.fail_all("gone")
    ended = await asyncio.gather(*joined, return_exceptions=True)
    assert [type(one) for one in ended] == [TimeoutError, TimeoutError, ConnectionError]
    assert not any(waiting._joined.values())


@in_loop
async def test_what_nobody_waits_for() -> None:
    """IB also says what was not asked; a second answer changes nothing."""
    waiting = Waiting()
    waiting.answer("never asked")
    waiting.fail("never asked", "reason")
    waiting.expect("time")
    waiting.answer("time")
    waiting.fail("time", "too late")
    waiting.answer("time")
    await waiting.answer_to("time", 1)
    waiting.expect("left")
    waiting.forget("left")
    waiting.forget("left")
    waiting.fail_all("nobody")


@in_loop
async def test_expected_anew() -> None:
    """A request sent again is answered on its own; the one before it neither ends nor forgets it."""
    waiting = Waiting()
    waiting.expect("orders")
    first = asyncio.ensure_future(waiting.answer_to("orders", 0.01))
    await asyncio.sleep(0)
    waiting.expect("orders")
    with pytest.raises(TimeoutError):
        await first
    waiting.answer("orders")
    await waiting.answer_to("orders", 1)


@pytest.mark.parametrize("answer_first", [True, False])
def test_cancelled_together_with_the_answer(answer_first: bool) -> None:
    """A cancellation is never lost, not even one that comes in the same turn of the loop as the answer."""

    async def story() -> None:
        waiting = Waiting()
        waiting.expect("time")
        task = asyncio.ensure_future(waiting.answer_to("time", 5))
        await asyncio.sleep(0)
        if answer_first:
            waiting.answer("time")
            task.cancel()
        else:
            task.cancel()
            waiting.answer("time")
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


@in_loop
async def test_first_of_several_events_or_the_time_out() -> None:
    """One that is set ends it at once; none leaves nothing waiting behind."""
    never, soon = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_soon(soon.set)
    await asyncio.wait_for(first_of(never, soon, timeout_s=60), 10)
    assert soon.is_set()
    await first_of(never, timeout_s=0.001)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
