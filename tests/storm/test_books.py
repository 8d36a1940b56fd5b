"""The last comparison of a storm sees what it is there for: events that are missing, doubled or repeated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.storm.books import events_off, held

STEM = "9bbeedc541dd1c7a-mfqwpfk0"
SIGNAL = "9bbeedc541dd1c7a"


def execution(ref: str, action: str, shares: int) -> dict[str, Any]:
    """A record of the paper ledger."""
    return {"con_id": 1, "order_ref": ref, "action": action, "shares": str(shares)}


def event(kind: str, token: str) -> dict[str, Any]:
    """What the distributor is told."""
    return {"id": SIGNAL, "action_type": kind, "dedupe_token": token}


BOUGHT = execution(f"{STEM}-E", "BUY", 7)
SOLD = execution(f"{STEM}-S1", "SELL", 7)
ENTRY, EXIT = event("ENTRY", "1"), event("EXIT", "2")


def test_what_is_held() -> None:
    """Signed, and nothing of what is flat."""
    assert held([BOUGHT]) == {1: 7.0}
    assert held([BOUGHT, execution("by hand", "SELL", 10)]) == {1: -3.0}
    assert held([BOUGHT, SOLD]) == {}


@pytest.mark.parametrize(
    ("executions", "events"),
    [
        ([], []),
        ([BOUGHT], [ENTRY]),
        ([BOUGHT, SOLD], [EXIT, ENTRY]),
        ([BOUGHT, SOLD, SOLD], [EXIT, ENTRY]),  # in the name of one, what two have bought
        ([BOUGHT, execution("by hand", "SELL", 7)], [EXIT, ENTRY]),
        ([BOUGHT, execution("by hand", "SELL", 6)], [ENTRY]),
        ([BOUGHT, execution(f"{STEM}-T1", "SELL", 3)], [event("SCALE_OUT", "2"), ENTRY]),
    ],
)
def test_what_was_told_as_it_was(executions: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    """One ENTRY for what was filled, one EXIT for what is flat."""
    assert events_off(executions, events) == []


@pytest.mark.parametrize(
    ("executions", "events", "said"),
    [
        ([BOUGHT], [], "ENTRY of"),
        ([], [ENTRY], "ENTRY of"),
        ([BOUGHT], [ENTRY, event("ENTRY", "9")], "told 2 times instead of 1"),
        ([BOUGHT, SOLD], [ENTRY], "EXIT of"),
        ([BOUGHT, execution("by hand", "SELL", 7)], [ENTRY], "EXIT of"),
        ([BOUGHT], [EXIT, ENTRY], "EXIT of"),
        ([BOUGHT, SOLD], [EXIT, ENTRY, event("SCALE_OUT", "2")], "dedupe_token 2 told 2 times"),
    ],
)
def test_what_was_told_otherwise(
    executions: list[dict[str, Any]], events: list[dict[str, Any]], said: str
) -> None:
    """Missing, invented, doubled, too early, or two events that a consumer would take for one."""
    (problem,) = events_off(executions, events)
    assert said in problem
