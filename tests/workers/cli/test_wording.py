"""Messages in one line for people."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from router.messages import (
    Adjustment,
    Alert,
    Message,
    OrderChange,
    OrderSent,
    Published,
    SignalGated,
    SignalRefused,
    Ticket,
)
from tests.router.factory import OPTION, leg, order_event
from tests.router.history import Story
from workers.cli.wording import told

STORY = Story()
TICKET = Ticket("list", "router:ingress:taken", "1-a")
STOP = order_event("a-b-S1", action="SELL", order_type="STP", limit_price=None, stop_price=1.4)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (STORY.received(), "received: 0dte LONG SPY"),
        (replace(STORY.received(), redelivered=True), "received again: 0dte LONG SPY"),
        (SignalGated("a-b", "a", "SPY", ("fresh", "not_halted")), "gated: 2 checks passed"),
        (
            SignalRefused(
                "", TICKET, "REJECTED", "side = 'UP': must be LONG or SHORT", field="side", value="'UP'"
            ),
            "refused: REJECTED: side = 'UP': must be LONG or SHORT",
        ),
        (
            SignalRefused(
                "a-b", TICKET, "RISK_REJECTED", "risk_checks_failed", field="daily_loss", value="-9 USD"
            ),
            "refused: RISK_REJECTED: risk_checks_failed (daily_loss -9 USD)",
        ),
        (SignalRefused("a-b", TICKET, "STALE", "stale_signal_9ms"), "refused: STALE: stale_signal_9ms"),
        (STORY.intent(), "intended: E=101, T1=102, S1=103, T2=104, S2=105"),
        (OrderSent("a-b", (101, 102)), "sent: 2 orders"),
        (order_event(), "IB: E Submitted BUY 7 LMT limit 2.5, filled 0, left 7"),
        (
            replace(STOP, adjustment=Adjustment(2.7, "TRAIL", 1.55, 42.5), replayed=True),
            "IB: S1 Submitted SELL 7 STP stop 1.4 (at 2.7 TRAIL 1.55), filled 0, left 7 (told again)",
        ),
        (
            replace(STOP, order_type="TRAIL", stop_price=None, trail_stop=1.6, trail_percent=42.5),
            "IB: S1 Submitted SELL 7 TRAIL stop 1.6 trailing % 42.5, filled 0, left 7",
        ),
        (STORY.fill("E", 7, 2.5, exec_id="e.01"), "IB: E BUY 7 at 2.5 (e.01)"),
        (STORY.fill("X", 7, 2.4, exec_id="m.01", ref=""), "IB: somebody's order SELL 7 at 2.4 (m.01)"),
        (STORY.commission("e.01", 4.55), "IB: commission 4.55 USD (e.01)"),
        (STORY.error(201, "no"), "IB: error 201 on E: no"),
        (
            OrderChange("modify", "a-b-S1", "DU1", OPTION, (leg("a-b-S1", 7),), "next rung"),
            "modify: a-b-S1 (next rung)",
        ),
        (Published("DEAD_LETTER", "", "", "SPY", "", "no"), "told the platform: DEAD_LETTER no"),
        (
            Published("EXIT", "a-b", "a", "SPY", "FILLED", "TARGET WIN"),
            "told the platform: EXIT FILLED TARGET WIN",
        ),
        (Alert("duplicate_order", "critical", "two of them"), "alert: critical duplicate_order: two of them"),
        (STORY.position(7), "PositionSnapshot"),
    ],
)
def test_lines(message: Message, line: str) -> None:
    """What happened, to which leg, in figures."""
    assert told(message) == line
