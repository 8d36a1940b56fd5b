"""Entries as a desk configures them, from the signal in Redis to what the broker got and the platform was told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from router.algos import ALGOS
from router.messages import OrderLifecycleEvent
from tests.scenarios.stack import SECONDS, Stack
from tests.scenarios.trade import LIMIT, Trade

pytestmark = pytest.mark.timeout(90)
SHORT = "limit_timeout_s = 1.0\nalgo_timeout_s = 1.0\n"


@contextmanager
def entering(stack: Stack, section: str) -> Iterator[None]:
    """Sizing and submission with another [entry]; both have said that they live before a signal is made."""
    with stack.configured("profiles/paper.toml", lambda usual: f"{usual}\n[entry]\n{section}"):
        _restart_sizing(stack)
        stack.progress("submission")
        yield
    _restart_sizing(stack)


def _restart_sizing(stack: Stack) -> None:
    stack.kill("sizing")
    stack.start("sizing")
    stack.progress("sizing")


def _opened(stack: Stack, trade: Trade) -> OrderLifecycleEvent:
    """The entry's terms as IB reported them."""
    for envelope in stack.journal("gateway", "trade"):
        event = envelope.message
        if isinstance(event, OrderLifecycleEvent) and event.ref == f"{trade.delivery}-E" and event.order_type:
            return event
    raise AssertionError("IB has told nothing of the entry")


def test_a_marketable_limit_pays_the_ask_and_never_more_than_its_collar(stack: Stack) -> None:
    """A collar of two ticks past an ask of 2.52: sent as LMT 2.54, since SPY trades in cents, filled at 2.52."""
    with entering(stack, 'style = "marketable"\ncollar = 2\ncollar_unit = "ticks"\n'):
        trade = Trade(stack).send()
        assert trade.ack()["status"] == "FILLED"
        assert trade.event("ENTRY")["execution"]["avg_fill_price"] == 2.52
        trade.await_protected()
        entry = _opened(stack, trade)
        assert (entry.order_type, entry.limit_price) == ("LMT", 2.54)


def test_an_entry_worked_by_an_algorithm_is_cancelled_when_its_time_is_up(stack: Stack) -> None:
    """IB reports the algorithm and its parameters; the time-out is acked, and told on alerts:critical."""
    algo = 'style = "mid"\nalgo = "Adaptive"\nalgo_params = ["adaptivePriority=Patient"]\n'
    with entering(stack, algo + SHORT), stack.alerts() as alerts:
        trade = Trade(stack).send()
        alert = alerts.next("execution_timeout")
        assert (alert["symbol"], alert["side"], alert["filled"]) == ("SPY", "LONG", 0.0)
        assert alert["timeout_seconds"] == 1.0
        assert isinstance(alert["order_id"], int)
        ack = trade.ack()
        assert (ack["status"], ack["reason"], ack["filled"]) == ("TIMEOUT", "timeout", 0.0)
        trade.await_orders()
        entry = _opened(stack, trade)
        assert (entry.algo, entry.algo_params) == ("Adaptive", (("adaptivePriority", "Patient"),))
        assert (entry.tif, entry.outside_rth) == ("DAY", False)


def test_a_partial_fill_doubles_the_time_and_is_kept(stack: Stack) -> None:
    """Three of seven filled: cancelled after twice the time, and the three are a position with its protection."""
    with entering(stack, SHORT.replace("1.0", "3.0")), stack.alerts() as alerts:
        trade = Trade(stack, how=LIMIT).send()
        stack.await_true(lambda: "E" in trade.live(), "the entry rests", SECONDS)
        stack.do(f"fill {trade.delivery}-E shares 3 price 2.50")
        alert = alerts.next("execution_timeout")
        assert (alert["filled"], alert["timeout_seconds"]) == (3.0, 6.0)
        entry = trade.event("ENTRY")
        assert entry["execution"]["filled_quantity"] == 3
        trade.await_protected()


def test_an_immediate_or_cancel_entry_leaves_nothing_behind(stack: Stack) -> None:
    """At the middle of a market that stands still nothing trades: cancelled at once, children and all."""
    with entering(stack, 'style = "mid"\ntif = "IOC"\n'):
        trade = Trade(stack).send()
        ack = trade.ack()
        assert (ack["status"], ack["filled"]) == ("CANCELLED", 0.0)
        trade.await_orders()
        assert trade.executed() == []


def test_an_algorithm_for_stocks_sends_nothing_for_an_option(stack: Stack) -> None:
    """Refused with field and value, acked, and never seen by the broker."""
    assert "OPT" not in ALGOS["Twap"].sec_types
    with entering(stack, 'algo = "Twap"\n'):
        trade = Trade(stack).send()
        ack = trade.ack()
        assert (ack["status"], ack["reason"]) == ("REJECTED", "entry.algo = 'Twap': takes STK, not OPT")
        assert not [one for one in stack.ledger("order") if one["order_ref"].startswith(trade.delivery)]
