"""What the platform is told of a delivery, whatever the order in which IB says it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.delivery import Delivery
from router.learning import learn
from router.messages import (
    LinkPhase,
    LinkState,
    Message,
    OrderChange,
    OrderParked,
    OrderTimedOut,
    SignalRefused,
    SignalSized,
    Target,
    Ticket,
)
from tests.router.factory import TICKET, TS_MS, payload, signal
from tests.router.history import NOON, POSITION_ID, WAIT_MS, Desk, Story, won

OTHER_TICKET = Ticket("stream", "signals:stream", "5-0")


# ---------------------------------------------------------------- a life, in order


def test_a_life_in_order() -> None:
    """ENTRY, SCALE_OUT, EXIT and the ack, each once, with the numbers of the contract's sections 2.1 and 7."""
    desk = Desk().hear(*won(Story()))
    told = desk.platform
    assert [kind for kind, _ in told.told] == ["ENTRY", "SCALE_OUT", "EXIT"]
    execution = told.of("ENTRY")[0]["execution"]
    assert (execution["status"], execution["filled_quantity"]) == ("FILLED", 7)
    assert (execution["avg_fill_price"], execution["commission"]) == (2.5, 4.55)
    scale = told.of("SCALE_OUT")[0]["lifecycle"]
    assert (scale["quantity"], scale["remaining_quantity"], scale["realized_pnl"]) == (3, 4, 221.10)
    end = told.of("EXIT")[0]["lifecycle"]
    assert (end["realized_pnl"], end["result"], end["reason"]) == (815.90, "WIN", "TARGET")
    assert (end["quantity"], end["exit_price"], end["remaining_quantity"]) == (4, 4.0, 0)
    assert end["return_pct"] == pytest.approx(815.90 / 1750)
    assert end["holding_period_minutes"] == 20.0
    assert [ack.document["status"] for ack in told.acks] == ["FILLED"]
    assert told.settled == [TICKET]
    assert (told.open, told.count, told.pending, told.gap) == ({}, 0, {}, False)
    assert list(told.closed) == [f"20250919:{POSITION_ID}"]


def test_everything_told_of_a_delivery_has_a_token_of_its_own() -> None:
    """The bots drop what they have a token for, so no two events may share one (contract 2.1)."""
    desk = Desk().hear(*won(Story()))
    tokens = [document["dedupe_token"] for _, document in desk.platform.told]
    assert len(set(tokens)) == len(tokens)


def test_the_order_record_lives_from_the_intent_to_the_position() -> None:
    """orders:pending appears with the intent, follows the fills, and ends only once the position is open."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent())
    assert desk.platform.pending[101]["remaining"] == 7
    assert desk.book.working() == [101]
    desk.hear(story.fill("E", 3, 2.4, exec_id="e.01"))
    record = desk.platform.pending[101]
    assert (record["filled"], record["remaining"], record["avg_fill_price"]) == (3, 4, 2.4)
    assert desk.platform.open[POSITION_ID]["quantity"] == 3
    desk.hear(story.fill("E", 4, 2.5, exec_id="f.01"))
    assert desk.platform.pending == {}
    assert not desk.platform.gap
    assert desk.book.working() == []


def test_an_entry_waits_for_its_commission_but_not_for_ever() -> None:
    """With the reports at hand ENTRY has the commission; without them it comes after the wait, without."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    assert desk.platform.told == []
    assert desk.book.next_due_ms() == desk.now_ms + WAIT_MS
    desk.wait()
    assert desk.platform.of("ENTRY")[0]["execution"]["commission"] == 0.0
    assert [ack.document["status"] for ack in desk.platform.acks] == ["FILLED"]
    desk.hear(story.commission("e.01", 4.55))
    assert desk.platform.open[POSITION_ID]["commission"] == 4.55


def test_a_status_before_its_execution_says_nothing_yet() -> None:
    """Filled without the executions is no ENTRY; the last execution is (contract 0.9)."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent(), story.status("E", "Filled", 7))
    desk.hear(story.fill("E", 3, 2.5, exec_id="e.01"), story.commission("e.01", 1)).wait(10 * WAIT_MS)
    assert desk.platform.told == []
    assert desk.platform.acks == []
    desk.hear(story.fill("E", 4, 2.5, exec_id="f.01"), story.commission("f.01", 1))
    assert desk.platform.kinds() == {"ENTRY": 1}


@pytest.mark.parametrize(
    ("leg", "reason"), [("S1", "STOP"), ("T1", "TARGET"), ("X1", "MANUAL"), ("X", "MANUAL")]
)
def test_the_leg_is_the_reason(leg: str, reason: str) -> None:
    """STOP, TARGET or MANUAL comes from the orderRef of what closed the position (contract 7)."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.fill(leg, 7, 2.0, exec_id="g.01", at_s=60)).wait()
    exit_ = desk.platform.of("EXIT")[0]
    assert (exit_["lifecycle"]["reason"], exit_["exit_reason"]) == (reason, reason)
    assert desk.platform.closed[f"20250919:{POSITION_ID}"]["close_reason"] == reason


@pytest.mark.parametrize(("realized", "result"), [(10.0, "WIN"), (-10.0, "LOSS"), (0.004, "FLAT")])
def test_the_result_is_that_of_the_money(realized: float, result: str) -> None:
    """To the cent: what rounds to nothing is FLAT (contract 0.6)."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.fill("S1", 7, 2.0, exec_id="g.01"), story.commission("e.01", 1))
    desk.hear(story.commission("g.01", 1, realized))
    assert desk.platform.of("EXIT")[0]["lifecycle"]["result"] == result


def test_partial_stops_are_no_scale_outs() -> None:
    """Only a target's fill that leaves something is told on its own; the EXIT speaks of all the rest."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.fill("S1", 3, 1.40, exec_id="g.01"), story.fill("S1", 4, 1.30, exec_id="h.01")).wait()
    assert desk.platform.kinds() == {"ENTRY": 1, "EXIT": 1}
    end = desk.platform.of("EXIT")[0]["lifecycle"]
    assert (end["quantity"], end["exit_price"]) == (7, pytest.approx(1.3429))
    assert end["realized_pnl"] == pytest.approx((1.4 - 2.5) * 300 + (1.3 - 2.5) * 400)


def test_a_short_stock_earns_when_it_falls() -> None:
    """The sign of the entry turns the PnL round, and the position is SHORT by IB's sign (contract 0.1)."""
    stock = replace(Story().request.contract, sec_type="STK", expiry="", right="", strike=0.0, multiplier=1)
    view = signal(side="SHORT", contract=stock, raw=payload(side="SHORT").decode())
    story = Story(action="SELL", contract=stock, signal=view, targets=(Target(2.0, 7),), stop_price=3.0)
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    opened = desk.platform.open[POSITION_ID]
    assert (opened["side"], opened["view"], opened["quantity"]) == ("SHORT", "BEARISH", 7)
    desk.hear(story.fill("T1", 7, 2.0, exec_id="g.01")).wait()
    assert desk.platform.of("EXIT")[0]["lifecycle"]["realized_pnl"] == 3.5


# ---------------------------------------------------------------- late money


def test_an_exit_waits_for_its_commission_then_is_adjusted() -> None:
    """EXIT after the wait with the PnL from prices; IB's own number follows as an ADJUSTMENT (contract 0.9)."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.commission("e.01", 4.55), story.fill("T1", 7, 3.25, exec_id="g.01"))
    assert desk.platform.kinds() == {"ENTRY": 1}
    desk.wait(WAIT_MS - 1)
    assert desk.platform.kinds() == {"ENTRY": 1}
    desk.wait(1)
    assert desk.platform.of("EXIT")[0]["lifecycle"]["realized_pnl"] == 525.0
    desk.hear(story.commission("g.01", 4.55, 515.90))
    (adjustment,) = desk.platform.of("ADJUSTMENT")
    assert adjustment["adjusts"] == "EXIT"
    assert adjustment["execution"]["status"] == "ADJUSTMENT"
    assert adjustment["lifecycle"]["realized_pnl"] == 515.90
    assert list(desk.platform.closed) == [f"20250919:{POSITION_ID}"]
    assert desk.platform.closed[f"20250919:{POSITION_ID}"]["realized_pnl"] == 515.90
    assert len(desk.platform.acks) == 1


def test_without_ibs_number_the_exit_commission_is_taken_off() -> None:
    """(exit - entry) x quantity x multiplier less the exit's own commission (contract 7)."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.commission("e.01", 4.55), story.fill("T1", 7, 3.25, exec_id="g.01"))
    desk.hear(story.commission("g.01", 4.55, None))
    assert desk.platform.of("EXIT")[0]["lifecycle"]["realized_pnl"] == 520.45


def test_a_correction_replaces_and_never_adds() -> None:
    """`.02` takes the place of `.01`: the entry is told again at its corrected price, and counted once."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.commission("e.01", 4.55))
    desk.hear(story.fill("E", 7, 2.4, exec_id="e.02", supersedes="e.01"))
    (adjustment,) = desk.platform.of("ADJUSTMENT")
    assert adjustment["adjusts"] == "ENTRY"
    assert adjustment["execution"]["avg_fill_price"] == 2.4
    assert adjustment["execution"]["filled_quantity"] == 7
    assert desk.platform.open[POSITION_ID]["quantity"] == 7
    desk.hear(story.fill("T1", 7, 3.25, exec_id="g.01"), story.commission("g.01", 4.55))
    assert desk.platform.of("EXIT")[0]["lifecycle"]["realized_pnl"] == pytest.approx(0.85 * 700 - 4.55)


def test_a_correction_after_the_exit_adjusts_it() -> None:
    """A corrected exit price changes the total that was told, once; IB's PnL of the old price no longer counts."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.commission("e.01", 4.55), story.fill("T1", 7, 3.25, exec_id="g.01"))
    desk.hear(story.commission("g.01", 4.55, 515.90))
    desk.hear(story.fill("T1", 7, 3.15, exec_id="g.02", supersedes="g.01"))
    (adjustment,) = desk.platform.of("ADJUSTMENT")
    assert adjustment["lifecycle"]["realized_pnl"] == pytest.approx(0.65 * 700 - 4.55)
    desk.hear(story.fill("T1", 7, 3.25, exec_id="g.01"))
    assert desk.platform.kinds()["ADJUSTMENT"] == 1


def test_an_execution_is_learned_once() -> None:
    """The same again, and one that was corrected before it came, leave the delivery as it is."""
    story = Story()
    fill = story.fill("E", 7, 2.5, exec_id="e.02", supersedes="e.01")
    delivery = learn(learn(Delivery(story.name), story.intent(), "", TS_MS), fill, "E", TS_MS)
    for again in (fill, story.fill("E", 7, 2.4, exec_id="e.01")):
        assert learn(delivery, again, "E", TS_MS) is delivery


def test_a_corrected_target_fill_is_not_told_twice() -> None:
    """The SCALE_OUT of an execution that is then corrected stays the only one."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.commission("e.01", 1), story.fill("T1", 3, 3.25, exec_id="g.01"))
    desk.hear(story.commission("g.01", 1, 200.0))
    desk.hear(story.fill("T1", 3, 3.30, exec_id="g.02", supersedes="g.01")).wait()
    assert desk.platform.kinds() == {"ENTRY": 1, "SCALE_OUT": 1}


def test_an_exit_of_nothing_but_told_fills_speaks_of_them() -> None:
    """When a correction makes told target fills the whole of the closing, the EXIT names them again."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.commission("e.01", 1), story.fill("T1", 3, 3.25, exec_id="g.01"))
    desk.hear(story.commission("g.01", 1, 200.0))
    desk.hear(story.fill("T1", 7, 3.25, exec_id="g.02", supersedes="g.01"))
    assert desk.platform.of("EXIT")[0]["lifecycle"]["quantity"] == 7


# ---------------------------------------------------------------- entries that end early


@pytest.mark.parametrize(
    ("status", "acked"),
    [("Cancelled", ("CANCELLED", "cancelled")), ("ApiCancelled", ("APICANCELLED", "apicancelled"))],
)
def test_an_entry_that_dies_empty_is_acked_with_its_end(status: str, acked: tuple[str, str]) -> None:
    """No fill, no position: the ack carries IB's end and is broadcast as EXECUTION_STATUS (contract 3)."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Submitted"))
    desk.hear(story.status("E", status), story.status("E", status))
    (ack,) = desk.platform.acks
    assert (ack.document["status"], ack.document["reason"]) == acked
    assert (ack.document["filled"], ack.document["avg_price"]) == (0.0, None)
    (event,) = desk.platform.of("EXECUTION_STATUS")
    assert (event["status"], event["execution"]["filled_quantity"]) == (acked[0], 0)
    assert desk.platform.pending == {}
    assert desk.platform.settled == [TICKET]


@pytest.mark.parametrize("timed_out_first", [True, False])
def test_a_partly_filled_entry_that_dies_is_a_position(timed_out_first: bool) -> None:
    """ENTRY for what filled, ack FILLED with that quantity and the reason why not more (contract 0.10, 11.4)."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 3, 2.5, exec_id="e.01"))
    desk.hear(story.commission("e.01", 1.95))
    if timed_out_first:
        desk.hear(OrderTimedOut(story.name, "9bbeedc541dd1c7a", 60.0))
    desk.hear(story.status("E", "Cancelled", 3))
    assert desk.platform.of("ENTRY")[0]["order_size"] == 3
    (ack,) = desk.platform.acks
    assert (ack.document["status"], ack.document["filled"], ack.document["avg_price"]) == ("FILLED", 3.0, 2.5)
    assert ack.document["reason"] == ("timeout" if timed_out_first else "cancelled")
    assert not desk.platform.gap
    desk.hear(story.fill("S1", 3, 1.4, exec_id="g.01")).wait()
    assert desk.platform.of("EXIT")[0]["lifecycle"]["remaining_quantity"] == 0


def test_a_cancel_that_overtakes_executions_waits_for_them() -> None:
    """Cancelled with 3 filled says that executions are on their way: no ack before they are here."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Cancelled", 3)).wait(10 * WAIT_MS)
    assert desk.platform.acks == []
    desk.hear(story.fill("E", 3, 2.5, exec_id="e.01"), story.commission("e.01", 1))
    assert desk.platform.of("ENTRY")[0]["order_size"] == 3


def test_a_fill_after_the_cancel_was_acked_is_still_a_position() -> None:
    """IB may fill what it had called cancelled: ENTRY and position follow, the ack is not repeated."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Cancelled"))
    desk.hear(story.fill("E", 2, 2.5, exec_id="e.01"), story.commission("e.01", 1))
    assert [ack.document["status"] for ack in desk.platform.acks] == ["CANCELLED"]
    assert desk.platform.of("ENTRY")[0]["order_size"] == 2
    desk.hear(story.fill("E", 1, 2.6, exec_id="f.01"))
    assert desk.platform.of("ADJUSTMENT")[0]["execution"]["filled_quantity"] == 3


def test_an_end_heard_in_a_rebuild_gives_the_executions_time() -> None:
    """After a reconnect IB answers completed orders before executions: the end alone decides nothing yet."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent())
    desk.hear(story.status("E", "Cancelled", replayed=True))
    assert desk.platform.acks == []
    assert 101 in desk.platform.pending
    desk.hear(story.fill("E", 2, 2.5, exec_id="e.01", replayed=True), story.position(2, replayed=True))
    desk.wait()
    assert desk.platform.of("ENTRY")[0]["order_size"] == 2
    assert [ack.document["status"] for ack in desk.platform.acks] == ["FILLED"]


def test_an_end_heard_in_a_rebuild_that_was_cut_off_waits_for_the_next_one() -> None:
    """The connection went between completed orders and executions: what is told before READY may be half of it."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), LinkState(LinkPhase.SYNCING, "rebuilding"))
    desk.hear(story.status("E", "Cancelled", replayed=True), LinkState(LinkPhase.DOWN, "lost again"))
    desk.wait(30 * WAIT_MS)
    assert (desk.platform.acks, desk.book.next_due_ms()) == ([], None)
    desk.hear(story.fill("E", 2, 2.5, exec_id="e.01", replayed=True), story.position(2, replayed=True))
    desk.hear(LinkState(LinkPhase.READY, "rebuilt from IB")).wait()
    assert [ack.document["status"] for ack in desk.platform.acks] == ["FILLED"]
    assert desk.platform.of("ENTRY")[0]["order_size"] == 2


def test_an_end_that_was_whole_is_told_once_ib_is_ready() -> None:
    """Nothing had filled: READY says that all was told."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), LinkState(LinkPhase.SYNCING, "rebuilding"))
    desk.hear(story.status("E", "Cancelled", replayed=True)).wait()
    assert desk.platform.acks == []
    desk.hear(LinkState(LinkPhase.READY, "rebuilt from IB")).wait(0)
    assert [ack.document["status"] for ack in desk.platform.acks] == ["CANCELLED"]
    assert desk.book.next_due_ms() is None


def test_a_completed_order_without_a_quantity_is_not_taken_for_empty() -> None:
    """Filled with nothing known to be filled waits for the executions."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Filled", 0.0, replayed=True))
    desk.wait(10 * WAIT_MS)
    assert desk.platform.acks == []


def test_a_timeout_is_acked_as_such() -> None:
    """Cancelled after submission gave up waiting is TIMEOUT (contract 3)."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), OrderTimedOut(story.name, "", 60.0))
    desk.hear(story.status("E", "Cancelled"))
    assert desk.platform.acks[0].document["status"] == "TIMEOUT"


@pytest.mark.parametrize("error_first", [True, False])
def test_a_rejection_is_acked_once_with_ibs_reason(error_first: bool) -> None:
    """Error 201 and Inactive, in either order, are one REJECTED whose reason is IB's text (contract 8.22)."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "PreSubmitted"))
    news: list[Message] = [story.error(201, "Order rejected - reason: margin"), story.status("E", "Inactive")]
    desk.hear(*(news if error_first else reversed(news))).wait()
    (ack,) = desk.platform.acks
    assert (ack.document["status"], ack.document["reason"]) == ("REJECTED", "Order rejected - reason: margin")
    assert desk.platform.pending == {}


def test_inactive_alone_is_acked_after_the_wait() -> None:
    """An order held inactive without a reason ends as INACTIVE, once it had time to be explained."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Inactive"))
    assert desk.platform.acks == []
    desk.wait()
    assert desk.platform.acks[0].document["status"] == "INACTIVE"


def test_inactive_may_come_back_to_life() -> None:
    """IB takes a held order back to work: it fills as if nothing had been."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Inactive"))
    desk.hear(story.status("E", "Submitted")).wait()
    assert desk.platform.acks == []
    desk.hear(story.fill("E", 7, 2.5, exec_id="e.01"), story.commission("e.01", 1))
    assert desk.platform.acks[0].document["status"] == "FILLED"


def test_a_rejection_of_what_works_on_is_no_end() -> None:
    """201 is also IB's answer to a modification that it refuses: the entry is listed as working, and fills."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Submitted"))
    desk.hear(story.error(201, "Order rejected - reason: not allowed")).wait()
    assert desk.platform.acks == []
    desk.hear(story.status("E", "Submitted", replayed=True))
    desk.hear(story.status("E", "Cancelled")).wait()
    (ack,) = desk.platform.acks
    assert (ack.document["status"], ack.document["reason"]) == ("CANCELLED", "cancelled")


def test_a_rejection_whose_status_is_missing_is_told_by_what_ib_lists() -> None:
    """The gateway finds that IB lists the order no longer, and says so: REJECTED for IB's reason."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Submitted"))
    desk.hear(story.error(201, "Order rejected - reason: margin"))
    desk.hear(story.status("E", "Cancelled", replayed=True)).wait()
    (ack,) = desk.platform.acks
    assert (ack.document["status"], ack.document["reason"]) == ("REJECTED", "Order rejected - reason: margin")


@pytest.mark.parametrize("code", [103, 110, 200, 203, 321])
def test_an_order_refused_before_ib_took_it_is_rejected(code: int) -> None:
    """These come without any status. They prove nothing by themselves: the gateway asks IB, and says `terminal`."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.error(code, "", ref=""))
    assert desk.platform.acks == []
    desk.hear(story.error(code, "", ref="", policy="terminal"))
    (ack,) = desk.platform.acks
    assert (ack.document["status"], ack.document["reason"]) == ("REJECTED", f"error {code}")


@pytest.mark.parametrize("code", [110, 321, 399, 10349, 2104])
def test_other_errors_end_nothing(code: int) -> None:
    """On an order that IB holds an error is no end; only explicit terminal evidence is."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Submitted"))
    desk.hear(story.error(code, "text")).wait()
    assert desk.platform.acks == []
    assert 101 in desk.platform.pending


def test_a_cancel_whose_status_is_missing_is_told_by_its_error() -> None:
    """202 is terminal evidence too; executions get time, and after the status it says nothing new."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.status("E", "Submitted"), story.error(202, ""))
    assert desk.platform.acks == []
    desk.wait()
    assert [ack.document["status"] for ack in desk.platform.acks] == ["CANCELLED"]
    other = Desk().hear(
        story.received(), story.intent(), story.status("E", "Cancelled"), story.error(202, "")
    )
    assert [ack.document["status"] for ack in other.platform.acks] == ["CANCELLED"]


def test_an_error_about_another_leg_is_not_the_entrys() -> None:
    """A stop that IB rejects does not end the entry."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent())
    desk.hear(story.error(201, "text", ref=story.ref("S1"))).wait()
    assert desk.platform.acks == []


def test_a_parked_order_is_acked_and_keeps_blocking() -> None:
    """PARKED is told once; the order's record stays, and should it have filled after all, ENTRY follows."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), OrderParked(story.name, story.request, "in doubt"))
    (ack,) = desk.platform.acks
    assert (ack.document["status"], ack.document["reason"]) == ("PARKED", "in doubt")
    assert 101 in desk.platform.pending
    desk.hear(story.fill("E", 7, 2.5, exec_id="e.01"), story.commission("e.01", 1))
    assert desk.platform.kinds() == {"EXECUTION_STATUS": 1, "ENTRY": 1}
    assert len(desk.platform.acks) == 1
    assert desk.platform.pending == {}


@pytest.mark.parametrize(("how", "pending"), [("drop", []), ("adopt", [101]), ("resend", [101])])
def test_a_parked_order_that_is_dropped_blocks_no_longer(how: str, pending: list[int]) -> None:
    """The operator says that it never was: its record goes; should it have filled after all, ENTRY follows."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), OrderParked(story.name, story.request, "in doubt"))
    request = story.request
    desk.hear(OrderChange("parked", story.name, request.account, request.contract, (), how)).wait()
    assert (list(desk.platform.pending), desk.book.working()) == (pending, pending)
    desk.hear(story.fill("E", 7, 2.5, exec_id="e.01"), story.commission("e.01", 1))
    assert len(desk.platform.of("ENTRY")) == len(desk.platform.acks) == 1


# ---------------------------------------------------------------- tickets and refusals


def test_every_ticket_of_a_delivery_is_settled() -> None:
    """The same signal from two places is one delivery: both tickets go with the ack, later ones by themselves."""
    story, late = Story(), Ticket("list", "router:ingress:taken", "9-x")
    desk = Desk().hear(story.received(), story.received(OTHER_TICKET), story.intent())
    desk.hear(story.fill("E", 7, 2.5, exec_id="e.01"), story.commission("e.01", 1))
    assert set(desk.platform.settled) == {TICKET, OTHER_TICKET}
    desk.hear(story.received(late))
    assert desk.platform.settled[-1] == late
    assert len(desk.platform.acks) == 1


def test_a_sized_signal_is_enough_context() -> None:
    """Should the intent be missing (its journal was lost), what sizing said carries the delivery."""
    story = Story()
    desk = Desk().hear(SignalSized(story.name, story.request), story.fill("E", 7, 2.5, exec_id="e.01")).wait()
    assert desk.platform.kinds() == {"ENTRY": 1}


def refusal(**changes: Any) -> SignalRefused:
    """A signal that a gate denied."""
    story = Story()
    plain = SignalRefused(
        delivery=story.name,
        ticket=TICKET,
        status="STALE",
        reason="stale_signal_5123ms",
        signal=story.request.signal,
        signal_id=story.request.signal.id,
        symbol="SPY",
    )
    return replace(plain, **changes)


def test_a_refusal_is_acked_and_broadcast_once() -> None:
    """Whatever sizing says again after a crash, the platform hears it once (contract 3 and 10)."""
    desk = Desk().hear(Story().received(), refusal(), refusal(ticket=OTHER_TICKET), Story().received())
    (ack,) = desk.platform.acks
    body = dict(ack.document)
    assert body.pop("timestamp") == pytest.approx(TS_MS / 1000, abs=1)
    assert body == {
        "id": "9bbeedc541dd1c7a",
        "symbol": "SPY",
        "strategy": "0dte",
        "side": "LONG",
        "status": "STALE",
        "contract_fp": "sigfp:d625406e3ba518cc6234",
        "filled": 0.0,
        "avg_price": None,
        "reason": "stale_signal_5123ms",
    }
    assert ack.fingerprint == "sigfp:d625406e3ba518cc6234"
    assert desk.platform.kinds() == {"EXECUTION_STATUS": 1}
    assert set(desk.platform.settled) == {TICKET, OTHER_TICKET}
    assert desk.platform.letters == []


def test_a_refusal_without_the_signal_knows_it_from_before() -> None:
    """What SignalReceived said serves the refusal too."""
    desk = Desk().hear(Story().received(), refusal(signal=None))
    assert desk.platform.acks[0].document["strategy"] == "0dte"


def test_a_malformed_signal_with_an_id_is_kept_and_acked() -> None:
    """The dead letter has field, value and the raw text; the lock named in it is released (contract 3)."""
    raw = payload(confidence="high").decode()
    message = refusal(
        delivery="", signal=None, malformed=True, reason="no", field="confidence", value="'high'", raw=raw
    )
    desk = Desk().hear(message, message)
    (letter,) = desk.platform.letters
    assert (letter["field"], letter["value"], letter["raw"]) == ("confidence", "'high'", raw)
    (ack,) = desk.platform.acks
    assert ack.fingerprint == "sigfp:d625406e3ba518cc6234"
    assert desk.platform.told == []


@pytest.mark.parametrize(
    "raw", ["{", "[]", '{"contract_fp": 5}', "[" * 100_000, '{"contract_fp": "' + "x" * 65 + '"}']
)
def test_a_lock_that_cannot_be_read_is_not_guessed(raw: str) -> None:
    """Without a fingerprint nothing is released, and nothing breaks."""
    desk = Desk().hear(refusal(delivery="", signal=None, malformed=True, raw=raw))
    assert desk.platform.acks[0].fingerprint == ""


def test_a_malformed_signal_without_an_id_is_only_kept() -> None:
    """Nobody waits for an ack without an id: the letter is kept, the ticket settled."""
    desk = Desk().hear(refusal(delivery="", signal=None, signal_id="", malformed=True, raw="{"))
    assert (desk.platform.acks, desk.platform.settled) == ([], [TICKET])
    assert len(desk.platform.letters) == 1


# ---------------------------------------------------------------- any order


def shuffled(messages: list[Message]) -> st.SearchStrategy[list[Message]]:
    """The messages after the intent in any order, any of them repeated, positions in their own order."""
    head, rest = messages[:2], messages[2:]
    repeats = st.lists(st.sampled_from(rest), max_size=8)
    return repeats.flatmap(lambda more: st.permutations(rest + more)).map(lambda order: head + list(order))


def total(desk: Desk) -> tuple[object, ...]:
    """The last word on the trade, however often it was adjusted."""
    ends = [doc for kind, doc in desk.platform.told if kind == "EXIT" or doc.get("adjusts") == "EXIT"]
    life = ends[-1]["lifecycle"]
    return life["realized_pnl"], life["commission"], life["reason"], life["result"], life["return_pct"]


@settings(max_examples=300, deadline=None)
@given(messages=shuffled(won(Story())))
def test_any_order_ends_the_same(messages: list[Message]) -> None:
    """One ENTRY, one EXIT, one ack and the same totals, however IB's messages are swapped and repeated."""
    desk = Desk().hear(*messages).wait()
    kinds = desk.platform.kinds()
    assert (kinds["ENTRY"], kinds["EXIT"], kinds["ADJUSTMENT"]) == (1, 1, 0)
    assert [ack.document["status"] for ack in desk.platform.acks] == ["FILLED"]
    assert total(desk) == (815.90, 9.10, "TARGET", "WIN", round(815.90 / 1750, 6))
    assert desk.platform.pending == {}
    scaled = sum(document["lifecycle"]["quantity"] for document in desk.platform.of("SCALE_OUT"))
    assert scaled + desk.platform.of("EXIT")[0]["lifecycle"]["quantity"] == 7
    tokens = [document["dedupe_token"] for _, document in desk.platform.told]
    assert len(set(tokens)) == len(tokens)


CORRECTED = [*won(Story()), Story().fill("T2", 4, 3.90, exec_id="h.02", supersedes="h.01", at_s=1202)]


@settings(max_examples=300, deadline=None)
@given(messages=shuffled(CORRECTED), gap_ms=st.sampled_from([1, WAIT_MS]))
def test_any_order_of_corrections_ends_the_same(messages: list[Message], gap_ms: int) -> None:
    """With a correction in it, early or late, with or without time running out: the last totals agree."""
    desk = Desk()
    for message in messages:
        desk.hear(message).wait(gap_ms)
    desk.wait()
    kinds = desk.platform.kinds()
    assert (kinds["ENTRY"], kinds["EXIT"], len(desk.platform.acks)) == (1, 1, 1)
    corrected = round(221.10 + (3.90 - 2.50) * 400 - 2.60, 2)
    assert total(desk)[0] == corrected
    assert desk.platform.closed[f"20250919:{POSITION_ID}"]["realized_pnl"] == corrected


@settings(max_examples=200, deadline=None)
@given(
    messages=shuffled(
        [
            Story().received(),
            Story().intent(),
            Story().status("E", "Submitted"),
            Story().fill("E", 2, 2.50, exec_id="e.01"),
            Story().commission("e.01", 1.30),
            Story().status("E", "Submitted", 2),
            Story().status("E", "Cancelled", 2),
            OrderTimedOut(Story().name, "", 60.0),
        ]
    )
)
def test_any_order_of_a_dying_entry_ends_the_same(messages: list[Message]) -> None:
    """Partly filled, then cancelled: one ENTRY of what filled, one ack, no order left working."""
    desk = Desk().hear(*messages).wait()
    assert desk.platform.kinds() == {"ENTRY": 1}
    assert desk.platform.of("ENTRY")[0]["order_size"] == 2
    assert [(ack.document["status"], ack.document["filled"]) for ack in desk.platform.acks] == [
        ("FILLED", 2.0)
    ]
    assert desk.platform.pending == {}
    assert desk.platform.open[POSITION_ID]["quantity"] == 2


def test_times_that_run_backwards_give_no_holding_period() -> None:
    """An exit that IB dates before its entry has no minutes rather than negative ones (contract 7)."""
    story = Story(targets=(Target(3.25, 7),))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01", at_s=60))
    desk.hear(story.fill("T1", 7, 3.25, exec_id="g.01", at_s=0)).wait()
    end = desk.platform.of("EXIT")[0]["lifecycle"]
    assert "holding_period_minutes" not in end
    assert end["executed_at"] == NOON.isoformat()
