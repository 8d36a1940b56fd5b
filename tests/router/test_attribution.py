"""Executions of nobody's order: whose position they close, in which shares, and what stays nobody's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.attribution import corrected, named, parts
from router.delivery import Delivery
from router.learning import learn, written_off
from router.messages import ExecutionFill, Target
from tests.router.factory import TS_MS, signal
from tests.router.history import Story


def story(number: int, **changes: Any) -> Story:
    """One of several deliveries in the same contract."""
    name = f"9bbeedc541dd1c7{number}"
    return Story(delivery=f"{name}-mfqwpfk0", signal=replace(signal(), id=name), **changes)


def holder(number: int, quantity: float = 7, **changes: Any) -> Delivery:
    """A delivery that has entered so much."""
    one = story(number, **changes)
    delivery = learn(Delivery(one.name), one.intent(), "", TS_MS)
    return learn(delivery, one.fill("E", quantity, 2.5, exec_id=f"e{number}.01", at_s=number), "E", TS_MS)


def by_hand(quantity: float, action: str = "SELL", at_s: float = 600, **changes: Any) -> ExecutionFill:
    """An execution of an order made in TWS."""
    return Story().fill("X", quantity, 2.4, exec_id="m.01", ref="", action=action, at_s=at_s, **changes)


def shares(fill: ExecutionFill, *holders: Delivery) -> list[tuple[str, float, str]]:
    """Whose, how much, as which leg."""
    return [(part.delivery.name[15], part.fill.quantity, part.leg) for part in parts(fill, holders)]


def test_the_oldest_is_closed_first() -> None:
    """Seven of ten close the first delivery, three the second; a sale of all closes both, and the rest is nobody's."""
    assert shares(by_hand(10), holder(1), holder(2)) == [("1", 7, "X"), ("2", 3, "X")]
    assert shares(by_hand(20), holder(1), holder(2)) == [("1", 7, "X"), ("2", 7, "X")]


def test_what_adds_is_nobodys() -> None:
    """A purchase beside a long position; a sale beside a short one."""
    assert shares(by_hand(3, "BUY"), holder(1)) == []
    assert shares(by_hand(3, "SELL"), holder(1, action="SELL")) == []
    assert shares(by_hand(3, "BUY"), holder(1, action="SELL")) == [("1", 3, "X")]


def test_a_trade_from_before_the_entry_closed_something_else() -> None:
    """IB tells the executions of a whole day when it is asked."""
    assert shares(by_hand(3, at_s=-60), holder(1)) == []


def test_a_delivery_that_has_not_entered_holds_nothing() -> None:
    """Known, ordered, and not filled."""
    one = story(1)
    assert shares(by_hand(3), learn(Delivery(one.name), one.intent(), "", TS_MS)) == []


def test_the_guards_orders_say_what_they_were() -> None:
    """A stop of the guard's that belongs to no delivery is a stop all the same."""
    assert shares(by_hand(7, perm_id=1), holder(1))[0][2] == "X"
    guards = replace(by_hand(7), ref="guard:1001-S71000000")
    assert shares(guards, holder(1)) == [("1", 7, "S71000000")]


def own_order(number: int, quantity: float, leg: str = "S71000000") -> ExecutionFill:
    """An execution of an order in a delivery's own name."""
    return story(number).fill(leg, quantity, 1.4, exec_id="s.01", at_s=600)


def named_shares(fill: ExecutionFill, own: Delivery, *holders: Delivery) -> list[tuple[str, float, str]]:
    """Whose, how much, as which leg."""
    found = named(fill, own, fill.ref.rpartition("-")[2], holders)
    return [(part.delivery.name[15], part.fill.quantity, part.leg) for part in found]


def test_an_order_of_ones_own_is_ones_own() -> None:
    """Up to what the delivery holds; an entry always."""
    one, two = holder(1), holder(2)
    assert named_shares(own_order(1, 7), one, one, two) == [("1", 7, "S71000000")]
    assert named_shares(own_order(1, 9, "S1"), one, one) == [("1", 7, "S1")]
    assert named_shares(own_order(1, 7, "E"), one, one, two) == [("1", 7, "E")]


@pytest.mark.parametrize("leg", ["S71000000", "X71000000"])
def test_what_was_bought_by_hand_is_not_closed_for_a_delivery_that_is_over(leg: str) -> None:
    """The guard's stop, or an exit, stands under the name of who entered last: beyond that it closes nobody's."""
    one = holder(1)
    assert named_shares(own_order(1, 9, leg), one, one) == [("1", 7, leg)]
    closed = learn(one, own_order(1, 7), "S71000000", TS_MS)
    assert named_shares(replace(own_order(1, 5, leg), exec_id="s.02"), closed) == []
    covers = replace(own_order(1, 3, leg), action="BUY")  # of a position that was turned round by hand
    assert named_shares(covers, one, one) == []
    unfilled = story(1, quantity=9, targets=(Target(3.25, 9),))
    half = learn(Delivery(unfilled.name), unfilled.intent(), "", TS_MS)
    half = learn(half, unfilled.fill("E", 7, 2.5, exec_id="e.01"), "E", TS_MS)
    assert named_shares(own_order(1, 9, leg), half, half) == [("1", 9, leg)]  # the rest of its entry may come


def test_the_order_in_which_its_stops_fill_does_not_matter() -> None:
    """Two bought by hand are protected in its name: that stop may fill before its own, and seven are closed all the same."""
    one = holder(1)
    first = own_order(1, 2)
    after = learn(one, first, "S71000000", TS_MS)
    assert named_shares(replace(own_order(1, 7, "S1"), exec_id="s.02"), after, after) == [("1", 5, "S1")]


def test_what_was_written_off_can_still_be_told() -> None:
    """The execution that nobody had told of takes the place of what was written off for want of it."""
    off = written_off(holder(1), TS_MS)
    assert named_shares(own_order(1, 7), off) == [("1", 7, "S71000000")]


def test_an_order_for_more_than_its_delivery_holds_closes_the_others_too() -> None:
    """The guard's stop, or an exit, in one name for several: the oldest first, as the leg that it is."""
    one, two, three = holder(1), holder(2), holder(3)
    assert named_shares(own_order(2, 17), two, one, two, three) == [
        ("2", 7, "S71000000"), ("1", 7, "S71000000"), ("3", 3, "S71000000"),
    ]  # fmt: skip
    closed = learn(two, own_order(2, 7), "S71000000", TS_MS)
    late = replace(own_order(2, 7), exec_id="s.02")
    assert named_shares(late, closed, one, closed) == [("1", 7, "S71000000")]


def test_an_execution_told_before_its_entrys_is_not_given_away() -> None:
    """What a delivery holds is not known yet."""
    one = story(1)
    ordered = learn(Delivery(one.name), one.intent(), "", TS_MS)
    assert named_shares(own_order(1, 7), ordered, ordered, holder(2)) == [("1", 7, "S71000000")]


def test_a_correction_keeps_the_shares() -> None:
    """Ten become eight: seven tenths and three tenths of them."""
    first, second = holder(1), holder(2)
    for part in parts(by_hand(10), (first, second)):
        after = learn(part.delivery, part.fill, part.leg, TS_MS, part.share)
        first, second = (after, second) if after.name == first.name else (first, after)
    revised = replace(by_hand(8), exec_id="m.02", supersedes="m.01")
    found = corrected(revised, (first, second, holder(3)))
    assert [(part.delivery.name, round(part.fill.quantity, 6)) for part in found] == [
        (first.name, 5.6),
        (second.name, 2.4),
    ]


@given(st.lists(st.integers(1, 9), max_size=4), st.integers(1, 40))
def test_shares_add_up_and_close_no_more_than_is_held(held: list[int], sold: int) -> None:
    """All of it while something is held, nothing beyond."""
    found = parts(by_hand(sold), [holder(number, quantity) for number, quantity in enumerate(held)])
    assert round(sum(part.fill.quantity for part in found), 6) == min(sold, sum(held))
    assert round(sum(part.share for part in found) * sold, 6) == min(sold, sum(held))
    assert all(part.fill.quantity <= part.delivery.held + 1e-9 for part in found)
