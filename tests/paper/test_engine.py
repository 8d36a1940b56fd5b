"""Placing, modifying and cancelling, told in the sequences of a live Gateway."""

from dataclasses import replace
from decimal import Decimal

import pytest

from paper.contracts import ContractQuery
from paper.hours import Hours
from paper.orders import OrderTerms, Refused, StatusReported
from paper.switches import MarketAck
from tests.paper.desk import CALL, Desk, lines, terms
from tests.paper.test_triggers import adjustable

_FILL = ["exec 1 1@263.51", "open 1 MKT Filled", "status 1 Filled 1/1"]
_AGAIN = ["open 1 MKT Filled charged", "status 1 Filled 1/1"]


def test_market_order_as_seen_at_version_176() -> None:
    """PreSubmitted, execution, Filled, Filled again with the commission, commission report."""
    ack = ["open 1 MKT PreSubmitted", "status 1 PreSubmitted 0/1"]
    assert Desk().place(1, terms()) == [*ack, *_FILL, *_AGAIN, "commission 1 1.0000"]


def test_market_order_as_seen_at_version_200() -> None:
    """By switch: Submitted first, Filled once."""
    desk = Desk(market_ack=MarketAck.SUBMITTED, fill_twice=False)
    ack = ["open 1 MKT Submitted", "status 1 Submitted 0/1"]
    assert desk.place(1, terms()) == [*ack, *_FILL, "commission 1 1.0000"]


def test_limit_order_rests_is_modified_and_cancelled() -> None:
    """Submitted; a new price counts the revision up; the error 202 follows the status Cancelled."""
    desk = Desk()
    rest = ["open 1 LMT Submitted", "status 1 Submitted 0/10"]
    assert desk.place(1, terms("LMT", quantity=10, limit="13.26")) == rest
    assert desk.place(1, terms("LMT", quantity=10, limit="13.27")) == rest
    assert (desk.order(1).revision, desk.order(1).limit) == (1, Decimal("13.27"))
    assert desk.cancel(1) == ["status 1 Cancelled 0/10", "error 1 202"]


def test_limit_order_may_be_presubmitted_first() -> None:
    """By switch a resting limit is announced twice."""
    told = Desk(limit_presubmitted=True).place(1, terms("LMT", limit="13.26"))
    assert [line.split()[2] for line in told if line.startswith("status")] == ["PreSubmitted", "Submitted"]


def test_limit_modified_into_a_market_order_is_filled_before_its_execution() -> None:
    """The status Filled comes before the execution and its commission."""
    desk = Desk()
    desk.place(1, terms("LMT", limit="13.26"))
    told = desk.place(1, terms())
    assert (
        told.index("status 1 Filled 1/1") < told.index("exec 1 1@263.51") < told.index("commission 1 1.0000")
    )


def test_stop_is_announced_twice_when_placed_and_when_modified() -> None:
    """whyHeld says trigger; by switch the first announcement shows the limit TWS guards the stop with."""
    desk = Desk(stop_limit_shown=True)
    twice = ["open 1 STP PreSubmitted", "status 1 PreSubmitted 0/1 trigger"] * 2
    assert desk.place(1, terms("STP", "SELL", aux="13.13")) == twice
    assert desk.place(1, terms("STP", "SELL", aux="14.13")) == twice


def test_staged_order_is_silent_until_transmitted() -> None:
    """transmit=0 tells nothing, the same id with transmit=1 is accepted."""
    desk = Desk()
    assert desk.place(1, terms("LMT", limit="13.26", transmit=False)) == []
    assert desk.place(1, terms("LMT", limit="13.26"))[0] == "open 1 LMT Submitted"


def test_orders_that_must_trade_at_once() -> None:
    """IOC: open, PendingCancel, Cancelled. FOK: open, Inactive."""
    desk = Desk()
    assert desk.place(1, terms("LMT", limit="100", tif="IOC")) == [
        "open 1 LMT PendingCancel",
        "status 1 PendingCancel 0/1",
        "status 1 Cancelled 0/1",
    ]
    assert desk.place(2, terms("LMT", limit="100", tif="FOK")) == [
        "open 2 LMT Inactive",
        "status 2 Inactive 0/1",
    ]


def test_ioc_keeps_what_it_got_and_fok_takes_all_or_nothing() -> None:
    """An IOC larger than the book in reach trades in part; a FOK of that size does not trade."""
    desk = Desk()
    desk.quote("263.49", "263.51", size=4)
    told = desk.place(1, terms("LMT", quantity=10, limit="263.51", tif="IOC"))
    assert "exec 1 4@263.51" in told
    assert told[-1] == "status 1 Cancelled 4/10"
    desk.wait(1)
    assert desk.place(2, terms("LMT", quantity=10, limit="263.51", tif="FOK"))[-1] == "status 2 Inactive 0/10"


def test_cancel_is_acknowledged_and_delayed_by_switch() -> None:
    """PendingCancel at once, a second cancel gets 161, a fill is still possible, Cancelled after the delay."""
    desk = Desk(cancel_delay=2.0)
    desk.place(1, terms("LMT", quantity=2, limit="263.40"))
    assert desk.cancel(1) == ["status 1 PendingCancel 0/2"]
    assert desk.cancel(1) == ["error 1 161"]
    told = desk.quote("263.39", "263.40", size=1)
    assert (told[0], told[2]) == ("exec 1 1@263.40", "status 1 PendingCancel 1/2")
    desk.quote("263.49", "263.51")
    assert desk.wait(2) == ["status 1 Cancelled 1/2", "error 1 202"]


def test_pending_cancel_may_come_without_delay() -> None:
    """By switch a cancel tells PendingCancel, Cancelled, 202."""
    desk = Desk(pending_cancel=True)
    desk.place(1, terms("LMT", limit="13.26"))
    assert desk.cancel(1) == ["status 1 PendingCancel 0/1", "status 1 Cancelled 0/1", "error 1 202"]


def test_fill_may_be_late() -> None:
    """By switch an order is acknowledged and trades only after a delay."""
    desk = Desk(fill_delay=1.0)
    assert desk.place(1, terms()) == ["open 1 MKT PreSubmitted", "status 1 PreSubmitted 0/1"]
    assert desk.wait(0.5) == []
    assert desk.wait(0.5)[0] == "exec 1 1@263.51"


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (terms("FEELINGS"), 321),
        (terms(contract=ContractQuery(symbol="ZZZZ", sec_type="STK")), 200),
        (terms("LMT", limit="1", adjustment=adjustable("STP").adjustment), 321),
        (replace(adjustable("STP"), tif="GTD", good_till=""), 343),
        (adjustable("TRAIL", trailing="0"), 107),
        (adjustable("STP LMT", limit=None), 107),
        (terms("MIT", aux="200"), 387),
        (terms("MOC", contract=CALL), 387),
        (terms("LMT"), 107),
        (terms("TRAIL"), 107),
        (terms("TRAIL LIMIT", aux="1", trail_stop="200"), 107),
        (terms("LMT", limit="100.001"), 110),
        (terms("LMT", limit="100", parent_id=77), 135),
        (terms(account="DU2"), 321),
        (terms(tif="ALWAYS"), 321),
        (terms(action="HOLD"), 321),
        (terms(quantity=0), 434),
        (terms(tif="GTD", good_till="tomorrow"), 343),
        (terms(quantity=1_000_000), 201),
    ],
)
def test_refusals(order: OrderTerms, code: int) -> None:
    """An order that TWS or IB would not take gets its code and is not live."""
    desk = Desk()
    assert desk.place(1, order)[-1] == f"error 1 {code}"
    assert desk.engine.book.live_orders() == []


def test_order_beyond_the_means_is_inactive_with_201() -> None:
    """The order is announced as Inactive, then rejected; its children are rejected too."""
    desk = Desk(cash=1000)
    desk.place(1, terms("LMT", quantity=100, limit="263", transmit=False))
    told = desk.place(2, terms("STP", "SELL", 100, aux="200", parent_id=1))
    assert told == [
        "open 1 LMT Inactive",
        "status 1 Inactive 0/100",
        "error 1 201",
        "open 2 STP Inactive",
        "status 2 Inactive 0/100",
        "error 2 201",
    ]


def test_modifications_that_are_refused() -> None:
    """Too late 104, another order 105, another OCA group 10326, a child by switch 135."""
    desk = Desk(child_modify_refused=True)
    desk.place(1, terms())
    assert desk.place(1, terms(quantity=2)) == ["error 1 104"]
    desk.place(2, terms("LMT", limit="100"))
    assert desk.place(2, terms("LMT", "SELL", limit="300")) == ["error 2 105"]
    assert desk.place(2, terms("LMT", limit="100", oca_group="g")) == ["error 2 10326"]
    desk.place(3, terms("LMT", "SELL", limit="300", parent_id=2))
    assert desk.place(3, terms("LMT", "SELL", limit="301", parent_id=2)) == ["error 3 135"]


def test_ids_must_rise_and_unknown_ones_cannot_be_cancelled() -> None:
    """103 for a used id, 10147 for an unknown one, 10148 for one that has ended; by switch anybody may cancel."""
    desk = Desk()
    desk.place(5, terms())
    assert desk.place(4, terms()) == ["error 4 103"]
    assert desk.cancel(9) == ["error 9 10147"]
    assert desk.cancel(5) == ["error 5 10148"]
    desk.place(6, terms("LMT", limit="100"))
    assert desk.cancel(6, client=2) == ["error 6 10147"]
    desk.engine.switches = desk.engine.switches.with_value("cancel_foreign", "on")
    told = desk.engine.cancel(2, 6, desk.now)
    assert lines(told) == ["status 6 Cancelled 0/1", "error 6 202"] * 2
    assert [one.order.client_id for one in told if isinstance(one, StatusReported)] == [1, 2]
    assert [one.client_id for one in told if isinstance(one, Refused)] == [1, 2]
    desk.engine.switches = desk.engine.switches.with_value("cancel_delay", "5")
    desk.place(7, terms("LMT", limit="100"))
    assert desk.cancel(7, client=2) == ["status 7 PendingCancel 0/1"] * 2
    assert desk.cancel(7, client=2) == ["error 7 161"]


def test_staged_orders_can_be_withdrawn_and_then_not_transmitted() -> None:
    """A staged parent's cancel is a 202; its staged child can then not be transmitted: 106."""
    desk = Desk()
    desk.place(1, terms("LMT", limit="100", transmit=False))
    desk.place(2, terms("LMT", "SELL", limit="300", parent_id=1, transmit=False))
    assert desk.cancel(1) == ["error 1 202"]
    assert desk.place(2, terms("LMT", "SELL", limit="300", parent_id=1)) == ["error 2 106"]


def test_informational_errors_on_live_orders() -> None:
    """10349 for an unset time in force, 399 for an order outside its hours: the order lives."""
    desk = Desk(Hours.NYSE, Desk().now.replace(hour=20, minute=30), tif_preset=True)
    told = desk.place(1, terms("LMT", limit="100", tif=""))
    assert told == ["error 1 10349", "open 1 LMT PreSubmitted", "status 1 PreSubmitted 0/1", "error 1 399"]


def test_stop_to_be_adjusted_in_percent_without_a_stop_price_is_never_heard_of() -> None:
    """As reported of a live Gateway; by switch it is an order like any other."""
    order = adjustable("TRAIL", unit="percent", stop=None)
    assert Desk().place(1, order) == []
    assert len(Desk(swallow_percent_trail=False).place(1, order)) == 4


def test_what_if_answers_and_leaves_nothing() -> None:
    """A whatIf order is answered and not kept."""
    desk = Desk()
    assert desk.place(1, terms(what_if=True)) == ["whatif 1"]
    assert desk.engine.book.orders == {}
    desk = Desk(tif_preset=True)
    assert desk.place(1, terms(what_if=True, tif="")) == ["error 1 10349", "whatif 1"]


def test_global_cancel_reaches_every_client() -> None:
    """reqGlobalCancel ends the orders of all clients and those by hand."""
    desk = Desk()
    desk.place(1, terms("LMT", limit="100"))
    desk.place(1, terms("LMT", limit="100"), client=2)
    desk.engine.place_by_hand(terms("LMT", limit="100"), desk.now)
    desk.engine.cancel_all(desk.now)
    assert desk.engine.book.live_orders() == []


def test_global_cancel_refuses_what_has_ended() -> None:
    """By switch each ended order of the client who asks gets a 161, after the cancels, as recorded."""
    desk = Desk(global_cancel_161=True)
    desk.place(1, terms())
    desk.place(1, terms(), client=2)
    desk.place(2, terms("LMT", limit="100"))
    told = lines(desk.engine.cancel_all(desk.now, 1))
    assert told == ["status 2 Cancelled 0/1", "error 2 202", "error 1 161"]


def test_bracket_child_may_be_changed_under_the_group_that_is_shown_for_it() -> None:
    """A client that sends back the parent's permId as OCA group changes nothing of the group."""
    desk = Desk()
    desk.place(1, terms("LMT", limit="100", transmit=False))
    desk.place(2, terms("LMT", "SELL", limit="300", parent_id=1))
    shown = str(desk.order(1).perm_id)
    assert desk.order(2).parent_perm_id == desk.order(1).perm_id
    told = desk.place(2, terms("LMT", "SELL", limit="301", parent_id=1, oca_group=shown))
    assert told == ["open 2 LMT PreSubmitted", "status 2 PreSubmitted 0/1 child"]
    assert desk.order(2).terms.oca_group == ""


def test_order_that_starts_later_waits() -> None:
    """goodAfterTime holds a market order back until its time."""
    desk = Desk()
    assert len(desk.place(1, terms(good_after="20261123 10:00:30 US/Eastern"))) == 2
    assert desk.wait(29) == []
    assert desk.wait(1)[0] == "exec 1 1@263.51"


def test_limit_too_far_through_the_market_is_ended_by_ib() -> None:
    """By switch, as recorded: PreSubmitted, PendingCancel, Cancelled, 202 with the price that would do; IOC without."""
    desk = Desk(price_band=True)
    end = ["status {} PendingCancel 0/1", "status {} Cancelled 0/1", "error {} 202"]
    told = desk.engine.place(1, 1, terms("LMT", limit="271.41"), desk.now)
    assert lines(told) == [
        "open 1 LMT PreSubmitted",
        "status 1 PreSubmitted 0/1",
        *[one.format(1) for one in end],
    ]
    assert isinstance(told[-1], Refused)
    assert "at or more aggressive than 271.4050. Please" in told[-1].text
    assert told[-1].text.endswith("the current market price of 263.50.")
    assert desk.place(2, terms("LMT", limit="300", tif="IOC"))[-1] == "status 2 Cancelled 0/1"
    assert desk.place(3, terms("LMT", limit="271.40"))[2] == "exec 3 1@263.51"
    desk.place(4, terms("LMT", "SELL", limit="270"))
    assert desk.place(4, terms("LMT", "SELL", limit="255.59"))[2:] == [one.format(4) for one in end]
    assert "Filled" in desk.place(5, terms("MKT"))[-2]
    assert desk.place(6, terms("STP LMT", aux="260", limit="400"))[-1] != "error 6 202"
