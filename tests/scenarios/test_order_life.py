"""The life of an order on paper, from the signal in Redis to what the platform reads there: what each end looks like."""

from __future__ import annotations

import pytest

from tests.scenarios.stack import SECONDS, Stack
from tests.scenarios.trade import LIMIT, Trade

pytestmark = pytest.mark.timeout(60)


def test_full_fill(stack: Stack) -> None:
    """Seven at once: ENTRY and ack say so, and a stop and a target of seven are live."""
    trade = Trade(stack).send()
    ack = trade.ack()
    assert (ack["status"], ack["filled"], ack["avg_price"]) == ("FILLED", 7.0, 2.52)
    entry = trade.event("ENTRY")
    assert entry["execution"]["status"] == "FILLED"
    assert (entry["execution"]["filled_quantity"], entry["execution"]["avg_fill_price"]) == (7, 2.52)
    assert (entry["stop_loss"], entry["targets"], entry["confidence"]) == (1.38, [3.25], 94)
    trade.await_orders(T1="LMT 7", S1="STP 7")
    trade.await_protected()
    assert trade.executed() == [("E", 7.0, 2.52)]


def test_partial_fill(stack: Stack) -> None:
    """Three at the market, the rest when it comes back: one ENTRY for all of it, and one ack."""
    trade = Trade(stack, how=LIMIT, size=100).send()
    stack.await_true(lambda: "E" in trade.live(), "the entry rests", SECONDS)
    stack.do(f"fill {trade.delivery}-E shares 3 price 2.50")
    stack.await_true(lambda: trade.orders().get("E") == "LMT 4", "three have filled", SECONDS)
    assert not trade.events("ENTRY")
    assert stack.ack(trade.id) is None
    stack.do(f"fill {trade.delivery}-E price 2.49")
    entry = trade.event("ENTRY")
    assert (entry["execution"]["filled_quantity"], entry["order_size"]) == (7, 7)
    assert entry["execution"]["avg_fill_price"] == pytest.approx((3 * 2.50 + 4 * 2.49) / 7, abs=5e-5)
    assert trade.ack()["status"] == "FILLED"
    trade.await_orders(T1="LMT 7", S1="STP 7")
    trade.await_protected()
    assert len(trade.events("ENTRY")) == 1


def test_stop_out(stack: Stack) -> None:
    """The market falls through the stop: sold at the bid, EXIT says STOP and LOSS, and the target is gone."""
    trade = Trade(stack).bracket()
    trade.quote(1.30, 1.34)
    exit_ = trade.event("EXIT")
    lifecycle = exit_["lifecycle"]
    assert (lifecycle["reason"], lifecycle["result"], lifecycle["exit_price"]) == ("STOP", "LOSS", 1.30)
    assert lifecycle["remaining_quantity"] == 0
    assert lifecycle["realized_pnl"] < (1.30 - 2.52) * 700
    assert exit_["confidence"] == 94
    trade.await_orders()
    assert trade.executed() == [("E", 7.0, 2.52), ("S1", 7.0, 1.30)]


def test_target(stack: Stack) -> None:
    """The market reaches the target: EXIT says TARGET and WIN, and the stop is gone."""
    trade = Trade(stack).bracket()
    trade.quote(3.25, 3.29)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["result"], lifecycle["exit_price"]) == ("TARGET", "WIN", 3.25)
    trade.await_orders()
    assert trade.executed() == [("E", 7.0, 2.52), ("T1", 7.0, 3.25)]


def test_scale_out(stack: Stack) -> None:
    """Three targets: each takes its own stop along, so that what is left stays protected; the last one is the EXIT."""
    trade = Trade(stack, targets=(2.80, 3.00, 3.20)).bracket()
    trade.await_orders(T1="LMT 3", S1="STP 3", T2="LMT 2", S2="STP 2", T3="LMT 2", S3="STP 2")
    trade.quote(2.80, 2.84)
    first = trade.event("SCALE_OUT")
    assert (first["lifecycle"]["quantity"], first["lifecycle"]["remaining_quantity"]) == (3, 4)
    assert first["lifecycle"]["reason"] == "TARGET"
    trade.await_protected()
    stack.await_true(lambda: set(trade.orders()) == {"T2", "S2", "T3", "S3"}, "two pairs", SECONDS)
    trade.quote(3.00, 3.04)
    second = trade.event("SCALE_OUT", 2)
    assert second["lifecycle"]["remaining_quantity"] == 2
    assert second["dedupe_token"] != first["dedupe_token"]
    trade.await_protected()
    trade.quote(3.20, 3.24)
    exit_ = trade.event("EXIT")
    assert (exit_["lifecycle"]["quantity"], exit_["lifecycle"]["result"]) == (2, "WIN")
    trade.await_orders()
    assert sum(shares for leg, shares, _ in trade.executed() if leg.startswith("T")) == 7
