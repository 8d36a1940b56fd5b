"""The platform counts in epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workers.clock import now_ms


def test_it_is_now() -> None:
    """In milliseconds since 1970, in UTC."""
    told = datetime.fromtimestamp(now_ms() / 1000, UTC)
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)
