"""What IB says comes out once, as it was said: each of the ways in which a client can lose, double or invent it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from router.bracket import legs
from router.messages import (
    BrokerError,
    CommissionReport,
    ExecutionFill,
    LinkPhase,
    OrderLifecycleEvent,
    OrderRequest,
    PositionSnapshot,
    Target,
)
from tests.paper.conftest import RunningGateway
from tests.paper.raw import RawClient, place_order
from tests.router.factory import STOCK, request
from tests.workers.gateway.conftest import Configure, configure, paper
from tests.workers.gateway.harness import Running, eventually, running
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.told import commission, execution, status
from workers.gateway.framing import HEADER

__all__ = ["configure", "paper"]  # fixtures

READY, DOWN = LinkPhase.READY, LinkPhase.DOWN
STORY_S = 60.0


def play(
    paper: RunningGateway, configure: Configure, story: Callable[[Running], Awaitable[None]], **broker: object
) -> None:
    """Let the story happen on a session that is READY on the paper gateway."""

    async def run() -> None:
        async with running(configure(paper.port, **broker)) as one:
            await one.reaches(READY)
            await asyncio.wait_for(story(one), STORY_S)

    asyncio.run(run())


def play_peer(configure: Configure, story: Callable[[Running, Peer], Awaitable[None]]) -> None:
    """The same on a TWS that says what the test writes."""

    async def run() -> None:
        async with Peer() as peer, running(configure(peer.port)) as one:
            await one.reaches(READY)
            await asyncio.wait_for(story(one, peer), STORY_S)

    asyncio.run(run())


async def buy(one: Running, number: int = 1, *, price: float | None = None) -> OrderRequest:
    """Send a protected bracket on AAPL, at the market unless it has a price."""
    (ready,) = await one.session.link.contract_details(STOCK, 5)
    order = request(
        delivery=f"{number:016x}-mfqwpfk0",
        contract=ready.contract,
        entry_type="LMT" if price else "MKT",
        limit_price=price,
        stop_price=1.0,
        targets=(Target(1_900.0, 7),),
    )
    link = one.session.link
    link.place(ready.contract, link.bracket(legs(order, outside_rth=True), one.session.account))
    return order


def shares(one: Running) -> float:
    """What the executions add up to, each counted once, a correction in place of what it corrects."""
    fills = {fill.exec_id: fill for fill in one.told.of(ExecutionFill)}
    corrected = {fill.supersedes for fill in fills.values()}
    return sum(fill.quantity for exec_id, fill in fills.items() if exec_id not in corrected)


async def settled(one: Running) -> None:
    """All seven shares are executed and paid for."""
    await eventually(lambda: shares(one) == pytest.approx(7), "seven shares")
    await eventually(lambda: unpaid(one) == set(), "every commission")


def unpaid(one: Running) -> set[str]:
    """Executions without a commission report."""
    return {fill.exec_id for fill in one.told.of(ExecutionFill)} - {
        report.exec_id for report in one.told.of(CommissionReport)
    }


# ---------------------------------------------------------------- order of arrival


def test_commission_before_its_execution(paper: RunningGateway, configure: Configure) -> None:
    """The report is told when it comes, without a ref it cannot have; the execution follows."""

    async def story(one: Running) -> None:
        paper.do("hold execDetails until commissionReport always")
        await buy(one)
        await settled(one)
        kinds = [type(m) for m in one.told.messages if isinstance(m, ExecutionFill | CommissionReport)]
        assert kinds[0] is CommissionReport
        assert one.told.of(CommissionReport)[0].ref == ""

    play(paper, configure, story)


def test_filled_before_its_execution(paper: RunningGateway, configure: Configure) -> None:
    """Filled is told at once; the executions come later and are told then."""

    async def story(one: Running) -> None:
        paper.do("delay execDetails by 0.3 always")
        order = await buy(one)
        entry = f"{order.delivery}-E"
        await eventually(
            lambda: any(e.status == "Filled" for e in one.told.of(OrderLifecycleEvent) if e.ref == entry),
            "Filled",
        )
        assert one.told.of(ExecutionFill) == []
        await settled(one)

    play(paper, configure, story)


@pytest.mark.parametrize(
    "fault", ["duplicate orderStatus status=Filled", "drop orderStatus status=Filled always"]
)
def test_statuses_twice_or_never(paper: RunningGateway, configure: Configure, fault: str) -> None:
    """Executions do not depend on statuses, and a repeated one changes nothing about them."""

    async def story(one: Running) -> None:
        paper.do(fault)
        order = await buy(one)
        await settled(one)
        assert {fill.ref for fill in one.told.of(ExecutionFill)} == {f"{order.delivery}-E"}

    play(paper, configure, story)


# ---------------------------------------------------------------- whose it is


def test_execution_of_another_client(paper: RunningGateway, configure: Configure) -> None:
    """What another client did before this one came is told as it is: its client id, its ref, replayed."""
    with RawClient(paper.port) as other:
        other.start(2)
        other.send(*place_order(176, other_id := 5000, orderRef="desk", account="DU1000001", totalQuantity=3))
        list(other.until(lambda one: one[0] == "59"))

        async def story(one: Running) -> None:
            fills = one.told.of(ExecutionFill)
            assert {(fill.client_id, fill.ref, fill.order_id) for fill in fills} == {(2, "desk", other_id)}
            assert sum(fill.quantity for fill in fills) == pytest.approx(3)
            assert all(fill.replayed for fill in fills)
            assert unpaid(one) == set()
            assert [held.quantity for held in one.told.of(PositionSnapshot)] == [pytest.approx(3)]

        play(paper, configure, story)


def test_manual_order(paper: RunningGateway, configure: Configure) -> None:
    """An order typed into TWS has no client and no ref; client 0 hears of it, and of its executions."""

    async def story(one: Running) -> None:
        paper.do("manual BUY 4 AAPL")
        await eventually(lambda: shares(one) == pytest.approx(4), "four shares")
        assert {fill.ref for fill in one.told.of(ExecutionFill)} == {""}

    play(paper, configure, story, client_id=0)


def test_execution_of_an_unknown_order(configure: Configure) -> None:
    """No openOrder, no status, an id nobody gave out: the execution is told all the same."""

    async def story(one: Running, peer: Peer) -> None:
        peer.say(frame(*execution(order_id="77", perm_id="123", ref="")), frame(*commission()))
        await eventually(lambda: one.told.of(CommissionReport), "the commission")
        (fill,) = one.told.of(ExecutionFill)
        assert (fill.order_id, fill.perm_id, fill.ref, fill.replayed) == (77, 123, "", False)

    play_peer(configure, story)


# ---------------------------------------------------------------- again, corrected, taken back


def test_executions_replayed_at_connect(paper: RunningGateway, configure: Configure) -> None:
    """After a reconnect the same executions come again under the same ids, marked as replayed."""

    async def story(one: Running) -> None:
        await buy(one)
        await settled(one)
        live = one.told.of(ExecutionFill)
        paper.do("disconnect 1")
        await one.reaches(READY, times=2)
        again = one.told.of(ExecutionFill)[len(live) :]
        assert {fill.exec_id for fill in again} == {fill.exec_id for fill in live}
        assert {fill.replayed for fill in live} == {False}
        assert {fill.replayed for fill in again} == {True}
        assert shares(one) == pytest.approx(7)

    play(paper, configure, story)


@pytest.mark.parametrize(("hand", "left"), [("correct last price 101.5 shares 2", None), ("bust last", 0.0)])
def test_correction_and_bust(
    paper: RunningGateway, configure: Configure, hand: str, left: float | None
) -> None:
    """A correction names the execution it takes the place of; a bust is one that leaves nothing."""

    async def story(one: Running) -> None:
        await buy(one)
        await settled(one)
        last = one.told.of(ExecutionFill)[-1]
        paper.do(hand)
        await eventually(lambda: one.told.of(ExecutionFill)[-1] is not last, "the correction")
        corrected = one.told.of(ExecutionFill)[-1]
        assert corrected.supersedes == last.exec_id
        assert corrected.exec_id != last.exec_id
        assert corrected.quantity == pytest.approx(2.0 if left is None else left)
        assert shares(one) == pytest.approx(7 - last.quantity + corrected.quantity)

    play(paper, configure, story)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 40, 100, 150])
def test_socket_cut_in_the_middle_of_a_fill(paper: RunningGateway, configure: Configure, size: int) -> None:
    """Wherever in the frame the connection ends, the execution is there after the reconnect, once."""

    async def story(one: Running) -> None:
        paper.do(f"cut execDetails at {size}")
        await buy(one)
        await one.reaches(READY, times=2)
        await settled(one)
        assert one.session.counts["undecodable"] == 0

    play(paper, configure, story)


# ---------------------------------------------------------------- what no one has seen before


def test_unknown_time_zone(configure: Configure) -> None:
    """The execution counts; its time is that of its receipt."""

    async def story(one: Running, peer: Peer) -> None:
        peer.say(frame(*execution(time="20250919 09:59:58 Mars/Olympus")))
        await eventually(lambda: one.told.of(ExecutionFill), "the execution")
        assert one.told.of(ExecutionFill)[0].executed_at.year > 2025

    play_peer(configure, story)


def test_unknown_status(configure: Configure) -> None:
    """A status nobody has heard of is told as it is, and ends nothing."""

    async def story(one: Running, peer: Peer) -> None:
        peer.say(frame(*status(status="Levitating")))
        await eventually(lambda: one.told.of(OrderLifecycleEvent), "the status")
        (event,) = one.told.of(OrderLifecycleEvent)
        assert event.status == "Levitating"
        live = [message for message in one.current.snapshot() if isinstance(message, OrderLifecycleEvent)]
        assert [message.status for message in live] == ["Levitating"]

    play_peer(configure, story)


@pytest.mark.parametrize("text", ["1.7976931348623157E308", "NaN", "Infinity", "-Infinity", ""])
@pytest.mark.parametrize("field", ["price", "shares"])
def test_numbers_that_are_none_never_pass(
    configure: Configure, tmp_path: Path, field: str, text: str
) -> None:
    """An execution without a price is kept with its bytes instead of being booked at none; the next one flows."""

    async def story(one: Running, peer: Peer) -> None:
        bad = frame(*execution(**{field: text}))
        peer.say(bad, frame(*execution(exec_id="0000e0d5.6742.01.01")))
        await eventually(lambda: one.told.of(ExecutionFill), "the good one")
        assert [fill.exec_id for fill in one.told.of(ExecutionFill)] == ["0000e0d5.6742.01.01"]
        assert one.session.counts["undecodable"] == 1
        settings = one.session._settings
        (line,) = (settings.paths.var / "quarantine" / "ib.jsonl").read_text().splitlines()
        assert base64.b64decode(json.loads(line)["base64"]) == bad[HEADER.size :]
        assert one.session.phase is READY

    play_peer(configure, story)


def test_messages_of_no_use_are_counted_by_type(configure: Configure) -> None:
    """A type the router has never heard of harms nothing and can be seen in its progress."""

    async def story(one: Running, peer: Peer) -> None:
        peer.say(frame(777, "new in TWS 2030"), frame(777, "again"), frame(8, 1, "12:15"))
        await eventually(lambda: one.session.counts.get("unused_8"), "counted")
        assert one.session.counts["unused_777"] == 2
        assert one.session.counts["undecodable"] == 0

    play_peer(configure, story)


# ---------------------------------------------------------------- errors that end nothing


@pytest.mark.parametrize("code", [103, 104, 105, 161, 321, 399, 10147, 10148, 10326, 10349, 99_999])
def test_no_error_ends_an_order_that_lives(paper: RunningGateway, configure: Configure, code: int) -> None:
    """Each of these has been taken for a cancel by some library; the order is open and stays so."""

    async def story(one: Running) -> None:
        order = await buy(one, price=2.0)
        entry = f"{order.delivery}-E"
        await eventually(
            lambda: [e for e in one.told.of(OrderLifecycleEvent) if e.ref == entry], "the order is open"
        )
        paper.do(f'error {code} "a text" on {entry}')
        await eventually(lambda: [e for e in one.told.of(BrokerError) if e.code == code], "the error is told")
        (error,) = [error for error in one.told.of(BrokerError) if error.code == code]
        assert error.ref == entry
        assert error.policy != "terminal"
        if error.policy == "query":
            await eventually(
                lambda: [e for e in one.told.of(OrderLifecycleEvent) if e.ref == entry and e.replayed],
                "IB was asked",
            )
        await one.session.link.ping(5)
        assert all(error.policy != "terminal" for error in one.told.of(BrokerError))
        assert entry in one.current.live_refs()

    play(paper, configure, story)
