"""A position that somebody else closes: EXIT as MANUAL from his executions, as SYNCED_CLOSED without (contract 7)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from router.book import FILL_WAIT_MS, KEEP_DELIVERY_MS
from router.messages import LinkPhase, LinkState, Target
from tests.router.factory import signal
from tests.router.history import NOON, POSITION_ID, WAIT_MS, Desk, Story

ONE = Story(targets=(Target(3.25, 7),))
TWO = Story(
    targets=(Target(3.25, 7),),
    delivery="aaaaaaaaaaaaaaaa-mfqwpfk0",
    signal=replace(signal(), id="aaaaaaaaaaaaaaaa"),
)


def entered(*stories: Story) -> Desk:
    """Seven of each, told as ENTRY."""
    desk = Desk()
    for number, story in enumerate(stories, 1):
        desk.hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id=f"{number}.01"))
        desk.hear(story.commission(f"{number}.01", 4.55), story.position(7 * number))
    return desk


def test_closed_by_hand() -> None:
    """IB's word first, then the execution that was asked for, then its commission: one EXIT with all of it."""
    desk = entered(ONE).hear(ONE.position(0))
    assert (desk.platform.open, desk.platform.of("EXIT")) == ({}, [])
    sale = ONE.fill("X", 7, 2.4, exec_id="m.01", ref="", replayed=True, at_s=600)
    desk.hear(sale, ONE.commission("m.01", 4.55, -79.1))
    [exit_] = desk.platform.of("EXIT")
    lifecycle = exit_["lifecycle"]
    assert (lifecycle["reason"], lifecycle["quantity"], lifecycle["exit_price"]) == ("MANUAL", 7, 2.4)
    assert (lifecycle["realized_pnl"], lifecycle["result"]) == (-79.1, "LOSS")
    assert desk.platform.closed[f"20250919:{POSITION_ID}"]["close_reason"] == "MANUAL"
    desk.wait(FILL_WAIT_MS)
    assert desk.platform.warnings == []
    assert desk.book.holdings[POSITION_ID].deliveries == ()


def test_one_sale_closes_what_two_deliveries_hold() -> None:
    """Each is told its own share of quantity, commission and PnL."""
    desk = entered(ONE, TWO).hear(ONE.position(0))
    desk.hear(ONE.commission("m.01", 9.1, -158.2))  # before its execution
    desk.hear(ONE.fill("X", 14, 2.4, exec_id="m.01", ref="", at_s=600)).wait()
    exits = desk.platform.of("EXIT")
    assert [(one["id"], one["lifecycle"]["quantity"]) for one in exits] == [
        (ONE.request.signal.id, 7),
        (TWO.request.signal.id, 7),
    ]
    assert [one["lifecycle"]["realized_pnl"] for one in exits] == [-79.1, -79.1]


def test_a_reduction_by_hand_is_told_with_the_exit() -> None:
    """Contract 2.1: no SCALE_OUT for it; the stop-out of the rest is the EXIT, its PnL that of both."""
    desk = entered(ONE).hear(ONE.position(4))
    desk.hear(ONE.fill("X", 3, 2.4, exec_id="m.01", ref="", at_s=600), ONE.commission("m.01", 1.95, -33.9))
    assert desk.platform.kinds() == {"ENTRY": 1}
    assert desk.platform.open[POSITION_ID]["quantity"] == 4
    desk.hear(ONE.fill("S1", 4, 1.4, exec_id="s.01", at_s=700), ONE.commission("s.01", 2.6, -445.2))
    [exit_] = desk.platform.of("EXIT")
    assert (exit_["lifecycle"]["reason"], exit_["lifecycle"]["realized_pnl"]) == ("STOP", -479.1)


def test_a_correction_of_a_sale_by_hand() -> None:
    """Told as an ADJUSTMENT, like that of an order of ours."""
    desk = entered(ONE).hear(ONE.position(0), ONE.fill("X", 7, 2.4, exec_id="m.01", ref="", at_s=600))
    desk.hear(ONE.commission("m.01", 4.55, -79.1))
    desk.hear(ONE.fill("X", 7, 2.3, exec_id="m.02", supersedes="m.01", ref="", at_s=600)).wait()
    [adjusted] = desk.platform.of("ADJUSTMENT")
    assert adjusted["lifecycle"]["exit_price"] == 2.3


def test_a_correction_of_ones_own_stop_closes_nobody_elses() -> None:
    """What it corrects had closed its delivery; the other one that holds the contract is left alone."""
    desk = entered(ONE, TWO).hear(ONE.fill("S1", 7, 2.4, exec_id="s.01", at_s=600))
    desk.hear(ONE.commission("s.01", 4.55, -79.1), ONE.position(7))
    desk.hear(ONE.fill("S1", 7, 2.3, exec_id="s.02", supersedes="s.01", at_s=600)).wait()
    [exit_] = desk.platform.of("EXIT")
    [adjusted] = desk.platform.of("ADJUSTMENT")
    assert [one["id"] for one in (exit_, adjusted)] == [ONE.request.signal.id] * 2
    assert adjusted["lifecycle"]["exit_price"] == 2.3
    assert desk.book.deliveries[TWO.name].held == 7
    assert desk.platform.open[POSITION_ID]["quantity"] == 7


def test_a_sale_by_hand_of_which_only_the_correction_is_heard() -> None:
    """It was made and corrected while nobody was connected: IB tells the newest revision."""
    desk = entered(ONE).hear(ONE.position(0, replayed=True))
    sale = ONE.fill("X", 7, 2.3, exec_id="m.02", supersedes="m.01", ref="", replayed=True, at_s=600)
    desk.hear(sale, ONE.commission("m.02", 4.55, -149.1)).wait(FILL_WAIT_MS)
    [exit_] = desk.platform.of("EXIT")
    assert (exit_["lifecycle"]["reason"], exit_["lifecycle"]["realized_pnl"]) == ("MANUAL", -149.1)
    assert desk.platform.warnings == []


@pytest.mark.parametrize(
    "order", [("01", "03", "02"), ("03", "01", "02"), ("03", "02", "01"), ("01", "02", "03")]
)
@pytest.mark.parametrize("ref", ["", "S1"])
def test_only_the_newest_revision_counts(order: tuple[str, ...], ref: str) -> None:
    """However they come, and also where one in between is never heard; another delivery's part is not touched."""
    before = {"01": "", "02": "s.01", "03": "s.02"}
    desk = entered(ONE, TWO).hear(ONE.position(7))
    for revision in order:
        name = {"exec_id": f"s.{revision}", "supersedes": before[revision]} | ({} if ref else {"ref": ""})
        desk.hear(ONE.fill("S1", 7, 2.0 + int(revision) / 10, at_s=600, **name)).wait()
    closed = [desk.book.deliveries[story.name].tally.closing for story in (ONE, TWO)]
    assert [(side.quantity, side.price) for side in closed] == [(7, 2.3), (0, 0)]
    assert (
        desk.platform.of("ADJUSTMENT" if order[0] == "01" else "EXIT")[-1]["lifecycle"]["exit_price"] == 2.3
    )


def test_a_bust_takes_the_exit_back() -> None:
    """An execution corrected to nothing: the position is held again, and its next exit is told as an adjustment."""
    desk = entered(ONE).hear(ONE.fill("S1", 7, 2.4, exec_id="s.01", at_s=600), ONE.position(0))
    desk.hear(ONE.commission("s.01", 4.55, -79.1))
    desk.hear(ONE.fill("S1", 0, 2.4, exec_id="s.02", supersedes="s.01", at_s=600), ONE.position(7))
    desk.hear(ONE.commission("s.02", 0.0, 0.0)).wait()
    assert desk.book.deliveries[ONE.name].held == 7
    assert desk.platform.open[POSITION_ID]["quantity"] == 7
    desk.hear(ONE.fill("X", 7, 2.0, exec_id="x.01", at_s=900), ONE.commission("x.01", 4.55, -359.1)).wait()
    assert len(desk.platform.of("EXIT")) == 1
    assert desk.platform.of("ADJUSTMENT")[-1]["lifecycle"]["realized_pnl"] == -359.1
    assert (desk.book.deliveries[ONE.name].held, desk.platform.open) == (0, {})


def test_a_correction_leaves_what_was_written_off() -> None:
    """Three were sold and four written off: another price of the three makes none of the four missing."""
    desk = entered(ONE).hear(ONE.fill("S1", 3, 2.4, exec_id="s.01", at_s=600), ONE.position(0))
    desk.wait(FILL_WAIT_MS)
    assert len(desk.platform.of("EXIT")) == 1
    desk.hear(ONE.fill("S1", 3, 2.3, exec_id="s.02", supersedes="s.01", at_s=600)).wait()
    assert (desk.book.deliveries[ONE.name].held, desk.book.deliveries[ONE.name].closed) == (0, 7)


def test_the_guards_stop_in_a_forgotten_name_closes_what_is_held() -> None:
    """It stands under the delivery that entered last, which may be over long before the others."""
    desk = entered(ONE)
    stop = TWO.fill("S71000000", 7, 1.4, exec_id="s.01", at_s=600)
    desk.hear(stop, TWO.commission("s.01", 4.55, -774.55)).wait()
    [exit_] = desk.platform.of("EXIT")
    assert (exit_["id"], exit_["lifecycle"]["reason"]) == (ONE.request.signal.id, "STOP")


def test_closed_and_nobody_says_how() -> None:
    """After its wait: EXIT at what was paid, flat, SYNCED_CLOSED, and a person is told, once."""
    desk = entered(ONE).hear(ONE.position(0)).wait(FILL_WAIT_MS - 100)
    assert desk.platform.of("EXIT") == []
    assert desk.book.next_due_ms() is not None
    desk.wait(100)
    [exit_] = desk.platform.of("EXIT")
    lifecycle = exit_["lifecycle"]
    assert (lifecycle["reason"], lifecycle["result"], lifecycle["exit_price"]) == (
        "SYNCED_CLOSED",
        "FLAT",
        2.5,
    )
    [warning] = desk.platform.warnings
    assert warning["type"] == "execution_manual_fill_missing"
    assert (warning["symbol"], warning["position_id"]) == ("SPY", POSITION_ID)
    desk.wait(FILL_WAIT_MS)
    assert len(desk.platform.warnings) == 1
    assert (desk.platform.open, desk.book.next_due_ms()) == ({}, None)


@pytest.mark.parametrize("quantities", [(7,), (3, 4)])
def test_executions_that_come_after_all(quantities: tuple[int, ...]) -> None:
    """They take the place of what was written off: the last ADJUSTMENT has the true numbers."""
    desk = entered(ONE).hear(ONE.position(0)).wait(FILL_WAIT_MS)
    for number, quantity in enumerate(quantities):
        desk.hear(ONE.fill("S1", quantity, 1.4, exec_id=f"s{number}.01", replayed=True, at_s=600))
        desk.hear(ONE.commission(f"s{number}.01", 1.0, -110.0 * quantity))
    desk.wait()
    assert len(desk.platform.of("EXIT")) == 1
    adjusted = desk.platform.of("ADJUSTMENT")[-1]["lifecycle"]
    assert (adjusted["reason"], adjusted["realized_pnl"]) == ("STOP", -770.0)
    assert desk.platform.closed[f"20250919:{POSITION_ID}"]["realized_pnl"] == -770.0


@pytest.mark.parametrize("quantities", [(7,), (3, 4)])
def test_a_sale_by_hand_that_is_told_after_all(quantities: tuple[int, ...]) -> None:
    """Under nobody's reference: it belongs to whom it was written off for, and to nobody who entered later."""
    desk = entered(ONE)
    desk.now_ms = int(NOON.timestamp() * 1000) + 700_000
    desk.hear(ONE.position(0)).wait(FILL_WAIT_MS)
    assert desk.platform.of("EXIT")[0]["lifecycle"]["reason"] == "SYNCED_CLOSED"
    desk.hear(TWO.received(), TWO.intent(), TWO.fill("E", 7, 2.5, exec_id="2.01", at_s=900), TWO.position(7))
    desk.hear(TWO.commission("2.01", 4.55))
    for number, quantity in enumerate(quantities):
        sale = ONE.fill("X", quantity, 2.4, exec_id=f"m{number}.01", ref="", replayed=True, at_s=600)
        desk.hear(sale, ONE.commission(f"m{number}.01", 1.0, -10.0 * quantity))
    desk.hear(ONE.fill("X", 2, 2.4, exec_id="n.01", ref="", replayed=True, at_s=600)).wait()
    adjusted = desk.platform.of("ADJUSTMENT")[-1]
    assert (adjusted["id"], adjusted["lifecycle"]["reason"]) == (ONE.request.signal.id, "MANUAL")
    assert adjusted["lifecycle"]["realized_pnl"] == -70.0
    assert [desk.book.deliveries[story.name].held for story in (ONE, TWO)] == [0, 7]
    assert len(desk.platform.of("EXIT")) == 1
    later = TWO.fill("X", 7, 2.4, exec_id="o.01", ref="", at_s=950)
    desk.hear(later, TWO.commission("o.01", 4.55, -79.1)).wait()
    assert desk.platform.of("EXIT")[-1]["id"] == TWO.request.signal.id
    assert list(desk.platform.closed) == [f"20250919:{POSITION_ID}", f"20250919:{POSITION_ID}:2"]


def test_the_guards_stop_that_is_told_after_all() -> None:
    """Like a stop of the bracket: it takes the place of what was written off."""
    desk = entered(ONE)
    desk.now_ms = int(NOON.timestamp() * 1000) + 700_000
    desk.hear(ONE.position(0)).wait(FILL_WAIT_MS)
    desk.hear(ONE.fill("S71000000", 7, 1.4, exec_id="s.01", replayed=True, at_s=600))
    desk.hear(ONE.commission("s.01", 4.55, -774.55)).wait()
    adjusted = desk.platform.of("ADJUSTMENT")[-1]["lifecycle"]
    assert (adjusted["reason"], adjusted["realized_pnl"]) == ("STOP", -774.55)


def test_while_the_connection_is_gone_nothing_is_written_off() -> None:
    """IB cannot tell; from READY on it has its time anew."""
    desk = entered(ONE).hear(ONE.position(0), LinkState(phase=LinkPhase.DOWN, reason=""))
    desk.wait(9 * FILL_WAIT_MS)
    assert desk.platform.of("EXIT") == []
    assert desk.book.next_due_ms() is None
    desk.hear(LinkState(phase=LinkPhase.READY, reason="")).wait(FILL_WAIT_MS - 100)
    assert desk.platform.of("EXIT") == []
    desk.wait(100)
    assert len(desk.platform.of("EXIT")) == 1


def test_a_long_time_without_a_connection_forgets_no_position_that_waits() -> None:
    """What is tidied meanwhile leaves it: once IB is back, its deliveries are told how it ended."""
    desk = entered(ONE).hear(ONE.position(0), LinkState(phase=LinkPhase.DOWN, reason=""))
    desk.book.forget(desk.now_ms + KEEP_DELIVERY_MS)
    desk.hear(LinkState(phase=LinkPhase.READY, reason="")).wait(FILL_WAIT_MS)
    assert [one["lifecycle"]["reason"] for one in desk.platform.of("EXIT")] == ["SYNCED_CLOSED"]


def test_a_restart_goes_on_waiting() -> None:
    """What is missing follows from what was stored."""
    desk = entered(ONE).hear(ONE.position(0))
    again = Desk()
    again.now_ms = desk.now_ms
    again.book.load(desk.book.deliveries.values(), desk.book.holdings.values(), [], [], desk.now_ms)
    again.wait(FILL_WAIT_MS)
    assert [one["lifecycle"]["reason"] for one in again.platform.of("EXIT")] == ["SYNCED_CLOSED"]


def test_ib_ahead_of_its_executions_is_no_manual_close() -> None:
    """The position goes first, the target's execution follows within the wait: EXIT says TARGET."""
    desk = entered(ONE).hear(ONE.position(0)).wait(WAIT_MS)
    desk.hear(ONE.fill("T1", 7, 3.25, exec_id="t.01"), ONE.commission("t.01", 4.55, 515.9))
    assert [one["lifecycle"]["reason"] for one in desk.platform.of("EXIT")] == ["TARGET"]
    desk.wait(FILL_WAIT_MS)
    assert desk.platform.warnings == []


def test_only_what_holds_is_written_off() -> None:
    """Of two deliveries in one contract the one that its target has closed already is told nothing more."""
    desk = entered(ONE, TWO)
    desk.hear(ONE.fill("T1", 7, 3.25, exec_id="t.01"), ONE.commission("t.01", 4.55, 515.9), ONE.position(0))
    desk.wait(FILL_WAIT_MS)
    reasons = [(one["id"][:1], one["lifecycle"]["reason"]) for one in desk.platform.of("EXIT")]
    assert reasons == [("9", "TARGET"), ("a", "SYNCED_CLOSED")]


def test_a_stop_under_another_deliverys_name() -> None:
    """The guard protects a contract in one name; when that stop sells all, both are stopped, each with its share.

    So too where a third delivery enters before IB has told of a flat position.
    """
    desk = entered(ONE, TWO)
    sold = TWO.fill("S71000000", 14, 1.4, exec_id="s.01", at_s=600)
    desk.hear(sold, TWO.commission("s.01", 9.1, -1558.2), ONE.position(5)).wait(FILL_WAIT_MS)
    told = [(one["id"][:1], one["lifecycle"]) for one in desk.platform.of("EXIT")]
    assert [(who, one["reason"], one["quantity"]) for who, one in told] == [
        ("a", "STOP", 7),
        ("9", "STOP", 7),
    ]
    assert [one["realized_pnl"] for _, one in told] == [-779.1, -779.1]
    assert desk.platform.warnings == []
