"""openOrder and completedOrder: field counts, and what is echoed or shown as it now stands."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from paper.order_out import completed_order, open_order
from paper.orders import Condition, Margin, Order, Status
from paper.place_order import read_place_order
from paper.wire import UNSET_DOUBLE, Fields
from tests.paper.desk import CALL, Desk, terms
from tests.paper.raw import encode, place_order

_ORDER = Order(1, 7, 99, Desk().instrument(), terms("LMT", limit="10"), Decimal(1), limit=Decimal(10))


def fields(frame: bytes) -> list[str]:
    """A frame's fields."""
    return frame[4:].decode().split("\0")[:-1]


def amounts(frame: bytes) -> list[str]:
    """The fields from the first margin amount to the commission's currency."""
    found = fields(frame)
    start = found.index("PreSubmitted") + 1
    return found[start : start + 13]


@pytest.mark.parametrize(
    ("version", "count"),
    [(157, 128), (158, 128), (159, 129), (160, 130), (162, 131), (169, 131), (170, 136), (176, 136)],
)
def test_number_of_fields_by_version(version: int, count: int) -> None:
    """As counted in real frames."""
    assert len(fields(open_order(_ORDER, version))) == count


def test_completed_order_has_101_fields_and_its_time() -> None:
    """With the time of its end in New York, or none."""
    done = replace(_ORDER, status=Status.FILLED, completed_at=datetime(2026, 11, 23, 15, tzinfo=UTC))
    assert len(fields(completed_order(done, 176))) == 101
    assert "20261123 10:00:00 US/Eastern" in fields(completed_order(done, 176))
    assert len(fields(completed_order(_ORDER, 169))) == 96


def test_optional_parts_are_echoed() -> None:
    """Scale, hedge, algo and conditions add their fields."""
    raw = {
        "scalePriceIncrement": "0.1",
        "hedgeType": "B",
        "hedgeParam": "2",
        "algoStrategy": "Adaptive",
        "percentOffset": "1.7976931348623157e+308",
        "conditionsCancelOrder": "1",
    }
    asked = replace(
        _ORDER.terms,
        raw=raw,
        algo_params=(("a", "b"),),
        conditions=(Condition(3, "a", ("1", "20991231")),),
    )
    found = fields(open_order(replace(_ORDER, terms=asked), 176))
    assert len(found) == 136 + 7 + 1 + 3 + 6
    assert [found[at : at + 4] for at in range(len(found)) if found[at] == "Adaptive"] == [
        ["Adaptive", "1", "a", "b"]
    ]


def test_prices_in_force_are_shown() -> None:
    """A trail shows where its stop and limit are now and its amount; a stop its stop; a call its terms."""
    trail = replace(
        _ORDER, terms=terms("TRAIL LIMIT", "SELL", aux="2"), stop=Decimal(8), limit=Decimal("7.5")
    )
    found = fields(open_order(trail, 176))
    assert found[15:18] == ["TRAIL LIMIT", "7.5", "2"]
    assert found.count("8") == 2
    stop = replace(_ORDER, terms=terms("STP", "SELL", aux="9"), stop=Decimal(9), limit=None)
    assert fields(open_order(stop, 176))[15:18] == ["STP", "0", "9"]
    call = replace(_ORDER, instrument=Desk().instrument(CALL))
    assert fields(open_order(call, 176))[4:9] == ["OPT", "20261218", "450", "C", "100"]


def test_margin_answers_a_what_if() -> None:
    """Nine amounts and the commission; unset without one, the commission alone once it is charged."""
    change = (Decimal(1), Decimal(2), Decimal(3))
    answered = amounts(open_order(_ORDER, 176, Margin(change, change, change, Decimal("1.25"))))
    assert answered == ["1", "1", "1", "2", "2", "2", "3", "3", "3", "1.25", "", "", "USD"]
    assert amounts(open_order(_ORDER, 176)) == [UNSET_DOUBLE] * 9 + [""] * 4
    charged = amounts(open_order(replace(_ORDER, commission=Decimal(1)), 176))
    assert (charged[9], charged[12]) == ("1", "USD")


def test_trail_stop_is_shown_as_tws_fills_it_in() -> None:
    """As recorded: a limit order's is its limit and a USD, a stop's its stop, a market order's unset; both messages."""
    stop = replace(_ORDER, terms=terms("STP", "SELL", aux="9"), stop=Decimal(9), limit=None)
    market = replace(_ORDER, terms=terms(), limit=None)
    for order, shown in ((_ORDER, "11"), (stop, "9"), (market, UNSET_DOUBLE)):
        opened = fields(open_order(order, 176))
        at = opened.index("None", opened.index("PreSubmitted")) + 2  # adjustedOrderType, triggerPrice
        assert opened[at] == shown
        done = fields(completed_order(order, 176))
        assert done[done.index("PreSubmitted") + 4] == shown


def test_bracket_child_is_shown_in_its_parents_group() -> None:
    """Under the parent's permId: always without a group of its own, and while it waits for the parent with one."""
    child = replace(_ORDER, terms=terms("LMT", limit="10", parent_id=1), parent_perm_id=98)
    grouped = replace(child, terms=replace(child.terms, oca_group="mine"))
    shown = [fields(open_order(one, 176))[19] for one in (child, replace(grouped, why_held="child"), grouped)]
    assert shown == ["98", "98", "mine"]
    assert "98" in fields(completed_order(child, 176))
    assert fields(open_order(replace(child, parent_perm_id=0), 176))[19] == ""


def test_pegging_is_filled_in_for_live_orders_in_stocks() -> None:
    """As recorded: 100 and 0.02 while the order lives; nothing for an option or an order that is done."""
    done = replace(_ORDER, status=Status.FILLED)
    call = replace(_ORDER, instrument=Desk().instrument(CALL))
    shown = [fields(open_order(one, 176))[-4:-2] for one in (_ORDER, done, call)]
    assert shown == [["100", "0.02"], ["", ""], ["", ""]]


# "-" is an empty field, "U" an unset number
_PLAIN = """
5 5 265598 AAPL STK - 0 ? - SMART USD AAPL NMS BUY 1 MKT 0 0 DAY - DU1 - 0 - 3 99 0 0 0 - 99.0/DU1/100
- - - - - - - - - 0 - -1 0 - - - - - 2147483647 0 0 0 - 3 0 0 - 0 0 - 0 None - 0 - - - ? 0 0 -
0 0 - - - - - 0 0 0 2147483647 2147483647 - - 0 - IB 0 0 - 0 0 PreSubmitted U U U U U U U U U - - - - -
0 0 0 None U U U U U U 0 - - - 0 1 0 0 0 - 0 0 - 100 0.02 - -
"""


def test_plain_order_is_shown_field_by_field_as_recorded() -> None:
    """A market order of a client that sends no more than it must, at 173: what is set, and everything else unset."""
    request = Fields(encode(*place_order(173, 5, account="DU1"))[4:])
    request.text("message id")
    asked = read_place_order(request, 173)[1]
    order = Order(3, 5, 99, Desk().instrument(), asked, Decimal(1))
    spelled = {"-": "", "U": UNSET_DOUBLE}
    assert fields(open_order(order, 173)) == [spelled.get(word, word) for word in _PLAIN.split()]
