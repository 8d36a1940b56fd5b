"""Stops on paper: ladders that climb at IB, stop-limits, and what goes wrong with a bracket's children."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest

from router.messages import (
    BrokerError,
    CommandRefused,
    ModifyOrder,
    ModifyReply,
    OrderLifecycleEvent,
)
from tests.scenarios.stack import SECONDS, Stack
from tests.scenarios.trade import LIMIT, Trade

pytestmark = pytest.mark.timeout(60)


def ladder(stack: Stack, *rungs: str) -> AbstractContextManager[None]:
    """Submission with another ladder for options."""
    lines = ", ".join(f"[{rung}]" for rung in rungs)

    def change(usual: str) -> str:
        head, _, rest = usual.partition("[option]")
        stock = rest[rest.index("[stock]") :]
        return f"{head}[option]\nmin_improvement_pct = 5.0\nrungs = [{lines}]\n\n{stock}"

    return stack.configured("stop_profiles.toml", change)


def stop_of(trade: Trade) -> OrderLifecycleEvent:
    """Its only stop."""
    return trade.live()["S1"]


def climbed(trade: Trade, market: float) -> OrderLifecycleEvent:
    """The stop once the market is there, IB has taken the rung below it, and the next one is armed."""
    before = stop_of(trade)
    assert before.adjustment is not None
    trade.quote(market, market + 0.05)
    if market >= before.adjustment.trigger_price:
        armed = (None, before.adjustment)
        trade.stack.await_true(
            lambda: stop_of(trade).adjustment not in armed, f"a rung above {market}", SECONDS
        )
    after = stop_of(trade)
    assert after.perm_id == before.perm_id
    return after


def test_trailing_ladder(stack: Stack) -> None:
    """Each rung is taken at IB and the next one armed; the market falls back to where the trail is: STOP, and a win."""
    trade = Trade(stack, targets=(9.0,)).bracket()
    first = stop_of(trade).adjustment
    assert first is not None
    assert (first.order_type, first.trail_percent) == ("TRAIL", 42.5)
    types = []
    for market in (2.80, 3.20, 3.60, 4.00, 4.40, 4.90, 5.40, 6.00):
        event = climbed(trade, market)
        types.append(event.order_type)
        assert (event.action, event.quantity, event.tif, event.oca_type) == ("SELL", 7.0, "GTC", 2)
    assert types[0] == "TRAIL"
    assert types[-1] == "STP"  # from 85 % on the platform's ladder is fixed
    stop = stop_of(trade).stop_price
    assert stop is not None
    assert stop > 2 * 2.52
    trade.quote(stop - 0.05, stop)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["result"]) == ("STOP", "WIN")
    trade.await_orders()


def test_the_ladder_climbs_while_the_router_is_down(stack: Stack) -> None:
    """IB takes the rung by itself; the router comes back, reads it off the order, and arms the next one."""
    trade = Trade(stack, targets=(9.0,)).bracket()
    first = stop_of(trade).adjustment
    stack.kill("submission")
    stack.kill("gateway")
    trade.quote(2.90, 2.95)
    stack.start("gateway")
    stack.await_ready()
    taken = stop_of(trade)
    assert (taken.order_type, taken.trail_percent) == ("TRAIL", 42.5)
    stack.start("submission")
    stack.await_true(lambda: stop_of(trade).adjustment not in (None, first), "the next rung", SECONDS)
    assert (stop_of(trade).trail_stop or 0) >= (
        taken.trail_stop or 9
    )  # IB may have taken the next one already
    trade.await_protected()


def test_triggered_stop_limit(stack: Stack) -> None:
    """A stop that IB turns into a stop-limit; when the market falls to it, it sells at its limit or better."""
    with ladder(stack, '10.0, "FIXED", 5.0, 2.0', '100.0, "FIXED", 5.0, 2.0'):
        trade = Trade(stack, targets=(9.0,)).bracket()
        coming = stop_of(trade).adjustment
        assert coming is not None
        assert (coming.order_type, coming.stop_price, coming.limit_price) == ("STP LMT", 2.62, 2.56)
        trade.quote(2.80, 2.84)
        trade.await_orders(T1="LMT 7", S1="STP LMT 7")
        stack.await_true(lambda: stop_of(trade).adjustment is not None, "the next rung", SECONDS)
        event = stop_of(trade)
        assert (event.stop_price, event.limit_price) == (2.62, 2.56)
        assert event.adjustment is not None
        assert event.adjustment.trigger_price == 2 * 2.52
        trade.await_protected()
        trade.quote(2.60, 2.64)
        lifecycle = trade.event("EXIT")["lifecycle"]
        assert (lifecycle["reason"], lifecycle["exit_price"]) == ("STOP", 2.60)
        trade.await_orders()


@pytest.mark.parametrize(
    ("rung", "kind", "percent", "amount", "limit"),
    [
        ('10.0, "TRAIL", 5.0', "TRAIL", 5.0, None, None),
        ('10.0, "TRAIL", 5.0, 1.0', "TRAIL LIMIT", 5.0, None, 2.59),
        ('10.0, "STEP", 5.0', "TRAIL", None, 0.13, None),
        ('10.0, "STEP", 5.0, 1.0', "TRAIL LIMIT", None, 0.13, 2.60),
    ],
)
def test_trails_by_percent_and_by_step(
    stack: Stack, rung: str, kind: str, percent: float | None, amount: float | None, limit: float | None
) -> None:
    """Armed, taken by IB, and told back with every term; the trail follows the market up and sells behind the peak."""
    with ladder(stack, rung):
        trade = Trade(stack, targets=(9.0,)).bracket()
        coming = stop_of(trade).adjustment
        assert coming is not None
        assert (coming.order_type, coming.trail_percent, coming.trail_amount) == (kind, percent, amount)
        assert coming.limit_price == limit
        trade.quote(2.80, 2.84)
        trade.await_orders(T1="LMT 7", S1=f"{kind} 7")
        event = stop_of(trade)
        assert (event.trail_percent, event.adjustment) == (percent, None)
        trade.quote(4.00, 4.04)
        behind = 4.00 * 0.95 if percent else 4.00 - 0.13
        trade.quote(behind - 0.01, behind + 0.03)
        lifecycle = trade.event("EXIT")["lifecycle"]
        assert lifecycle["reason"] == "STOP"
        assert lifecycle["exit_price"] == pytest.approx(behind - 0.01, abs=0.011)


def test_bracket_cascade(stack: Stack) -> None:
    """Six children wait for the entry, wake with its last fill, and go with the last of the position."""
    trade = Trade(stack, how=LIMIT, targets=(2.80, 3.00, 3.20)).send()
    stack.await_true(lambda: len(trade.live()) == 7, "seven orders", SECONDS)
    assert all("child" in event.why_held for leg, event in trade.live().items() if leg != "E")
    stack.do(f"fill {trade.delivery}-E price 2.50")
    trade.await_orders(T1="LMT 3", S1="STP 3", T2="LMT 2", S2="STP 2", T3="LMT 2", S3="STP 2")
    woken = "none waits for its parent"
    stack.await_true(
        lambda: not any("child" in one.why_held for one in trade.live().values()), woken, SECONDS
    )
    trade.await_protected()
    trade.quote(1.30, 1.34)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert (lifecycle["reason"], lifecycle["remaining_quantity"]) == ("STOP", 0)
    assert not trade.events("SCALE_OUT")
    trade.await_orders()
    assert sum(shares for leg, shares, _ in trade.executed() if leg.startswith("S")) == 7


@pytest.mark.parametrize("reduction", ["proportional", "shares"])
def test_oca_race(stack: Stack, reduction: str) -> None:
    """The target fills in part: its stop shrinks with it, however IB rounds; then the stop takes the rest."""
    stack.do(f"switch oca_reduction {reduction}")
    trade = Trade(stack).bracket()
    stack.do(f"fill {trade.delivery}-T1 shares 3 price 3.25")
    scaled = trade.event("SCALE_OUT")["lifecycle"]
    assert (scaled["quantity"], scaled["remaining_quantity"]) == (3, 4)
    trade.await_orders(T1="LMT 4", S1="STP 4")
    trade.await_protected()
    stack.do(f"fill {trade.delivery}-S1 shares 2 price 1.38\nfill {trade.delivery}-T1 shares 1 price 3.25")
    trade.quote(1.30, 1.34)
    lifecycle = trade.event("EXIT")["lifecycle"]
    assert lifecycle["remaining_quantity"] == 0
    trade.await_orders()
    assert sum(shares for leg, shares, _ in trade.executed() if leg != "E") == 7


@pytest.mark.parametrize("leg", ["S1", "T1"])
def test_reject_of_a_child(stack: Stack, leg: str) -> None:
    """IB rejects the stop (or the target) of a live position: there is a whole pair again, or at least the stop."""
    trade = Trade(stack).bracket()
    stack.do(f'reject {trade.delivery}-{leg} 201 "Order rejected - reason:test"')
    stack.await_true(lambda: leg not in trade.live(), "it is gone", SECONDS)
    wanted = ["LMT", "STP"] if leg == "S1" else ["STP"]
    stack.await_true(
        lambda: sorted(event.order_type for event in trade.live().values()) == wanted, f"{wanted}", SECONDS
    )
    trade.await_protected()
    assert not trade.events("EXIT")
    trade.quote(1.30, 1.34)
    assert trade.event("EXIT")["lifecycle"]["reason"] == "STOP"
    trade.await_orders()


def test_reject_of_a_child_before_the_entry_filled(stack: Stack) -> None:
    """The stop is rejected while everything waits: the entry fills, and what it bought is protected all the same."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: len(trade.live()) == 3, "a bracket", SECONDS)
    stack.do(f'reject {trade.delivery}-S1 201 "Order rejected - reason:test"')
    stack.do(f"fill {trade.delivery}-E price 2.50")
    assert trade.ack()["status"] == "FILLED"
    trade.await_protected()


def test_reject_of_a_child_whose_status_is_missing(stack: Stack) -> None:
    """IB rejects the stop and says no more than the error: it is asked, and there is a whole pair again."""
    trade = Trade(stack).bracket()
    stack.do("drop orderStatus status=Inactive client 1\ndrop openOrder client 1")
    stack.do(f'reject {trade.delivery}-S1 201 "Order rejected - reason:test"')
    stack.await_true(lambda: "S1" not in trade.live(), "it is known to be gone", SECONDS)
    stack.do("clear")
    trade.await_protected()
    assert sorted(event.order_type for event in trade.live().values()) == ["LMT", "STP"]


def test_modify_rejected(stack: Stack) -> None:
    """IB answers a modification of the resting entry with 201: the entry works on, and its fill is what is acked."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: "E" in trade.live(), "the entry rests", SECONDS)
    ref = f"{trade.delivery}-E"
    stack.do(f'error 201 "Order rejected - reason:Modification not allowed" on {ref}')
    stack.await_true(lambda: any(error.code == 201 for error in errors(stack, ref)), "IB's word", SECONDS)
    assert trade.orders()["E"] == "LMT 7"
    stack.do(f"fill {ref} price 2.50")
    assert trade.ack()["status"] == "FILLED"
    assert not trade.events("EXECUTION_STATUS")
    trade.await_protected()


def test_modify_refused(stack: Stack) -> None:
    """IB refuses to modify a bracket's child (135): the stop stands as it was, and the position stays protected."""
    trade = Trade(stack).bracket()
    stack.do("switch child_modify_refused on")
    ref = f"{trade.delivery}-S1"
    before = stop_of(trade)
    reply = stack.ask(ModifyOrder(ref=ref, reason="test", stop_price=1.50), 5.0)
    assert isinstance(reply, ModifyReply)
    stack.await_true(lambda: any(error.code == 135 for error in errors(stack, ref)), "IB's refusal", SECONDS)
    assert stop_of(trade).stop_price == before.stop_price
    trade.await_protected()
    too_small = stack.ask(ModifyOrder(ref=ref, reason="test", quantity=0), 5.0)
    assert isinstance(too_small, CommandRefused)
    assert too_small.code == "BAD_CHANGE"


def errors(stack: Stack, ref: str) -> list[BrokerError]:
    """What IB has said against an order."""
    said = (envelope.message for envelope in stack.journal("gateway", "trade"))
    return [one for one in said if isinstance(one, BrokerError) and one.ref == ref]


def test_expiry_rejection(stack: Stack) -> None:
    """An entry that IB rejects, as it does an option about to expire: acked REJECTED with IB's words, nothing held."""
    trade = Trade(stack, how=LIMIT).send()
    stack.await_true(lambda: "E" in trade.live(), "the entry rests", SECONDS)
    text = "Order rejected - reason:No opening trades on this expiring contract"
    stack.do(f'reject {trade.delivery}-E 201 "{text}"')
    ack = trade.ack()
    assert (ack["status"], ack["reason"]) == ("REJECTED", text)
    trade.await_orders()
    assert trade.executed() == []
