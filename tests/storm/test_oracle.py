"""The judge of a storm: what an ack says against what the ledger has."""

from __future__ import annotations

import pytest

from tests.storm.oracle import belies


@pytest.mark.parametrize(
    ("status", "sent", "filled", "belied"),
    [
        ("FILLED", True, True, False),
        ("FILLED", True, False, True),
        ("STALE", False, False, False),
        ("STALE", True, False, True),
        ("STALE", True, True, True),
        ("NO_MARKET_DATA", True, False, True),
        ("DRY_RUN", True, False, True),
        ("REJECTED", True, False, False),
        ("TIMEOUT", True, False, False),
        ("CANCELLED", True, True, True),
        ("PARKED", True, True, True),
    ],
)
def test_an_ack_is_held_against_the_ledger(status: str, sent: bool, filled: bool, belied: bool) -> None:
    """Whatever filled is FILLED, and what is told as never sent was never sent."""
    assert belies(status, sent=sent, filled=filled) is belied
