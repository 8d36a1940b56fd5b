"""The guard's decision: never unprotected, never protected twice, and repairs that come to an end."""

from __future__ import annotations

from math import floor
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from router.messages import Action, Leg, OrderLifecycleEvent
from router.protection import (
    NOTHING,
    Closer,
    Cut,
    Repair,
    alert,
    closers_of,
    is_guards,
    is_ours,
    judge,
    superfluous,
)
from tests.router.factory import OPTION, order_event

STEM = "9bbeedc541dd1c7a-mfqwpfk0"


def closer(ref: str, quantity: float, group: str = "", kind: Any = "stop", **changes: Any) -> Closer:
    """A live order of ours that closes."""
    return Closer(ref, group, kind, quantity, **({"ours": True} | changes))


def pair(number: int, quantity: float, **changes: Any) -> list[Closer]:
    """A stop and its target."""
    group = f"g{number}"
    return [
        closer(f"S{number}", quantity, group, **changes),
        closer(f"T{number}", quantity, group, "target", **changes),
    ]


def event(leg: str, **changes: Any) -> OrderLifecycleEvent:
    """A live order of the example bracket."""
    plain = order_event(f"{STEM}-{leg}", action="SELL", order_type="STP", perm_id=0, order_id=103)
    return msgspec.structs.replace(plain, **changes)


@st.composite
def situations(draw: st.DrawFn) -> tuple[float, list[Closer]]:
    """A position, which may have a fraction, and orders of ours and of others in groups or alone."""
    closers = []
    for number in range(draw(st.integers(0, 4))):
        closers.append(
            Closer(
                ref=f"o{number}",
                group=draw(st.sampled_from(["", "a", "b"])),
                kind=draw(st.sampled_from(["stop", "target", "exit"])),
                quantity=draw(st.integers(1, 9)),
                ours=draw(st.booleans()),
                made_by_guard=draw(st.booleans()),
            )
        )
    return draw(st.integers(-36, 36)) / 4, closers


def carried_out(repair: Repair, closers: list[Closer]) -> list[Closer]:
    """What works after the repair."""
    cuts = {cut.ref: cut.quantity for cut in repair.cuts}
    kept = [one._replace(quantity=cuts.get(one.ref, one.quantity)) for one in closers]
    after = [one for one in kept if one.quantity > 0]
    if repair.missing:
        after.append(closer("new-S", repair.missing, "new"))
        if not repair.alone:
            after.append(closer("new-T", repair.missing, "new", "target"))
    return after


def tied(closers: list[Closer]) -> float:
    """How much could be sold if every group filled."""
    groups: dict[str, float] = {}
    for one in closers:
        key = one.group or one.ref
        groups[key] = max(groups.get(key, 0.0), one.quantity)
    return sum(groups.values())


def covered(closers: list[Closer]) -> float:
    """How much is protected."""
    return tied([one for one in closers if one.kind != "target"])


@given(situations())
def test_repairs_come_to_an_end_and_everything_is_protected(given_: tuple[float, list[Closer]]) -> None:
    """Within a few steps nothing is left to do; then all is covered that can be, and our own orders turn nothing round."""
    position, closers = given_
    for _ in range(8):
        repair = judge(position, closers)
        if not repair.needed:
            break
        closers = carried_out(repair, closers)
    assert judge(position, closers) == NOTHING
    assert covered(closers) >= floor(abs(position))
    if all(one.ours for one in closers):
        assert tied(closers) == covered(closers) == floor(abs(position))


@given(situations())
def test_no_step_protects_more_than_is_held(given_: tuple[float, list[Closer]]) -> None:
    """A stop that is larger than its position would turn it round: not even for a moment, where all orders are ours."""
    position, closers = given_
    closers = [one._replace(ours=True) for one in closers]
    for _ in range(8):
        repair = judge(position, closers)
        assert not (repair.missing and repair.cuts)  # nothing is added while too much is there
        closers = carried_out(repair, closers)
        assert covered(closers) <= abs(position)
        if repair.missing:
            assert covered(closers) == floor(abs(position))


def test_what_a_person_is_told() -> None:
    """Which position, what is wrong with it, and what is done about it."""
    bare = alert("DU1", OPTION, 7.0, Repair(7, ()), "nothing is done")
    assert bare.text == "7 SPY 20250919 451C in DU1, 7 without a stop: nothing is done"
    assert (bare.kind, bare.severity, bare.symbol) == ("position_unprotected", "critical", "SPY")
    more = alert("DU1", OPTION, -7.0, Repair(0, (Cut("S1", 7), Cut("T1", 7))), "cut back")
    assert "more at work than is held" in more.text
    assert dict(more.details) == {
        "account": "DU1",
        "con_id": "1001",
        "position": "-7",
        "missing": "0",
        "too_much": "S1, T1",
    }


@given(situations())
def test_orders_of_others_are_never_touched(given_: tuple[float, list[Closer]]) -> None:
    """Whoever placed an order by hand keeps it."""
    position, closers = given_
    ours = {one.ref for one in closers if one.ours}
    assert {cut.ref for cut in judge(position, closers).cuts} <= ours


def test_a_protected_position_is_left_alone() -> None:
    """Two pairs over the whole position, long or short; nothing held and nothing at work."""
    assert judge(7, [*pair(1, 4), *pair(2, 3)]) == NOTHING
    assert judge(-7, pair(1, 7)) == NOTHING
    assert judge(0, []) == NOTHING


def test_a_bare_position_gets_a_pair() -> None:
    """A manual order, a synced position, a bracket whose children went with a half-filled parent."""
    assert judge(7, []) == Repair(7, ())
    assert judge(7, pair(1, 4)) == Repair(3, ())


def test_a_rejected_stop_takes_its_target_along() -> None:
    """The target that is left would sell what a new pair also sells: it goes first, then the pair comes."""
    orphan = [closer("T1", 7, "g1", "target")]
    assert judge(7, orphan) == Repair(0, (Cut("T1", 0),))


def test_somebody_elses_target_stays() -> None:
    """It is not ours to cancel: a stop alone, so that there is one."""
    assert judge(7, [closer("manual", 7, "", "target", ours=False)]) == Repair(7, (), alone=True)


def test_too_much_is_cut_back_to_the_position() -> None:
    """After a manual sale of three the pair is made smaller, both of it; after a sale of all it is cancelled."""
    assert judge(4, pair(1, 7)) == Repair(0, (Cut("S1", 4), Cut("T1", 4)))
    assert judge(0, pair(1, 7)) == Repair(0, (Cut("S1", 0), Cut("T1", 0)))


def test_the_guards_own_orders_go_first() -> None:
    """The bracket's children woke up late: what the guard had put in their place goes again."""
    late = [*pair(1, 7), *pair(2, 3, made_by_guard=True)]
    assert judge(7, late) == Repair(0, (Cut("S2", 0), Cut("T2", 0)))


def test_two_stops_of_somebody_else_are_two() -> None:
    """Placed by hand, without a reference and without a group: together they protect all of it."""
    assert judge(10, [closer("", 5, ours=False), closer("", 5, ours=False)]) == NOTHING
    assert judge(10, [closer("", 5, ours=False)]) == Repair(5, ())


def test_ours_and_anothers_under_one_reference_are_two() -> None:
    """Ours is what can be cut; the same reference twice among ours is one order that went out twice."""
    other = closer("S1", 5, ours=False)
    assert judge(5, [closer("S1", 5), other]) == Repair(0, (Cut("S1", 0),))
    assert judge(5, [closer("S1", 5), closer("S1", 5)]) == NOTHING


def test_an_exit_at_market_covers() -> None:
    """What is being sold at once needs no stop."""
    assert judge(7, [closer("X1", 7, "", "exit")]) == NOTHING


def test_children_that_wait_protect_nothing_yet() -> None:
    """Of a parent that has not filled nothing is at work; of a half-filled one so much, unless IB says they wait."""
    parent = event("E", action="BUY", order_type="LMT", order_id=101, filled=0.0)
    child = event("S1", parent_id=101, oca_group="g")
    assert closers_of(7, [parent, child], client_id=1) == []
    half = msgspec.structs.replace(parent, filled=3.0)
    (working,) = closers_of(7, [half, child], client_id=1)
    assert working == Closer(f"{STEM}-S1", "g", "stop", 3.0, ours=True)
    held = msgspec.structs.replace(child, why_held="child,trigger")
    assert closers_of(7, [half, held], client_id=1) == []
    (alone,) = closers_of(7, [child], client_id=1)
    assert alone.quantity == 7.0


def test_only_what_closes_counts() -> None:
    """A purchase does not protect what was bought; an entry in the other direction is no stop; a market order closes."""
    assert closers_of(7, [event("S1", action="BUY")], client_id=1) == []
    assert closers_of(7, [event("E", order_type="STP")], client_id=1) == []
    kinds = [event("T1", order_type="LMT"), event("X1", order_type="MKT"), event("S1", order_type="TRAIL")]
    assert [one.kind for one in closers_of(7, kinds, client_id=1)] == ["target", "exit", "stop"]
    assert [one.kind for one in closers_of(-7, [event("S1", action="BUY")], client_id=1)] == ["stop"]


def test_whose_an_order_is() -> None:
    """By its orderRef and its client: ours, of a bracket or of the guard, or somebody else's."""
    (foreign,) = closers_of(7, [event("S1", client_id=9)], client_id=1)
    assert not foreign.ours
    assert is_ours("guard:1001-S71000000")
    assert not is_ours("by hand")
    assert is_guards(f"{STEM}-S71000000")
    assert is_guards("guard:1001-S71000000")
    assert not is_guards(f"{STEM}-S12")
    assert not is_guards(f"{STEM}-X1758290400000")  # of a flatten
    assert not is_guards("by hand")


def leg(ref: str, quantity: int, action: Action = "SELL") -> Leg:
    """A stop about to be sent."""
    return Leg(ref, "stop", action, "STP", quantity, stop_price=1.0)


def test_a_repair_that_came_too_late_is_superfluous() -> None:
    """It waited for its turn: closed, turned round or protected meanwhile, its stop would sell what is not held."""
    late = [leg(f"{STEM}-S71000000", 7)]
    assert not superfluous(late, 7, [], client_id=1)
    assert not superfluous([leg(f"{STEM}-S71000000", 7, "BUY")], -7, [], client_id=1)
    assert superfluous(late, 0, [], client_id=1)
    assert superfluous(late, -7, [], client_id=1)
    assert superfluous(late, 6, [], client_id=1)
    assert superfluous(late, 7, [event("S1")], client_id=1)
    assert not superfluous(late, 14, [event("S1")], client_id=1)


def test_only_the_guards_stops_are_asked_about() -> None:
    """What a bracket or a person places stands on its own."""
    assert not superfluous([leg(f"{STEM}-S2", 7)], 0, [], client_id=1)
    exit_ = Leg("guard:1001-X71000000", "exit", "SELL", "MKT", 7)
    assert not superfluous([exit_], 0, [], client_id=1)
