"""Storm mode: plans and frames, and a storm over a socket that the ledger agrees with."""

from datetime import UTC, date, datetime

import pytest

from paper.contracts import Catalog, ContractQuery
from paper.ledger import read
from paper.storm import LOWEST_ID, MESSAGES_PER_EXECUTION, Plan, Stage, gusts, make_plan
from paper.wire import FrameBuffer
from tests.helpers import wait_for
from tests.paper.conftest import Starter
from tests.paper.raw import RawClient


@pytest.mark.parametrize(
    ("asked", "orders", "partials"),
    [((100, None, None), 10, 10), ((100, 20, None), 20, 5), ((101, None, 2), 51, 2), ((3, 10, None), 10, 1)],
)
def test_a_plan_fills_in_what_was_not_said(
    asked: tuple[int, int | None, int | None], orders: int, partials: int
) -> None:
    """Orders follow from executions and partials, partials from executions and orders."""
    assert make_plan(*asked, burst=7, rate=0.0) == Plan(asked[0], orders, partials, 7, 0.0)


def test_frames_are_whole_and_name_every_execution_once() -> None:
    """Each burst is frames back to back; ids, orderRefs and counts in them are those the ledger is told."""
    (stock,) = Catalog({}).find(ContractQuery(symbol="AAPL", sec_type="STK"), date(2026, 11, 23))
    stage = Stage(stock, 3, LOWEST_ID, 176, "DU1", datetime(2026, 11, 23, tzinfo=UTC))
    made = gusts(make_plan(25, 4, None, 10, 0.0), stage)
    assert [len(gust.executions) for gust in made] == [10, 10, 5]
    frames = FrameBuffer()
    payloads = [
        one.decode().split("\0") for one in frames.feed(b"API\0" + b"".join(gust.data for gust in made))
    ]
    assert len(payloads) == 25 * MESSAGES_PER_EXECUTION
    details = [one for one in payloads if one[0] == "11"]
    assert [(one[14], one[26]) for one in details] == [name for gust in made for name in gust.executions]
    assert len({one[14] for one in details}) == 25
    assert {one[2] for one in details} == {str(LOWEST_ID + at) for at in range(4)}
    assert {(one[21], one[22]) for one in details if one[2] == str(LOWEST_ID)} == {("1001000000", "3")}
    last = [one for one in payloads if one[0] == "3"][-1]
    assert last[2:5] == ["Filled", "7", "0"]


@pytest.mark.parametrize("burst", ["1", "64"])
def test_a_storm_reaches_the_client_as_the_ledger_says(start: Starter, burst: str) -> None:
    """Every execution in the ledger arrives once and in order, its status and commission with it; the rate is told."""
    gateway = start("--storm", "1000", "--storm-orders", "50", "--burst", burst)
    with RawClient(gateway.port) as client:
        client.start()
        came = [client.receive() for _ in range(1000 * MESSAGES_PER_EXECUTION)]
        executions = [one[14] for one in came if one[0] == "11"]
        assert [one[0] for one in came[:4]] == ["11", "5", "3", "59"]
        assert [one[2] for one in came if one[0] == "59"] == executions
        assert client.heard() == []
    told = [name for record in read(gateway.ledger, "storm") for name, _ in record["executions"]]
    assert told == executions
    (end,) = wait_for(lambda: read(gateway.ledger, "storm-end"), "the end in the ledger")
    assert end["executions"] == 1000
    assert end["messages_per_second"] > 0
    bursts = [burst for record in read(gateway.ledger, "storm-sent") for burst in record["bursts"]]
    assert sum(count for count, _ in bursts) == 1000
    instants = [instant for _, instant in bursts]
    assert instants == sorted(instants)


def test_a_storm_ends_with_its_client(start: Starter) -> None:
    """When the client hangs up in the middle the gateway goes on and says how many executions it had sent."""
    gateway = start("--storm", "2000", "--storm-rate", "1000", "--burst", "1")
    with RawClient(gateway.port) as client:
        client.start()
        assert client.receive()[0] == "11"
    (end,) = wait_for(lambda: read(gateway.ledger, "storm-end"), "the end in the ledger")
    assert 0 < end["executions"] < 2000
    with RawClient(gateway.port) as client:
        client.start()


def test_a_steady_storm_keeps_its_rate(start: Starter) -> None:
    """At 500 a second 100 executions take no less than their time."""
    gateway = start("--storm", "100", "--storm-rate", "500", "--burst", "1")
    with RawClient(gateway.port) as client:
        client.start()
        for _ in range(100 * MESSAGES_PER_EXECUTION):
            client.receive()
    (end,) = wait_for(lambda: read(gateway.ledger, "storm-end"), "the end in the ledger")
    assert end["seconds"] >= 99 / 500
