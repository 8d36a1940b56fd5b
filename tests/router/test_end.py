"""Which order a word of IB is about, and which word is the last."""

from __future__ import annotations

from typing import Any

import pytest

from router.end import ended, order_key
from tests.router.factory import order_event


@pytest.mark.parametrize(
    ("status", "origin", "over"),
    [
        ("Filled", "status", True),
        ("Cancelled", "open", True),
        ("ApiCancelled", "status", True),
        ("Inactive", "status", True),
        ("Submitted", "completed", True),
        ("PendingCancel", "status", False),
        ("PreSubmitted", "open", False),
        ("something new", "status", False),
    ],
)
def test_the_last_word(status: str, origin: Any, over: bool) -> None:
    """Four statuses and every completed order; what is asked to be cancelled, or is not known, still works."""
    assert ended(order_event("a-b-E", status=status, origin=origin)) is over


def test_identity() -> None:
    """The permId; without one the order's own id, which means something for its client only."""
    known = order_event("a-b-E", perm_id=7, client_id=1, order_id=3)
    assert order_key(known) == 7
    refused, others = (order_event("a-b-E", perm_id=0, client_id=client, order_id=3) for client in (1, 2))
    assert order_key(refused) == (1, 3) != order_key(others)
