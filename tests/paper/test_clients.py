"""The same stories through three client libraries nobody here wrote, unmodified, judged by one set of expectations.

ib_insync 0.9.86 and ib_async 2.1.0 agree on version 176 (ib_async asks for up to 178), ibapi 9.81.1.post1 on 157.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.paper.announce import announce
from tests.paper.conftest import RunningGateway, Starter
from tests.paper.judge import Judge
from tests.paper.venvs import CLIENTS

Facts = dict[str, Any]
VERSIONS = {"ib_insync": 176, "ib_async": 176, "ibapi": 157}


@pytest.fixture(scope="module", params=CLIENTS)
def judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """One library after the other, each in the virtualenv that holds its exact release."""
    judge = Judge(request.param)
    yield judge
    judge.close()
    announce(request.config, f"client suite {judge.release}: {len(judge.played)} stories played")


def order(status: str, **changed: object) -> Facts:
    """The facts of a limit order for ten shares of AAPL, but for what is changed."""
    facts: Facts = {"status": status, "filled": 0, "remaining": 10, "average": 0, "held": "", "type": "LMT"}
    facts |= {"limit": 240, "aux": 0, "ref": "", "parent": 0, "client": 1, "perm": True}
    return facts | changed


def test_connects(judge: Judge, still_gateway: RunningGateway) -> None:
    """The session is up at the highest version both know, without a single error."""
    facts = judge.play(still_gateway, "connect")
    assert 1 <= facts.pop("next") < 10  # ib_insync takes request ids from the same series
    assert facts == {"version": VERSIONS[judge.client], "accounts": ["DU1234567"], "errors": []}


def test_finds_contracts(judge: Judge, still_gateway: RunningGateway) -> None:
    """A stock is found with its tick and hours, a strike in every expiry of the chain, and 200 for what is not listed."""
    facts = judge.play(still_gateway, "contract_details")
    (stock,) = facts["stock"]
    assert (stock["conId"], stock["localSymbol"], stock["minTick"]) == (265598, "AAPL", 0.01)
    assert (stock["name"], stock["zone"], stock["hours"]) == ("APPLE INC", "US/Eastern", True)
    assert "SMART" in stock["exchanges"]
    assert len(stock["rules"]) == len(stock["exchanges"])
    option = facts["option"]
    assert facts["options"] > 10
    assert option["localSymbol"] == f"AAPL  {option['real_expiry'][2:]}C00250000"
    assert option["multiplier"] == "100"
    assert (facts["nothing"], [code for _, code in facts["errors"]]) == ([], [200])


def test_follows_a_quote(judge: Judge, still_gateway: RunningGateway) -> None:
    """A subscription shows the whole quote at once and every change of it."""
    facts = judge.play(still_gateway, "market_data")
    assert facts["first"] == {"bid": 250.0, "ask": 250.1, "last": 250.0, "bidSize": 10000, "askSize": 10000}
    assert facts["then"] == {"bid": 251.5, "ask": 251.7, "last": 251.6, "bidSize": 300, "askSize": 300}


def test_market_order_fills(judge: Judge, still_gateway: RunningGateway) -> None:
    """A market order trades at the touch; its execution and commission say so; the sale realises the profit."""
    facts = judge.play(still_gateway, "market_order")
    bought = order("Filled", filled=100, remaining=0, average=250.1, type="MKT", limit=0, ref="m-1")
    assert facts["bought"] == bought
    assert facts["sold"] == bought | {"filled": 50, "average": 251, "ref": "m-2"}
    fill, sale = facts["fill"], facts["sale"]
    assert fill.pop("exec_id") != sale.pop("exec_id")
    expected = {
        "shares": 100,
        "cum": 100,
        "price": 250.1,
        "side": "BOT",
        "ref": "m-1",
        "client": 1,
        "time": True,
    }
    assert fill == expected | {"commission": 1.0, "realized": None}
    sold = {"shares": 50, "cum": 50, "price": 251, "side": "SLD", "ref": "m-2"}
    assert sale == expected | sold | {
        "commission": 1.0,
        "realized": 43.5,
    }  # 45 less 0.5 paid in and 1 paid out
    assert facts["errors"] == []


def test_limit_rests_is_modified_and_cancelled(judge: Judge, still_gateway: RunningGateway) -> None:
    """A limit rests Submitted, shows its new price, ends Cancelled with 202, and fills once it reaches the market."""
    facts = judge.play(still_gateway, "limit_order")
    assert facts["rests"] == order("Submitted", ref="l-1")
    assert facts["changed"] == order("Submitted", ref="l-1", limit=241)
    assert facts["ended"] == order("Cancelled", ref="l-1", limit=241)
    assert facts["filled"] == order("Filled", filled=10, remaining=0, average=250.1, limit=250.5)
    assert facts["errors"] == [[0, 202]]


def test_bracket_to_its_target(judge: Judge, still_gateway: RunningGateway) -> None:
    """The filled entry sets its children to work; the target trades, the stop is cancelled, nothing is held."""
    facts = judge.play(still_gateway, "bracket_to_target")
    target, stop = facts["waiting"]
    entry = target["parent"]
    assert facts["parents"] == [True, True]
    assert target == order("Submitted", ref="b-T", limit=255, parent=entry)
    expected = order("PreSubmitted", ref="b-S", limit=0, aux=245, parent=entry, type="STP", held="trigger")
    assert stop == expected
    assert facts["filled"] == target | {"status": "Filled", "filled": 10, "remaining": 0, "average": 256}
    assert facts["cancelled"] == stop | {"status": "Cancelled", "held": ""}
    assert facts["realized"] == 57.0
    assert facts["positions"] == []


def test_bracket_to_its_stop(judge: Judge, still_gateway: RunningGateway) -> None:
    """The triggered stop sells at the market and the target is cancelled."""
    facts = judge.play(still_gateway, "bracket_to_stop")
    assert (facts["filled"]["filled"], facts["filled"]["average"], facts["filled"]["type"]) == (
        10,
        244,
        "STP",
    )
    assert facts["cancelled"]["filled"] == 0


def test_group_cancels_the_other(judge: Judge, still_gateway: RunningGateway) -> None:
    """Of two orders in an OCA group of type 1 the one that trades cancels the other."""
    facts = judge.play(still_gateway, "oca_group")
    assert (facts["filled"]["filled"], facts["filled"]["limit"]) == (10, 245)
    assert facts["cancelled"]["filled"] == 0


def test_staged_order_is_silent(judge: Judge, still_gateway: RunningGateway) -> None:
    """An order with transmit=False is in no list until it is sent again with transmit=True."""
    facts = judge.play(still_gateway, "staged_order")
    assert facts == {"silent": [], "working": order("Submitted")}


def test_what_if_places_nothing(judge: Judge, still_gateway: RunningGateway) -> None:
    """whatIf tells half the value as margin and the commission, and leaves no order."""
    facts = judge.play(still_gateway, "what_if")
    assert facts == {"margin": 12502.5, "commission": 1.0, "open": []}


def test_lists_what_is_and_was(judge: Judge, still_gateway: RunningGateway) -> None:
    """A second client finds open and completed orders, executions with commissions, and positions by orderRef."""
    facts = judge.play(still_gateway, "lists_of_orders")
    assert facts["open"] == [order("Submitted", ref="open")]
    assert facts["completed"] == [{"ref": "done", "status": "Filled", "perm": True}]
    assert facts["positions"] == [{"symbol": "AAPL", "position": 10, "cost": 250.2}]
    (execution,) = facts["executions"]
    told = {name: execution[name] for name in ("ref", "shares", "price", "commission", "client")}
    assert told == {"ref": "done", "shares": 10, "price": 250.1, "commission": 1.0, "client": 1}


def test_account_and_pnl_add_up(judge: Judge, still_gateway: RunningGateway) -> None:
    """The summary starts with the cash; PnL is the move of the position less its commission."""
    facts = judge.play(still_gateway, "account")
    assert facts["before"]["NetLiquidation"] == facts["before"]["TotalCashValue"] == "1000000.00"
    assert facts["before"]["BuyingPower"] == "4000000.00"
    assert facts["positions"] == [{"symbol": "AAPL", "position": 100, "cost": 250.11}]
    pnl = facts["pnl"]
    assert pnl == {"whole": [194, 194, 0], "single": [100, 194, 194, 0], "value": 25205}


def test_mistakes_get_their_codes(judge: Judge, still_gateway: RunningGateway) -> None:
    """Wrong type, tick, parent, account, side, contract; unknown and finished orders to cancel; a late change."""
    facts = judge.play(still_gateway, "errors")
    assert facts["codes"] == [
        [0, 321],
        [1, 110],
        [2, 135],
        [3, 321],
        [4, 321],
        [5, 200],
        [6, 10147],
        [-1, 10148],
        [-1, 104],
    ]


def test_two_clients_side_by_side(judge: Judge, still_gateway: RunningGateway) -> None:
    """Ids are per client; another's order is seen, not cancelled by id, and ended by a global cancel."""
    facts = judge.play(still_gateway, "two_clients")
    assert facts["seen"] == [order("Submitted", ref="mine")]
    assert facts["errors"] == [10147]
    assert facts["own_ids"]
    assert facts["ended"]["status"] == "Cancelled"


def test_taken_client_id_is_refused(judge: Judge, still_gateway: RunningGateway) -> None:
    """The second client of an id gets 326 and no session; the first keeps its own."""
    facts = judge.play(still_gateway, "taken_client_id")
    assert facts == {"connected": False, "errors": [[-1, 326]], "first": True}


def test_orders_outlive_the_connection(judge: Judge, still_gateway: RunningGateway) -> None:
    """After a reconnect the client finds its order, gets higher ids, and can cancel it."""
    facts = judge.play(still_gateway, "reconnect")
    assert facts == {"found": [order("Submitted", ref="stays")], "following": True}


@pytest.fixture
def noon(start: Starter) -> RunningGateway:
    """A still market at noon of a session, whose clock goes on by hand."""
    return start("--market", "still", "--hours", "nyse", "--start", "2026-11-23T12:00:00", "--speed", "0")


def test_tells_past_prices(judge: Judge, noon: RunningGateway) -> None:
    """Bars on the clock, days as dates, the first moment, ticks with a spread, and 321 for a duration that is none."""
    facts = judge.play(noon, "past_prices")
    hours, days = facts["hours"], facts["days"]
    friday, monday = 1795185000, 1795444200  # when the sessions open
    assert [one["at"] for one in hours][:2] == [friday, friday + 1800]
    assert [one["at"] for one in hours][7:] == [monday, monday + 1800, monday + 5400]
    assert [one["at"] for one in days] == ["20261120", "20261123"]
    for open_, high, low, close in (one["prices"] for one in hours + days):
        assert low <= min(open_, close) <= max(open_, close) <= high
    assert all(one["volume"] > 0 for one in hours)
    assert {one["volume"] for one in days} == {-1}
    assert facts["head"] == 1451917800
    assert len(facts["spreads"]) == 20
    assert min(facts["spreads"]) > 0
    assert (facts["nothing"], facts["errors"]) == ([], [321])


def test_tells_bars_as_they_come(judge: Judge, noon: RunningGateway) -> None:
    """Each bar of five seconds closes at the last price in it."""
    first, second = judge.play(noon, "bars_as_they_come")["bars"]
    assert second["at"] == first["at"] + 5
    assert (first["close"], second["close"]) == (250, 255)


def test_shows_depth_and_scans(judge: Judge, noon: RunningGateway) -> None:
    """Five levels a cent apart that move with the price, and three stocks."""
    facts = judge.play(noon, "depth_and_scan")
    cents = [0, 0.01, 0.02, 0.03, 0.04]
    for name, bid in (("before", 250), ("after", 255)):
        assert facts[name]["bids"] == pytest.approx([bid - cent for cent in cents])
        assert facts[name]["asks"] == pytest.approx([bid + 0.1 + cent for cent in cents])
    assert len(set(facts["scan"])) == 3
