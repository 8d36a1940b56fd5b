"""Orders of the link, judged on the wire and by the paper gateway."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from router.algos import TABLE, Algo, parameters
from router.bracket import legs
from router.messages import (
    BrokerError,
    CommissionReport,
    ContractSpec,
    ExecutionFill,
    OrderLifecycleEvent,
    OrderRequest,
    Target,
)
from tests.paper.conftest import RunningGateway
from tests.router.factory import OPTION, STOCK, request
from tests.workers.gateway.harness import eventually, linked
from tests.workers.gateway.peer import Peer, frame
from tests.workers.gateway.wire import AAPL, TALK, placed, play
from workers.gateway.library import IB
from workers.gateway.orders import to_contract

new_client: Callable[[], Any] = IB  # untyped


def test_bracket_on_the_wire() -> None:
    """Entry, target, stop: every field that a bracket sets, and only the last order transmits."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            link.place(OPTION, link.bracket(legs(request(), outside_rth=False), "DU1000001"))
            await link.ping(5)
            entry, target, stop = placed(peer)
        common = {
            "con_id": "1001", "symbol": "SPY", "sec_type": "OPT", "expiry": "20250919", "strike": "451.0",
            "right": "C", "multiplier": "100", "exchange": "SMART", "currency": "USD", "account": "DU1000001",
            "quantity": "7",
        }  # fmt: skip
        stem, child = (
            request().delivery,
            {"parent_id": "1", "tif": "GTC", "outside_rth": "1", "oca_type": "2"},
        )
        assert entry == common | {
            "order_id": "1", "action": "BUY", "order_type": "LMT", "limit": "2.5", "stop": "", "tif": "DAY",
            "oca_group": "", "oca_type": "0", "ref": f"{stem}-E", "transmit": "0", "parent_id": "0", "outside_rth": "0",
        }  # fmt: skip
        assert target == common | child | {
            "order_id": "2", "action": "SELL", "order_type": "LMT", "limit": "3.25", "stop": "",
            "oca_group": f"{stem}-1", "ref": f"{stem}-T1", "transmit": "0",
        }  # fmt: skip
        assert stop == common | child | {
            "order_id": "3", "action": "SELL", "order_type": "STP", "limit": "", "stop": "1.4",
            "oca_group": f"{stem}-1", "ref": f"{stem}-S1", "transmit": "1",
        }  # fmt: skip

    play(story, next_id=1)


def test_market_bracket_of_several_pairs() -> None:
    """A market entry has no price; each pair hangs on the entry; the very last order releases all before it."""
    order = request(
        action="SELL",
        entry_type="MKT",
        limit_price=None,
        contract=STOCK,
        stop_price=104.0,
        reference_price=100.0,
        targets=(Target(90.0, 3), Target(80.0, 2), Target(70.0, 2)),
    )

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            link.place(STOCK, link.bracket(legs(order, outside_rth=True), "DU1000001"))
            await link.ping(5)
            entry, *children = placed(peer)
        assert (entry["order_type"], entry["limit"], entry["stop"], entry["multiplier"]) == (
            "MKT",
            "",
            "",
            "",
        )
        assert [int(each["order_id"]) for each in (entry, *children)] == list(range(5, 12))
        assert {each["parent_id"] for each in children} == {"5"}
        assert [each["order_type"] for each in children] == ["LMT", "STP"] * 3
        assert [each["quantity"] for each in children] == ["3", "3", "2", "2", "2", "2"]
        assert [each["limit"] or each["stop"] for each in children] == [
            "90.0",
            "104.0",
            "80.0",
            "104.0",
            "70.0",
            "104.0",
        ]
        assert [each["transmit"] for each in (entry, *children)] == ["0"] * 6 + ["1"]
        assert [each["ref"].rpartition("-")[2] for each in children] == ["T1", "S1", "T2", "S2", "T3", "S3"]

    play(story, next_id=5)


def test_ids_never_go_back() -> None:
    """An automatic restart rolled nextValidId back: ids seen before are not handed out again."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            link.keep_ids_above(500)
            link.keep_ids_above(10)
            orders = link.bracket(legs(request(), outside_rth=True), "DU1000001")
            assert [order.orderId for order in orders] == [501, 502, 503]

    play(story, next_id=3)


def test_refused_by_its_id_alone() -> None:
    """IB may refuse an order without ever telling of it: the error still finds its orderRef."""

    async def story(peer: Peer) -> None:
        peer.answers["3"] = lambda asked: [frame(4, 2, asked[1], 110, "The price does not conform", "")]
        async with linked(peer.port) as (link, ear):
            link.place(OPTION, link.bracket(legs(request(), outside_rth=True), "DU1000001"))
            await eventually(lambda: len(ear.heard(BrokerError)) == 3, "three refusals")
            refs = [leg.ref for leg in legs(request(), outside_rth=True)]
            assert [error.ref for error in ear.heard(BrokerError)] == refs

    play(story)


def test_cancel() -> None:
    """cancelOrder with the order's id."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port) as (link, _):
            written: list[int] = []
            link.cancel(101, lambda: written.append(101))
            await link.ping(5)
            assert peer.asked["4"] == [["4", "1", "101", ""]]
            assert written == [101]

    play(story)


def test_contract_for_the_library() -> None:
    """Unqualified fields stay empty; a stock has no multiplier on the wire; an empty exchange is SMART."""
    bare = to_contract(ContractSpec(sec_type="STK", symbol="AAPL", exchange=""))
    filled = {name: value for name, value in dataclasses.asdict(bare).items() if value}
    assert filled == {"secType": "STK", "symbol": "AAPL", "exchange": "SMART", "currency": "USD"}


def test_a_bracket_lives_on_the_paper_gateway(paper: RunningGateway) -> None:
    """A market bracket is taken, filled, reported with its commission, and its children rest protected."""

    async def story() -> None:
        async with linked(paper.port) as (link, ear):
            (ready,) = await link.contract_details(AAPL, 5)
            order = request(
                contract=ready.contract,
                entry_type="MKT",
                limit_price=None,
                stop_price=1.0,
                targets=(Target(1_900.0, 7),),
            )
            entry, target, stop = bracket = legs(order, outside_rth=True)
            orders = link.bracket(bracket, link.accounts[0])
            link.place(ready.contract, orders)

            def live() -> dict[str, str]:
                return {event.ref: event.status for event in ear.heard(OrderLifecycleEvent)}

            children = {target.ref: "Submitted", stop.ref: "PreSubmitted"}
            await eventually(lambda: live() == {entry.ref: "Filled", **children}, "filled and protected")
            await eventually(lambda: ear.heard(CommissionReport), "the commission")
            fills, reports = ear.heard(ExecutionFill), ear.heard(CommissionReport)
            assert sum(fill.quantity for fill in fills) == pytest.approx(7)
            assert {*(fill.ref for fill in fills), *(report.ref for report in reports)} == {entry.ref}
            assert {report.exec_id for report in reports} == {fill.exec_id for fill in fills}
            await link.completed_orders(5)
            done = [event for event in ear.heard(OrderLifecycleEvent) if event.origin == "completed"]
            assert [(event.ref, event.status) for event in done] == [(entry.ref, "Filled")]
            assert done[0].order_id == orders[0].orderId
            assert ear.undecodable == []

    asyncio.run(asyncio.wait_for(story(), 60))


def test_library_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The library logs nothing by itself: the session tells what happens, once."""

    async def story(peer: Peer) -> None:
        async with linked(peer.port):
            peer.say(TALK)

    with caplog.at_level(logging.DEBUG):
        play(story)
    assert [record for record in caplog.records if record.name.startswith("ib_insync")] == []


SAMPLES = {"share": "0.1", "count": "100", "flag": "1", "time": "15:30:00 US/Eastern"}


def worked(algo: Algo, number: int) -> OrderRequest:
    """A limit far from the market, worked by the algorithm with every one of its parameters."""
    texts = [f"{one.name}={SAMPLES.get(one.kind) or one.choices[-1]}" for one in algo.parameters]
    texts = [text.replace("15:30", "15:45") if text.startswith("endTime") else text for text in texts]
    return request(
        delivery=f"algo{number}-mfqwpfk0",
        limit_price=1.0,
        stop_price=0.5,
        targets=(Target(2.0, 7),),
        algo=algo.name,
        algo_params=parameters(algo.name, texts),
    )


def test_every_algorithm_and_a_gtd_come_back_from_the_paper_gateway(paper: RunningGateway) -> None:
    """An unmodified client of the library sees them, and so do we: a modification can repeat them."""

    async def story() -> None:
        async with linked(paper.port) as (link, ear):
            (ready,) = await link.contract_details(AAPL, 5)
            orders = [worked(algo, number) for number, algo in enumerate(TABLE)]
            dated = request(
                delivery="gtd-mfqwpfk0", limit_price=1.0, stop_price=0.5, targets=(Target(2.0, 7),)
            )
            orders.append(msgspec.structs.replace(dated, tif="GTD", good_till="20991231-21:00:00"))
            for order in orders:
                bracket = legs(msgspec.structs.replace(order, contract=ready.contract), outside_rth=True)
                link.place(ready.contract, link.bracket(bracket, link.accounts[0]))
            other = new_client()
            await other.connectAsync("127.0.0.1", paper.port, clientId=2, timeout=10)
            try:
                seen = {one.order.orderRef: one.order for one in await other.reqAllOpenOrdersAsync()}
            finally:
                other.disconnect()
            heard = {event.ref: event for event in ear.heard(OrderLifecycleEvent)}
            for order in orders:
                ref = f"{order.delivery}-E"
                theirs, ours = seen[ref], heard[ref]
                pairs = [(one.tag, one.value) for one in theirs.algoParams]
                assert (theirs.algoStrategy, pairs) == (order.algo, list(order.algo_params))
                assert (theirs.tif, theirs.goodTillDate) == (order.tif, order.good_till)
                assert theirs.outsideRth is not bool(order.algo)
                assert (ours.algo, ours.algo_params) == (order.algo, order.algo_params)
                assert (ours.tif, ours.good_till) == (order.tif, order.good_till)
            assert ear.undecodable == []

    asyncio.run(asyncio.wait_for(story(), 60))
