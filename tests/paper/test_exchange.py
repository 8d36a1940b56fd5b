"""Orders at work: books of limited size, brackets, OCA groups, halts, conditions."""

from decimal import Decimal

from paper.orders import Condition
from tests.paper.desk import AAPL, CALL, Desk, terms


def statuses(told: list[str]) -> list[str]:
    """Only the status lines."""
    return [line for line in told if line.startswith("status")]


def bracket(desk: Desk, quantity: int = 10, limit: str = "263.60") -> list[str]:
    """A buy with a target at 270 and a stop at 250."""
    desk.place(1, terms("LMT", quantity=quantity, limit=limit, transmit=False))
    desk.place(2, terms("LMT", "SELL", quantity, limit="270", parent_id=1, transmit=False))
    return desk.place(3, terms("STP", "SELL", quantity, aux="250", parent_id=1))


def test_large_order_trades_in_parts_as_the_book_allows() -> None:
    """A limit order takes each level up to its limit, and the rest when there is fresh size; one commission minimum."""
    desk = Desk()
    desk.quote("263.49", "263.51", size=4)
    told = desk.place(1, terms("LMT", quantity=10, limit="263.52"))
    assert [line for line in told if line.startswith("exec")] == ["exec 1 4@263.51", "exec 1 4@263.52"]
    assert "exec 1 2@263.51" in desk.wait(1)
    order = desk.order(1)
    assert (order.status, order.commission) == ("Filled", Decimal("1.0000"))
    assert order.average_price == (4 * Decimal("263.51") + 4 * Decimal("263.52") + 2 * Decimal("263.51")) / 10


def test_two_orders_share_the_size_at_the_quote() -> None:
    """What one order took of a quote is not there for the next."""
    desk = Desk()
    desk.quote("263.49", "263.51", size=4)
    desk.place(1, terms("LMT", quantity=3, limit="263.51"))
    assert "exec 2 1@263.51" in desk.place(2, terms("LMT", quantity=3, limit="263.51"))


def test_without_the_switch_size_does_not_matter() -> None:
    """By switch an order trades whole."""
    desk = Desk(book_size=False)
    desk.quote("263.49", "263.51", size=1)
    assert "exec 1 500@263.51" in desk.place(1, terms(quantity=500))


def test_midprice_trades_in_the_middle() -> None:
    """A MIDPRICE order trades between bid and ask."""
    assert "exec 1 1@263.50" in Desk().place(1, terms("MIDPRICE"))


def test_children_wait_for_their_parent_and_then_for_each_other() -> None:
    """Children are held until the parent fills; the target's fill cancels the stop."""
    desk = Desk()
    told = statuses(bracket(desk, limit="260"))
    assert told == [
        "status 1 Submitted 0/10",
        "status 2 PreSubmitted 0/10 child",
        "status 3 PreSubmitted 0/10 child,trigger",
    ]
    told = statuses(desk.quote("259.90", "260.00"))
    assert told[2:] == ["status 2 Submitted 0/10", "status 3 PreSubmitted 0/10 trigger"]
    told = statuses(desk.quote("270.00", "270.10"))
    assert told == ["status 2 Filled 10/10"] * 2 + ["status 3 Cancelled 0/10"]
    assert desk.account.positions[desk.instrument().con_id].quantity == 0


def test_part_of_a_target_reduces_the_stop() -> None:
    """Children of one parent are reduced by the shares that another traded."""
    desk = Desk()
    bracket(desk)
    told = statuses(desk.quote("270.00", "270.05", size=4))
    assert told == ["status 2 Submitted 4/10"] * 2 + ["status 3 PreSubmitted 0/6 trigger"]


def test_cancelling_a_parent_cancels_its_children() -> None:
    """The parent's cancel comes first, each with its 202."""
    desk = Desk()
    bracket(desk, limit="260")
    assert [line.split()[1] for line in desk.cancel(1)] == ["1", "1", "2", "2", "3", "3"]


def test_children_of_a_partly_filled_parent_by_switch_protect_what_was_bought() -> None:
    """Cancelled with the parent by default; by switch they live on, cut to what the parent got."""
    for orphans, expected in ((True, []), (False, [(2, Decimal(4)), (3, Decimal(4))])):
        desk = Desk(cancel_orphans=orphans)
        bracket(desk, limit="260")
        desk.quote("259.98", "260.00", size=4)
        desk.quote("261.00", "261.02")
        desk.cancel(1)
        live = [(order.order_id, order.quantity) for order in desk.engine.book.live_orders()]
        assert live == expected


def group(desk: Desk, kind: int, quantities: tuple[int, int] = (10, 10)) -> None:
    """Two sells in one OCA group: at 264 and at 265."""
    for order_id, limit in ((1, "264"), (2, "265")):
        desk.place(
            order_id,
            terms("LMT", "SELL", quantities[order_id - 1], limit=limit, oca_group="g", oca_type=kind),
        )


def test_oca_type_1_cancels_the_rest_even_on_a_part() -> None:
    """Any fill cancels the others; who comes later to the group is rejected."""
    desk = Desk()
    group(desk, 1)
    told = statuses(desk.quote("264.00", "264.02", size=4))
    assert told[-1] == "status 2 Cancelled 0/10"
    late = desk.place(3, terms("LMT", "SELL", limit="270", oca_group="g", oca_type=1))
    assert late[-1] == "error 3 201"


def test_oca_types_2_and_3_reduce_in_proportion() -> None:
    """A fill of 40 % takes 40 % off the others; by switch it takes off the shares."""
    for kind in (2, 3):
        desk = Desk()
        group(desk, kind, (10, 20))
        assert statuses(desk.quote("264.00", "264.02", size=4))[-1] == "status 2 Submitted 0/12"
    desk = Desk()
    desk.engine.switches = desk.engine.switches.with_value("oca_reduction", "shares")
    group(desk, 2, (10, 20))
    assert statuses(desk.quote("264.00", "264.02", size=4))[-1] == "status 2 Submitted 0/16"


def test_reduction_of_less_than_half_a_unit_is_none() -> None:
    """A tenth off an order for one leaves it as it is, and nothing is told of it."""
    desk = Desk()
    group(desk, 2, (10, 1))
    assert not any("status 2" in line for line in desk.quote("264.00", "264.02", size=1))


def test_oca_type_3_can_trade_more_than_one_order_at_a_moment() -> None:
    """Without block both trade when both are in reach at once; with block only one does."""
    for kind, filled in ((3, 20), (2, 10), (1, 10)):
        desk = Desk()
        group(desk, kind)
        desk.quote("265.50", "265.52")
        assert sum(desk.order(order_id).filled for order_id in (1, 2)) == filled


def test_parent_and_child_in_one_group_are_cancelled_once() -> None:
    """A group's member that goes with its parent is not cancelled a second time."""
    desk = Desk()
    desk.place(1, terms("LMT", limit="100", oca_group="g", oca_type=1))
    desk.place(2, terms("LMT", "SELL", limit="300", parent_id=1, oca_group="g", oca_type=1))
    desk.place(3, terms("LMT", limit="101", oca_group="g", oca_type=1))
    told = desk.quote("100.90", "101.00")
    assert told.count("status 1 Cancelled 0/1") == told.count("status 2 Cancelled 0/1") == 1


def test_nothing_trades_in_a_halt() -> None:
    """A halted market fills nothing; on resumption the order trades."""
    desk = Desk()
    desk.market.halt("AAPL", True)
    assert statuses(desk.place(1, terms())) == ["status 1 PreSubmitted 0/1"]
    assert desk.wait(5) == []
    desk.market.halt("AAPL", False)
    assert desk.wait(1)[0] == "exec 1 1@263.51"


def test_conditions_hold_an_order_or_cancel_it() -> None:
    """An order with a condition waits for it; with conditionsCancelOrder it is cancelled by it."""
    desk = Desk()
    con_id = str(desk.instrument(AAPL).con_id)
    above = (Condition(1, "a", ("1", "265", con_id, "SMART", "0")),)
    desk.place(1, terms(conditions=above))
    desk.place(2, terms("LMT", limit="100", conditions=above, conditions_cancel=True))
    assert desk.wait(1) == []
    told = desk.quote("265.00", "265.02", "265.01")
    assert told[0] == "exec 1 1@265.02"
    assert told[-2:] == ["status 2 Cancelled 0/1", "error 2 202"]


def test_good_till_date_ends_an_order() -> None:
    """A GTD order is cancelled at its moment."""
    desk = Desk()
    desk.place(1, terms("LMT", limit="100", tif="GTD", good_till="20261123 10:01:00 US/Eastern"))
    assert desk.wait(59) == []
    assert desk.wait(1) == ["status 1 Cancelled 0/1", "error 1 202"]


def test_opening_fill_may_report_a_realised_pnl_of_zero() -> None:
    """Unset by default, 0 by switch."""
    for on, expected in ((False, None), (True, Decimal(0))):
        desk = Desk(opening_realized_zero=on)
        desk.place(1, terms())
        assert desk.engine.book.executions[0].realized == expected


def test_view_of_conditions() -> None:
    """Conditions see followed quotes, the cushion and what was traded."""
    desk = Desk()
    exchange = desk.engine.exchange
    assert exchange.quote_of(1) is None
    assert exchange.cushion() == 100
    assert not exchange.has_traded("AAPL", "STK")
    desk.place(1, terms())
    assert exchange.has_traded("AAPL", "STK")


def test_option_fills_at_its_own_grid() -> None:
    """An option order trades on the option's quote with an option's commission."""
    desk = Desk()
    desk.quote("3.20", "3.30", of=CALL)
    told = desk.place(1, terms(quantity=3, contract=CALL))
    assert "exec 1 3@3.30" in told
    assert told[-1] == "commission 1 1.95"


def test_what_rests_in_a_group_may_stay_presubmitted() -> None:
    """By switch, as recorded at server version 200: in an OCA group, and a bracket's target once its parent is filled."""
    desk = Desk(oca_presubmitted=True)
    told = desk.place(1, terms("LMT", limit="100", oca_group="g"))
    assert told == ["open 1 LMT PreSubmitted", "status 1 PreSubmitted 0/1"]
    assert desk.wait(1) == []
    assert desk.place(2, terms("LMT", limit="100"))[-1] == "status 2 Submitted 0/1"
    desk.place(3, terms("LMT", limit="263.60", transmit=False))
    told = desk.place(4, terms("LMT", "SELL", limit="270", parent_id=3))
    assert told[-2:] == ["open 4 LMT PreSubmitted", "status 4 PreSubmitted 0/1"]
    assert "exec 4 1@270.00" in desk.quote("270.00", "270.02")
