"""The platform's records of orders and positions."""

from __future__ import annotations

from router.records import MAX_HISTORY
from tests.router.history import POSITION_ID, Desk, Story, won


def test_a_working_order_as_the_platform_reads_it() -> None:
    """orders:pending of the contract's own example (section 10), with the viewer's `quantity` beside `size`."""
    story = Story()
    record = Desk().hear(story.received(), story.intent()).platform.pending[101]
    expected = {
        "order_id": 101,
        "signal_id": "9bbeedc541dd1c7a",
        "symbol": "SPY",
        "side": "LONG",
        "action": "BUY",
        "size": 7,
        "quantity": 7,
        "position_notional": 1750.0,
        "order_type": "LIMIT",
        "confidence": 94,
        "strategy": "0DTE",
        "entry_target": 2.5,
        "stop_loss": 1.4,
        "targets": [3.25, 4.0],
        "stop_order_id": 103,
        "target_order_ids": [102, 104],
        "status": "PENDING",
        "filled": 0,
        "remaining": 7,
        "avg_fill_price": None,
    }
    assert {name: record[name] for name in expected} == expected
    assert record["contract"]["conId"] == 1001


def test_a_market_entry_is_called_so() -> None:
    """The platform's words for order types are its own."""
    story = Story(entry_type="MKT", limit_price=None)
    record = Desk().hear(story.received(), story.intent()).platform.pending[101]
    assert (record["order_type"], record["entry_target"]) == ("MARKET", None)


def test_an_open_position_as_the_platform_reads_it() -> None:
    """The fields that risk manager, viewer and dashboard read (contract 2.2)."""
    story = Story()
    desk = Desk().hear(*won(story)[:9])
    opened = desk.platform.open[POSITION_ID]
    expected = {
        "id": POSITION_ID,
        "symbol": "SPY",
        "side": "LONG",
        "view": "BULLISH",
        "strategy": "0DTE",
        "quantity": 7,
        "entry_price": 2.5,
        "entry_time": "2025-09-19T16:00:02+00:00",
        "basis_price": 2.5,
        "realized_pnl": 0.0,
        "commission": 4.55,
        "position_notional": 1750.0,
        "stop_loss": 1.4,
        "targets": [3.25, 4.0],
        "order_id": 101,
        "stop_order_id": 103,
        "target_order_ids": [102, 104],
        "signal_id": "9bbeedc541dd1c7a",
        "status": "OPEN",
        "ib_account": "DU1000001",
        "ib_con_id": 1001,
        "market_value": 1750.0,
        "last_fill_price": 2.5,
        "realized_events": [],
    }
    assert {name: opened[name] for name in expected} == expected


def test_a_closed_position_as_kelly_and_viewer_read_it() -> None:
    """Numeric exit price, aware times, quantity 0, the whole trade's PnL (contract 2.2, 11.6)."""
    closed = Desk().hear(*won(Story())).platform.closed[f"20250919:{POSITION_ID}"]
    expected = {
        "id": POSITION_ID,
        "quantity": 0,
        "status": "CLOSED",
        "strategy": "0DTE",
        "exit_price": 4.0,
        "exit_time": "2025-09-19T16:20:02+00:00",
        "realized_pnl": 815.9,
        "position_notional": 1750.0,
        "close_reason": "TARGET",
        "exit_reason": "TARGET",
        "last_fill_price": 4.0,
    }
    assert {name: closed[name] for name in expected} == expected
    assert [event["quantity"] for event in closed["realized_events"]] == [3, 4]


def test_the_session_day_is_that_of_new_york() -> None:
    """A trade closed at 23:30 UTC in winter belongs to the US/Eastern day (contract 0.7)."""
    story = Story()
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01"))
    desk.hear(story.fill("S1", 7, 1.4, exec_id="g.01", at_s=11.5 * 3600)).wait()  # 03:30 UTC, 23:30 Eastern
    assert list(desk.platform.closed) == [f"20250919:{POSITION_ID}"]


def test_the_history_in_a_record_is_bounded() -> None:
    """A position of a thousand fills is rewritten at each of them: only the newest are listed."""
    count = MAX_HISTORY + 50
    story, desk = Story(quantity=count), Desk()
    desk.hear(story.received(), story.intent())
    desk.hear(*(story.fill("E", 1, 2.5, exec_id=f"{n}.01") for n in range(count)))
    assert len(desk.platform.open[POSITION_ID]["fill_history"]) == MAX_HISTORY
    assert desk.platform.open[POSITION_ID]["quantity"] == count
