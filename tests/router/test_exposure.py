"""What is held, when IB's word on it and the executions disagree, and what works of a contract."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.exposure import EXPLAIN_NS, LAG_NS, MAX_PATH, QUICK_ATTEMPTS, SETTLE_NS, Exposure, Place
from router.messages import ExecutionFill, LinkPhase, LinkState, PositionSnapshot, Quote
from tests.router.factory import OPTION, order_event, quote

REF = "9bbeedc541dd1c7a-mfqwpfk0-E"
SECOND = 1_000_000_000
NOW = 100 * SECOND


def fill(quantity: float = 7.0, **changes: Any) -> ExecutionFill:
    """An execution of the example entry."""
    plain = ExecutionFill(
        exec_id="x.01",
        ref=REF,
        perm_id=1,
        order_id=101,
        client_id=1,
        account="DU1",
        contract=OPTION,
        action="BUY",
        quantity=quantity,
        price=2.5,
        cum_quantity=quantity,
        avg_price=2.51,
        exchange="CBOE",
        executed_at=datetime(2025, 9, 19, tzinfo=UTC),
        replayed=False,
        received_ns=1,
    )
    return msgspec.structs.replace(plain, **changes)


def position(quantity: float, *, replayed: bool = False) -> PositionSnapshot:
    """IB's word."""
    return PositionSnapshot("DU1", OPTION, quantity, 251.0, replayed, 1)


def link(phase: LinkPhase) -> LinkState:
    """The connection's state."""
    return LinkState(phase=phase, reason="", account="DU1", client_id=1)


@pytest.fixture
def exposure() -> Exposure:
    """READY, and nothing held."""
    made = Exposure()
    made.observe(link(LinkPhase.READY), NOW)
    return made


def place(of: Exposure, now_ns: int) -> Place:
    """The only place, settled."""
    (found,) = of.settled(now_ns)
    return found


def test_the_path_is_bounded() -> None:
    """A position that IB does not confirm costs no more with every execution, and its quantity stays right."""
    here = Place("DU1", OPTION)
    for number in range(10 * MAX_PATH):
        here.executed(1.0, NOW + number)
    assert here.path == [10.0 * MAX_PATH - back for back in reversed(range(MAX_PATH))]
    assert here.quantity == 10 * MAX_PATH


def test_executions_run_ahead_of_the_position(exposure: Exposure) -> None:
    """IB's old word does not make a position vanish, however late the new one is."""
    exposure.observe(position(0.0), NOW)
    exposure.observe(fill(), NOW + 1)
    for later in (SETTLE_NS + 1, LAG_NS * 5):
        assert place(exposure, NOW + later).quantity == 7.0


def test_an_older_word_after_the_execution(exposure: Exposure) -> None:
    """Within the lag a position told after an execution may be from before it; after the lag it counts."""
    exposure.observe(fill(4.0), NOW)
    exposure.observe(fill(3.0, exec_id="y.01"), NOW + 1)
    exposure.observe(position(4.0), NOW + 2)
    assert place(exposure, NOW + SECOND).quantity == 7.0
    assert place(exposure, NOW + 2 + LAG_NS).quantity == 4.0


def test_somebody_elses_trade(exposure: Exposure) -> None:
    """Without an execution of ours the position is what IB says, at once."""
    exposure.observe(fill(), NOW)
    exposure.observe(position(2.0), NOW + LAG_NS)
    assert place(exposure, NOW + LAG_NS + SETTLE_NS).quantity == 2.0
    exposure.observe(fill(2.0, action="SELL", exec_id="z.01"), NOW + 2 * LAG_NS)
    assert place(exposure, NOW + 3 * LAG_NS).quantity == 0.0


def test_what_is_told_again_is_not_counted_again(exposure: Exposure) -> None:
    """A rebuild's executions are part of its positions; a correction is no second execution."""
    exposure.observe(fill(), NOW)
    exposure.observe(position(7.0, replayed=True), NOW + 1)
    exposure.observe(fill(replayed=True), NOW + 2)
    exposure.observe(fill(exec_id="x.02", supersedes="x.01"), NOW + 3)
    found = place(exposure, NOW + SECOND)
    assert found.quantity == 7.0


def test_what_was_paid(exposure: Exposure) -> None:
    """The entry's average price and its delivery; IB's average cost per contract for what others bought."""
    exposure.observe(position(7.0), NOW)
    assert place(exposure, NOW + SECOND).price() == 2.51
    exposure.observe(fill(), NOW + SECOND)
    found = place(exposure, NOW + 2 * SECOND)
    assert (found.price(), found.delivery) == (2.51, "9bbeedc541dd1c7a-mfqwpfk0")
    exposure.observe(fill(ref="by hand", avg_price=9.0), NOW + 2 * SECOND)
    assert place(exposure, NOW + 3 * SECOND).price() == 2.51


def test_what_is_held_after_it_was_flat_is_another_position(exposure: Exposure) -> None:
    """Neither the price nor the name of the delivery that is over is its; nor that of one that was turned round."""
    exposure.observe(fill(), NOW)
    exposure.observe(position(7.0), NOW)
    assert place(exposure, NOW + SECOND).owner == "9bbeedc541dd1c7a-mfqwpfk0"
    exposure.observe(fill(10.0, exec_id="s.01", action="SELL", ref="by hand"), NOW + SECOND)
    turned = place(exposure, NOW + 2 * SECOND)
    assert (turned.quantity, turned.owner, turned.price()) == (-3.0, "", 2.51)
    exposure.observe(position(0.0), NOW + 9 * SECOND)
    exposure.observe(replace(position(4.0), avg_cost=900.0), NOW + 19 * SECOND)
    again = place(exposure, NOW + 29 * SECOND)
    assert (again.quantity, again.owner, again.price()) == (4.0, "", 9.0)


def test_what_each_delivery_paid(exposure: Exposure) -> None:
    """Two deliveries in one contract at different prices: a stop climbs by what its own position paid."""
    exposure.observe(fill(), NOW)
    exposure.observe(fill(exec_id="y.01", ref="ab12-mfqwpfk1-E", avg_price=4.0), NOW)
    exposure.observe(position(14.0), NOW)
    found = place(exposure, NOW + SECOND)
    assert (found.price("9bbeedc541dd1c7a-mfqwpfk0"), found.price("ab12-mfqwpfk1")) == (2.51, 4.0)
    assert found.price() == 4.0
    assert found.price("of-yesterday") == 2.51  # IB's average cost


@pytest.mark.parametrize("again", [position(2.0), fill(2.0, exec_id="m.01", ref="", avg_price=3.0)])
def test_what_is_over_says_nothing_of_the_next_position(
    exposure: Exposure, again: PositionSnapshot | ExecutionFill
) -> None:
    """Bought by hand after a signal's position was closed: not its delivery, not its price, not its ratchet."""
    exposure.observe(fill(avg_price=9.0), NOW)
    stop = order_event("a-b-S1", account="DU1", action="SELL", order_type="STP", stop_price=8.0, perm_id=2)
    exposure.observe(stop, NOW)
    assert place(exposure, NOW + SECOND).ratchet == 8.0
    exposure.observe(fill(action="SELL", exec_id="z.01", ref="a-b-S1"), NOW)
    exposure.observe(msgspec.structs.replace(stop, status="Filled"), NOW)
    exposure.observe(again, NOW + LAG_NS)
    exposure.observe(position(2.0), NOW + LAG_NS)
    found = place(exposure, NOW + LAG_NS + SECOND)
    assert (found.quantity, found.delivery, found.ratchet, found.price()) == (2.0, "", None, 2.51)


def test_a_rebuild_repeats_what_is_over(exposure: Exposure) -> None:
    """Entered, closed, and bought again by hand, all before the rebuild: the day's executions say whose it is not."""
    bought = fill(2.0, exec_id="m.01", ref="", avg_price=3.0, replayed=True)
    exposure.observe(link(LinkPhase.SYNCING), NOW)
    exposure.observe(position(2.0, replayed=True), NOW)
    for one in (fill(avg_price=9.0), fill(action="SELL", exec_id="z.01", ref="a-b-S1"), bought):
        exposure.observe(msgspec.structs.replace(one, replayed=True), NOW)
    exposure.observe(link(LinkPhase.READY), NOW)
    found = place(exposure, NOW + SECOND)
    assert (found.quantity, found.delivery, found.price()) == (2.0, "", 2.51)


def test_an_answer_beside_the_rebuild_names_no_delivery(exposure: Exposure) -> None:
    """Bought again by hand: IB is asked for executions, and repeats the entry of what is over."""
    exposure.observe(fill(avg_price=9.0), NOW)
    exposure.observe(fill(action="SELL", exec_id="z.01", ref="a-b-S1"), NOW)
    exposure.observe(position(2.0), NOW + LAG_NS)
    exposure.observe(fill(avg_price=9.0, replayed=True), NOW + LAG_NS)
    assert place(exposure, NOW + LAG_NS + SECOND).delivery == ""


def test_what_turns_round_says_nothing_either(exposure: Exposure) -> None:
    """Sold by hand to the other side of zero."""
    exposure.observe(fill(avg_price=9.0), NOW)
    exposure.observe(fill(9.0, action="SELL", exec_id="z.01", ref=""), NOW)
    found = place(exposure, NOW + SECOND)
    assert (found.quantity, found.delivery) == (-2.0, "")


def test_what_a_rebuild_tells_again_stays_known(exposure: Exposure) -> None:
    """The entry of today's position comes back with the executions; the ratchet was never gone."""
    exposure.observe(fill(), NOW)
    exposure.observe(
        order_event("a-b-S1", account="DU1", action="SELL", order_type="STP", stop_price=2.0), NOW
    )
    exposure.observe(link(LinkPhase.SYNCING), NOW)
    exposure.observe(position(7.0, replayed=True), NOW)
    exposure.observe(link(LinkPhase.READY), NOW)
    found = place(exposure, NOW + SECOND)
    assert (found.delivery, found.price(), found.ratchet) == ("9bbeedc541dd1c7a-mfqwpfk0", 2.51, 2.0)


def test_live_orders(exposure: Exposure) -> None:
    """Kept under one key from before the permId to the end; a rebuild tells all of them again."""
    exposure.observe(order_event(account="DU1", perm_id=0), NOW)
    exposure.observe(order_event(account="DU1"), NOW)
    assert len(place(exposure, NOW + SECOND).orders) == 1
    exposure.observe(order_event(account="DU1", status="Filled"), NOW)
    assert place(exposure, NOW + SECOND).orders == {}
    exposure.observe(order_event(account="DU1"), NOW)
    exposure.observe(link(LinkPhase.SYNCING), NOW)
    assert list(exposure.settled(NOW + SECOND)) == []
    exposure.observe(link(LinkPhase.READY), NOW + SECOND)
    assert list(exposure.settled(NOW + 2 * SECOND)) == []


def test_a_rebuild_tells_every_position_again(exposure: Exposure) -> None:
    """What was sold while nobody listened is flat, and IB does not list it: it must not be protected any more."""
    exposure.observe(position(7.0), NOW)
    exposure.observe(fill(), NOW)
    exposure.observe(link(LinkPhase.SYNCING), NOW + 1)
    exposure.observe(link(LinkPhase.READY), NOW + 2)
    assert list(exposure.settled(NOW + SECOND)) == []


def test_what_is_over_is_forgotten(exposure: Exposure) -> None:
    """Once IB has told all: not in a rebuild that has to begin again, which has told of nothing yet."""
    gone = msgspec.structs.replace(OPTION, con_id=2)
    exposure.observe(fill(contract=gone), NOW)
    exposure.observe(fill(), NOW)
    for phase in (LinkPhase.DOWN, LinkPhase.SYNCING, LinkPhase.DOWN, LinkPhase.SYNCING):
        exposure.observe(link(phase), NOW + 1)
    assert len(list(exposure.places())) == 2
    exposure.observe(position(7.0, replayed=True), NOW + 2)
    exposure.observe(link(LinkPhase.READY), NOW + 3)
    [kept] = exposure.places()
    assert (kept.contract, kept.price()) == (OPTION, 2.51)


def test_nothing_is_known_before_the_snapshot_that_follows_a_loss(exposure: Exposure) -> None:
    """What ended unheard is not judged; what the snapshot tells is, once the link is READY in it."""
    exposure.observe(position(7.0), NOW)
    exposure.forget()
    assert list(exposure.places()) == []
    exposure.observe(position(3.0, replayed=True), NOW + 1)
    assert list(exposure.settled(NOW + SECOND)) == []
    exposure.observe(link(LinkPhase.READY), NOW + 1)
    [kept] = exposure.settled(NOW + SECOND)
    assert kept.quantity == 3.0


def test_only_what_is_quiet_is_judged(exposure: Exposure) -> None:
    """The events of one fill come apart: nothing is judged between them."""
    exposure.observe(fill(), NOW)
    assert list(exposure.settled(NOW + SETTLE_NS - 1)) == []
    assert place(exposure, NOW + SETTLE_NS)


def test_what_has_nothing_to_do_with_it(exposure: Exposure) -> None:
    """Quotes, and orders whose contract IB has not told."""
    exposure.observe(quote(), NOW)
    exposure.observe(order_event(contract=None), NOW)
    assert isinstance(quote(), Quote)
    assert list(exposure.settled(NOW + SECOND)) == []


def test_an_exchange_to_route_to(exposure: Exposure) -> None:
    """IB's positions name none; an order's contract does, and is kept."""
    bare = msgspec.structs.replace(OPTION, exchange="")
    exposure.observe(PositionSnapshot("DU1", bare, 7.0, 251.0, False, 1), NOW)
    exposure.observe(order_event(account="DU1"), NOW)
    assert place(exposure, NOW + SECOND).contract.exchange == "SMART"


def test_repairs_take_turns(exposure: Exposure) -> None:
    """Again at once when IB has told of the last one, else after its time; not at once for ever."""
    exposure.observe(fill(), NOW)
    found = place(exposure, NOW + SECOND)
    found.repaired_ns, found.held_back_ns, found.attempts = NOW + SECOND, NOW + 2 * SECOND, 1
    assert not found.may_repair(NOW + SECOND + 1)
    exposure.observe(order_event(account="DU1"), NOW + SECOND + 1)
    assert found.may_repair(NOW + SECOND + 2)
    found.attempts = QUICK_ATTEMPTS + 1
    assert not found.may_repair(NOW + SECOND + 2)
    assert found.may_repair(NOW + 2 * SECOND)
    found.look_again()
    assert found.may_repair(NOW + SECOND + 2)


def test_somebody_elses_trade_right_after_ours(exposure: Exposure) -> None:
    """A word that our executions did not pass is news at once, not only after the lag."""
    exposure.observe(fill(), NOW)
    exposure.observe(position(7.0), NOW + 1)
    exposure.observe(position(4.0), NOW + 2)
    assert place(exposure, NOW + SETTLE_NS + 2).quantity == 4.0


def test_ib_ahead_of_the_executions(exposure: Exposure) -> None:
    """IB says seven before the executions have come; nothing is judged until they meet its word."""
    exposure.observe(position(7.0), NOW)
    assert place(exposure, NOW + SETTLE_NS).quantity == 7.0
    exposure.observe(fill(4.0), NOW + SETTLE_NS)
    assert list(exposure.settled(NOW + 2 * SETTLE_NS)) == []
    exposure.observe(fill(3.0, exec_id="y.01"), NOW + 2 * SETTLE_NS)
    assert place(exposure, NOW + 3 * SETTLE_NS).quantity == 7.0


@pytest.mark.parametrize("words", [(2.0, 0.0), (0.0,), (9.0, 2.0, 0.0)])
def test_ours_are_sold_right_after_somebody_bought(exposure: Exposure, words: tuple[float, ...]) -> None:
    """Nine by IB's word, two of them by nobody's execution; seven and two are sold: flat, and never two short."""
    exposure.observe(fill(), NOW)
    exposure.observe(position(7.0), NOW)
    exposure.observe(position(9.0), NOW + 1)
    exposure.observe(fill(action="SELL", exec_id="s.01", ref="a-b-S1"), NOW + 2)
    exposure.observe(fill(2.0, action="SELL", exec_id="s.02", ref="a-b-S9"), NOW + 3)
    for number, word in enumerate(words):
        exposure.observe(position(word), NOW + 4 + number)
    (found,) = exposure.places()
    assert (found.quantity, found.is_certain) == (0.0, True)


def test_a_word_that_runs_ahead_is_explained_in_parts(exposure: Exposure) -> None:
    """Nine by IB's word, told twice, and then two executions of one each."""
    exposure.observe(fill(), NOW)
    exposure.observe(position(9.0), NOW + 1)
    exposure.observe(fill(1.0, exec_id="e.02"), NOW + 2)
    exposure.observe(position(9.0), NOW + 3)
    exposure.observe(fill(1.0, exec_id="e.03"), NOW + 4)
    (found,) = exposure.places()
    assert (found.quantity, found.said) == (9.0, None)


def test_a_stop_that_fills_after_somebody_elses_sale(exposure: Exposure) -> None:
    """IB's word from before the fill must not bring the position back: until its next one nothing is judged."""
    exposure.observe(fill(), NOW)
    exposure.observe(position(7.0), NOW + 1)
    exposure.observe(position(4.0), NOW + 2)
    exposure.observe(fill(4.0, action="SELL", ref="a-b-S1", exec_id="y.01"), NOW + 3)
    assert list(exposure.settled(NOW + SECOND)) == []
    exposure.observe(position(0.0), NOW + SECOND)
    assert place(exposure, NOW + SECOND + SETTLE_NS).quantity == 0.0


@given(
    trades=st.lists(st.tuples(st.integers(-9, 9), st.booleans()), max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_in_the_end_it_is_what_ib_holds(trades: list[tuple[int, bool]], order: random.Random) -> None:
    """Whoever trades, and however words and executions overtake each other: after the lag IB's last word counts."""
    exposure, held = Exposure(), 0.0
    told: list[tuple[float, PositionSnapshot | ExecutionFill]] = []
    exposure.observe(link(LinkPhase.READY), NOW)
    for number, (delta, ours) in enumerate(trades):
        held += delta
        told.append((number + order.random() * 3, position(held)))
        if ours and delta:
            action: Any = "BUY" if delta > 0 else "SELL"
            one = fill(abs(delta), action=action, exec_id=f"{number}.01")
            told.append((number + order.random() * 3, one))
    words = sorted((at for at, one in told if isinstance(one, PositionSnapshot)))  # a topic keeps its order
    ordered = iter([one for _, one in told if isinstance(one, PositionSnapshot)])
    fills = [(at, one) for at, one in told if isinstance(one, ExecutionFill)]
    messages = sorted([*fills, *((at, next(ordered)) for at in words)], key=lambda pair: pair[0])
    for step, (_, message) in enumerate(messages):
        exposure.observe(message, NOW + step)
    exposure.observe(position(held), NOW + len(messages))
    later = NOW + len(messages) + LAG_NS
    assert [one.quantity for one in exposure.settled(later)] == [held]


def test_an_order_waits_for_its_own_clients_parent(exposure: Exposure) -> None:
    """Not for somebody else's order of the same id, nor for one made by hand, whose id IB tells as 0."""
    child = order_event("a-b-S1", account="DU1", perm_id=2, order_id=102, parent_id=101)
    alone = order_event("a-b-S2", account="DU1", perm_id=3, order_id=103, parent_id=0)
    for stranger in (
        order_event("", perm_id=4, order_id=101, client_id=9),
        order_event("", perm_id=5, order_id=0),
    ):
        exposure.observe(msgspec.structs.replace(stranger, account="DU1"), NOW)
    exposure.observe(child, NOW)
    found = place(exposure, NOW + SECOND)
    assert not found.waits(child)
    assert not found.waits(alone)
    exposure.observe(order_event("a-b-E", account="DU1", perm_id=1, order_id=101), NOW)
    assert found.waits(child)


def test_the_ratchet_of_what_is_held(exposure: Exposure) -> None:
    """The tightest stop of it, whatever became of that stop; none of an entry's children, none once it is flat."""
    waiting = order_event("a-b-S1", account="DU1", action="SELL", order_type="STP", stop_price=1.4, perm_id=2)
    exposure.observe(waiting, NOW)
    assert place(exposure, NOW + SECOND).ratchet is None
    exposure.observe(fill(), NOW)
    for number, price in enumerate((1.4, 2.2, 1.8)):
        exposure.observe(msgspec.structs.replace(waiting, stop_price=price, perm_id=9 + number), NOW)
    exposure.observe(order_event("a-b-T1", account="DU1", action="SELL", perm_id=20), NOW)
    exposure.observe(msgspec.structs.replace(waiting, action="BUY", stop_price=9.0, perm_id=21), NOW)
    found = place(exposure, NOW + SECOND)
    assert found.ratchet == 2.2
    exposure.observe(fill(action="SELL", exec_id="y.01"), NOW)
    exposure.observe(waiting, NOW)
    assert place(exposure, NOW + SECOND).ratchet is None
    exposure.observe(fill(action="SELL", exec_id="z.01"), NOW)
    for price in (3.6, 3.0, 3.3):
        exposure.observe(msgspec.structs.replace(waiting, action="BUY", stop_price=price), NOW)
    assert found.ratchet == 3.0
    assert len(list(exposure.places())) == 1


def test_an_unexplained_word_has_its_time(exposure: Exposure) -> None:
    """The sale that it speaks of may be one of ours, whose execution is late: nothing is cut before then."""
    exposure.observe(fill(), NOW)
    exposure.observe(position(7.0), NOW)
    assert place(exposure, NOW + SECOND).is_explained(NOW)
    exposure.observe(position(4.0), NOW + SECOND)
    found = place(exposure, NOW + 2 * SECOND)
    assert not found.is_explained(NOW + SECOND + EXPLAIN_NS - 1)
    assert found.is_explained(NOW + SECOND + EXPLAIN_NS)


def test_an_execution_says_how_far_its_order_has_filled(exposure: Exposure) -> None:
    """Also one told again, and whatever an older word on the order says afterwards."""
    exposure.observe(order_event(account="DU1", perm_id=1), NOW)
    exposure.observe(fill(3.0, replayed=True), NOW)
    exposure.observe(order_event(account="DU1", perm_id=1), NOW)
    (order,) = place(exposure, NOW + SECOND).orders.values()
    assert (order.filled, order.remaining) == (3.0, 4.0)
