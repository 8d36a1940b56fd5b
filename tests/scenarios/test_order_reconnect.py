"""The connection is lost in every state of an order, and the gateway killed in each: nothing twice, nothing bare."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from router.messages import CancelOrders, OrderSent
from tests.scenarios.stack import SECONDS, Stack
from tests.scenarios.trade import LIMIT, MARKET, Trade

pytestmark = pytest.mark.timeout(60)

Lose = Callable[..., None]


def cut(stack: Stack, meanwhile: str = "") -> None:
    """IB closes the socket; the gateway connects again."""
    stack.do(f"disconnect 1\n{meanwhile}")
    stack.await_ready()


def kill(stack: Stack, meanwhile: str = "") -> None:
    """The gateway dies and is started again."""
    stack.kill("gateway")
    stack.do(meanwhile)
    stack.start("gateway")
    stack.await_ready()


def restart(stack: Stack, meanwhile: str = "") -> None:
    """IB's own nightly restart: everybody is thrown out, nobody gets in for a moment."""
    stack.do(f"restart down 0.3\n{meanwhile}")
    stack.await_ready()


EACH = pytest.mark.parametrize("lose", [cut, kill, restart])


def finish(trade: Trade) -> None:
    """The target, and everything that has to be told by then, once."""
    trade.stack.await_true(lambda: {"T1", "S1"} <= set(trade.orders()), "its pair works", SECONDS)
    trade.await_protected()
    trade.quote(3.25, 3.29)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["quantity"], lifecycle["remaining_quantity"]) == ("TARGET", 7, 0)
    trade.await_orders()
    assert [len(trade.events(kind)) for kind in ("ENTRY", "SCALE_OUT", "EXIT")] == [1, 0, 1]
    assert sum(shares for leg, shares, _ in trade.executed() if leg == "E") == 7


@pytest.mark.parametrize("how", [LIMIT, MARKET], ids=["limit", "market"])
def test_before_the_ack(stack: Stack, how: dict[str, object]) -> None:
    """The last leg has reached IB, and the connection ends before IB's first word on any of them."""
    trade = Trade(stack, how=how)
    stack.do(f"when placeOrder orderRef={trade.delivery}-S1 : disconnect 1")
    trade.send()
    stack.await_true(lambda: trade.live() or trade.executed(), "IB has the bracket", SECONDS)
    stack.await_ready()
    if how is LIMIT:
        stack.do(f"fill {trade.delivery}-E price 2.50")
    assert trade.ack()["status"] == "FILLED"
    finish(trade)


def test_before_ib_took_it(stack: Stack) -> None:
    """The bracket never reaches IB, and the connection ends: in doubt, found to be unknown, sent again or parked."""
    trade = Trade(stack)
    for leg in ("E", "T1", "S1"):
        stack.do(f"swallow placeOrder orderRef={trade.delivery}-{leg}")
    trade.send()
    stack.await_true(lambda: was_sent(trade), "its bytes have left", SECONDS)
    stack.do("disconnect 1")
    stack.await_ready()
    ack = trade.ack()
    assert ack["status"] in ("FILLED", "PARKED")
    if ack["status"] == "FILLED":
        finish(trade)
    else:
        assert trade.executed() == []


def was_sent(trade: Trade) -> bool:
    """Whether the journal says that the bracket was written to the socket."""
    said = (envelope.message for envelope in trade.stack.journal("gateway", "trade"))
    return any(isinstance(one, OrderSent) and one.delivery == trade.delivery for one in said)


@EACH
def test_working(stack: Stack, lose: Lose) -> None:
    """A resting entry is found again and fills afterwards."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: len(trade.live()) == 3, "the bracket", SECONDS)
    lose(stack)
    assert len(trade.live()) == 3
    stack.do(f"fill {trade.delivery}-E price 2.50")
    assert trade.ack()["status"] == "FILLED"
    finish(trade)


@EACH
def test_partially_filled(stack: Stack, lose: Lose) -> None:
    """Three of seven before, four after: one ENTRY of seven at both prices."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: len(trade.live()) == 3, "the bracket", SECONDS)
    stack.do(f"fill {trade.delivery}-E shares 3 price 2.50")
    lose(stack)
    assert not trade.events("ENTRY")
    stack.do(f"fill {trade.delivery}-E price 2.49")
    entry = trade.event("ENTRY")["execution"]
    assert entry["filled_quantity"] == 7
    assert entry["avg_fill_price"] == pytest.approx((3 * 2.50 + 4 * 2.49) / 7, abs=5e-5)
    finish(trade)


@EACH
def test_filled_while_nobody_listened(stack: Stack, lose: Lose) -> None:
    """The entry fills while the connection is gone: ENTRY comes from what IB tells afterwards."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: len(trade.live()) == 3, "the bracket", SECONDS)
    lose(stack, f"fill {trade.delivery}-E price 2.50")
    assert trade.event("ENTRY")["execution"]["filled_quantity"] == 7
    finish(trade)


@EACH
def test_filled(stack: Stack, lose: Lose) -> None:
    """Held and protected before and after; nothing is told twice, and the target still ends it."""
    trade = Trade(stack).bracket()
    before = {leg: event.perm_id for leg, event in trade.live().items()}
    lose(stack)
    trade.await_protected()
    assert {leg: event.perm_id for leg, event in trade.live().items()} == before
    finish(trade)


@EACH
def test_cancel_pending(stack: Stack, lose: Lose) -> None:
    """The cancel is under way when the connection goes: CANCELLED is told once it is known."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: len(trade.live()) == 3, "the bracket", SECONDS)
    stack.do("switch cancel_delay 1")
    stack.ask(CancelOrders(refs=(f"{trade.delivery}-E",)), 5.0)
    stack.await_true(lambda: pending(trade), "the cancel is pending", SECONDS)
    lose(stack)
    assert trade.ack()["status"] == "CANCELLED"
    trade.await_orders()
    assert trade.executed() == []


@EACH
def test_cancelled_while_nobody_listened(stack: Stack, lose: Lose) -> None:
    """On another day by IB's lists: neither an open nor a completed order. Acked all the same, and no record is left."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: len(trade.live()) == 3, "the bracket", SECONDS)
    order_id = trade.live()["E"].order_id
    stack.do("drop completedOrder client 1 always\ndrop orderStatus status=Cancelled client 1 always")
    stack.do("drop error code=202 client 1 always")
    lose(stack, f"cancel {trade.delivery}-E")
    assert trade.ack()["status"] == "CANCELLED"
    assert not stack.redis.call("EXISTS", f"orders:pending:{order_id}")
    assert trade.executed() == []


def test_fill_beats_the_cancel(stack: Stack) -> None:
    """While the cancel is under way four of seven trade, and the connection goes: ENTRY of four, protected."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: len(trade.live()) == 3, "the bracket", SECONDS)
    stack.do("switch cancel_delay 1")
    stack.ask(CancelOrders(refs=(f"{trade.delivery}-E",)), 5.0)
    stack.await_true(lambda: pending(trade), "the cancel is pending", SECONDS)
    stack.do(f"fill {trade.delivery}-E shares 4 price 2.50\ndisconnect 1")
    stack.await_ready()
    ack = trade.ack()
    assert (ack["status"], ack["filled"]) == ("FILLED", 4.0)
    trade.await_protected()


def pending(trade: Trade) -> bool:
    """Whether its entry is being cancelled."""
    entry = trade.live().get("E")
    return entry is not None and entry.status == "PendingCancel"


@EACH
def test_stopped_out_while_nobody_listened(stack: Stack, lose: Lose) -> None:
    """The stop sells while the connection is gone: EXIT comes from what IB tells afterwards."""
    trade = Trade(stack).bracket()
    lose(stack, f'quote "{trade.option}" 1.30 1.34 last 1.30 size 100')
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["exit_price"]) == ("STOP", 1.30)
    trade.await_orders()
    trade.await_protected()


def cancels_after_loss(usual: str) -> str:
    """The configuration with a rule for entries that rested while IB was away."""
    changed = usual.replace("cancel_on_link_loss_s = 0.0", "cancel_on_link_loss_s = 0.2")
    assert changed != usual
    return changed


def test_entries_are_cancelled_after_a_long_loss(stack: Stack) -> None:
    """Where the rule is set: what had filled is held and protected, the rest of the entry is cancelled."""
    with stack.configured("router.toml", cancels_after_loss):
        untouched = Trade(stack, how=LIMIT)
        trade = Trade(stack, how=LIMIT).send()
        stack.await_true(lambda: len(trade.live()) == 3, "the bracket", SECONDS)
        stack.await_true(lambda: stack.progress("submission").get("resting") == 1, "watched", SECONDS)
        restart(stack, f"fill {trade.delivery}-E shares 3 price 2.50\nrestart down 0.5")
        ack = trade.ack()
        assert (ack["status"], ack["filled"], ack["reason"]) == ("FILLED", 3.0, "cancelled")
        trade.await_protected()
        untouched.send()
        stack.await_true(lambda: len(untouched.live()) == 3, "one from after the loss rests", SECONDS)
