"""The story of one signal as the command line tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from router.bracket import legs
from router.messages import (
    ExecutionFill,
    Message,
    OrderIntent,
    OrderLifecycleEvent,
    OrderParked,
    OrderRequest,
    OrderSent,
    OrderSubmitted,
    OrderTimedOut,
    Published,
    Quote,
    SignalGated,
    SignalReceived,
    SignalRefused,
    SignalSized,
    SizingStats,
    Target,
    Ticket,
)
from router.signal import delivery_of, parse
from workers.cli.demo import demo_signal
from workers.cli.life import Life

NOW = datetime(2025, 9, 19, 14, 0, tzinfo=UTC)
SIGNAL = parse(msgspec.json.encode(demo_signal(NOW, nonce=5)))
DELIVERY = delivery_of(SIGNAL)
TICKET = Ticket("list", "router:ingress:taken", "abc")
REQUEST = OrderRequest(
    delivery=DELIVERY,
    signal=SIGNAL,
    ticket=TICKET,
    account="DU1",
    contract=SIGNAL.contract,
    action="BUY",
    quantity=7,
    entry_type="LMT",
    limit_price=2.5,
    reference_price=2.5,
    stop_price=1.4,
    targets=(Target(3.25, 7),),
    notional=1750.0,
    sizing=SizingStats(0, 0, 0.02, 0, 1910.0),
    min_tick=0.01,
    expires_ms=SIGNAL.ts_ms + 5000,
)


def status(leg: str, state: str, why_held: str = "", **changes: Any) -> OrderLifecycleEvent:
    """One orderStatus of a leg of the bracket."""
    event = OrderLifecycleEvent(
        origin="status",
        ref=f"{DELIVERY}-{leg}",
        perm_id=77,
        order_id=1,
        client_id=1,
        account="DU1",
        contract=None,
        action="BUY",
        order_type="LMT",
        quantity=7,
        limit_price=2.5,
        stop_price=None,
        tif="DAY",
        parent_id=0,
        oca_group="",
        status=state,
        filled=0,
        remaining=7,
        avg_fill_price=None,
        why_held=why_held,
        replayed=False,
        received_ns=0,
    )
    return msgspec.structs.replace(event, **changes)


def fill(leg: str, quantity: float, exec_id: str) -> ExecutionFill:
    """One execution of a leg."""
    return ExecutionFill(
        exec_id=exec_id,
        ref=f"{DELIVERY}-{leg}",
        perm_id=77,
        order_id=1,
        client_id=1,
        account="DU1",
        contract=SIGNAL.contract,
        action="BUY" if leg == "E" else "SELL",
        quantity=quantity,
        price=2.5 if leg == "E" else 3.25,
        cum_quantity=quantity,
        avg_price=2.5,
        exchange="CBOE",
        executed_at=NOW,
        replayed=False,
        received_ns=0,
    )


def published(kind: str, state: str = "", detail: str = "") -> Published:
    """Something became readable in Redis."""
    return Published(kind, DELIVERY, SIGNAL.id, "SPY", state, detail)


SENT = (
    SignalReceived(DELIVERY, SIGNAL, TICKET),
    SignalGated(DELIVERY, SIGNAL.id, "SPY", ("fresh", "max_positions")),
    SignalSized(DELIVERY, REQUEST),
    OrderIntent(DELIVERY, REQUEST, legs(REQUEST, outside_rth=True)),
    OrderSent(DELIVERY, (11, 12, 13)),
)
FILLED = (
    status("E", "Submitted"),
    status("T1", "PreSubmitted", "child"),
    status("S1", "PreSubmitted", "child,trigger"),
    fill("E", 3, "x1"),
    fill("E", 4, "x2"),
    status("T1", "Submitted"),
    status("S1", "PreSubmitted", "trigger"),
)


def story(*messages: Message) -> tuple[Life, list[str]]:
    """The life after these messages, and its stages in order."""
    life = Life(SIGNAL.id, DELIVERY)
    return life, [line.stage for message in messages for line in life.observe(message)]


@pytest.mark.parametrize(("leg", "stage"), [("T1", "target hit"), ("S1", "stopped out")])
def test_a_whole_life_in_the_order_it_happened(leg: str, stage: str) -> None:
    """Every stage once, protected only when the children stopped waiting for their parent, then complete."""
    close = (fill(leg, 7, "x3"), published("ENTRY"), published("ACK", "FILLED"), published("EXIT"))
    life, stages = story(*SENT, *FILLED, *close)
    assert stages == [
        *("received", "gated", "sized", "sent", "acknowledged", "filled", "filled", "protected"),
        *(stage, "published", "published", "published"),
    ]
    assert life.complete
    assert not life.end
    assert not life.missing()


def test_the_lines_say_what_was_done() -> None:
    """Quantities, prices and names a reader needs are in the text."""
    life = Life(SIGNAL.id, DELIVERY)
    texts = {line.stage: line.text for message in (*SENT, *FILLED) for line in life.observe(message)}
    assert texts["received"] == f"1dte LONG SPY 20250922 451C, confidence 94, as {DELIVERY}"
    assert texts["sized"] == (
        "BUY 7 SPY 20250922 451C LMT 2.50, stop 1.40, target 7 at 3.25, notional 1750.00 USD"
    )
    assert texts["sent"] == "bracket of 3 orders 11 to 13"
    assert texts["protected"] == "stop 1.40 and target 3.25 are live"


def test_a_correction_or_repeat_is_told_once() -> None:
    """The same execution twice is one fill, and a life needs its exit to be complete."""
    life, stages = story(*SENT, *FILLED, fill("E", 4, "x2"), fill("T1", 3, "x3"))
    assert stages.count("filled") == 2
    assert not life.exit_filled
    assert life.missing() == "exit filled, EXIT published"


def test_a_refusal_ends_it_with_the_reason() -> None:
    """SignalRefused gives status, reason, field and value."""
    refusal = SignalRefused(
        DELIVERY, TICKET, "STALE", "stale_signal_5123ms", SIGNAL, SIGNAL.id, "SPY", "fresh", "5123 ms"
    )
    life, stages = story(SENT[0], refusal, published("ACK", "STALE"))
    assert stages == ["received", "refused", "published"]
    assert life.end == "STALE: stale_signal_5123ms (fresh 5123 ms)"


def test_a_dead_entry_a_parked_bracket_and_another_ack_end_it() -> None:
    """Whatever ends a life early is its reason; a status after the entry filled is not."""
    assert story(*SENT, status("E", "Cancelled", reason="no fill"))[0].end == (
        "the entry order ended as Cancelled no fill"
    )
    assert story(*SENT, OrderParked(DELIVERY, REQUEST, "in doubt"))[0].end == "PARKED: in doubt"
    assert story(*SENT, published("ACK", "TIMEOUT", "timeout"))[0].end == "acked TIMEOUT timeout"
    assert not story(*SENT, *FILLED, status("E", "Cancelled"))[0].end


def test_rare_turns_are_told_too() -> None:
    """An adopted bracket and a timed-out entry have lines of their own; an order sent without ids has no span."""
    _, stages = story(
        OrderSubmitted(DELIVERY, SIGNAL.id, "adopted"),
        OrderSubmitted(DELIVERY, SIGNAL.id, "sent"),
        OrderTimedOut(DELIVERY, SIGNAL.id, 60.0),
        OrderSent(DELIVERY, ()),
    )
    assert stages == ["adopted", "timed out", "sent"]


def test_other_signals_are_none_of_its_business() -> None:
    """Another delivery, an unknown orderRef and topics it does not tell add nothing."""
    other = msgspec.structs.replace(SENT[0], delivery="other-1")
    quote = Quote(1, "SPY", 1.0, 1.1, 1.0, 1, 1, 0)
    life, stages = story(other, quote, status("E", "Submitted"), fill("E", 7, "x1"))
    assert stages == []
    assert life.missing().startswith("received, sent, acknowledged")
