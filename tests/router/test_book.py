"""The book: whose news a message is, what comes for the first time, what is stored, what is forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.book import KEEP_DELIVERY_MS, KEEP_SEEN_MS, Book
from router.effects import Warn
from router.memory import (
    DeliveryChanged,
    DeliveryForgotten,
    HoldingChanged,
    HoldingForgotten,
    OrphanJoined,
    OrphanKept,
    Seen,
    SeenForgotten,
)
from router.messages import (
    Alert,
    LinkPhase,
    LinkState,
    Message,
    OrderSent,
    OrderTimedOut,
    PnLSnapshot,
    Target,
)
from router.payloads import alert_document
from tests.router.factory import TS_MS, order_event, signal
from tests.router.history import ACCOUNT, FIRST_ID, POSITION_ID, WAIT_MS, Desk, Story, account, won


def pnl(con_id: int = 0, *, account: str = ACCOUNT, value: float | None = None) -> PnLSnapshot:
    """PnL of the account, or of a position."""
    return PnLSnapshot(account, con_id, -120.456, 12.5, None, value, received_ns=1)


# ---------------------------------------------------------------- whose news


def test_an_alert_is_passed_on() -> None:
    """Once, with the time its publisher published it, and nothing is remembered of it."""
    alert = Alert("undecodable", "warning", "kept in quarantine")
    outcome = Book(account=ACCOUNT, wait_ms=WAIT_MS).apply(alert, at_ms=2_000)
    assert outcome == ([Warn(alert_document(alert, 2_000))], [], False, ())


def test_what_is_nobodys_is_told_to_nobody() -> None:
    """A manual order, or one of a delivery that is not known, makes no lifecycle event and no state."""
    story, desk = Story(), Desk()
    desk.hear(
        story.fill("E", 7, 2.5, exec_id="a.01", ref=""),
        story.fill("E", 7, 2.5, exec_id="b.01"),
        story.commission("a.01", 1),
        story.status("E", "Filled", 7),
        story.error(201, "no"),
        OrderTimedOut(story.name, "", 60.0),
        OrderSent(story.name, (101,)),
    ).wait()
    assert (desk.platform.told, desk.platform.acks, desk.book.deliveries) == ([], [], {})
    assert desk.book.executions.orphans == {}


def test_an_execution_without_an_order_behind_it_is_not_counted() -> None:
    """A signal that is known but was never ordered cannot have filled."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.fill("E", 7, 2.5, exec_id="a.01")).wait()
    assert (desk.platform.told, desk.platform.open) == ([], {})


def test_an_execution_comes_once() -> None:
    """The same execution, and the same commission, a second time is said to be a repetition."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent())
    fill, report = story.fill("E", 7, 2.5, exec_id="e.01"), story.commission("e.01", 1)
    outcomes = [desk.book.apply(message, at_ms=TS_MS) for message in (fill, fill, report, report)]
    assert [outcome.repeated for outcome in outcomes] == [False, True, False, True]
    assert (outcomes[1].effects, outcomes[1].memory) == ([], [])
    manual = story.fill("E", 7, 2.5, exec_id="m.01", ref="")
    assert [desk.book.apply(manual, at_ms=TS_MS).repeated for _ in range(2)] == [False, True]


def test_a_commission_before_its_execution_is_kept_for_it() -> None:
    """It has no reference then; the execution joins it (the bridge says so)."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent())
    early = desk.book.apply(story.commission("e.01", 4.55), at_ms=TS_MS)
    assert [type(memory) for memory in early.memory] == [Seen, OrphanKept]
    joined = desk.book.apply(story.fill("E", 7, 2.5, exec_id="e.01"), at_ms=TS_MS)
    assert OrphanJoined("e.01") in joined.memory
    desk.platform.take(joined.effects)
    assert desk.platform.of("ENTRY")[0]["execution"]["commission"] == 4.55
    assert desk.book.executions.orphans == {}


def test_a_commission_with_a_reference_needs_no_execution_yet() -> None:
    """The reference names the delivery at once."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent(), story.commission("e.01", 4.55, ref=story.ref("E")))
    desk.hear(story.fill("E", 7, 2.5, exec_id="e.01"))
    assert desk.platform.of("ENTRY")[0]["execution"]["commission"] == 4.55


# ---------------------------------------------------------------- positions, PnL, account, link


def test_positions_are_counted_as_contracts_held() -> None:
    """positions:count is what IB holds, whoever bought it, and follows each change (contract 7)."""
    story, desk = Story(), Desk()
    desk.hear(story.position(7))
    other = replace(story.position(2), contract=replace(story.request.contract, con_id=2002))
    desk.hear(other)
    assert (desk.platform.count, desk.book.held) == (2, 2)
    assert desk.platform.open[POSITION_ID]["strategy"] == "SYNCED"
    desk.hear(story.position(0), story.position(0))
    assert (desk.platform.count, list(desk.platform.open)) == (1, [f"{ACCOUNT}:2002"])


def test_a_position_closed_by_hand_is_gone() -> None:
    """IB says flat although no leg of ours sold: the platform must not see it any longer."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"), story.position(7))
    desk.hear(story.position(0)).wait()
    assert desk.platform.open == {}
    assert desk.platform.of("EXIT") == []


def test_a_late_word_of_ib_does_not_bring_a_closed_position_back() -> None:
    """IB's positions lag their executions by seconds: a step of the way is no news (tws-protocol)."""
    story, desk = Story(targets=(Target(3.25, 7),)), Desk()
    desk.hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.fill("T1", 3, 3.25, exec_id="g.01"), story.fill("T1", 4, 3.25, exec_id="h.01"))
    assert desk.platform.open == {}
    desk.hear(story.position(7), story.position(4))
    assert desk.platform.open == {}
    desk.hear(story.position(0))
    assert (desk.platform.open, desk.platform.count) == ({}, 0)


def test_executions_of_a_rebuild_do_not_move_what_ib_just_listed() -> None:
    """After a reconnect positions come first and contain what the executions then tell."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent(), story.position(4, replayed=True))
    assert desk.platform.open[POSITION_ID]["strategy"] == "SYNCED"
    desk.hear(story.fill("E", 7, 2.5, exec_id="e.01", replayed=True))
    desk.hear(story.fill("T1", 3, 3.25, exec_id="g.01", replayed=True)).wait()
    assert desk.platform.open[POSITION_ID]["quantity"] == 4
    assert desk.platform.open[POSITION_ID]["strategy"] == "0DTE"
    assert desk.platform.kinds() == {"ENTRY": 1, "SCALE_OUT": 1}


def test_a_trade_that_came_and_went_while_the_link_was_down() -> None:
    """IB lists no position, the executions of entry and exit follow: ENTRY and EXIT, and nothing open."""
    story, desk = Story(targets=(Target(3.25, 7),)), Desk()
    desk.hear(story.received(), story.intent())
    desk.hear(story.fill("E", 7, 2.5, exec_id="e.01", replayed=True))
    desk.hear(story.fill("T1", 7, 3.25, exec_id="g.01", replayed=True)).wait()
    assert desk.platform.kinds() == {"ENTRY": 1, "EXIT": 1}
    assert (desk.platform.open, desk.platform.count) == ({}, 0)


def test_the_same_contract_again_on_one_day_gets_a_record_of_its_own() -> None:
    """A second trade must not overwrite the first one's closed record (contract 8.18)."""
    desk = Desk().hear(*won(Story()))
    again = Story(delivery="9bbeedc541dd1c7a-mfqwpfk1")
    renamed = [rename(message) for message in won(again)]
    desk.hear(*renamed)
    assert list(desk.platform.closed) == [f"20250919:{POSITION_ID}", f"20250919:{POSITION_ID}:2"]
    third = Story(delivery="9bbeedc541dd1c7a-mfqwpfk2")
    desk.hear(*[rename(message, "3") for message in won(third)])
    assert f"20250919:{POSITION_ID}:3" in desk.platform.closed


def rename(message: Message, mark: str = "2") -> Message:
    """The same message about other executions."""
    exec_id = getattr(message, "exec_id", None)
    return message if exec_id is None else replace(message, exec_id=f"{mark}{exec_id}")


def test_money_of_the_account_reaches_its_keys() -> None:
    """Net liquidation, buying power, day's and unrealised PnL, two decimals; what IB left unset is left alone."""
    desk = Desk().hear(account(), pnl(), account(net_liquidation=None, buying_power=5.0))
    assert desk.platform.gauges == {
        "account_value": "100000.00",
        "buying_power": "5.00",
        "daily_pnl": "-120.46",
        "unrealized_pnl": "12.50",
    }


def test_another_account_is_not_ours() -> None:
    """With an account named, money and positions of others are not the platform's."""
    desk = Desk(account="U7").hear(account(), pnl(), Story().position(7))
    assert (desk.platform.gauges, desk.platform.open) == ({}, {})
    desk.hear(account("U7"))
    assert desk.platform.gauges["account_value"] == "100000.00"


def test_the_pnl_of_a_position_is_in_its_document() -> None:
    """As long as it is open; PnL of what is not held changes nothing."""
    story, desk = Story(), Desk()
    desk.hear(pnl(story.request.contract.con_id, value=1_800.0))
    assert desk.platform.open == {}
    desk.hear(story.position(7), pnl(story.request.contract.con_id, value=1_800.0))
    assert desk.platform.open[POSITION_ID]["market_value"] == 1_800.0
    assert desk.platform.open[POSITION_ID]["unrealized_pnl"] == 12.5
    desk.hear(story.position(0), pnl(story.request.contract.con_id, value=1_800.0))
    assert desk.platform.open == {}


@pytest.mark.parametrize("phase", list(LinkPhase))
def test_connected_means_ready(phase: LinkPhase) -> None:
    """execution:connection:status is connected only while orders can be placed."""
    desk = Desk().hear(LinkState(phase, "reason"))
    assert desk.platform.gauges["connection"] == ("connected" if phase is LinkPhase.READY else "failed")


# ---------------------------------------------------------------- snapshots


@pytest.mark.parametrize(("phase", "gone"), [(LinkPhase.READY, True), (LinkPhase.SYNCING, False)])
def test_a_snapshot_of_a_ready_link_lists_all_that_is_held(phase: LinkPhase, gone: bool) -> None:
    """What it does not list was closed meanwhile, unless IB has not been asked yet."""
    story, desk = Story(), Desk()
    other = replace(story.position(2), contract=replace(story.request.contract, con_id=2002))
    desk.hear(story.position(7), other)
    outcome = desk.book.restate([LinkState(phase, ""), story.position(7, replayed=True)], at_ms=TS_MS)
    desk.platform.take(outcome.effects)
    assert desk.book.held == (1 if gone else 2)
    assert HoldingChanged(desk.book.holdings[POSITION_ID]) in outcome.memory


def ready(*working: str) -> LinkState:
    """IB was asked for everything."""
    return LinkState(LinkPhase.READY, "rebuilt from IB", held=(), working=working)


def test_an_entry_that_ib_lists_no_longer_is_over() -> None:
    """It ended while nobody was connected, on another day than this one: its signal is acked, and a person is told."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent(), story.status("E", "Submitted"))
    for link in (ready(story.ref("E")), ready(), ready()):
        desk.platform.take(desk.book.restate([link], at_ms=desk.now_ms).effects)
        desk.wait()
    assert [ack.document["status"] for ack in desk.platform.acks] == ["CANCELLED"]
    assert (desk.platform.pending, desk.book.working()) == ({}, [])
    [warning] = desk.platform.warnings
    assert (warning["type"], warning["signal_id"]) == ("entry_end_unknown", story.request.signal.id)


# ---------------------------------------------------------------- memory


def stored(book: Book) -> Book:
    """A book made from what another would have stored."""
    again = Book(account="", wait_ms=WAIT_MS)
    seen = [Seen(member, at_ms) for member, at_ms in book.executions.seen.items()]
    again.load(
        book.deliveries.values(), book.holdings.values(), seen, book.executions.orphans.values(), TS_MS
    )
    return again


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_book_read_back_goes_on_as_if_nothing_had_been(data: st.DataObject) -> None:
    """Whenever it is stored and read back, the platform is told exactly the same."""
    messages = won(Story())
    order = messages[:2] + list(data.draw(st.permutations(messages[2:])))
    cuts = data.draw(st.sets(st.integers(0, len(order))))
    whole, broken = Desk(), Desk()
    for number, message in enumerate(order):
        if number in cuts:
            broken.book = stored(broken.book)
        whole.hear(message)
        broken.hear(message)
    broken.book = stored(broken.book)
    assert whole.wait().platform.told == broken.wait().platform.told
    assert whole.platform.acks == broken.platform.acks
    assert whole.platform.closed == broken.platform.closed


def test_a_rejected_order_is_known_by_its_id_after_a_restart() -> None:
    """An error that names only the order's id finds its delivery also in a book that was read back."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent())
    desk.book = stored(desk.book)
    desk.hear(story.error(110, "price", ref="", policy="terminal"))
    assert desk.platform.acks[0].document["status"] == "REJECTED"


def test_a_known_order_is_not_looked_up_by_id() -> None:
    """Once IB acknowledged an order, an error without its reference is about something else."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent(), story.status("E", "Submitted"))
    desk.book = stored(desk.book)
    desk.hear(story.error(201, "no", ref=""))
    assert desk.platform.acks == []


def test_an_order_of_another_client_with_the_same_id_acknowledges_nothing() -> None:
    """An order id is its client's own: an error that names only the id still finds our delivery."""
    story, desk = Story(), Desk()
    foreign = order_event("manual", order_id=FIRST_ID, client_id=9, perm_id=7)
    desk.hear(story.received(), story.intent(), foreign, story.error(110, "price", ref="", policy="terminal"))
    assert desk.platform.acks[0].document["status"] == "REJECTED"


def test_only_what_changed_is_stored() -> None:
    """A message that says nothing new stores nothing."""
    story, desk = Story(), Desk()
    desk.hear(story.received(), story.intent())
    first = desk.book.apply(story.status("E", "Submitted"), at_ms=TS_MS)
    again = desk.book.apply(story.status("E", "Submitted"), at_ms=TS_MS)
    assert [type(memory) for memory in first.memory] == [DeliveryChanged]
    assert (again.memory, again.effects) == ([], [])


def test_what_is_long_over_is_forgotten() -> None:
    """Deliveries, positions, executions and orphans go after their time, and not before."""
    story, desk = Story(), Desk()
    desk.hear(*won(story), story.commission("never.01", 1))
    assert [type(m) for m in desk.book.forget(desk.now_ms).memory] == [SeenForgotten]
    later = desk.now_ms + KEEP_DELIVERY_MS + 1
    gone = desk.book.forget(later).memory
    assert DeliveryForgotten(story.name) in gone
    assert HoldingForgotten(POSITION_ID) in gone
    assert (desk.book.deliveries, desk.book.holdings) == ({}, {})
    assert desk.book.executions.seen
    assert OrphanJoined("never.01") in desk.book.forget(later + KEEP_SEEN_MS).memory
    assert desk.book.executions.seen == {}


def test_what_is_not_over_is_kept() -> None:
    """An open position's delivery, and one that was never acked, stay however old they are."""
    story, other = Story(), Story(delivery="other-1", signal=signal(id="other"))
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01")).wait()
    desk.hear(other.received())
    desk.book.forget(desk.now_ms + 10 * KEEP_DELIVERY_MS)
    assert set(desk.book.deliveries) == {story.name, other.name}
    assert POSITION_ID in desk.book.holdings
