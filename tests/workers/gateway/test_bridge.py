"""What IB says of orders, field by field, as bus messages (TWS text protocol at server versions 157 to 176)."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.messages import (
    Adjustment,
    OrderLifecycleEvent,
)
from tests.workers.gateway.bridged import NOW, joined, opened
from tests.workers.gateway.told import (
    OPTION,
    REF,
    SPEC,
    UNSET,
    commission,
    contract,
    execution,
    order,
    status,
)
from workers.gateway import bridge
from workers.gateway.bridge import Bridge

__all__ = ["joined"]  # fixtures
NOISE = st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "2.5",
        UNSET,
        "1.797e308",
        "-1.797e308",
        "NaN",
        "Infinity",
        "-inf",
        "2147483647",
        "x",
    ]
)


def test_open_order(joined: Bridge) -> None:
    """openOrder carries the terms; the unset stop price of a limit is None."""
    assert opened(joined, tif="GTC", ocaGroup="g", parentId=100, orderType="LMT") == OrderLifecycleEvent(
        origin="open",
        ref=REF,
        perm_id=900_001,
        order_id=101,
        client_id=1,
        account="DU1000001",
        contract=SPEC,
        action="BUY",
        order_type="LMT",
        quantity=7.0,
        limit_price=2.5,
        stop_price=None,
        tif="GTC",
        parent_id=100,
        oca_group="g",
        status="Submitted",
        filled=0.0,
        remaining=7.0,
        avg_fill_price=None,
        why_held="",
        replayed=False,
        received_ns=5,
    )


def test_an_adjustable_stop(joined: Bridge) -> None:
    """The change that is still to come is part of the terms, in percent only where IB says so; made, it is gone."""
    coming: dict[str, Any] = {
        "orderType": "STP",
        "adjustedOrderType": "TRAIL",
        "triggerPrice": 2.7,
        "adjustedStopPrice": 1.55,
        "adjustedTrailingAmount": 42.5,
    }
    event = opened(joined, **coming, adjustableTrailingUnit=1, ocaType=2, outsideRth=True)
    assert event.adjustment == Adjustment(2.7, "TRAIL", 1.55, 42.5)
    assert (event.oca_type, event.outside_rth, event.trail_stop) == (2, True, None)
    assert opened(joined, **coming).adjustment == Adjustment(2.7, "TRAIL", 1.55, trail_amount=42.5)
    limited = coming | {"adjustedOrderType": "STP LMT", "adjustedStopLimitPrice": 1.5}
    limited["adjustedTrailingAmount"] = sys.float_info.max
    assert opened(joined, **limited).adjustment == Adjustment(2.7, "STP LMT", 1.55, limit_price=1.5)
    assert opened(joined, **(coming | {"triggerPrice": 0.0})).adjustment is None
    made = opened(joined, orderType="TRAIL", trailStopPrice=1.6, trailingPercent=42.5)
    assert (made.adjustment, made.trail_stop, made.trail_percent) == (None, 1.6, 42.5)


def test_an_algorithm_and_its_end(joined: Bridge) -> None:
    """A modification that left them out would be refused by IB (440), so they are part of the terms."""
    worked: dict[str, Any] = {"algoStrategy": "Adaptive", "algoParams": [("adaptivePriority", "Patient")]}
    event = opened(joined, **worked, tif="GTD", goodTillDate="20250919-14:02:00")
    assert (event.algo, event.algo_params) == ("Adaptive", (("adaptivePriority", "Patient"),))
    assert (event.tif, event.good_till) == ("GTD", "20250919-14:02:00")


def test_stop_price(joined: Bridge) -> None:
    """A stop's price is its auxPrice, and its unset limit is None."""
    event = opened(joined, orderType="STP", lmtPrice=sys.float_info.max, auxPrice=1.4)
    assert (event.limit_price, event.stop_price) == (None, 1.4)


def test_status_joins_the_terms(joined: Bridge) -> None:
    """orderStatus has no terms: they come from the last openOrder of the same permId."""
    open_event = opened(joined)
    event = joined.order_status(
        status(filled="3", remaining="4", average="2.49", why_held="locate", parent_id="100"),
        replayed=True,
        now_ns=9,
    )
    assert event == msgspec.structs.replace(
        open_event,
        origin="status",
        filled=3.0,
        remaining=4.0,
        avg_fill_price=2.49,
        why_held="locate",
        parent_id=100,
        replayed=True,
        received_ns=9,
    )


def test_open_order_keeps_the_fills(joined: Bridge) -> None:
    """openOrder says nothing of fills, so what the status said stays, a duplicate Filled included."""
    opened(joined)
    joined.order_status(
        status(status="Filled", filled="7", remaining="0", average="2.5"), replayed=False, now_ns=6
    )
    event = opened(joined, "Filled")
    assert (event.filled, event.remaining, event.avg_fill_price) == (7.0, 0.0, 2.5)


def test_status_before_open_order(joined: Bridge) -> None:
    """A status of an order not seen yet has no terms; its fills are there once the terms come."""
    event = joined.order_status(status(filled="3", remaining="4", average="2.5"), replayed=False, now_ns=6)
    assert (event.ref, event.contract, event.perm_id, event.order_id) == ("", None, 900_001, 101)
    assert (event.filled, event.quantity) == (3.0, 0.0)
    later = opened(joined)
    assert (later.ref, later.filled, later.remaining) == (REF, 3.0, 4.0)


def test_status_of_an_order_just_placed(joined: Bridge) -> None:
    """A status that comes before the openOrder has the ref that was placed under its id by this client."""
    joined.placed(101, REF)
    foreign = joined.order_status(status(client_id="7", perm_id="900009"), replayed=False, now_ns=6)
    mine = joined.order_status(status(), replayed=False, now_ns=6)
    assert (foreign.ref, mine.ref) == ("", REF)
    assert joined.ref_of(101) == REF


def test_orders_without_a_perm_id_are_not_confused(joined: Bridge) -> None:
    """An order that IB refuses at once has permId 0, and so has the next one: each keeps its own ref."""
    opened(joined, "Inactive", permId=0, orderId=101, orderRef="a-1-E")
    opened(joined, "Inactive", permId=0, orderId=104, orderRef="b-2-E")
    first = joined.order_status(
        status(perm_id="0", order_id="101", status="Inactive"), replayed=False, now_ns=6
    )
    other = joined.order_status(status(perm_id="0", order_id="109"), replayed=False, now_ns=6)
    foreign = joined.order_status(
        status(perm_id="0", order_id="101", client_id="7"), replayed=False, now_ns=6
    )
    assert (first.ref, other.ref, foreign.ref) == ("a-1-E", "", "")


def test_a_perm_id_that_comes_later(joined: Bridge) -> None:
    """What was said of an order before it had a permId is joined to it, and not kept twice."""
    opened(joined, "PendingSubmit", permId=0)
    event = joined.order_status(status(filled="1", remaining="6"), replayed=False, now_ns=6)
    assert (event.ref, event.perm_id) == (REF, 900_001)
    again = joined.order_status(status(perm_id="0", filled="0"), replayed=False, now_ns=7)
    assert again.ref == ""


def test_completed_order(joined: Bridge) -> None:
    """completedOrder has no order id on the wire: it is that of the order with the same permId."""
    state = SimpleNamespace(status="Cancelled", completedStatus="Cancelled by Trader")
    alone = joined.completed_order(
        contract(), order(orderId=0, clientId=0, filledQuantity=2.0), state, now_ns=8
    )
    assert (alone.origin, alone.order_id, alone.client_id, alone.status) == ("completed", 0, 0, "Cancelled")
    assert (alone.filled, alone.remaining, alone.reason, alone.replayed) == (
        2.0,
        5.0,
        "Cancelled by Trader",
        True,
    )
    second = Bridge()
    opened(second)
    second.order_status(status(filled="2", remaining="5", average="2.5"), replayed=False, now_ns=6)
    joined_event = second.completed_order(contract(), order(orderId=0, clientId=0), state, now_ns=8)
    assert (joined_event.order_id, joined_event.client_id, joined_event.avg_fill_price) == (101, 1, 2.5)


def test_completed_order_without_a_total(joined: Bridge) -> None:
    """IB leaves the total quantity of a filled order at 0: it is what was filled."""
    state = SimpleNamespace(status="Filled", completedStatus="Filled Size: 7")
    event = joined.completed_order(contract(), order(totalQuantity=0.0, filledQuantity=7.0), state, now_ns=8)
    assert (event.quantity, event.filled, event.remaining) == (7.0, 7.0, 0.0)


@pytest.mark.parametrize("state", ["Filled", "Cancelled", "ApiCancelled", "Inactive"])
def test_forget_ended(joined: Bridge, state: str) -> None:
    """Ended orders are dropped at a new connection, live ones are kept for their terms."""
    opened(joined, state)
    opened(joined, permId=900_002, orderId=102, orderRef="b-2-E")
    joined.forget_ended()
    assert (joined.ref_of(101), joined.ref_of(102)) == ("", "b-2-E")


def test_forget_what_ended_while_away(joined: Bridge) -> None:
    """An order that was live before the link broke and is completed after it does not stay for ever."""
    opened(joined)
    state = SimpleNamespace(status="Cancelled", completedStatus="")
    joined.completed_order(contract(), order(orderId=0, clientId=0), state, now_ns=8)
    joined.forget_ended()
    assert joined.ref_of(101) == ""


def finite(value: object) -> bool:
    """Whether no number inside is NaN, infinite or IB's unset."""
    if isinstance(value, float):
        return math.isfinite(value) and abs(value) < 1e300
    if isinstance(value, msgspec.Struct):
        return all(finite(getattr(value, name)) for name in value.__struct_fields__)
    return True


@given(st.data())
def test_nothing_infinite_gets_past(data: st.DataObject) -> None:
    """Whatever stands in whatever field: a message is finite throughout, or it is refused as a whole."""
    made = Bridge()
    fields = data.draw(
        st.sampled_from(
            [
                status(),
                execution(),
                commission(),
                ["61", "3", "DU1", *OPTION, "7", "2.5"],
                ["94", "9", "1", "2", "3"],
            ]
        )
    )
    where = data.draw(st.lists(st.integers(1, len(fields) - 1), max_size=4))
    mangled = [data.draw(NOISE) if i in where else field for i, field in enumerate(fields)]
    try:
        match fields[0]:
            case "3":
                message: msgspec.Struct = made.order_status(mangled, replayed=False, now_ns=5)
            case "11":
                message = made.execution(mangled, now_ns=5, now=lambda: NOW)
            case "59":
                message = made.commission(mangled, replayed=False, now_ns=5)
            case "61":
                message = bridge.position(mangled, replayed=False, now_ns=5)
            case _:
                message = bridge.pnl(mangled, "DU1", now_ns=5)
    except (ValueError, OverflowError):
        return
    assert finite(message)


@given(st.floats(), st.floats(), st.floats(), st.floats())
def test_nothing_infinite_from_the_library(limit: float, stop: float, total: float, filled: float) -> None:
    """The same for what the library decodes, which hands NaN and unset on as floats."""
    made = Bridge()
    event = opened(made, lmtPrice=limit, auxPrice=stop, totalQuantity=total)
    state = SimpleNamespace(status="Filled", completedStatus="")
    done = made.completed_order(
        contract(), order(totalQuantity=total, filledQuantity=filled), state, now_ns=8
    )
    assert finite(event)
    assert finite(done)


def test_a_status_of_what_we_placed_has_its_ref(joined: Bridge) -> None:
    """Before IB's first openOrder the id is enough, for this client's own orders only."""
    joined.placed(101, REF)
    foreign = joined.order_status(status(client_id="2", perm_id="5"), replayed=False, now_ns=6)
    assert foreign.ref == ""
    assert joined.unheard(101)
    own = joined.order_status(status(), replayed=False, now_ns=6)
    assert own.ref == REF
    assert not joined.unheard(101)


def test_a_status_without_numbers_keeps_the_last_ones(joined: Bridge) -> None:
    """An unset quantity is not zero: nothing is unfilled because IB left a field open."""
    opened(joined)
    joined.order_status(status(filled="3", remaining="4", average="2.5"), replayed=False, now_ns=6)
    for unset in ("1.7976931348623157E308", "NaN", ""):
        event = joined.order_status(status(filled=unset, remaining=unset), replayed=False, now_ns=7)
        assert (event.filled, event.remaining, event.avg_fill_price) == (3.0, 4.0, None)


def test_memory_does_not_grow_with_the_day(joined: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended orders, and executions whose commission never comes, are remembered up to a bound; live ones always."""
    monkeypatch.setattr(bridge, "KEEP", 10)
    opened(joined, permId=1, orderId=1)
    for each in range(2, 40):
        for _ in range(2):  # a duplicate Filled is normal
            opened(joined, "Filled", permId=each, orderId=each)
        joined.execution(execution(exec_id=f"e.{each}.01"), now_ns=7, now=lambda: NOW)
    assert len(joined._orders) == 11
    assert len(joined._refs_by_execution) == 10
    assert joined.ref_of(1) == REF


def test_an_order_that_comes_back(joined: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """IB may take an Inactive order back to work: it is not forgotten with those that ended when it did."""
    monkeypatch.setattr(bridge, "KEEP", 2)
    opened(joined, "Inactive", permId=1, orderId=1, orderRef="a-1-E")
    opened(joined, "Submitted", permId=1, orderId=1, orderRef="a-1-E")
    for each in (2, 3, 4):
        opened(joined, "Filled", permId=each, orderId=each)
    assert joined.ref_of(1) == "a-1-E"
