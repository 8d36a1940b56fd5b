"""The platform's messages, field by field, against the rules of their readers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from router import payloads
from router.messages import Alert, Target
from tests.router.factory import payload, signal
from tests.router.history import Desk, Story, won


def distributor_keeps(document: dict[str, Any]) -> bool:
    """The signal distributor's own rules (platform contract 2.1, 1 to 3), as its source states them."""
    if document["execution"]["status"] not in {"FILLED", "CLOSED", "PARTIAL", "ADJUSTMENT"}:
        return False
    if not document.get("symbol") or document.get("confidence", 0) < 90:
        return False
    entry, stop, targets = document.get("entry"), document.get("stop"), document.get("targets")
    if entry and stop:
        if abs(stop - entry) / entry > 0.05:
            return False
        if targets and abs(targets[0] - entry) / abs(entry - stop) < 1.5:
            return False
    return True


def test_the_distributor_keeps_every_event_of_a_life() -> None:
    """ENTRY, SCALE_OUT, EXIT and ADJUSTMENT all pass the unmodified validator (contract 11.7)."""
    story = Story()
    desk = Desk().hear(*won(story))
    desk.hear(story.fill("T2", 4, 3.90, exec_id="h.02", supersedes="h.01", at_s=1202)).wait()
    assert desk.platform.kinds() == {"ENTRY": 1, "SCALE_OUT": 1, "EXIT": 1, "ADJUSTMENT": 1}
    assert all(distributor_keeps(document) for _, document in desk.platform.told)


def test_times_have_their_zone() -> None:
    """Every time that is told reads back as an aware one (contract 8.3)."""
    for _, document in Desk().hear(*won(Story())).platform.told:
        for part in ("execution", "lifecycle"):
            if part in document:
                assert datetime.fromisoformat(document[part]["executed_at"]).tzinfo is not None


def test_the_entry_repeats_the_signal() -> None:
    """Verbatim, with what the platform wrote in the contract winning over our own words (contract 2.1)."""
    sent = json.loads(payload(note={"any": ["thing"]}))
    sent["contract"]["expiry"] = "2025-09-19"
    story = Story(signal=signal(raw=json.dumps(sent)))
    document = Desk().hear(*won(story)).platform.of("ENTRY")[0]
    extra = {name: document.pop(name) for name in list(document) if name not in sent}
    assert document["contract"] == sent["contract"] | {
        "symbol": "SPY",
        "secType": "OPT",
        "currency": "USD",
        "conId": 1001,
        "localSymbol": "",
    }
    assert {k: v for k, v in document.items() if k != "contract"} == {
        k: v for k, v in sent.items() if k != "contract"
    }
    assert set(extra) == {
        "sizing_stats",
        "order_size",
        "position_size",
        "position_notional",
        "position_id",
        "stop_loss",
        "targets",
        "action_type",
        "dedupe_token",
        "execution",
    }
    assert extra["targets"] == [3.25, 4.0]


@pytest.mark.parametrize(
    ("entry", "stop", "targets", "kept"),
    [
        (2.5, 2.4, (Target(3.25, 7),), True),
        (2.5, 1.4, (Target(3.25, 7),), False),  # stop too far
        (2.5, 2.4, (Target(2.6, 7),), False),  # too little to win
        (2.5, 2.5, (Target(3.25, 7),), False),  # the distributor would divide by zero
        (2.5, "soon", (Target(3.25, 7),), False),
        (-1.0, 2.4, (Target(3.25, 7),), False),
        (2.5, 0, (Target(3.25, 7),), True),
    ],
)
def test_hints_that_would_have_the_entry_dropped_lose_their_stop(
    entry: float, stop: Any, targets: tuple[Target, ...], kept: bool
) -> None:
    """Only simulators send both `entry` and `stop`; the pair survives where the distributor takes it."""
    story = Story(signal=signal(raw=payload(entry=entry, stop=stop).decode()), targets=targets)
    desk = Desk().hear(story.received(), story.intent(), story.fill("E", 7, 2.5, exec_id="e.01")).wait()
    document = desk.platform.of("ENTRY")[0]
    assert ("stop" in document) is kept
    assert document["entry"] == entry


def test_a_signal_without_confidence_gets_the_validated_one() -> None:
    """The distributor drops what has none (contract 2.1)."""
    story = Story(signal=signal(raw=payload(confidence=...).decode()))
    assert Desk().hear(*won(story)).platform.of("ENTRY")[0]["confidence"] == 94


def test_an_alert_says_what_kind_and_about_what() -> None:
    """Type, severity, reason and time always; order, signal, symbol and details where there are any."""
    bare = Alert("journal_disk_full", "critical", "no space left")
    assert payloads.alert_document(bare, 1_500) == {
        "type": "journal_disk_full", "severity": "critical", "reason": "no space left", "timestamp": 1.5,
    }  # fmt: skip
    order = Alert("two_perm_ids", "warning", "x", "a-b-E", "a", "SPY", (("younger", "7"),))
    assert payloads.alert_document(order, 0) == {
        "type": "two_perm_ids", "severity": "warning", "reason": "x", "timestamp": 0.0,
        "order_ref": "a-b-E", "signal_id": "a", "symbol": "SPY", "younger": "7",
    }  # fmt: skip


def test_the_alert_whose_time_the_platform_reads_as_text() -> None:
    """`execution_manual_fill_missing` has its time in ISO form, aware; all others in epoch seconds (contract 2.2)."""
    missing = Alert("execution_manual_fill_missing", "warning", "x", symbol="SPY")
    assert payloads.alert_document(missing, 1_500)["timestamp"] == "1970-01-01T00:00:01.500000+00:00"


def test_a_dead_letter_names_what_was_wrong() -> None:
    """Everything an operator needs to find the producer's mistake."""
    letter = payloads.dead_letter(
        signal_id="a", symbol="SPY", reason="r", field="f", value="v", raw="{", source="list 1-x", now_ms=5
    )
    assert letter == {
        "id": "a",
        "symbol": "SPY",
        "reason": "r",
        "field": "f",
        "value": "v",
        "raw": "{",
        "source": "list 1-x",
        "ts": 5,
    }
