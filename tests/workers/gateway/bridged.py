"""A bridge and what it tells: what its tests share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from router.messages import (
    OrderLifecycleEvent,
)
from tests.workers.gateway.told import (
    contract,
    order,
)
from workers.gateway.bridge import Bridge

NOW = datetime(2025, 9, 19, 14, 0, tzinfo=UTC)


def opened(to: Bridge, state: str = "Submitted", **changes: Any) -> OrderLifecycleEvent:
    """An openOrder told to the bridge."""
    told = order(**changes)
    return to.open_order(told.orderId, contract(), told, state, replayed=False, now_ns=5)


@pytest.fixture
def joined() -> Bridge:
    """A bridge of client 1."""
    made = Bridge()
    made.client_id = 1
    return made
