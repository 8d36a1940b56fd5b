"""What people do to an order and its position: cancels and trades by hand, in the router's own words and in TWS."""

from __future__ import annotations

import pytest

from router.messages import CancelOrders, CancelReply
from tests.scenarios.stack import SECONDS, Stack
from tests.scenarios.trade import LIMIT, Trade

pytestmark = pytest.mark.timeout(60)


def rest(stack: Stack) -> Trade:
    """A limit entry that waits."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: "E" in trade.live(), "the entry rests", SECONDS)
    return trade


def test_manual_cancel(stack: Stack) -> None:
    """`router cancel` of a resting entry: acked CANCELLED, its bracket gone with it, nothing bought."""
    trade = rest(stack)
    reply = stack.ask(CancelOrders(refs=(f"{trade.delivery}-E",)), 5.0)
    assert isinstance(reply, CancelReply)
    assert reply.refs == (f"{trade.delivery}-E",)
    assert trade.ack()["status"] == "CANCELLED"
    assert trade.event("EXECUTION_STATUS")["execution"]["filled_quantity"] == 0
    trade.await_orders()
    assert trade.executed() == []


def test_manual_cancel_in_tws(stack: Stack) -> None:
    """Somebody cancels the resting entry in TWS itself: the platform is told the same."""
    trade = rest(stack)
    stack.do(f"cancel {trade.delivery}-E")
    assert trade.ack()["status"] == "CANCELLED"
    trade.await_orders()


def test_cancel_of_a_partly_filled_entry(stack: Stack) -> None:
    """ENTRY for the three that filled, and stops for exactly them: contract 0.10."""
    trade = rest(stack)
    stack.do(f"fill {trade.delivery}-E shares 3 price 2.50\ncancel {trade.delivery}-E")
    ack = trade.ack()
    assert (ack["status"], ack["filled"], ack["reason"]) == ("FILLED", 3.0, "cancelled")
    assert trade.event("ENTRY")["execution"]["filled_quantity"] == 3
    stack.await_true(lambda: stopped(trade) == 3, "stops for three", SECONDS)
    trade.await_protected()


def stopped(trade: Trade) -> float:
    """The quantity of its stops."""
    return sum(event.remaining for event in trade.live().values() if event.order_type == "STP")


def test_manual_close_in_tws(stack: Stack) -> None:
    """The whole position sold in TWS: the bracket goes, EXIT says MANUAL at the price it was sold at."""
    trade = Trade(stack).bracket()
    trade.by_hand("SELL", 7)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["exit_price"], lifecycle["quantity"]) == ("MANUAL", 2.48, 7)
    assert lifecycle["result"] == "LOSS"
    trade.await_orders()
    trade.await_protected()


def test_manual_reduction_in_tws(stack: Stack) -> None:
    """Three of seven sold by hand: the stop is cut to four, nothing is told yet; the stop-out of four is the EXIT of seven."""
    trade = Trade(stack).bracket()
    trade.by_hand("SELL", 3)
    trade.await_orders(T1="LMT 4", S1="STP 4")
    trade.await_protected()
    assert not trade.events("EXIT")
    trade.quote(1.30, 1.34)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["remaining_quantity"]) == ("STOP", 0)
    assert lifecycle["realized_pnl"] < (2.48 - 2.52) * 300 + (1.30 - 2.52) * 400
    trade.await_orders()


def test_manual_addition_in_tws(stack: Stack) -> None:
    """Two more bought by hand are protected too; closing all nine by hand is one EXIT."""
    trade = Trade(stack).bracket()
    trade.by_hand("BUY", 2)
    stack.await_true(lambda: 9 in stack.held().values(), "nine are held", SECONDS)
    trade.await_protected()
    stack.do(f'close "{trade.option}"')
    assert trade.event("EXIT")["lifecycle"]["reason"] == "MANUAL"
    trade.await_orders()
    trade.await_protected()


def test_manual_addition_stopped_out(stack: Stack) -> None:
    """Seven of a signal and two bought by hand run into their stops: its EXIT is of seven, and stays so."""
    trade = Trade(stack).bracket()
    trade.by_hand("BUY", 2)
    stack.await_true(lambda: 9 in stack.held().values(), "nine are held", SECONDS)
    trade.await_protected()
    trade.quote(1.30, 1.34)
    stack.await_true(lambda: not stack.held(), "all are sold", SECONDS)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["quantity"], lifecycle["reason"]) == (7, "STOP")
    another = Trade(stack).bracket()  # by its ENTRY all that was said of the first one has been told
    assert not trade.events("ADJUSTMENT")
    another.await_protected()


def test_manual_addition_whose_stop_fills_first(stack: Stack) -> None:
    """The stop of the two stands a cent above that of the seven: the EXIT is of seven, whichever sells first."""
    trade = Trade(stack).bracket()
    trade.by_hand("BUY", 2)
    stack.await_true(lambda: 9 in stack.held().values(), "nine are held", SECONDS)
    trade.await_protected()
    stops = {
        event.remaining: event.stop_price for event in trade.live().values() if event.order_type == "STP"
    }
    assert (stops[2], stops[7]) == (1.39, 1.38)
    trade.quote(1.39, 1.43)
    stack.await_true(lambda: 7 in stack.held().values(), "the two are sold", SECONDS)
    trade.quote(1.30, 1.34)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["quantity"], lifecycle["remaining_quantity"]) == (7, 0)
    Trade(stack).bracket()  # by its ENTRY all that was said of the first one has been told
    assert not trade.events("ADJUSTMENT")


def test_bought_again_by_hand(stack: Stack) -> None:
    """After a signal's EXIT its contract is bought by hand: protected at its own price, and no news of the signal."""
    trade = Trade(stack).bracket()
    trade.quote(1.30, 1.34)
    trade.event("EXIT")
    trade.quote(3.00, 3.04)
    trade.by_hand("BUY", 2)
    stack.await_true(lambda: 2 in stack.held().values(), "two are held", SECONDS)
    trade.await_protected()
    [stop] = [event for event in stack.live() if event.order_type == "STP"]
    assert not trade.live()
    assert stop.stop_price is not None
    assert 1.65 < stop.stop_price < 1.70  # 45 % below 3.04 and its commission
    trade.quote(1.30, 1.34)
    stack.await_true(lambda: not stack.held(), "they are sold", SECONDS)
    Trade(stack).bracket()  # by its ENTRY all that was said before has been told
    assert not trade.events("ADJUSTMENT")


def test_manual_close_of_what_two_signals_hold(stack: Stack) -> None:
    """Both are told their EXIT, each for its own quantity."""
    first = Trade(stack).bracket()
    second = Trade(stack, strike=first.strike).bracket()
    stack.do(f'close "{first.option}"')
    for trade in (first, second):
        lifecycle = trade.event("EXIT")["lifecycle"]
        assert (lifecycle["reason"], lifecycle["quantity"]) == ("MANUAL", 7)
    assert sum(one.event("EXIT")["lifecycle"]["realized_pnl"] for one in (first, second)) < 0
    first.await_protected()


def test_manual_close_that_nobody_can_explain(stack: Stack) -> None:
    """IB withholds the executions: after their time EXIT says SYNCED_CLOSED, and a person is told."""
    trade = Trade(stack).bracket()
    with stack.alerts() as alerts:
        stack.do("drop execDetails client 1 always")
        trade.by_hand("SELL", 7)
        lifecycle = trade.event("EXIT")["lifecycle"]
        assert (lifecycle["reason"], lifecycle["result"]) == ("SYNCED_CLOSED", "FLAT")
        assert alerts.next("execution_manual_fill_missing")["symbol"] == "SPY"
    trade.await_orders()
    trade.await_protected()
