"""Inbound messages of one connection: what is replayed, what is kept back until it is whole, what is of no use."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from router.messages import (
    AccountSnapshot,
    BrokerError,
    CommissionReport,
    ContractReady,
    ExecutionFill,
    OrderLifecycleEvent,
    PnLSnapshot,
    PositionSnapshot,
    PriceBand,
    Quote,
)
from tests.router.factory import OPTION as SPEC
from tests.workers.gateway.test_open_order import message as open_order_fields
from tests.workers.gateway.told import OPTION, REF, commission, contract, execution, order, status
from workers.gateway.inbound import Inbound

POSITION = ["61", "3", "DU1", *OPTION, "7", "250.65"]
STATE = SimpleNamespace(status="Cancelled", completedStatus="Cancelled by Trader")


def opened(status: str) -> list[str]:
    """The fields of an openOrder."""
    fields = open_order_fields()
    fields[1], fields[23], fields[25] = "101", REF, "900001"
    fields[fields.index("PreSubmitted")] = status
    return fields


class Desk:
    """An inbound side and the requests it answered."""

    def __init__(self) -> None:
        self.answered: list[object] = []
        self.failed: list[tuple[object, str]] = []
        self.inbound = Inbound(self.answered.append, lambda key, reason: self.failed.append((key, reason)))
        self.inbound.reset(1)
        self.inbound.server_version = 176


@pytest.fixture
def desk() -> Desk:
    """A new connection of client 1."""
    return Desk()


def test_batch_in_ib_order(desk: Desk) -> None:
    """What one read brought comes out together, in IB's order, and only once."""
    inbound = desk.inbound
    inbound.handle(opened("PreSubmitted"))
    for fields in (status(), execution(), commission(), POSITION, ["4", "2", "101", "399", "held", ""]):
        inbound.handle(fields)
    kinds = [
        OrderLifecycleEvent,
        OrderLifecycleEvent,
        ExecutionFill,
        CommissionReport,
        PositionSnapshot,
        BrokerError,
    ]
    batch = inbound.flush()
    assert [type(message) for message in batch] == kinds
    assert {getattr(message, "ref", REF) for message in batch} == {REF}
    assert inbound.flush() == []


def test_an_execution_in_an_unknown_zone_has_the_time_of_receipt(desk: Desk) -> None:
    """Losing it would be worse than a second of error."""
    before = datetime.now(UTC)
    desk.inbound.handle(execution(time="20250919 09:59:58 Mars/Olympus"))
    (fill,) = desk.inbound.flush()
    assert isinstance(fill, ExecutionFill)
    assert before <= fill.executed_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("name", "end", "fields"),
    [
        ("open_orders", ["53", "1"], status()),
        ("executions", ["55", "1", "9"], commission()),
        ("positions", ["62", "1"], POSITION),
    ],
)
def test_replayed_until_the_end(desk: Desk, name: str, end: list[str], fields: list[str]) -> None:
    """Between a rebuild request and its end everything is a repetition; after it everything is live."""
    desk.inbound.replaying.add(name)
    desk.inbound.handle(fields)
    desk.inbound.handle(end)
    desk.inbound.handle(fields)
    replayed = [message.replayed for message in desk.inbound.flush() if hasattr(message, "replayed")]
    assert replayed == [True, False]
    assert desk.answered == [name]


def test_open_orders_are_replayed(desk: Desk) -> None:
    """openOrder too; completedOrder is never anything else."""
    desk.inbound.replaying.add("open_orders")
    desk.inbound.handle(opened("Submitted"))
    desk.inbound.handle(["53", "1"])
    desk.inbound.handle(opened("Submitted"))
    desk.inbound.completed_order(contract(), order(), STATE)
    replayed = [
        message.replayed for message in desk.inbound.flush() if isinstance(message, OrderLifecycleEvent)
    ]
    assert replayed == [True, False, True]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        (["53", "1"], "open_orders"),
        (["102"], "completed_orders"),
        (["55", "1", "9"], "executions"),
        (["62", "1"], "positions"),
        (["64", "1", "9"], "account"),
        (["49", "1", "1758290400"], "time"),
        (["52", "1", "9"], 9),
    ],
)
def test_ends(desk: Desk, fields: list[str], key: object) -> None:
    """Each end answers its own request."""
    desk.inbound.handle(fields)
    assert desk.answered == [key]


def test_account_is_whole(desk: Desk) -> None:
    """Account values wait for their end; the first snapshot is a repetition, later ones are live."""
    inbound = desk.inbound
    inbound.handle(["63", "1", "9", "DU1", "NetLiquidation", "100000", "USD"])
    assert inbound.flush() == []
    inbound.handle(["63", "1", "9", "DU1", "BuyingPower", "1.797e308", "USD"])
    inbound.handle(["64", "1", "9"])
    (first,) = inbound.flush()
    inbound.handle(["63", "1", "9", "DU1", "BuyingPower", "400000", "USD"])
    (second,) = inbound.flush()
    assert isinstance(first, AccountSnapshot)
    assert isinstance(second, AccountSnapshot)
    assert (first.net_liquidation, first.buying_power, first.replayed) == (100_000.0, None, True)
    assert (second.buying_power, second.replayed) == (400_000.0, False)


def test_pnl_of_its_subscription(desk: Desk) -> None:
    """PnL is that of the account asked about; the last word of a cancelled subscription is dropped."""
    desk.inbound.pnl_accounts[9] = "DU1"
    desk.inbound.handle(["94", "9", "1", "2", "3"])
    desk.inbound.handle(["94", "8", "1", "2", "3"])
    (message,) = desk.inbound.flush()
    assert isinstance(message, PnLSnapshot)
    assert message.account == "DU1"


def test_ticks(desk: Desk) -> None:
    """A price tick carries its side's size; an empty price says nothing, -1 that there is none; one quote a read."""
    inbound = desk.inbound
    inbound.lines.open(9, SPEC, 0)
    for tick, price, size in (("1", "2.48", "10"), ("2", "2.52", "12"), ("4", "2.5", "3")):
        inbound.handle(["1", "6", "9", tick, price, size, "0"])
    inbound.handle(["2", "6", "9", "0", "11"])
    inbound.handle(["1", "6", "9", "1", "", "", "0"])
    (quote,) = inbound.flush()
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.ask, quote.last, quote.bid_size, quote.ask_size) == (2.48, 2.52, 2.5, 11.0, 12.0)
    inbound.handle(["1", "6", "9", "1", "-1", "0", "0"])
    inbound.handle(["1", "6", "9", "2", "NaN", "0", "0"])
    (gone,) = inbound.flush()
    assert isinstance(gone, Quote)
    assert (gone.bid, gone.ask, gone.last) == (None, None, 2.5)


def test_contract_details(desk: Desk) -> None:
    """Details reach whoever asked; an answer nobody waits for any more is dropped."""
    found: list[ContractReady] = []
    desk.inbound.details[9] = found
    for request in (9, 8):
        told = {
            "minTick": 0.05,
            "marketRuleIds": "26,32",
            "validExchanges": f"ELSEWHERE,{contract().exchange}",
        }
        hours = {"tradingHours": "20250919:0930-1600", "liquidHours": "", "timeZoneId": "US/Eastern"}
        desk.inbound.contract_details(request, SimpleNamespace(contract=contract(), **told, **hours))
    assert [(ready.contract.con_id, ready.min_tick) for ready in found] == [(1001, 0.05)]
    assert (found[0].trading_hours, found[0].time_zone) == ("20250919:0930-1600", "US/Eastern")
    assert desk.inbound.rule_of == {1001: 32}


def test_a_market_rule(desk: Desk) -> None:
    """Bands from the lowest edge up; a band without an increment is no band."""
    desk.inbound.handle(["93", "32", "3", "3", "0.05", "0", "0.01", "9", "0"])
    assert desk.inbound.rules == {32: (PriceBand(0.0, 0.01), PriceBand(3.0, 0.05))}
    assert desk.answered == [("rule", 32)]


@pytest.mark.parametrize(("code", "answered"), [(200, True), (321, True), (100, False), (504, False)])
def test_lookup_that_fails(desk: Desk, code: int, answered: bool) -> None:
    """No such contract is an answer; any other error fails the lookup, which may be tried again."""
    desk.inbound.details[9] = []
    desk.inbound.handle(["4", "2", "9", str(code), "text of IB", ""])
    assert desk.answered == ([9] if answered else [])
    assert desk.failed == ([] if answered else [(9, f"IB error {code}: text of IB")])


def test_errors_are_told(desk: Desk) -> None:
    """Every error goes out, notices too; an older server's has one field less."""
    desk.inbound.handle(["4", "2", "-1", "2104", "farm is OK", ""])
    desk.inbound.handle(["4", "2", "-1", "2106", "farm is OK"])
    assert [message.code for message in desk.inbound.flush() if isinstance(message, BrokerError)] == [
        2104,
        2106,
    ]


def test_client_id_in_use(desk: Desk) -> None:
    """326 says why the other side is about to close; nothing else does."""
    desk.inbound.handle(["4", "2", "-1", "2104", "farm is OK", ""])
    assert desk.inbound.refusal == ""
    desk.inbound.handle(["4", "2", "-1", "326", "client id is already in use", ""])
    assert desk.inbound.refusal == "client id is already in use"


def test_of_no_use(desk: Desk) -> None:
    """What the router has no use for is counted by type, not reported: option greeks come at every tick."""
    for message_id in ("21", "21", "45", "300"):
        desk.inbound.handle([message_id, "1"])
    assert desk.inbound.unused == {"21": 2, "45": 1, "300": 1}
    assert desk.inbound.flush() == []


@pytest.mark.parametrize(("code", "kept"), [(101, False), (354, False), (10167, True), (2104, True)])
def test_a_line_that_ib_refuses(desk: Desk, code: int, kept: bool) -> None:
    """It is closed, so that a later request for the contract is sent; a notice about a line closes nothing."""
    desk.inbound.lines.open(9, SPEC, 0)
    desk.inbound.handle(["4", "2", "9", str(code), "text", ""])
    assert (desk.inbound.lines.request_of(SPEC.con_id) == 9) is kept


def test_reset(desk: Desk) -> None:
    """The next connection starts without lines, account values, subscriptions, refusal and ended orders."""
    inbound = desk.inbound
    inbound.lines.open(9, SPEC, 0)
    inbound.pnl_accounts[8] = "DU1"
    inbound.replaying.add("positions")
    inbound.handle(["4", "2", "-1", "326", "in use", ""])
    inbound.handle(opened("Filled"))
    inbound.flush()
    inbound.reset(7)
    inbound.handle(["4", "2", "101", "399", "text", ""])
    inbound.handle(["94", "8", "1", "2", "3"])
    inbound.handle(POSITION)
    error, position = inbound.flush()
    assert isinstance(error, BrokerError)
    assert isinstance(position, PositionSnapshot)
    assert (error.ref, position.replayed, inbound.refusal, inbound.lines.contracts()) == ("", False, "", ())
    assert inbound.bridge.client_id == 7


@pytest.mark.parametrize(
    "fields",
    [
        ["3", "x"],
        ["11", "-1"],
        ["4"],
        ["61", "3", "DU1"],
        ["1", "6", "x", "1", "2", "3"],
        ["63"],
        ["52", "1"],
    ],
)
def test_broken_message_leaves_nothing_behind(desk: Desk, fields: list[str]) -> None:
    """A message that is too short or no number raises, and the batch holds nothing of it."""
    with pytest.raises((ValueError, IndexError)):
        desk.inbound.handle(fields)
    assert desk.inbound.flush() == []
