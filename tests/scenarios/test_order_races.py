"""Fills that overtake cancels and modifications, and positions that are scaled out of while something changes."""

from __future__ import annotations

import pytest

from router.messages import BrokerError, CancelOrders, CancelReply, ModifyOrder, ModifyReply
from tests.scenarios.stack import SECONDS, Stack
from tests.scenarios.trade import LIMIT, Trade

pytestmark = pytest.mark.timeout(60)
LATE = "\n".join(
    f"delay {name} client 1 by 0.4 always"
    for name in ("openOrder", "orderStatus", "execDetails", "commissionReport")
)


def errors(stack: Stack, ref: str) -> list[int]:
    """Codes of what IB has said against an order."""
    said = (envelope.message for envelope in stack.journal("gateway", "trade"))
    return [one.code for one in said if isinstance(one, BrokerError) and one.ref == ref]


def test_a_modification_of_what_has_filled(stack: Stack) -> None:
    """The target fills, and its price is modified before anybody knows: IB refuses (104), EXIT says TARGET."""
    trade = Trade(stack).bracket()
    ref = f"{trade.delivery}-T1"
    stack.do(f"{LATE}\nfill {ref} price 3.25")
    assert isinstance(stack.ask(ModifyOrder(ref=ref, reason="test", limit_price=3.50), 5.0), ModifyReply)
    assert trade.event("EXIT")["lifecycle"]["reason"] == "TARGET"
    assert 104 in errors(stack, ref)
    trade.await_orders()
    trade.await_protected()


def test_a_modification_of_what_has_filled_in_part(stack: Stack) -> None:
    """Three of seven fill, and the quantity is modified to seven at another price: all terms but the price are kept."""
    trade = Trade(stack).bracket()
    ref = f"{trade.delivery}-T1"
    stack.do(f"{LATE}\nfill {ref} shares 3 price 3.25")
    assert isinstance(stack.ask(ModifyOrder(ref=ref, reason="test", limit_price=3.50), 5.0), ModifyReply)
    trade.event("SCALE_OUT")
    stack.await_true(lambda: trade.live()["T1"].limit_price == 3.50, "the new price", SECONDS)
    trade.await_orders(T1="LMT 4", S1="STP 4")
    trade.await_protected()
    assert trade.live()["T1"].limit_price == 3.50
    trade.quote(3.50, 3.54)
    assert trade.event("EXIT")["lifecycle"]["remaining_quantity"] == 0
    trade.await_orders()


def test_a_cancel_of_what_has_filled(stack: Stack) -> None:
    """The entry fills, and is cancelled before anybody knows: FILLED, protected, and IB's 10148 ends nothing."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: len(trade.live()) == 3, "the bracket", SECONDS)
    ref = f"{trade.delivery}-E"
    stack.do(f"{LATE}\nfill {ref} price 2.50")
    assert isinstance(stack.ask(CancelOrders(refs=(ref,)), 5.0), CancelReply)
    assert trade.ack()["status"] == "FILLED"
    assert 10148 in errors(stack, ref)
    trade.await_orders(T1="LMT 7", S1="STP 7")
    trade.await_protected()


def test_a_stop_that_fills_while_it_is_cancelled(stack: Stack) -> None:
    """The cancel of the stop is under way when the market falls to it: sold once, EXIT says STOP, nothing is turned."""
    trade = Trade(stack).bracket()
    stack.do("switch cancel_delay 1")
    stack.ask(CancelOrders(refs=(f"{trade.delivery}-S1",)), 5.0)
    stack.await_true(lambda: trade.live()["S1"].status == "PendingCancel", "pending", SECONDS)
    trade.quote(1.30, 1.34)
    assert trade.event("EXIT")["lifecycle"]["reason"] == "STOP"
    stack.do("switch cancel_delay 0")
    trade.await_protected()
    trade.await_orders()
    assert sum(shares for leg, shares, _ in trade.executed() if leg != "E") == 7


def test_scaled_out_while_it_climbs(stack: Stack) -> None:
    """One target fills while rungs are being armed: the stop that is left is of what is left, and goes on climbing."""
    trade = Trade(stack, targets=(2.80, 9.00)).bracket()
    trade.quote(2.80, 2.84)
    trade.event("SCALE_OUT")
    stack.await_true(lambda: set(trade.orders()) == {"T2", "S2"}, "the second pair is left", SECONDS)
    trade.await_protected()
    trade.quote(3.20, 3.24)
    stack.await_true(lambda: trade.live()["S2"].adjustment is not None, "the next rung", SECONDS)
    stop = trade.live()["S2"]
    assert (stop.order_type, stop.remaining, stop.oca_type) == ("TRAIL", 3.0, 2)
    assert stop.trail_stop is not None
    trade.quote(1.30, 1.34)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["quantity"]) == ("STOP", 3)


def test_partly_filled_targets_and_a_manual_sale(stack: Stack) -> None:
    """Two of seven at the target, two by hand, the rest at the stop: one SCALE_OUT, one EXIT, stops right all the time."""
    trade = Trade(stack).bracket()
    stack.do(f"fill {trade.delivery}-T1 shares 2 price 3.25")
    trade.event("SCALE_OUT")
    trade.by_hand("SELL", 2)
    trade.await_orders(T1="LMT 3", S1="STP 3")
    trade.await_protected()
    trade.quote(1.30, 1.34)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["quantity"], lifecycle["remaining_quantity"]) == ("STOP", 5, 0)
    assert len(trade.events("SCALE_OUT")) == 1
