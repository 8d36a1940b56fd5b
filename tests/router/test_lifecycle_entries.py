"""Entries that end early, and what is told of them."""

from __future__ import annotations

import pytest

from router.messages import (
    LinkPhase,
    LinkState,
    Message,
    OrderChange,
    OrderParked,
    OrderTimedOut,
)
from tests.router.factory import TICKET
from tests.router.history import WAIT_MS, Desk, Story


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
