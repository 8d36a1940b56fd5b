"""Sums kept up piece by piece are the sums of the whole."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import tally
from router.delivery import Delivery
from router.execution import Commission, Execution, reason_of
from router.learning import learn
from router.tally import Side, Tally
from tests.router.factory import TS_MS
from tests.router.history import NOON, Story


def execution(number: int, leg: str, quantity: float, price: float, **changes: Any) -> Execution:
    """One execution, `number` seconds after noon."""
    plain: dict[str, Any] = {
        "exec_id": f"{number}",
        "leg": leg,
        "quantity": quantity,
        "price": price,
        "at": NOON + timedelta(seconds=number),
        "order_id": 1,
        "learned_ms": TS_MS,
        "number": number,
    }
    return Execution(**(plain | changes))


def numbers(side: Side) -> list[float]:
    """The sums of a side."""
    return [value for name in side.__struct_fields__ if isinstance(value := getattr(side, name), float)]


def same(a: Tally, b: Tally) -> bool:
    """Equal but for the order in which floats were added."""
    last = (a.entry.last, a.closing.last) == (b.entry.last, b.closing.last)
    sums = numbers(a.entry) + numbers(a.closing) == pytest.approx(numbers(b.entry) + numbers(b.closing))
    return last and sums and dict(a.uncharged) == dict(b.uncharged)


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[Execution, Commission | None]]:
    """Executions in their order, with or without a report that comes later."""
    legs = draw(st.lists(st.sampled_from(["E", "T1", "S1"]), min_size=1, max_size=12))
    cents = st.integers(1, 1_000).map(lambda n: n / 100)
    realized = st.none() | st.integers(-100, 100).map(float)
    return [
        (
            execution(n, leg, draw(st.integers(1, 9)), draw(cents)),
            draw(st.none() | st.builds(Commission, cents, realized)),
        )
        for n, leg in enumerate(legs)
    ]


@given(steps=steps(), data=st.data())
def test_one_by_one_is_all_at_once(
    steps: list[tuple[Execution, Commission | None]], data: st.DataObject
) -> None:
    """Whatever the mixture of executions and reports: adding them up gives what counting from the start gives."""
    events: list[tuple[str, Execution, Commission | None]] = []
    for x, report in steps:
        events.insert(len(events), ("add", x, None))
        if report is not None:
            at = data.draw(st.integers(0, len(events)))
            events.insert(at, ("report", x, report))
    reports: dict[str, Commission] = {}
    kept, added = Tally(), []
    for kind, x, report in events:
        if report is not None:
            reports[x.exec_id] = report
            if x.exec_id in kept.uncharged:
                kept = tally.charge(kept, x, report)
        if kind == "add":
            added.append(x)
            kept = tally.add(kept, x, reports)
        assert same(kept, tally.count(added, reports))


def test_the_last_is_that_of_ibs_time() -> None:
    """Not the one that came last."""
    late, early = execution(9, "S1", 1, 2.0), execution(1, "T1", 1, 2.0)
    assert tally.count([late, early], {}).closing.last == late
    assert tally.count([early, late], {}).closing.last == late


def test_a_price_of_nothing_is_zero() -> None:
    """No division by an empty side."""
    assert Side().price == 0.0
    assert tally.count([execution(1, "E", 3, 2.5)], {}).entry.price == 2.5


def test_a_correction_takes_the_commission_but_not_the_pnl_of_what_it_corrects() -> None:
    """IB's PnL of the old price is wrong for the new one; the commission stands until its own report comes."""
    corrected = execution(2, "T1", 1, 3.0, supersedes="1")
    side = tally.count([corrected], {"1": Commission(0.65, 50.0)}).closing
    assert (side.commission, side.realized, side.free_quantity) == (0.65, 0.0, 1)
    own = tally.count([corrected], {"1": Commission(0.65, 50.0), "2": Commission(0.70, 40.0)}).closing
    assert (own.commission, own.realized, own.free_quantity) == (0.70, 40.0, 0)


def test_the_report_of_a_correction_replaces_the_borrowed_one() -> None:
    """Both ways of learning it end in the same sums."""
    story = Story()
    delivery = learn(Delivery(story.name), story.intent(), "", TS_MS)
    for leg, message in (
        ("E", story.fill("E", 7, 2.5, exec_id="e.01")),
        ("", story.commission("e.01", 1.0)),
        ("E", story.fill("E", 7, 2.4, exec_id="e.02", supersedes="e.01")),
    ):
        delivery = learn(delivery, message, leg, TS_MS)
    assert delivery.commission == 1.0
    assert learn(delivery, story.commission("e.02", 1.5), "", TS_MS).commission == 1.5


def test_legs_have_reasons() -> None:
    """Stop, target, and everything else by hand."""
    assert [reason_of(execution(1, leg, 1, 1.0)) for leg in ("S2", "T1", "X", "X3")] == [
        "STOP",
        "TARGET",
        "MANUAL",
        "MANUAL",
    ]


def test_what_has_not_happened_has_no_last_execution() -> None:
    """Asking for it is a mistake that names the delivery."""
    with pytest.raises(ValueError, match="no such execution"):
        _ = Delivery("abc-1").last_entry
