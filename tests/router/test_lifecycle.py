"""What the platform is told of a delivery, from its entry to its exit and the money that comes late."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from router.delivery import Delivery
from router.learning import learn
from router.messages import (
    Target,
)
from tests.router.factory import TICKET, TS_MS, payload, signal
from tests.router.history import POSITION_ID, WAIT_MS, Desk, Story, won


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
